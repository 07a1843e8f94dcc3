"""A stand-in for an OpenTelemetry collector: takes spans and metrics by OTLP over HTTP."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

#: What a path takes, and what it answers.
SERVICES: dict[str, tuple[Any, Any]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}


@dataclass(frozen=True)
class Span:
    """A span as it came: ids in hex, times in nanoseconds; `failed` is its status."""

    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    failed: bool
    message: str
    attributes: dict[str, Any]


class Collector:
    """Listens on a loopback port of its own, as a context manager."""

    def __init__(self) -> None:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request, response = SERVICES[self.path]
                collector._take(request.FromString(body), body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(response().SerializeToString())

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._lock = threading.Lock()
        self._spans: list[Span] = []
        self._metrics: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        self._received = bytearray()

    @property
    def endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[Span]:
        """The spans that have come."""
        with self._lock:
            return list(self._spans)

    @property
    def metrics(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """The attributes and the value of each point that came last, by the metric's name."""
        with self._lock:
            return dict(self._metrics)

    @property
    def received(self) -> bytes:
        """All bytes of all messages."""
        with self._lock:
            return bytes(self._received)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, message: Any, body: bytes) -> None:
        with self._lock:
            self._received += body
            for resource in getattr(message, "resource_spans", ()):
                for scope in resource.scope_spans:
                    self._spans += map(_span, scope.spans)
            for resource in getattr(message, "resource_metrics", ()):
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        data = getattr(metric, metric.WhichOneof("data"))
                        self._metrics[metric.name] = list(map(_point, data.data_points))


def _span(span: Any) -> Span:
    return Span(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == span.status.STATUS_CODE_ERROR,
        span.status.message,
        _attributes(span.attributes),
    )


def _point(point: Any) -> tuple[dict[str, Any], Any]:
    if hasattr(point, "bucket_counts"):
        return _attributes(point.attributes), (point.count, point.sum)
    return _attributes(point.attributes), getattr(point, point.WhichOneof("value"))


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
