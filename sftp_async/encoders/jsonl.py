"""JSON Lines as Spark writes it: one object a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.encoders.arrays import MOSAIC_ROWS, text_buffer
from sftp_async.encoders.base import Format, PartEncoder
from sftp_async.encoders.json_text import JSONText
from sftp_async.encoders.lines import LineEncoder

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.encoders.cells import CellText
    from sftp_async.encoders.compression import Compression

try:
    from sftp_async.encoders.json_mosaic import JSONMosaic
except ImportError:  # NumPy is not installed
    JSONMosaic = None  # type: ignore[assignment,misc]


class JSONLinesFormat(Format):
    """JSON Lines files.

    Args:
        schema: the columns, checked by `open_format`.
        cells: formats of dates and timestamps.
        line_sep: what ends a line.
        compression: of the file as a whole.

    """

    joinable = True

    def __init__(
        self, schema: pa.Schema, cells: CellText, *, line_sep: str, compression: Compression
    ) -> None:
        self.extension = f"json{compression.extension}"
        self._names: list[str] = schema.names
        self._text = JSONText(cells)
        self._end = "}" + line_sep
        self._compression = compression

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file. There is no header."""
        return LineEncoder(self._lines, self._compression)

    def _lines(self, batch: pa.RecordBatch) -> pa.Buffer:
        if JSONMosaic is not None and batch.num_rows >= MOSAIC_ROWS:
            lines = JSONMosaic(self._text).lines(batch, self._end)
            if lines is not None:
                return lines
        rows = self._text.objects(self._names, batch.columns, rows=batch.num_rows, end=self._end)
        return text_buffer(rows)
