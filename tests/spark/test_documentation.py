"""The documents' Python, run as it stands but for the server's name, key and credentials."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.documents import Block, Page, Step, pages
from tests.support.keys import KeySet
from tests.support.otlp import Collector
from tests.support.reader import Reader

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

WITH_SPARK = [page for page in pages() if page.needs_spark]
WITHOUT_SPARK = [page for page in pages() if page.needs_server and not page.needs_spark]


@pytest.fixture
def reader(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    user_keys: KeySet,
    connections_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Reader]:
    """The reader of a page, in a directory of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.root, "handlers", [*logging.root.handlers])  # pages set up logging
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    reader = Reader(request.param, tmp_path, user_keys)
    with reader.server, collector_of(reader.page, monkeypatch):
        connections_file.write_text(reader.profile("partner"))
        yield reader


@contextlib.contextmanager
def collector_of(page: Page, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take what a page's OpenTelemetry sends, until it is shut down: it is the process's."""
    if not any("opentelemetry" in step.block.code for step in page.steps):
        yield
        return
    from opentelemetry import metrics, trace

    with Collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        yield
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
            provider.shutdown()  # type: ignore[attr-defined]
        assert any(span.name == "sftp write" for span in collector.spans)


def names(reader: Reader, **more: object) -> dict[str, Any]:
    """Return what is at hand in every page."""
    return {"__name__": "__main__", "options": reader.server.options(), **more}


@pytest.mark.parametrize("reader", WITH_SPARK, ids=str, indirect=True)
def test_a_page_runs_from_top_to_bottom_and_writes_what_it_says(
    reader: Reader, spark: SparkSession
) -> None:
    df = spark.range(100).selectExpr("id", "concat('order ', id) AS name")
    reader.run(names(reader, spark=spark, df=df))
    if "EmbeddedServer(" in "".join(step.block.code for step in reader.page.steps):
        return  # it has a server of its own, and shows what is there
    assert reader.server.logins, "no block reached the server"
    for target, files in reader.written():
        assert files, f"nothing is in {target}"
        assert all(file.stat().st_size for file in files), f"an empty file is in {target}"


@pytest.mark.parametrize("reader", WITHOUT_SPARK, ids=str, indirect=True)
def test_a_page_that_needs_a_server_alone_runs_from_top_to_bottom(reader: Reader) -> None:
    reader.run(names(reader))
    assert reader.server.logins, "no block reached the server"


@pytest.fixture
def wrong(request: pytest.FixtureRequest, tmp_path: Path, user_keys: KeySet) -> Iterator[Reader]:
    """The reader of a page whose only block, in line 40, is wrong."""
    code, output = request.param
    step = Step(Block("README.md", 40, "python", code), output)
    reader = Reader(Page("README.md", [step]), tmp_path, user_keys)
    with reader.server:
        yield reader


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("a = 1\nraise KeyError('b')\n", None), "README.md:42: KeyError: 'b'"),
        (("print('one')\n", "o…\ntwo\n"), r"(?s)README\.md:40 prints something else.*one"),
    ],
    indirect=["wrong"],
)
def test_a_block_that_is_wrong_is_named_with_its_page_and_line(wrong: Reader, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        wrong.run({})
