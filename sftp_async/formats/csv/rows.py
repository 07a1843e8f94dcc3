"""Makes record batches of the cells of records: types, malformed rows, the corrupt record."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.arrow_text import null_where
from sftp_async.formats.values.from_text import FromText, TextRules, reader_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.formats.csv.record_parser import Cells


@dataclass(frozen=True)
class RowMaker:
    """Makes the rows of a schema; immutable, and pickled with a format.

    Args:
        schema: all columns, that of corrupt records included.
        rules: how text is read.
        null_value: text of null.
        mode: `permissive`, `dropmalformed` or `failfast`.
        corrupt: name of the column of corrupt records; it may be absent.

    """

    schema: pa.Schema
    rules: TextRules
    null_value: str
    mode: str
    corrupt: str

    @cached_property
    def names(self) -> list[str]:
        """The columns that files have, in order."""
        return [name for name in self.schema.names if name != self.corrupt]

    @cached_property
    def keeps_records(self) -> bool:
        """Whether the text of malformed records is wanted."""
        return self.corrupt in self.schema.names and self.mode == "permissive"

    @cached_property
    def _readers(self) -> list[FromText]:
        readers = [reader_of(self.schema.field(name).type, self.rules) for name in self.names]
        return [reader for reader in readers if reader is not None]

    def __reduce__(self) -> tuple[Any, ...]:
        return RowMaker, (self.schema, self.rules, self.null_value, self.mode, self.corrupt)

    def batch(
        self, columns: Sequence[pa.Array], rows: int, malformed: Malformed, path: str
    ) -> pa.RecordBatch | None:
        """Return the rows of columns of text; None if a record's text is wanted and not known.

        Args:
            columns: one for each of `names`; null where the text is that of null.
            rows: number of them.
            malformed: the rows that are malformed so far, and the texts of records.
            path: of the file.

        Raises:
            DecodeError: a row is malformed in mode FAILFAST.

        """
        values: dict[str, pa.Array] = {}
        bad = set(malformed.rows)
        for name, text, reader in zip(self.names, columns, self._readers, strict=True):
            values[name], bad_cells = reader.column(text)
            bad.update(bad_cells)
        if bad:
            if self.mode == "failfast":
                raise self._failed(min(bad), malformed, path)
            if self.keeps_records and malformed.records is None:
                return None
        if self.corrupt in self.schema.names:
            values[self.corrupt] = self._records(bad, rows, malformed)
        schema = self.schema.remove_metadata()
        arrays = [values[name] for name in schema.names]
        batch = (
            pa.RecordBatch.from_arrays(arrays, schema=schema)
            if arrays
            else pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
        )
        if bad and self.mode == "dropmalformed":
            kept = [row not in bad for row in range(rows)]
            batch = batch.filter(pa.array(kept, pa.bool_()))
        return batch

    def _records(self, bad: set[int], rows: int, malformed: Malformed) -> pa.Array:
        kind = self.schema.field(self.corrupt).type
        if not bad or not self.keeps_records or malformed.records is None:
            return pa.nulls(rows, kind)
        records = malformed.records
        return pa.array([records[row] if row in bad else None for row in range(rows)], kind)

    def _failed(self, row: int, malformed: Malformed, path: str) -> DecodeError:
        error = DecodeError(
            f"Row {row + 1} of the lines from byte {malformed.offset} on is malformed",
            path=path,
            hint="It has too few or too many values, or one that does not fit its column's type. "
            "mode=PERMISSIVE reads what can be read of it",
        )
        error.offset = malformed.offset
        return error

    def text_columns(self, records: Sequence[Cells | None], width: int) -> list[pa.Array]:
        """Return the cells of records as columns of text, null where they are null or missing.

        Args:
            records: the cells of each; None for a record that has none.
            width: number of columns to return.

        """
        if all(cells is not None and len(cells) == width for cells in records):
            columns: Any = zip(*records, strict=True) if records else [()] * width
        else:
            padded = [
                cells[:width]
                if cells and len(cells) >= width
                else (cells or []) + [None] * (width - len(cells or ()))
                for cells in records
            ]
            columns = zip(*padded, strict=True) if padded else [()] * width
        return [self.nulled(pa.array(column, pa.string())) for column in columns]

    def nulled(self, text: pa.Array) -> pa.Array:
        """Return a column of text with null in the place of its text."""
        return null_where(text, self.null_value)


@dataclass
class Malformed:
    """The rows of a batch that are malformed before their cells are read.

    Attributes:
        rows: their numbers.
        records: the text of every row's record; None if it is not known.
        offset: of the first row, in bytes.

    """

    rows: list[int] = field(default_factory=list)
    records: Sequence[str | None] | None = None
    offset: int = 0
