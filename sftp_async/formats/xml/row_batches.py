"""Collects rows of XML into batches, and does with malformed ones what the mode says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Rows of a batch, about: of single ones, and at most.
_BATCH = 4096
_MOST_ROWS = 65_536
#: Most characters of corrupt records in a batch.
_BATCH_TEXT = 16 * 1024 * 1024


class RowBatches:
    """Makes batches of the rows of one file.

    Args:
        mode: what happens to malformed rows.
        schema: all columns.
        corrupt: place of the column of corrupt records, or None.
        text: returns the corrupt record of all malformed rows of the file; None: none is asked for.
        path: of the file, for errors.

    Attributes:
        found: whether there was any row.

    """

    def __init__(
        self,
        mode: str,
        schema: pa.Schema,
        corrupt: int | None,
        text: Callable[[], str] | None,
        path: str,
    ) -> None:
        self._mode = mode
        self._schema = schema
        self._corrupt = corrupt
        self._text_of = text
        self._path = path
        self._text: str | None = None
        self._text_size = 0
        #: Single rows, and the batches before them.
        self._rows: list[list[Any]] = []
        self._parts: list[pa.RecordBatch] = []
        self._count = 0
        self.found = False

    def add_row(self, row: list[Any], malformed: bool) -> None:
        """Add a row.

        Args:
            row: values of all columns but that of corrupt records.
            malformed: whether it could not be read, or in part only.

        Raises:
            DecodeError: it is malformed, in mode FAILFAST; or its corrupt record is too large.

        """
        self.found = True
        if malformed and self._mode != "permissive":
            if self._mode == "dropmalformed":
                return
            raise DecodeError(
                "An XML row is malformed, and mode=FAILFAST",
                path=self._path,
                hint="Set mode=PERMISSIVE to get what can be read of it",
            )
        if self._corrupt is not None:
            if malformed and self._text is None:
                assert self._text_of is not None, "only mode PERMISSIVE keeps malformed rows"
                self._text = self._text_of()
            row.insert(self._corrupt, self._text if malformed else None)
            self._text_size += len(self._text or "") if malformed else 0
        self._rows.append(row)
        self._count += 1

    def add_columns(self, arrays: list[pa.Array]) -> None:
        """Add rows of which none is malformed.

        Args:
            arrays: all columns but that of corrupt records.

        """
        self.found = True
        self._close_rows()
        count = len(arrays[0])
        if self._corrupt is not None:
            arrays = arrays.copy()
            arrays.insert(self._corrupt, pa.nulls(count, pa.string()))
        self._parts.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._count += count

    def full(self) -> Iterator[pa.RecordBatch]:
        """Yield what has been collected, if it is enough."""
        if self._count >= _BATCH or self._text_size >= _BATCH_TEXT:
            yield from self.rest()

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Yield all that has been collected."""
        self._close_rows()
        parts, self._parts = self._parts, []
        self._count = self._text_size = 0
        if len(parts) > 1:
            parts = pa.Table.from_batches(parts).combine_chunks().to_batches()
        for batch in parts:
            for start in range(0, batch.num_rows, _MOST_ROWS):
                yield batch.slice(start, _MOST_ROWS)

    def _close_rows(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._parts.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._rows = []
