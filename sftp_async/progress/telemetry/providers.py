"""Chooses where spans and metrics go: to the application's OpenTelemetry, or to one by OTEL_*."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sftp_async.options import SFTPOptions
    from sftp_async.progress.messages import Telemetry
    from sftp_async.progress.telemetry.spans import Exporter

log = logging.getLogger("sftp_async.progress.telemetry")

#: The last of the packages of the extra: it needs all others.
EXPORTER = "opentelemetry.exporter.otlp.proto.http"

_lock = threading.Lock()
_own: Exporter | None = None
_current: tuple[Any, Any, Exporter] | None = None


def telemetry_problems(options: SFTPOptions) -> Iterator[str]:
    """Yield a sentence if `telemetry=otel` is set and OpenTelemetry is missing; imports nothing."""
    if options.telemetry == "otel" and not _is_installed():
        yield (
            "telemetry=otel needs OpenTelemetry on the driver: pip install 'sftp-async[otel]'; "
            "telemetry=auto writes and reads without it."
        )


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec(EXPORTER) is not None
    except ModuleNotFoundError:  # nor the packages around it
        return False


def exporter_for(telemetry: Telemetry) -> Exporter | None:
    """Return what takes a job's spans and metrics; None: nothing does.

    Args:
        telemetry: the option. `auto` imports nothing: an application that has configured
            OpenTelemetry has imported it.

    """
    if telemetry == "off" or (telemetry == "auto" and "opentelemetry.trace" not in sys.modules):
        return None
    try:
        return _exporter(own=telemetry == "otel")
    except ImportError as error:
        log.warning("no traces and metrics: %s", error)
        return None


def flush() -> None:
    """Send what the exporter of `telemetry=otel` still holds; for processes of Spark's."""
    if _own is not None:
        _own.flush()


def _exporter(*, own: bool) -> Exporter | None:
    """Return the exporter to the providers of the application.

    Args:
        own: return one to providers of our own if the application has configured none.

    """
    global _current, _own
    from opentelemetry import metrics, trace

    from sftp_async.progress.telemetry.spans import Exporter

    traces, meters = trace.get_tracer_provider(), metrics.get_meter_provider()
    with _lock:
        if not any(_is_configured(each) for each in (traces, meters)):
            if own and _own is None:
                _own = Exporter(*_by_environment())
            return _own if own else None
        if _current is None or _current[0] is not traces or _current[1] is not meters:
            _current = traces, meters, Exporter(traces, meters)
        return _current[2]


def _is_configured(provider: object) -> bool:
    """Whether a provider is the application's; those of the API itself do nothing."""
    return not type(provider).__module__.startswith(
        ("opentelemetry.trace", "opentelemetry.metrics")
    )


def _by_environment() -> tuple[Any, Any]:
    """Return providers that export as the standard variables OTEL_* say; they are not global."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    traces = TracerProvider()
    if _is_wanted("OTEL_TRACES_EXPORTER"):
        traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers = []
    if _is_wanted("OTEL_METRICS_EXPORTER"):
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
    return traces, MeterProvider(readers)


def _is_wanted(variable: str) -> bool:
    """Whether a variable asks for OTLP, which is the default."""
    chosen = os.environ.get(variable, "otlp").strip()
    if chosen not in ("", "none", "otlp", "otlp_proto_http"):
        log.warning("%s=%s needs an SDK that the application configures", variable, chosen)
    return chosen in ("", "otlp", "otlp_proto_http")
