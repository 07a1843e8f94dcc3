"""JSON Lines as Spark writes it: one object a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.formats.arrow_text import MOSAIC_ROWS, text_buffer
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.json.text import JSONText
from sftp_async.formats.line_encoder import LineEncoder

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.formats.charset import Charset
    from sftp_async.formats.compression import Compression
    from sftp_async.formats.values.cell_text import CellText
    from sftp_async.formats.values.intervals import NarrowIntervals

try:
    from sftp_async.formats.json.vectorized import JSONMosaic
except ImportError:  # NumPy is not installed
    JSONMosaic = None  # type: ignore[assignment,misc]


class JSONLinesFormat(Format):
    """JSON Lines files.

    Args:
        schema: the columns, checked by `open_format`.
        cells: formats of dates and timestamps.
        line_sep: what ends a line.
        compression: of the file as a whole.
        keep_nulls: write fields that are null.
        intervals: what Arrow does not say of the columns.
        charset: None is UTF-8.

    """

    joinable = True

    def __init__(
        self,
        schema: pa.Schema,
        cells: CellText,
        *,
        line_sep: str,
        compression: Compression,
        keep_nulls: bool,
        intervals: NarrowIntervals,
        charset: Charset | None,
    ) -> None:
        self.extension = f"json{compression.extension}"
        self.held = compression.held
        self._names: list[str] = schema.names
        self._text = JSONText(cells, keep_nulls=keep_nulls)
        self._keep_nulls = keep_nulls
        self._end = "}" + line_sep
        self._compression = compression
        self._intervals = intervals
        self._charset = charset
        self._mark = charset.mark if charset else b""

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file. There is no header but a byte order mark."""
        mark = self._mark if header else b""
        return LineEncoder(self._lines, self._compression, mark, charset=self._charset)

    def _lines(self, batch: pa.RecordBatch) -> pa.Buffer:
        batch = self._intervals.spelled(batch)
        if (
            JSONMosaic is not None
            and batch.num_rows >= MOSAIC_ROWS
            and not self._holds_nulls(batch)
        ):
            lines = JSONMosaic(self._text).lines(batch, self._end)
            if lines is not None:
                return lines
        rows = self._text.objects(self._names, batch.columns, rows=batch.num_rows, end=self._end)
        return text_buffer(rows)

    def _holds_nulls(self, batch: pa.RecordBatch) -> bool:
        """Tell whether there are null fields to write, for which a mosaic has no place."""
        return self._keep_nulls and any(column.null_count for column in batch.columns)
