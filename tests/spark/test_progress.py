"""What a user of Spark hears of a write: lines while it runs, and a summary that is true."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from pyspark.errors import PySparkException

from sftp_async import history, last_write, progress
from sftp_async.progress import displays
from sftp_async.progress.messages import Address
from sftp_async.progress.state import BETWEEN
from sftp_async.progress.summary import WriteSummary
from sftp_async.spark.register import with_listener
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.cluster import until

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

#: Far more than a write takes to begin; a test that waits so long has failed.
PATIENCE = 120.0


def write(frame: DataFrame, server: EmbeddedServer, path: str, **more: str) -> None:
    options = {**server.options(), **more}
    frame.write.format("sftp").options(**options).mode("append").save(path)


def summary_of(path: str) -> WriteSummary:
    """The last write's summary; loopback carries it before the write comes back, or soon after."""
    until(lambda: (done := last_write()) is not None and done.target == path)
    done = last_write()
    assert done is not None
    return done


def bytes_in(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


class HoldsClose(FolderServer):
    """Answers no request to close a data file before it may: all rows are there, no file is done.

    The small file by which a job finds out its rights is closed at once.
    """

    may = threading.Event()

    async def close(self, file_obj: BinaryIO) -> None:
        if os.fstat(file_obj.fileno()).st_size > 100_000:
            await asyncio.to_thread(self.may.wait, PATIENCE)
        super().close(file_obj)


@pytest.mark.one_python
def test_a_long_write_shows_growing_numbers_and_then_its_summary(
    session: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sftp_async.progress")
    monkeypatch.setattr(displays, "LOG_EVERY", 0.0)
    monkeypatch.setattr(HoldsClose, "may", threading.Event())
    shown = re.compile(
        r"long: [\d.]+ [kM]B, .*, \d+:\d\d, 0 of 2 tasks, 200,000 rows, 0 files, start-up [\d.]+ s"
    )

    def let_go_once_shown() -> None:
        try:
            until(lambda: any(map(shown.fullmatch, caplog.messages)), PATIENCE)
        finally:
            HoldsClose.may.set()

    watcher = threading.Thread(target=let_go_once_shown)
    with EmbeddedServer(tmp_path / "served", sftp_factory=HoldsClose) as server:
        watcher.start()
        patient = {"operation_timeout": str(2 * PATIENCE)}
        write(session.range(0, 200_000, 1, 2), server, "long", **patient)
        watcher.join()

        done = summary_of("long")
        assert (done.files, done.rows) == (2, 200_000)
        assert done.bytes == bytes_in(server.root / "long")
        assert done.tasks == 2
        assert 0 < done.startup_seconds < done.seconds
    assert any(map(shown.fullmatch, caplog.messages))
    until(lambda: str(done) in caplog.messages)


def test_last_write_describes_each_write_and_a_failure_does_not_change_it(
    session: SparkSession, embedded_server: EmbeddedServer
) -> None:
    write(session.range(0, 1000, 1, 3), embedded_server, "many")
    done = summary_of("many")
    assert (done.files, done.rows, done.bytes) == (3, 1000, bytes_in(embedded_server.root / "many"))
    assert done.seconds > 0
    assert done.connections == embedded_server.logins
    assert (done.retries, done.reconnects) == (0, 0)

    write(session.range(10), embedded_server, "one.csv.gz", progress="off")
    exact = summary_of("one.csv.gz")
    assert (exact.files, exact.rows) == (1, 10)

    def fail(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield next(batches)
        raise ValueError("the user's own words")

    frame = session.range(0, 10, 1, 1)
    with pytest.raises(PySparkException, match="the user's own words"):
        write(frame.mapInArrow(fail, frame.schema), embedded_server, "failed")
    assert last_write() == exact
    until(lambda: history()[-1].target == "failed")
    *_, before, failed = history().writes
    assert before == exact
    assert isinstance(failed, WriteSummary)
    assert (failed.failed, failed.rolled_back, failed.files) == (True, True, 0)
    # Its process is another one than that of the task, which may be ended before it reports.
    assert failed.error in ("", "ArrowInvalid, see the exception")
    until(lambda: not progress._state.is_busy(time.monotonic()), BETWEEN / 2)


@pytest.mark.parametrize("host", ["127.0.0.1", "2001:db8::1"], ids=["no listener", "no route"])
def test_a_write_does_not_depend_on_a_listener(
    session: SparkSession, embedded_server: EmbeddedServer, host: str
) -> None:
    before = last_write()
    session.dataSource.register(with_listener(Address(host, 9, bytes(32))))
    write(session.range(10), embedded_server, "alone")
    assert bytes_in(embedded_server.root / "alone") == 20
    assert last_write() == before


@pytest.mark.one_python
def test_of_a_stream_it_is_the_last_batch(
    session: SparkSession, embedded_server: EmbeddedServer, tmp_path: Path
) -> None:
    for number in range(2):
        session.range(100).write.json(str(tmp_path / "inbox" / str(number)))
    query = (
        session.readStream.schema("id long")
        .option("maxFilesPerTrigger", 1)
        .json(str(tmp_path / "inbox" / "*"))
        .writeStream.format("sftp")
        .options(**embedded_server.options(), checkpointLocation=str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start("stream")
    )
    query.awaitTermination(PATIENCE)
    done = summary_of("stream")
    assert 0 < done.rows <= 100
    assert done.connections <= embedded_server.logins  # none, if workers have theirs already
    last_job = done.job_id[:16]
    files = (embedded_server.root / "stream").glob(f"part-*-{last_job}-*")
    assert sum(file.stat().st_size for file in files) == done.bytes
