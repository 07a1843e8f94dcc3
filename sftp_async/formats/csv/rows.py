"""Makes record batches of the cells of records: types, malformed rows, the corrupt record."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import DecodeError
from sftp_async.formats.arrow_text import any_true, null_where
from sftp_async.formats.rescued import rescued_objects
from sftp_async.formats.values.from_text import FromText, TextRules, reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sftp_async.formats.csv.record_parser import Cells


_NO_TEXT = pa.nulls(1, pa.string())[0]  # pa.scalar imports pandas


@dataclass(frozen=True)
class RowMaker:
    """Makes the rows of a schema; immutable, and pickled with a format.

    Args:
        schema: all columns, those of corrupt records and of rescued data included.
        rules: how text is read.
        null_value: text of null.
        mode: `permissive`, `dropmalformed` or `failfast`.
        corrupt: name of the column of corrupt records; it may be absent.
        rescued: name of the column of rescued data; it may be absent.

    """

    schema: pa.Schema
    rules: TextRules
    null_value: str
    mode: str
    corrupt: str
    rescued: str | None = None

    @cached_property
    def names(self) -> list[str]:
        """The columns that files have, in order."""
        return [name for name in self.schema.names if name not in (self.corrupt, self.rescued)]

    @cached_property
    def rescues(self) -> bool:
        """Whether what does not fit the schema is kept."""
        return self.rescued in self.schema.names

    @cached_property
    def keeps_records(self) -> bool:
        """Whether the text of malformed records is wanted."""
        return self.corrupt in self.schema.names and self.mode == "permissive"

    @cached_property
    def _readers(self) -> list[FromText]:
        readers = [reader_of(self.schema.field(name).type, self.rules) for name in self.names]
        return [reader for reader in readers if reader is not None]

    def __reduce__(self) -> tuple[Any, ...]:
        names = ("schema", "rules", "null_value", "mode", "corrupt", "rescued")
        return RowMaker, tuple(getattr(self, name) for name in names)

    def batch(
        self,
        columns: Sequence[pa.Array],
        rows: int,
        malformed: Malformed,
        path: str,
        unknown: Mapping[str, pa.Array],
    ) -> pa.RecordBatch:
        """Return the rows of columns of text.

        Args:
            columns: one for each of `names`; null where the text is that of null.
            rows: number of them.
            malformed: which rows are malformed so far, and the texts of records.
            path: of the file.
            unknown: columns of text that are not in the schema, and are kept, by name.

        Raises:
            DecodeError: a row is malformed in mode FAILFAST.

        """
        values: dict[str, pa.Array] = {}
        misfits: dict[str, pa.Array] = {}
        bad = malformed.rows
        for name, text, reader in zip(self.names, columns, self._readers, strict=True):
            values[name], bad_cells = reader.column(text)
            if bad_cells and self.rescues:
                misfits[name] = pc.if_else(rows_where(bad_cells, rows), text, _NO_TEXT)
            elif bad_cells:
                bad = pc.or_(bad, rows_where(bad_cells, rows))
        if self.rescued is not None and self.rescues:
            values[self.rescued] = rescued_objects({**misfits, **unknown}, rows)
        any_bad = any_true(bad)
        if any_bad and self.mode == "failfast":
            raise self._failed(pc.index(bad, True).as_py(), malformed, path)
        if self.corrupt in self.schema.names:
            kind = self.schema.field(self.corrupt).type
            kept = any_bad and self.keeps_records
            values[self.corrupt] = (
                pc.if_else(bad, malformed.records(), pa.scalar(None, kind))
                if kept
                else pa.nulls(rows, kind)
            )
        schema = self.schema.remove_metadata()
        arrays = [values[name] for name in schema.names]
        batch = (
            pa.RecordBatch.from_arrays(arrays, schema=schema)
            if arrays
            else pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
        )
        if any_bad and self.mode == "dropmalformed":
            batch = batch.filter(pc.invert(bad))
        return batch

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
        cells = itertools.zip_longest(*(found or () for found in records))
        columns = [
            self.nulled(pa.array(column, pa.string())) for column in itertools.islice(cells, width)
        ]
        missing = width - len(columns)
        return columns + [pa.nulls(len(records), pa.string())] * missing

    def nulled(self, text: pa.Array) -> pa.Array:
        """Return a column of text with null in the place of its text."""
        return null_where(text, self.null_value)


@dataclass
class Malformed:
    """The rows of a batch that are malformed before their cells are read.

    Attributes:
        rows: for each row, whether it is.
        records: returns the text of each row's record, malformed or not.
        offset: of the first row, in bytes.

    """

    rows: pa.Array
    records: Callable[[], pa.Array]
    offset: int = 0


def rows_where(numbers: Iterable[int], rows: int) -> pa.Array:
    """Return for each of some rows whether its number is among others."""
    flags = bytearray(rows)
    for number in numbers:
        flags[number] = 1
    return pa.Array.from_buffers(pa.uint8(), rows, [None, pa.py_buffer(flags)]).cast(pa.bool_())
