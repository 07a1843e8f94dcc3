"""Where spans and metrics go: to the application's OpenTelemetry, and nowhere if it has none."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from sftp_async import SFTPOptions
from sftp_async.errors import OptionsError
from sftp_async.progress.messages import CommitProgress, JobEnded, JobLabels, TaskProgress
from sftp_async.progress.summary import WriteSummary
from sftp_async.progress.telemetry import providers
from sftp_async.progress.telemetry.follower import JobFollower
from sftp_async.progress.telemetry.providers import exporter_for, telemetry_problems
from tests.unit.test_documentation import rows

OPTIONS = {"host": "h", "username": "u", "password": "p"}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_nothing_imports_opentelemetry_unless_the_application_does() -> None:
    script = """
import sys
import sftp_async, sftp_async.progress, sftp_async.write.plan, sftp_async.read.scan
from sftp_async.progress.telemetry.providers import exporter_for
assert exporter_for("auto") is None and exporter_for("off") is None
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_option_otel_names_the_extra_where_packages_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = SFTPOptions(**OPTIONS, telemetry="otel")
    assert list(telemetry_problems(options)) == []
    monkeypatch.setattr(providers, "EXPORTER", "no.such.package")
    assert "pip install 'sftp-async[otel]'" in next(telemetry_problems(options))
    assert list(telemetry_problems(SFTPOptions(**OPTIONS))) == []


@pytest.mark.parametrize(
    "value", ["x", f"00-{TRACE}-{SPAN}", f"00-{'0' * 32}-{SPAN}-01", f"01-{TRACE}-{SPAN}-01"]
)
def test_what_is_no_traceparent_is_refused(value: str) -> None:
    with pytest.raises(OptionsError, match="traceparent"):
        SFTPOptions.from_spark({**OPTIONS, "traceparent": value})


def follow(labels: JobLabels) -> None:
    """One write, of one task, from begin to end."""
    follower = JobFollower()
    summary = WriteSummary("/out", "w", 1, 10, 100, 4.0, 1, 2, 0)
    task = TaskProgress("task", "w", "/out", 2.0, 0, "done", 1, 10, 100, 1.0, labels=labels)
    for message in (
        task,
        CommitProgress("commit", "w", "/out", 3.5, state="done", began=2.5, labels=labels),
        JobEnded("end", "w", summary, labels=labels),
    ):
        follower.update(message, 0.0)


def test_spans_go_to_the_application_below_the_span_that_it_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    reader = PrometheusMetricReader()
    meters = MeterProvider([reader])
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    labels = JobLabels("h", 22, "csv", 1000.0, "auto", f"00-{TRACE}-{SPAN}-01")
    follow(labels)
    follow(JobLabels(telemetry="off"))
    task, commit, job = spans.get_finished_spans()
    assert [each.name for each in (job, task, commit)] == [
        "sftp write",
        "sftp write task",
        "sftp commit",
    ]
    assert {f"{each.context.trace_id:032x}" for each in (job, task, commit)} == {TRACE}
    assert job.parent is not None
    assert f"{job.parent.span_id:016x}" == SPAN
    assert [each.parent and each.parent.span_id for each in (task, commit)] == [
        job.context.span_id
    ] * 2
    times = [(each.start_time, each.end_time) for each in (job, task, commit)]
    seconds = [(1000.0, 1004.0), (1001.0, 1002.0), (1002.5, 1003.5)]
    assert times == [(int(a * 1e9), int(b * 1e9)) for a, b in seconds]

    # The names that the page gives are Prometheus's.
    found = {
        f"{sample.name}"
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("sftp_async")
    }
    meters.shutdown()
    promised = [name.strip("`") for _, name, _ in rows("docs/how-to/traces.md", "Metrics")]
    assert [name for name in promised if {name, f"{name}_sum"} & found == set()] == []
    assert exporter_for("otel") is exporter_for("auto")
