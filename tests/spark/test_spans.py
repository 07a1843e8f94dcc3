"""Spans of a write, a read and both sides of a stream, in each version of Spark."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Ended(SpanProcessor):
    """Keeps the spans that have ended."""

    def __init__(self) -> None:
        self._spans: SimpleQueue[ReadableSpan] = SimpleQueue()

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.put(span)

    def next(self, count: int) -> dict[tuple[str, str], list[ReadableSpan]]:
        """Wait for so many more; return them by their name and the name of the target."""
        found: dict[tuple[str, str], list[ReadableSpan]] = {}
        for _ in range(count):
            span = self._spans.get(timeout=60)
            target = Path(str((span.attributes or {})["sftp_async.target"])).name
            found.setdefault((span.name, target), []).append(span)
        return found


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Ended:
    """The spans of an application that has configured OpenTelemetry."""
    one, provider = Ended(), TracerProvider()
    provider.add_span_processor(one)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return one


def test_a_write_a_read_and_both_sides_of_a_stream_have_spans(
    session: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, ended: Ended
) -> None:
    options = {**sshd.options(), "format": "csv", "stable_for": "0"}
    rows = session.range(0, 1000, 1, 2)
    rows.write.format("sftp").options(**options).mode("append").save(f"{remote_dir}/in")
    written = ended.next(4)
    assert Counter({key: len(spans) for key, spans in written.items()}) == {
        ("sftp write", "in"): 1,
        ("sftp write task", "in"): 2,
        ("sftp commit", "in"): 1,
    }

    reader = session.read.format("sftp").options(**options).schema("id LONG")
    assert len(reader.load(f"{remote_dir}/in").collect()) == 1000
    assert set(ended.next(3)) == {("sftp read", "in"), ("sftp read task", "in")}

    stream = session.readStream.format("sftp").options(**options).schema("id LONG")
    query = (
        stream.load(f"{remote_dir}/in")
        .writeStream.format("sftp")
        .options(**sshd.options(), checkpointLocation=str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start(f"{remote_dir}/copy")
    )
    assert query.awaitTermination(120)
    both = ended.next(7)
    assert set(both) == {
        *(("sftp read", "in"), ("sftp read task", "in")),
        *(("sftp write", "copy"), ("sftp write task", "copy"), ("sftp commit", "copy")),
    }
    for (name,) in (both["sftp read", "in"], both["sftp write", "copy"]):
        attributes = name.attributes or {}
        assert attributes["sftp_async.outcome"] == "succeeded"
        assert attributes["sftp_async.rows"] == 1000
