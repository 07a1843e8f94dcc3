"""Makes OpenTelemetry's spans and metrics of jobs; the only module that uses its API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from sftp_async.progress.messages import CommitProgress, ReadProgress, TaskProgress
from sftp_async.version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from sftp_async.progress.messages import JobLabels
    from sftp_async.progress.telemetry.job_result import JobResult, Operation

SCOPE = "sftp_async"
#: What OpenTelemetry's conventions have for an error of which the class is not known.
OTHER = "_OTHER"
#: Seconds that a process of Spark's waits for its spans and metrics to be sent.
FLUSH_SECONDS = 10.0

#: The counters: name, unit and description; each counts the field of `JobResult` of that name.
COUNTERS = (
    ("files", "{file}", "Data files that were committed, or read."),
    ("rows", "{row}", "Rows that were written or read."),
    ("bytes", "By", "Bytes that the server acknowledged, or sent."),
    ("connections", "{connection}", "Logins."),
    ("retries", "{retry}", "Logins, requests and uploads that were repeated."),
    ("reconnects", "{connection}", "Connections that broke."),
    ("wait_seconds", "s", "Time that tasks, plan and commit waited for connections."),
    ("throttle_seconds", "s", "Time that bytes waited for the bandwidth of the options."),
)
#: Fields of `JobResult`: what a commit made visible; what else a job did to files.
COMMITTED = ("files", "rows", "bytes")
CHANGED = ("files_replaced", "files_removed", "files_left_out")
#: Of tasks and commits, by the state that they have reported.
OUTCOMES = {"done": "succeeded", "failed": "failed", "running": "unknown"}


class Exporter:
    """Hands jobs to a tracer provider and a meter provider.

    Args:
        traces: makes the tracer.
        meters: makes the meter.

    """

    def __init__(self, traces: TracerProvider, meters: MeterProvider) -> None:
        self._providers = (traces, meters)
        self.tracer = traces.get_tracer(SCOPE, __version__)
        meter = meters.get_meter(SCOPE, __version__)
        self._duration = meter.create_histogram(
            f"{SCOPE}.job.duration", "s", "Time from the plan of a job to its end."
        )
        self._counters = {
            name: meter.create_counter(f"{SCOPE}.{name}", unit, text)
            for name, unit, text in COUNTERS
        }

    def begin(self, operation: Operation, job: str, target: str, labels: JobLabels) -> JobSpans:
        """Begin the span of a job."""
        return JobSpans(self, operation, job, target, labels)

    def add_lone_task(self, task: ReadProgress) -> None:
        """Make the span of a task of a read whose job has none."""
        ChildSpans(self, "read", task.job, task.target, task.labels).add_task(task)

    def count(self, result: JobResult) -> None:
        """Add a job to the metrics; of its labels those that have few values."""
        labels: dict[str, Any] = {
            "sftp_async.operation": result.operation,
            "sftp_async.format": result.labels.format,
            "sftp_async.outcome": result.outcome,
            "server.address": result.labels.host,
            "server.port": result.labels.port,
        }
        if result.outcome == "failed":
            labels["error.type"] = result.error_type or OTHER
        self._duration.record(result.seconds, labels)
        for name, counter in self._counters.items():
            counter.add(getattr(result, name), labels)

    def flush(self) -> None:
        """Send what is ended and counted, if the providers can; waits for it."""
        for provider in self._providers:
            send = getattr(provider, "force_flush", None)
            if send is not None:
                send(round(FLUSH_SECONDS * 1000))


class ChildSpans:
    """Makes the spans of a job's tasks and of its commit.

    Args:
        exporter: makes the spans.
        operation: write or read.
        job: its id.
        target: path on the server.
        labels: server, format, and when it began.

    """

    def __init__(
        self, exporter: Exporter, operation: Operation, job: str, target: str, labels: JobLabels
    ) -> None:
        self._exporter = exporter
        self._operation = operation
        self._common: dict[str, Any] = {
            "server.address": labels.host,
            "server.port": labels.port,
            "sftp_async.job.id": job,
            "sftp_async.operation": operation,
            "sftp_async.target": target,
            "sftp_async.format": labels.format,
        }
        self._started = labels.started
        #: That of the application's span, or an empty one.
        self._context = TraceContextTextMapPropagator().extract(
            {"traceparent": labels.traceparent}, Context()
        )

    def add_task(self, task: TaskProgress | ReadProgress) -> None:
        """Add an attempt at a task that has ended, or that reports no more."""
        attributes = {
            "sftp_async.partition": task.partition,
            "sftp_async.attempt": task.attempt,
            "sftp_async.files": task.files,
            "sftp_async.rows": task.rows,
            "sftp_async.bytes": task.bytes,
        }
        if isinstance(task, ReadProgress):
            attributes["sftp_async.files_left_out"] = task.files_left_out
        self._add(f"sftp {self._operation} task", task, attributes)

    def add_commit(self, commit: CommitProgress, result: JobResult) -> None:
        """Add the commit, with what it made visible."""
        attributes = {}
        if result.outcome == "succeeded":
            attributes = {f"sftp_async.{name}": getattr(result, name) for name in COMMITTED}
        self._add("sftp commit", commit, attributes)

    def _add(
        self,
        name: str,
        message: TaskProgress | ReadProgress | CommitProgress,
        attributes: dict[str, Any],
    ) -> None:
        spent = {f"sftp_async.{name}": value for name, value in asdict(message.spent).items()}
        span = self._exporter.tracer.start_span(
            name,
            self._context,
            kind=SpanKind.CLIENT,
            start_time=_nanoseconds(self._started + message.began),
            attributes=self._common | attributes | spent,
        )
        span.set_attribute("sftp_async.outcome", OUTCOMES[message.state])
        if message.state == "failed":
            _fail(span, message)
        span.end(_nanoseconds(self._started + message.age))


class JobSpans(ChildSpans):
    """The span of a job, which begins now, and those of its tasks and its commit below it.

    Args:
        exporter: makes the spans.
        operation: write or read.
        job: its id.
        target: path on the server.
        labels: server, format, and when it began.

    """

    def __init__(
        self, exporter: Exporter, operation: Operation, job: str, target: str, labels: JobLabels
    ) -> None:
        super().__init__(exporter, operation, job, target, labels)
        self._span = exporter.tracer.start_span(
            f"sftp {operation}",
            self._context,
            start_time=_nanoseconds(labels.started),
            attributes=self._common,
        )
        self._context = set_span_in_context(self._span, Context())

    def end(self, result: JobResult) -> None:
        """End the span of the job, and count the job."""
        span = self._span
        # The name that the one exact file got may be another one (`if_exists=rename`).
        span.set_attribute("sftp_async.target", result.target)
        span.set_attribute("sftp_async.outcome", result.outcome)
        names = [name for name, _, _ in COUNTERS]
        for name in (*names, "tasks", "startup_seconds", *CHANGED):
            span.set_attribute(f"sftp_async.{name}", getattr(result, name))
        if result.labels.batch >= 0:
            span.set_attribute("sftp_async.batch", result.labels.batch)
        if result.outcome == "failed":
            _fail(span, result)
        span.end(_nanoseconds(self._started + result.seconds))
        self._exporter.count(result)


def _fail(span: Span, why: TaskProgress | ReadProgress | CommitProgress | JobResult) -> None:
    span.set_attribute("error.type", why.error_type or OTHER)
    span.set_status(Status(StatusCode.ERROR, why.error))


def _nanoseconds(seconds: float) -> int:
    """Return a time in nanoseconds, as spans have it."""
    return round(seconds * 1e9)
