"""Makes CSV lines by a row gather: the same bytes as `CSVDialect.lines`, in a third of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.values import lookup_tables
from sftp_async.formats.values.row_gather import RowGather

if TYPE_CHECKING:
    from sftp_async.formats.csv.dialect import CSVDialect
    from sftp_async.formats.values.cell_text import CellText
    from sftp_async.formats.values.row_gather import Integers, Lookup, Mask


class CSVRowGather:
    """Makes the lines of record batches.

    Args:
        dialect: separators and quotes.
        text: formats of dates and timestamps.

    """

    def __init__(self, dialect: CSVDialect, text: CellText) -> None:
        self._dialect = dialect
        self._text = text

    def lines(self, batch: pa.RecordBatch) -> pa.Buffer:
        """Return the lines of all rows, at least one.

        Raises:
            EncodeError: a value needs quotes, but the dialect has none.

        """
        dialect = self._dialect
        rows = RowGather(batch.num_rows)
        ends = [dialect.sep] * (batch.num_columns - 1) + [dialect.line_sep]
        for number, column in enumerate(batch.columns):
            missing = lookup_tables.null_rows(column)
            cells = lookup_tables.value_lookups(column, missing, self._text)
            if cells is None:
                text = self._text.of(column)
                cells = [self._text_lookup(text, missing, batch.schema.names[number], not number)]
            rows.add_values(cells, missing, null=dialect.null_cell)
            rows.add_constant(ends[number])
        return rows.gather()

    def _text_lookup(self, text: pa.Array, missing: Mask | None, name: str, first: bool) -> Lookup:
        dialect = self._dialect
        rows = self._rows_to_quote(text, missing, first)
        empty = lookup_tables.empty_rows(text)
        others = []
        if len(rows):
            dialect.check_quotes(name)
            others.append((rows, dialect.quoted(text.take(pa.array(rows)))))
        elif missing is None and (letters := lookup_tables.letter_lookup(text)):
            return letters
        if len(empty):
            others.append((empty, pa.array([dialect.empty_cell])))
        return lookup_tables.text_lookup(text, others)

    def _rows_to_quote(self, text: pa.Array, missing: Mask | None, first: bool) -> Integers:
        dialect = self._dialect
        data = text_buffer(text).to_pybytes()
        if dialect.may_need_quotes(data, first=first):
            mask = dialect.need_quotes(text, text if first else None)
            return lookup_tables.rows_of(mask) if mask is not None else np.empty(0, np.int32)
        marks = bytes(mark for mark in dialect.marks if mark in data)
        return lookup_tables.rows_with(text, marks, missing) if marks else np.empty(0, np.int32)
