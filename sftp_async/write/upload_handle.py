"""Hands the chunks of one file from the encoder's thread to its upload on the event loop.

This is the only place where the data of a write changes threads. Chunks go to the loop in order,
and a byte budget makes the encoder's thread wait for the server. The outcome comes back as the
result of a future: an error is raised again here, chained to the one of the loop's thread.

Reading changes threads in the other direction, from the loop to a blocking iterator. The class for
that, `BatchStream`, belongs in `read/batch_stream.py`, since reading and writing do not import each
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sftp_async.errors import SFTPAsyncError, TransferError, raise_again

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Future

    from sftp_async.remote.byte_budget import ByteBudget
    from sftp_async.remote.runtime import Runtime
    from sftp_async.remote.upload import FileUpload, UploadedFile


class UploadHandle:
    """One upload in flight, used by the thread that encodes.

    Args:
        runtime: its event loop runs the upload.
        budget: bounds the bytes that the server has not acknowledged; the upload releases them.
        upload: takes the chunks.
        work: the coroutine that runs the upload until its end; started at once.
        digests: of everything that is sent, by algorithm.

    """

    def __init__(
        self,
        runtime: Runtime,
        budget: ByteBudget,
        upload: FileUpload,
        work: Coroutine[Any, Any, UploadedFile],
        digests: Mapping[str, hashlib._Hash],
    ) -> None:
        self._loop = runtime.loop
        self._budget = budget
        self._upload = upload
        self._digests = digests
        self._future: Future[UploadedFile] = runtime.submit(work)

    @property
    def done(self) -> bool:
        """Whether the upload has ended, so that `result` does not wait."""
        return self._future.done()

    def on_end(self, callback: Callable[[BaseException | None], None]) -> None:
        """Call back once, with the error if there was one, on the thread of the loop."""

        def ended(future: Future[UploadedFile]) -> None:
            cancelled = future.cancelled()
            callback(TransferError("The upload was cancelled") if cancelled else future.exception())

        self._future.add_done_callback(ended)

    def send(self, chunk: memoryview) -> None:
        """Hand over a chunk, which must not change afterwards; waits while the budget is used up.

        Raises:
            TransferError, ConnectError: an upload that shares the budget has failed.

        """
        for digest in self._digests.values():
            digest.update(chunk)
        self._budget.acquire(len(chunk))
        self._loop.call_soon_threadsafe(self._upload.feed, chunk)

    def finish(self) -> None:
        """Declare that the last chunk was sent."""
        self._loop.call_soon_threadsafe(self._upload.end)

    def cancel(self) -> None:
        """Stop the upload, wherever it is."""
        self._future.cancel()

    def result(self) -> UploadedFile:
        """Wait until the upload has ended.

        Raises:
            TransferError, ConnectError: it failed, retries included.

        """
        try:
            return self._future.result()
        except SFTPAsyncError as failure:
            raise_again(failure)
