"""Encode batches to the bytes of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sftp_async.formats import open_format
from sftp_async.options import FormatOptions
from sftp_async.spark.arrow_repair import repair_batch

if TYPE_CHECKING:
    import pyarrow as pa


def encoded(*batches: pa.RecordBatch, **options: Any) -> bytes:
    """Return the file that holds `batches` (at least one; it may be empty), as a task would."""
    form = open_format(FormatOptions(**options), batches[0].schema)
    encoder = form.open()
    pieces = [bytes(encoder.encode(repair_batch(batch))) for batch in batches]
    return b"".join(pieces) + bytes(encoder.finish())
