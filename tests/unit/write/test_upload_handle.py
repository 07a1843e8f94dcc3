"""The hop between the encoder's thread and the event loop: order, backpressure, errors, the end."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import pytest

from sftp_async.errors import AcknowledgedDataLostError, TransferError
from sftp_async.remote.byte_budget import ByteBudget
from sftp_async.remote.runtime import Runtime
from sftp_async.remote.upload import UploadedFile
from sftp_async.write.upload_handle import UploadHandle


class Upload:
    """Takes chunks on the loop; the server acknowledges them when the test says so."""

    def __init__(self, budget: ByteBudget, error: Exception | None = None) -> None:
        self.chunks: list[bytes] = []
        self.threads: set[int] = set()
        self.acknowledges = threading.Event()
        self._budget = budget
        self._error = error
        self._ended = asyncio.Event()

    def feed(self, chunk: memoryview) -> None:
        self.threads.add(threading.get_ident())
        self.chunks.append(bytes(chunk))
        if self.acknowledges.is_set():
            self._budget.release(len(chunk))

    def end(self) -> None:
        self._ended.set()

    async def run(self) -> UploadedFile:
        await self._ended.wait()
        if self._error is not None:
            raise self._error
        return UploadedFile("path", sum(map(len, self.chunks)))


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    one = Runtime()
    yield one
    one.close()


def handle_of(runtime: Runtime, upload: Any, budget: ByteBudget) -> UploadHandle:
    return UploadHandle(runtime, budget, upload, upload.run(), {"sha256": hashlib.sha256()})


def test_chunks_reach_the_loop_in_order_and_are_digested(runtime: Runtime) -> None:
    budget = ByteBudget(100)
    upload: Any = Upload(budget)
    digests = {"sha256": hashlib.sha256(), "md5": hashlib.md5()}
    handle = UploadHandle(runtime, budget, upload, upload.run(), digests)
    for chunk in (b"one", b"two", b"three"):
        handle.send(memoryview(chunk))
    assert not handle.done
    handle.finish()
    assert handle.result() == UploadedFile("path", len(b"onetwothree"))
    assert handle.done
    assert upload.chunks == [b"one", b"two", b"three"]
    assert upload.threads == {runtime._thread.ident}
    assert digests["sha256"].digest() == hashlib.sha256(b"onetwothree").digest()
    assert digests["md5"].digest() == hashlib.md5(b"onetwothree").digest()


def test_the_encoder_waits_until_the_server_has_acknowledged_enough(runtime: Runtime) -> None:
    budget = ByteBudget(4)
    upload = Upload(budget)
    handle = handle_of(runtime, upload, budget)
    handle.send(memoryview(b"1234"))
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(handle.send, memoryview(b"5"))
        assert not waiting.done()
        upload.acknowledges.set()
        budget.release(4)
        waiting.result(timeout=10)
    handle.finish()
    assert handle.result().size == 5


def test_an_error_is_raised_again_and_chained_to_the_one_of_the_upload(runtime: Runtime) -> None:
    failure = AcknowledgedDataLostError("lost", host="h:22", path="/p", hint="again")
    budget = ByteBudget(10)
    handle = handle_of(runtime, Upload(budget, failure), budget)
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    handle.on_end(ended.put)
    handle.finish()
    for _ in range(2):
        with pytest.raises(AcknowledgedDataLostError) as caught:
            handle.result()
        assert caught.value is not failure
        assert caught.value.__cause__ is failure
        assert (str(caught.value), caught.value.retryable) == (str(failure), True)
    assert ended.get(timeout=10) is failure


def test_an_upload_that_is_cancelled_reports_so(runtime: Runtime) -> None:
    budget = ByteBudget(10)
    handle = handle_of(runtime, Upload(budget), budget)
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    handle.on_end(ended.put)
    handle.cancel()
    with pytest.raises(CancelledError):
        handle.result()
    error = ended.get(timeout=10)
    assert isinstance(error, TransferError)
    assert "cancelled" in str(error)
