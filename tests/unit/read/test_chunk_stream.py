"""`ChunkStream`: chunks change threads in order, within a bound, and errors with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator

import pytest

from sftp_async.errors import RemoteFailureError
from sftp_async.read.chunk_stream import ChunkStream
from sftp_async.remote.runtime import Runtime


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    """A runtime of the test's own."""
    started = Runtime()
    yield started
    started.close()


class Source:
    """Yields numbered chunks, and knows how many it has made."""

    def __init__(self, count: int, size: int = 10, failure: Exception | None = None) -> None:
        self.made = 0
        self.closed = threading.Event()
        self.reached = threading.Semaphore(0)
        self._count, self._size, self._failure = count, size, failure

    async def chunks(self) -> AsyncGenerator[bytes]:
        try:
            for number in range(self._count):
                self.made += 1
                self.reached.release()
                yield bytes([number % 256]) * self._size
            if self._failure is not None:
                raise self._failure
        finally:
            await asyncio.sleep(0)  # as one that waits for requests in flight
            self.closed.set()


def test_chunks_come_in_order_and_are_counted(runtime: Runtime) -> None:
    counted: list[int] = []
    with ChunkStream(runtime, Source(1000).chunks(), 35, counted.append) as chunks:
        assert [chunk[0] for chunk in chunks] == [number % 256 for number in range(1000)]
    assert sum(counted) == 10_000


def test_the_download_waits_while_as_much_waits_as_may(runtime: Runtime) -> None:
    source = Source(100)
    with ChunkStream(runtime, source.chunks(), 35) as chunks:
        for _ in range(4):
            source.reached.acquire()
        # The loop has run everything that it can: it answers, and no fifth chunk was made.
        runtime.run(asyncio.sleep(0))
        assert source.made == 4
        next(chunks)
        source.reached.acquire()
        assert source.made == 5


def test_an_error_comes_behind_the_chunks_that_came_before_it(runtime: Runtime) -> None:
    failure = RemoteFailureError("no", host="h", path="/a")
    with ChunkStream(runtime, Source(3, failure=failure).chunks(), 1000) as chunks:
        assert [next(chunks)[0] for _ in range(3)] == [0, 1, 2]
        with pytest.raises(RemoteFailureError, match="no") as caught:
            next(chunks)
    assert caught.value.__cause__ is failure


def test_an_error_that_the_consumer_does_not_reach_is_not_raised(runtime: Runtime) -> None:
    source = Source(3, failure=RemoteFailureError("no"))
    with ChunkStream(runtime, source.chunks(), 1000) as chunks:
        assert [next(chunks)[0] for _ in range(3)] == [0, 1, 2]
        source.closed.wait()


def test_a_consumer_that_stops_early_ends_the_download_and_waits_for_it(runtime: Runtime) -> None:
    source = Source(100)
    with ChunkStream(runtime, source.chunks(), 35) as chunks:
        next(chunks)
    assert source.closed.is_set()
    assert source.made < 100


def test_an_error_of_the_consumer_is_not_replaced(runtime: Runtime) -> None:
    source = Source(2, failure=RemoteFailureError("no"))
    with pytest.raises(ZeroDivisionError), ChunkStream(runtime, source.chunks(), 1000):
        raise ZeroDivisionError
