"""`explain` on what Spark raises: our errors in it, and Spark's own that users meet with it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from sftp_async import explain
from sftp_async.explanation.explain import Explanation
from sftp_async.explanation.spark_advice import ADVICE
from sftp_async.tools.testing.embedded_server import EmbeddedServer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

pytestmark = pytest.mark.one_python

PYTHON_OF_TASKS = "spark.sql.execution.pyspark.python"
#: The one advice whose error takes Spark its timeout; tests/unit/test_explanation.py has its text.
NOT_PROVOKED = {"Python worker failed to connect back"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path_factory.mktemp("served")) as server:
        yield server


class Trials:
    """Calls that fail in Spark, and what is explained of it."""

    def __init__(self, spark: SparkSession, server: EmbeddedServer, directory: Path) -> None:
        self.spark = spark
        self.options = server.options()
        self.directory = directory

    def writer(self, df: DataFrame | None = None, **options: str) -> DataFrameWriter:
        rows = self.spark.range(2).repartition(1) if df is None else df
        return rows.write.format("sftp").options(**{**self.options, **options})

    def fails(self, call: Callable[[], Any]) -> Explanation:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - what is raised is Spark's matter
            call()
        found = explain(caught.value)
        assert "Traceback" not in str(found)
        assert str(self.options["password"]) not in str(found)
        return found

    def fails_with_python(self, place: str, code: str) -> Explanation:
        """Write while the tasks' Python finds a module of its own first."""
        module = self.directory / "modules" / place
        module.parent.mkdir(parents=True)
        module.write_text(code)
        python = self.directory / "python3"
        first = f"PYTHONPATH={self.directory / 'modules'}:$PYTHONPATH"
        python.write_text(f'#!/bin/sh\n{first} exec {sys.executable} "$@"\n')
        python.chmod(0o755)
        return self.fails_with(python)

    def fails_with(self, python: Path) -> Explanation:
        self.spark.conf.set(PYTHON_OF_TASKS, str(python))
        try:
            return self.fails(lambda: self.writer().mode("append").save("/out"))
        finally:
            self.spark.conf.unset(PYTHON_OF_TASKS)


@pytest.fixture
def trials(spark: SparkSession, server: EmbeddedServer, tmp_path: Path) -> Trials:
    return Trials(spark, server, tmp_path)


def killed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield from batches


def no_checkpoint(trials: Trials) -> Any:
    stream = trials.spark.readStream.format("rate").load()
    return stream.writeStream.format("sftp").options(**trials.options).start("/out")


#: What Spark does not do, by the title of the advice on it.
SPARKS_OWN: dict[str, Callable[[Trials], Explanation]] = {
    "Save modes": lambda t: t.fails(lambda: t.writer().save("/out")),
    "partitionBy": lambda t: t.fails(
        lambda: t.writer().mode("append").partitionBy("id").save("/out")
    ),
    "bucketBy and sortBy": lambda t: t.fails(
        lambda: t.writer().mode("append").bucketBy(2, "id").save("/out")
    ),
    "DATA_SOURCE_NOT_FOUND": lambda t: t.fails(lambda: t.spark.read.format("sftpp").load("/in")),
    "Another Python in the tasks": lambda t: t.fails_with_python(
        "sitecustomize.py",
        "import collections, sys\n"
        "version = collections.namedtuple('version', 'major minor micro releaselevel serial')\n"
        "sys.version_info = version(3, sys.version_info[1] + 1, 0, 'final', 0)\n",
    ),
    "No module named pyarrow or sftp_async": lambda t: t.fails_with_python(
        "pyarrow.py", "raise ModuleNotFoundError(\"No module named 'pyarrow'\", name='pyarrow')"
    ),
    "A Python that cannot start": lambda t: t.fails_with(Path("/nowhere/python3")),
    "Python worker exited unexpectedly": lambda t: t.fails(
        lambda: (
            t.writer(t.spark.range(1).mapInArrow(killed, "id BIGINT")).mode("append").save("/out")
        )
    ),
    "checkpointLocation": lambda t: t.fails(lambda: no_checkpoint(t)),
}


@pytest.mark.parametrize("title", SPARKS_OWN)
def test_an_error_of_spark_gets_its_advice(title: str, trials: Trials) -> None:
    found = SPARKS_OWN[title](trials)
    [advice] = [each for each in ADVICE if each.title == title]
    assert found.kind is None, found
    assert found.remedy == advice.remedy, found
    assert found.cause.startswith("Spark says: ")


def test_every_advice_is_tried() -> None:
    assert SPARKS_OWN.keys() == {each.title for each in ADVICE} - NOT_PROVOKED


def test_mode_ignore_is_refused_like_the_default(trials: Trials) -> None:
    found = trials.fails(lambda: trials.writer().mode("ignore").save("/out"))
    assert '.mode("append")' in (found.remedy or "")


@pytest.mark.parametrize(
    ("kind", "cause", "remedy", "call"),
    [
        (
            "AuthenticationError",
            "The server refused the login (password tried) (host ",
            "Check the username",
            lambda t: t.writer(password="wrong-S3cret").mode("append").save("/out"),
        ),
        (
            "RemoteNotFoundError",
            "There is no such file or directory (host ",
            "/ has",
            lambda t: t.spark.read.format("sftp").options(**t.options).load("/nothing"),
        ),
        (
            "OptionsError",
            "Invalid option: 'hots' is not an option; did you mean host?",
            "Correct the options",
            lambda t: t.spark.read.format("sftp").options(**t.options, hots="x").load("/in"),
        ),
        (
            "EncodeError",
            "ascii has no character 'ü' (U+00FC). Set encoding=UTF-8",
            None,
            lambda t: (
                t.writer(t.spark.sql("SELECT 'ü' AS a"), encoding="ascii")
                .mode("append")
                .save("/out/ascii")
            ),
        ),
    ],
)
def test_an_error_of_ours_is_explained_in_its_own_words(
    kind: str, cause: str, remedy: str | None, call: Callable[[Trials], Any], trials: Trials
) -> None:
    found = trials.fails(lambda: call(trials))
    assert found.kind == kind
    assert found.cause.startswith(cause), found
    assert (found.remedy or "").startswith(remedy or ""), found


def test_an_error_of_a_stream_is_explained_in_its_own_words(trials: Trials) -> None:
    rows = trials.spark.readStream.format("rate").load()
    writer = rows.writeStream.format("sftp").options(**trials.options | {"password": "wrong"})
    where = str(trials.directory / "checkpoint")

    def run() -> None:
        query = writer.option("checkpointLocation", where).trigger(once=True).start("/out")
        query.awaitTermination()

    found = trials.fails(run)
    assert found.kind == "AuthenticationError"
    assert (found.remedy or "").startswith("Check the username")


def test_spark_prints_three_lines_before_our_sentence(trials: Trials) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        trials.writer(password="wrong-S3cret").mode("append").save("/out")
    lines = str(caught.value).splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("sftp_async.errors."))
    assert place == 3
