"""`RemoteReadable`: one version of a remote file, as decoders see it, on the worker's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from sftp_async.errors import SFTPAsyncError, raise_again
from sftp_async.formats.base import ReadableFile
from sftp_async.read.chunk_stream import ChunkStream
from sftp_async.remote.file_version import FileVersion
from sftp_async.remote.resumable_download import Download
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar

    from sftp_async.options import SFTPOptions
    from sftp_async.read.listing import FoundFile
    from sftp_async.remote.runtime import Runtime

    T = TypeVar("T")

#: Share of a task's byte budget that is asked for ahead; the rest waits for the decoder.
_AHEAD = 0.875
#: Bytes that wait for the decoder at most: more only takes memory.
_WAITING = 4 * 1024 * 1024


class RemoteReadable(ReadableFile):
    """A file that is read over the runtime's connections.

    Args:
        runtime: of this process.
        download: of the file.
        budget: bytes of the file in memory at most, as the option `max_buffer_bytes`.
        on_bytes: called with the number of bytes that have come.

    """

    def __init__(
        self,
        runtime: Runtime,
        download: Download,
        budget: int,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        version = download.version
        self.path, self.size, self.mtime = version.path, version.size, version.mtime
        self._runtime = runtime
        self._download = download
        self._waiting = min(_WAITING, int(budget * (1 - _AHEAD)))
        self._on_bytes = on_bytes

    @classmethod
    def of(
        cls,
        options: SFTPOptions,
        file: FoundFile,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> Self:
        """Return a file as it was listed; it is opened when it is first read.

        Args:
            options: resolved, with pinned host keys.
            file: of a listing.
            on_bytes: called with the number of bytes that have come.

        """
        runtime = get_runtime()
        download = Download(
            runtime.pool(options),
            RetryPolicy.of(options),
            FileVersion(file.path, file.size, file.mtime),
            window=max(1, int(options.max_buffer_bytes * _AHEAD)),
            access=options.access,
        )
        return cls(runtime, download, options.max_buffer_bytes, on_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_ahead(self) -> Future[bool]:
        """Open the file in the background; return whether that works. Its read raises why not."""
        return self._runtime.submit(self._download.open_ahead())

    def fetch_ahead(self) -> Future[bool]:
        """Fetch the whole file into memory in the background; else as `open_ahead`."""
        return self._runtime.submit(self._download.fetch_ahead())

    def chunks(self, start: int, stop: int) -> AbstractContextManager[Iterator[bytes]]:
        """Return the bytes of a range, in order; see `ReadableFile.chunks`."""
        return ChunkStream(
            self._runtime, self._download.read_range(start, stop), self._waiting, self._on_bytes
        )

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range; see `ReadableFile.read_ranges`."""
        found = self._run(self._download.read_ranges(ranges))
        self._on_bytes(sum(map(len, found)))
        return found

    def read_sidecar(self, path: str, limit: int) -> bytes:
        """Return the content of a small file of the same server.

        Args:
            path: on the server.
            limit: bytes that it may have.

        Raises:
            RemoteNotFoundError: there is none.
            TransferError: it is larger, or cannot be read.

        """
        return self._run(self._download.read_sidecar(path, limit))

    def check(self) -> None:
        """Compare the version once more: raises `RemoteChangedError` if the file has changed."""
        self._run(self._download.check())

    def close(self) -> None:
        """Close the file."""
        self._run(self._download.close())

    def close_soon(self) -> Future[None]:
        """Close the file in the background."""
        return self._runtime.submit(self._download.close())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return self._runtime.run(work)
        except SFTPAsyncError as failure:
            raise_again(failure)
