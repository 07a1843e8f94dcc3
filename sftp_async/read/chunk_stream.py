"""Hands the chunks of one download from the event loop to the decoder's thread.

This is the only place where the data of a read changes threads: the mirror of a write's
`UploadHandle`. Chunks come in order; a bound on the bytes that wait makes the download wait for the
decoder. An error is raised again in the decoder's thread, chained to the one of the loop's thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import CancelledError
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Self

from sftp_async.errors import raise_again

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator
    from concurrent.futures import Future

    from sftp_async.remote.runtime import Runtime


class ChunkStream:
    """A blocking iterator over the chunks of an async generator; a context manager.

    Leaving the context stops the download and waits until nothing of it is in flight.

    Args:
        runtime: its event loop runs the download.
        chunks: the download; started at once.
        limit: bytes that may wait for the decoder; one chunk may always wait.
        on_bytes: called in the decoder's thread with the number of bytes of each chunk.

    """

    def __init__(
        self,
        runtime: Runtime,
        chunks: AsyncGenerator[bytes],
        limit: int,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._loop = runtime.loop
        self._on_bytes = on_bytes
        self._limit = limit
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._stopped = False
        self._changed = threading.Condition()
        #: Set where the download may go on; used on the loop only.
        self._space = asyncio.Event()
        self._future: Future[None] = runtime.submit(self._download(chunks))

    def __enter__(self) -> Iterator[bytes]:
        return iter(self)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopped = True
            self._waiting.clear()
        self._loop.call_soon_threadsafe(self._space.set)
        # An error that the consumer has not reached does not concern it: it has what it wanted.
        with suppress(Exception, CancelledError):
            self._future.result()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            if self._waiting:
                chunk = self._waiting.popleft()
                self._bytes -= len(chunk)
                if self._bytes < self._limit <= self._bytes + len(chunk):
                    self._loop.call_soon_threadsafe(self._space.set)
                self._on_bytes(len(chunk))
                return chunk
        failure = self._future.exception()
        if failure is not None:
            raise_again(failure)
        raise StopIteration

    async def _download(self, chunks: AsyncGenerator[bytes]) -> None:
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if not self._put(chunk):
                        await self._space.wait()
                    if self._stopped:
                        return
        finally:
            # The future has its outcome only after this: `__next__` waits for it.
            self._loop.call_soon(self._end)

    def _put(self, chunk: bytes) -> bool:
        """Add a chunk; return whether there is space for another one."""
        with self._changed:
            if not self._stopped:
                self._waiting.append(chunk)
                self._bytes += len(chunk)
                self._changed.notify()
            if self._bytes < self._limit or self._stopped:
                return True
            self._space.clear()
            return False

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
