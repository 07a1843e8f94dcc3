"""What jobs report of themselves, without Spark: true counters, and never a failure."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import CommitError, EncodeError
from sftp_async.options import SFTPOptions
from sftp_async.progress.listener import Listener
from sftp_async.progress.messages import Address, JobEnded
from sftp_async.progress.state import WriteState
from sftp_async.progress.summary import WriteSummary
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.write.commit.promote import promote_all
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_stream_job
from tests.support.jobs import LINES, real_job
from tests.support.proxy import FaultProxy


class Recorded(WriteState):
    """A state that keeps all messages."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Any] = []

    def update(self, message: Any, now: float) -> None:
        self.messages.append(message)
        super().update(message, now)


class Silent:
    def show(self, views: Any, ended: Any) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def listener(recorded: Recorded) -> Iterator[Listener]:
    one = Listener("127.0.0.1", recorded, Silent)
    yield one
    one.close()


def lines(count: int, start: int = 0) -> pa.RecordBatch:
    texts = [f"line {number}" for number in range(start, start + count)]
    return pa.record_batch([pa.array(texts, pa.string())], schema=LINES)


def do(job: Job, address: Address | None, *batches: pa.RecordBatch) -> WriteSummary:
    """A whole job, of a task for each batch."""
    job = job.with_listener(address)
    done = [job.write(n, [batch]) for n, batch in enumerate(batches)]
    parts = [part for written, _ in done for part in written]
    return job.commit(parts, [metrics for _, metrics in done])


def test_a_job_reports_what_its_tasks_did_and_what_its_connections_took(
    embedded_server: EmbeddedServer, listener: Listener, recorded: Recorded
) -> None:
    job = real_job(embedded_server.options(), "out", max_records_per_file=40).prepare()
    summary = do(job, listener.address, lines(100), lines(10))
    files = list((embedded_server.root / "out").iterdir())
    size = sum(file.stat().st_size for file in files)
    assert listener.last_write() == summary
    assert (summary.files, summary.rows, summary.bytes) == (len(files), 110, size) == (4, 110, size)
    assert (summary.target, summary.job_id) == ("out", job.layout.job_id)
    assert summary.connections == embedded_server.logins
    assert (summary.retries, summary.reconnects) == (0, 0)
    assert summary.seconds > summary.startup_seconds > 0
    assert summary.tasks == 2
    reported = [(m.kind, getattr(m, "partition", None)) for m in recorded.messages]
    assert reported == [("task", 0), ("task", 1), ("commit", None), ("end", None)]
    first, second = recorded.messages[:2]
    assert (first.files, first.rows, second.files, second.rows) == (3, 100, 1, 10)
    assert first.bytes + second.bytes == size
    assert (first.state, second.state) == ("done", "done")


def test_a_job_with_progress_off_reports_its_end_alone(
    embedded_server: EmbeddedServer, listener: Listener, recorded: Recorded
) -> None:
    job = real_job(embedded_server.options(), "out", progress="off").prepare()
    summary = do(job, listener.address, lines(10))
    assert listener.last_write() == summary
    assert recorded.messages == [JobEnded("end", job.layout.job_id, summary, shown=False)]


def test_a_broken_connection_is_in_the_summary(
    embedded_server: EmbeddedServer,
    proxy: Callable[..., FaultProxy],
    listener: Listener,
    recorded: Recorded,
) -> None:
    line = proxy(embedded_server)
    options = {**embedded_server.options(), "host": line.host, "port": str(line.port)}
    job = real_job(options, "out", channels_per_file=1).prepare()
    line.cut_after(200_000)
    summary = do(job, listener.address, lines(100_000))
    assert line.cuts == 1
    assert (summary.retries, summary.reconnects) == (1, 1)
    assert summary.connections == embedded_server.logins
    assert listener.last_write() == summary
    (task,) = (
        message
        for message in recorded.messages
        if message.kind == "task" and message.state == "done"
    )
    assert (task.rows, task.bytes) == (100_000, summary.bytes)


def test_what_the_commit_took_is_in_the_summary(embedded_server: EmbeddedServer) -> None:
    job = real_job(embedded_server.options(), "out").prepare()
    parts, metrics = job.write(0, [lines(10)])
    embedded_server.drop_connections()
    summary = job.commit(parts, [metrics])
    assert summary.connections == embedded_server.logins == 3
    assert summary.reconnects == 1


def test_the_manifest_and_the_log_hold_what_a_job_took(
    embedded_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    job = real_job(embedded_server.options(), "out", manifest=True).prepare()
    summary = do(job, None, lines(10))
    manifest = json.loads((embedded_server.root / "out" / "_manifest.json").read_text())
    assert 0 < manifest["seconds"] <= summary.seconds
    assert manifest["connections"] >= 1
    assert (manifest["retries"], manifest["reconnects"]) == (0, 0)
    assert str(summary) in caplog.messages


def test_a_task_that_fails_is_reported_and_raises_its_own_error(
    embedded_server: EmbeddedServer, listener: Listener, recorded: Recorded
) -> None:
    job = real_job(embedded_server.options(), "out", format="csv").prepare()
    job = job.with_listener(listener.address)

    def batches() -> Iterator[pa.RecordBatch]:
        yield lines(5)
        raise EncodeError("of the user's data")

    with pytest.raises(EncodeError, match="of the user's data"):
        job.write(0, batches())
    job.abort()
    listener.last_write()
    progress, rolled_back, end = recorded.messages
    assert (progress.state, progress.rows, rolled_back.kind) == ("failed", 5, "abort")
    assert (end.kind, end.job, end.shown) == ("end", job.layout.job_id, True)
    assert listener.last_write() is None
    (failed,) = listener.history()
    assert isinstance(failed, WriteSummary)
    assert (failed.failed, failed.rolled_back, failed.files, failed.rows) == (True, True, 0, 5)
    assert failed.error == "of the user's data"
    assert "nothing of it is left" in str(failed)


def test_a_job_that_fails_after_its_tasks_has_ended_and_leaves_the_last_summary(
    embedded_server: EmbeddedServer, listener: Listener, recorded: Recorded
) -> None:
    before = do(real_job(embedded_server.options(), "out").prepare(), listener.address, lines(1))
    job = real_job(embedded_server.options(), "out").prepare()
    job = job.with_listener(listener.address)
    _, metrics = job.write(0, [lines(10)])
    Path(embedded_server.root, job.layout.staging).rename(embedded_server.root / "elsewhere")
    with pytest.raises(CommitError):
        job.commit([], [metrics])
    job.abort()
    assert listener.last_write() == before
    first, failed = listener.history()
    assert first == before
    assert isinstance(failed, WriteSummary)
    assert (failed.job_id, failed.rows, failed.tasks) == (job.layout.job_id, 10, 1)
    assert "staging directory of this job is gone" in failed.error


def test_a_job_that_fails_before_its_tasks_has_a_summary_that_says_why(
    embedded_server: EmbeddedServer, listener: Listener
) -> None:
    (embedded_server.root / "out").write_text("a file")
    job = real_job(embedded_server.options(), "out").with_listener(listener.address)
    with pytest.raises(CommitError):
        job.prepare()
    (failed,) = listener.history()
    assert isinstance(failed, WriteSummary)
    assert failed.failed
    assert "A file is where a directory should be" in failed.error


def test_a_micro_batch_that_fails_is_in_the_history_and_is_not_shown(
    embedded_server: EmbeddedServer, listener: Listener, recorded: Recorded
) -> None:
    options = SFTPOptions(**embedded_server.options(), path="out", format="csv")
    job = plan_stream_job(options, LINES, overwrite=False, checkpoint="")
    job = job.with_listener(listener.address).prepare()
    parts, metrics = job.write(0, [lines(5)], report=False)
    assert parts
    job.of_batch(job.layout.job_id, str(uuid.uuid4()), 7, metrics).abandon()
    (failed,) = listener.history()
    assert isinstance(failed, WriteSummary)
    assert (failed.failed, failed.rolled_back, failed.rows) == (True, True, 0)
    (end,) = recorded.messages
    assert end.shown is False
    assert not [*(embedded_server.root / "out").glob("part-*")]


def test_an_abort_that_finds_a_complete_job_says_that_its_files_stay(
    embedded_server: EmbeddedServer, listener: Listener
) -> None:
    job = real_job(embedded_server.options(), "out", job_key="k").prepare()
    job = job.with_listener(listener.address)
    parts, _ = job.write(0, [lines(10)])
    # As the commit of a driver that dies when all is visible.
    steps = job._committer()
    job._run(lambda c: steps._claim.take(c))
    intent = job._run(lambda c: steps._own_intent(c, parts))
    assert intent is not None
    job._run(lambda c: promote_all(c, intent))
    job.abort()
    (failed,) = listener.history()
    assert isinstance(failed, WriteSummary)
    assert failed.rolled_back is False
    assert len([*(embedded_server.root / "out").glob("part-*")]) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "2001:db8::1"])
def test_a_listener_that_cannot_be_reached_changes_nothing(
    embedded_server: EmbeddedServer, host: str
) -> None:
    unreachable = Address(host, 9, bytes(32))
    summary = do(real_job(embedded_server.options(), "out").prepare(), unreachable, lines(10))
    (file,) = (embedded_server.root / "out").iterdir()
    assert file.stat().st_size == summary.bytes


def test_a_message_that_cannot_be_made_fails_no_write(
    embedded_server: EmbeddedServer, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("sftp_async.progress.reporter.seal", breaks)
    summary = do(real_job(embedded_server.options(), "out").prepare(), listener.address, lines(10))
    assert summary.rows == 10
    assert listener.last_write() is None


def test_a_job_that_was_committed_before_reports_that_it_wrote_nothing(
    embedded_server: EmbeddedServer, listener: Listener
) -> None:
    for _ in range(2):
        job = real_job(embedded_server.options(), "out", job_key="k").prepare()
        do(job, listener.address, lines(10))
    summary = listener.last_write()
    assert summary is not None
    assert (summary.job_id, summary.files, summary.rows) == (job.layout.job_id, 0, 0)
