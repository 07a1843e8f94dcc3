"""What an application's collector and log get of real writes, reads and micro-batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from sftp_async.progress.messages import JobLabels
from sftp_async.progress.telemetry.job_log import line_of
from sftp_async.progress.telemetry.job_result import JobResult
from tests.support.documents import pages
from tests.support.otlp import Collector, Span
from tests.support.spark import REPOSITORY, require_java
from tests.support.sshd import SSHD

pytestmark = [pytest.mark.spark, pytest.mark.one_python]

KEYS = [*json.loads(line_of(JobResult("read", "failed", "", "", JobLabels(), *[0] * 5)))]


@dataclass(frozen=True)
class Seen:
    """What the application of `telemetry_probe` has left."""

    collector: Collector
    lines: list[dict[str, Any]]
    events: Path
    remote: Path
    port: int
    secret: str

    def tree(self, operation: str, target: str) -> tuple[Span, list[Span]]:
        """The span of a job, and those below it in the order of their names and partitions."""
        (job,) = (
            span
            for span in self.collector.spans
            if span.name == f"sftp {operation}"
            and span.attributes["sftp_async.target"] == f"{self.remote}/{target}"
        )
        below = [span for span in self.collector.spans if span.parent == job.id]
        partition = "sftp_async.partition"
        return job, sorted(below, key=lambda span: (span.name, span.attributes.get(partition, 0)))


@pytest.fixture(scope="module")
def seen(sshd: SSHD, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    require_java()
    remote, local = tmp_path_factory.mktemp("remote"), tmp_path_factory.mktemp("local")
    settings = ("enabled=true", "rolling.enabled=false", "compress=false", f"dir={local.as_uri()}")
    log = " ".join(f"--conf spark.eventLog.{setting}" for setting in settings)
    asked = {"options": sshd.options(), "remote": str(remote), "local": str(local)}
    with Collector() as collector:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "PYSPARK_SUBMIT_ARGS": f"{log} pyspark-shell",
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.spark.telemetry_probe"],
            input=json.dumps(asked),
            cwd=REPOSITORY,
            env=os.environ | environment,
            check=False,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    logged = [line.partition(" ") for line in done.stdout.splitlines()]
    lines = [json.loads(text) for name, _, text in logged if name == "sftp_async.job"]
    (events,) = local.glob("local-*")
    secret = sshd.options()["private_key_content"]
    return Seen(collector, lines, events, remote, sshd.port, secret)


def numbers(span: Span) -> tuple[int, ...]:
    """The files, rows and bytes of a span."""
    return tuple(span.attributes[f"sftp_async.{name}"] for name in ("files", "rows", "bytes"))


def test_a_write_is_a_tree_below_the_applications_span(seen: Seen) -> None:
    job, below = seen.tree("write", "orders")
    (own,) = (span for span in seen.collector.spans if span.name == "nightly")
    assert (job.trace, job.parent) == (own.trace, own.id)
    assert [span.name for span in below] == ["sftp commit", "sftp write task", "sftp write task"]
    files = sorted((seen.remote / "orders").glob("part-*"))
    sizes = [file.stat().st_size for file in files]
    took = {"connections", "retries", "reconnects", "wait_seconds", "throttle_seconds"}
    counted = {f"sftp_async.{name}" for name in took | {"files", "rows", "bytes", "outcome"}}
    for span in (job, *below):
        assert not span.failed
        assert counted <= span.attributes.keys()
        assert span.attributes["sftp_async.outcome"] == "succeeded"
        assert span.attributes["server.address"] == "127.0.0.1"
        assert span.attributes["server.port"] == seen.port
        assert span.attributes["sftp_async.format"] == "csv"
        assert span.attributes["sftp_async.job.id"] == job.attributes["sftp_async.job.id"]
        assert job.start <= span.start <= span.end <= job.end
    commit, *tasks = below
    assert [numbers(span) for span in (job, commit, *tasks)] == [
        (2, 1000, sum(sizes)),
        (2, 1000, sum(sizes)),
        *((1, 500, size) for size in sizes),
    ]
    assert [span.attributes["sftp_async.partition"] for span in tasks] == [0, 1]
    assert {span.attributes["sftp_async.attempt"] for span in tasks} == {0}
    assert job.attributes["sftp_async.wait_seconds"] > 0


def test_a_read_is_a_tree_of_its_tasks(seen: Seen) -> None:
    job, below = seen.tree("read", "orders")
    assert [span.name for span in below] == ["sftp read task"] * 2
    size = sum(span.attributes["sftp_async.bytes"] for span in below)
    assert numbers(job) == (2, 1000, size)
    assert {span.attributes["sftp_async.outcome"] for span in (job, *below)} == {"succeeded"}


def test_a_failed_write_and_its_failed_task_have_the_error(seen: Seen) -> None:
    job, (good, bad) = seen.tree("write", "a.parquet")
    assert (job.failed, good.failed, bad.failed) == (True, False, True)
    for span in (job, bad):
        assert span.attributes["error.type"] == "EncodeError"
        assert span.attributes["sftp_async.outcome"] == "failed"
        assert "cannot be joined from several partitions" in span.message
    assert job.attributes["sftp_async.files"] == 0


def test_a_micro_batch_is_a_job_on_both_sides_of_a_stream(seen: Seen) -> None:
    write, below = seen.tree("write", "copy")
    assert [span.name for span in below] == ["sftp commit", "sftp write task", "sftp write task"]
    assert write.attributes["sftp_async.batch"] == 0
    read, tasks = seen.tree("read", "inbox")
    assert [span.name for span in tasks] == ["sftp read task"] * 2
    assert read.attributes["sftp_async.batch"] == 1
    assert numbers(write)[1] == numbers(read)[1] == 1000


def test_metrics_sum_up_jobs_by_operation_and_outcome(seen: Seen) -> None:
    def of(metric: str) -> dict[tuple[str, str], Any]:
        points = seen.collector.metrics[f"sftp_async.{metric}"]
        operation, outcome = "sftp_async.operation", "sftp_async.outcome"
        return {(labels[operation], labels[outcome]): value for labels, value in points}

    jobs = {key: count for key, (count, _) in of("job.duration").items()}
    assert jobs == {("write", "succeeded"): 2, ("read", "succeeded"): 2, ("write", "failed"): 1}
    assert of("rows")["write", "succeeded"] == 2000
    assert of("files")["read", "succeeded"] == 4
    labels = {name for points, _ in chain(*seen.collector.metrics.values()) for name in points}
    assert not {name for name in labels if name.endswith(("target", "id"))}


def test_each_job_has_one_line_with_the_keys_of_all(seen: Seen) -> None:
    found = [(line["operation"], Path(line["target"]).name, line["outcome"]) for line in seen.lines]
    assert sorted(found) == [
        ("read", "inbox", "succeeded"),
        ("read", "orders", "succeeded"),
        ("write", "a.parquet", "failed"),
        ("write", "copy", "succeeded"),
        ("write", "orders", "succeeded"),
    ]
    assert {tuple(line) for line in seen.lines} == {tuple(KEYS)}
    (line,) = (line for line in seen.lines if line["target"].endswith("/a.parquet"))
    assert (line["error_type"], line["rows"]) == ("EncodeError", 1000)


def test_no_secret_is_in_what_the_collector_and_the_log_get(seen: Seen) -> None:
    key = "".join(seen.secret.splitlines()[1:-1])
    pieces = {key[start : start + 20] for start in range(0, len(key) - 20, 20)}
    sent = seen.collector.received.decode("latin-1") + json.dumps(seen.lines)
    assert b"sftp write" in seen.collector.received
    assert not [piece for piece in pieces if piece in sent]


def test_the_pages_function_sums_up_what_sparks_event_log_counts(seen: Seen) -> None:
    (page,) = (page for page in pages() if page.document == "docs/how-to/traces.md")
    (block,) = (step.block for step in page.steps if "def python_metrics" in step.block.code)
    names: dict[str, Any] = {}
    exec(block.compile(), names)  # type: ignore[arg-type]
    write, read = (names["python_metrics"](seen.events)[query] for query in (0, 1))
    assert write["data sent to Python workers"] > 1000 * 8
    assert write["number of output rows"] == 0
    assert read["number of output rows"] == 1000
    assert read["data returned from Python workers"] > 1000 * 8
