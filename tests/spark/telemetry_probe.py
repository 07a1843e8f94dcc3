"""An application that has configured OpenTelemetry: a write, a read, a failed write, and a stream.

Its input is one JSON object: `options` of the server, and the directories `remote` and `local`.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from pathlib import Path

from opentelemetry import metrics, propagate, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pyspark.errors import PySparkException

from sftp_async import register
from tests.support.spark import start_spark


def main() -> None:
    """Run all; exporters send what is left when the process ends."""
    asked = json.load(sys.stdin)
    options, remote, local = asked["options"], Path(asked["remote"]), Path(asked["local"])
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
    logging.basicConfig(level=logging.INFO, format="%(name)s %(message)s", stream=sys.stdout)

    spark = start_spark(local)
    register(spark)
    rows = spark.range(0, 1000, 1, 2)
    with trace.get_tracer("app").start_as_current_span("nightly"):
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        parent = {"traceparent": carrier["traceparent"]}
        written = rows.write.format("sftp").options(**options, **parent).mode("append")
        written.save(f"{remote}/orders")
    read = spark.read.format("sftp").options(**options, format="csv").schema("id long")
    assert read.load(f"{remote}/orders").count() == 1000
    try:
        # Two partitions make no Parquet file.
        rows.write.format("sftp").options(**options).mode("append").save(f"{remote}/a.parquet")
    except PySparkException as error:
        assert "cannot be joined" in str(error)  # noqa: PT017 - no test, which pytest would run
    # The same files at another path: a stream's read is found by its target.
    shutil.copytree(remote / "orders", remote / "inbox")
    stream = spark.readStream.format("sftp").options(**options, format="csv", stable_for="0")
    query = (
        stream.schema("id long")
        .load(f"{remote}/inbox")
        .writeStream.format("sftp")
        .options(**options, checkpointLocation=str(local / "checkpoint"))
        .trigger(availableNow=True)
        .start(f"{remote}/copy")
    )
    query.awaitTermination()
    spark.stop()


if __name__ == "__main__":
    main()
