"""Holds the rows of one file back, on the local disk, until it is known that they are right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa

from sftp_async.formats.sealed_file import sealed_file

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes that stay in memory: most files of a partner are smaller than that.
_IN_MEMORY: Final = 8 * 1024 * 1024


class HeldRows:
    """Record batches of one schema, to be given out later; a context manager.

    They take little memory: more than 8 MiB are in a temporary file without a name, compressed and
    encrypted, in the directory of `tempfile`, which the variable TMPDIR sets.
    """

    def __init__(self) -> None:
        # Closed by `__exit__`.
        self._spool = sealed_file(_IN_MEMORY)
        self._writer: pa.ipc.RecordBatchStreamWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        if self._writer is None:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_stream(self._spool, batch.schema, options=options)
        self._writer.write_batch(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows, in their order; no more can be added."""
        if self._writer is None:
            return
        self._writer.close()
        self._spool.seek(0)
        with pa.ipc.open_stream(self._spool) as reader:
            yield from reader
