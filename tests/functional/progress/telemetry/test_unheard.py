"""Jobs without a listener: `telemetry=otel` exports from each process, as OTEL_* say."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import CommitError, DecodeError
from sftp_async.options import SFTPOptions
from sftp_async.progress.telemetry import providers
from sftp_async.read.scan import plan_scan
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.jobs import LINES, real_job
from tests.support.otlp import Collector, Span

pytestmark = pytest.mark.one_python

ROWS = pa.record_batch([pa.array(["a", "b"], pa.string())], schema=LINES)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTEL = {"telemetry": "otel", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as one:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", one.endpoint)
        monkeypatch.setattr(providers, "_own", None)
        yield one
        if providers._own is not None:
            for each in providers._own._providers:
                each.shutdown()


def named(collector: Collector, name: str) -> Span:
    (span,) = (span for span in collector.spans if span.name == name)
    return span


def test_the_commit_of_a_write_sends_its_whole_trace_and_logs_it(
    embedded_server: EmbeddedServer, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sftp_async.job")
    options = {**OTEL, "max_bandwidth_per_connection": "1g"}
    job = real_job(embedded_server.options(), "out", **options).prepare()
    parts, metrics = job.write(0, [ROWS], attempt=2)
    assert collector.spans == []
    job.commit(parts, [metrics])
    whole = named(collector, "sftp write")
    assert (whole.trace, whole.parent) == (TRACE, "00f067aa0ba902b7")
    task, commit = named(collector, "sftp write task"), named(collector, "sftp commit")
    assert task.parent == commit.parent == whole.id
    assert whole.start <= task.start <= task.end <= commit.start <= commit.end <= whole.end
    assert (task.attributes["sftp_async.attempt"], task.attributes["sftp_async.rows"]) == (2, 2)
    assert task.attributes["sftp_async.throttle_seconds"] > 0
    assert whole.attributes["sftp_async.wait_seconds"] > 0
    assert commit.attributes["sftp_async.files"] == 1
    ((_, rows),) = collector.metrics["sftp_async.rows"]
    assert rows == 2
    (line,) = (json.loads(message) for message in caplog.messages if message.startswith("{"))
    assert (line["job_id"], line["outcome"]) == (job.layout.job_id, "succeeded")


def test_the_span_of_a_write_that_is_refused_has_its_error(
    embedded_server: EmbeddedServer, collector: Collector
) -> None:
    (embedded_server.root / "out").write_text("a file")
    with pytest.raises(CommitError):
        real_job(embedded_server.options(), "out", **OTEL).prepare()
    span = named(collector, "sftp write")
    assert (span.failed, span.attributes["error.type"]) == (True, "CommitError")
    assert "A file is where a directory should be" in span.message


def test_each_task_of_a_read_sends_its_own_span(
    embedded_server: EmbeddedServer, collector: Collector
) -> None:
    (embedded_server.root / "good.json").write_text('{"line": "a"}\n')
    (embedded_server.root / "bad.json").write_text('{"line": \n')

    def read(path: str) -> int:
        more: dict[str, Any] = {"path": path, "mode": "FAILFAST", **OTEL}
        options = SFTPOptions.from_spark({**embedded_server.options(), **more})
        scan, [task], tracking = plan_scan(options, LINES)
        return sum(len(batch) for batch in tracking.read(scan, task, 0, 0))

    assert read("good.json") == 1
    with pytest.raises(DecodeError):
        read("bad.json")
    good, bad = collector.spans
    assert {good.name, bad.name} == {"sftp read task"}
    assert (good.trace, good.parent) == (TRACE, "00f067aa0ba902b7")
    assert (good.failed, good.attributes["sftp_async.rows"]) == (False, 1)
    assert (bad.failed, bad.attributes["error.type"]) == (True, "DecodeError")


def test_a_collector_that_cannot_be_reached_fails_no_write(
    embedded_server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaks() -> None:
        raise OSError("no network")

    monkeypatch.setattr("sftp_async.progress.telemetry.unheard.flush", breaks)
    job = real_job(embedded_server.options(), "out").prepare()
    parts, metrics = job.write(0, [ROWS])
    assert job.commit(parts, [metrics]).rows == 2
    assert "a trace is not complete: OSError: no network" in caplog.messages
