"""What a Python data source does with the user's columns where Spark's own readers do otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.one_python


class Readers:
    """Reads one directory with Spark's own reader of CSV, and with ours."""

    def __init__(self, spark: SparkSession, server: SSHD, directory: Path) -> None:
        self.directory = directory
        self._spark = spark
        self._server = server

    def both(self, schema: str, **options: Any) -> tuple[DataFrame, DataFrame]:
        """Return Spark's rows, and ours."""
        given = {**self._server.options(), **options, "format": "csv"}
        theirs = self._spark.read.format("csv").options(**options).schema(schema)
        ours = self._spark.read.format("sftp").options(**given).schema(schema)
        return theirs.load(str(self.directory)), ours.load(str(self.directory))


@pytest.fixture
def readers(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> Readers:
    return Readers(spark, sshd, remote_dir)


def test_partition_columns_are_those_that_the_schema_names_in_its_order(readers: Readers) -> None:
    (readers.directory / "k=1").mkdir()
    (readers.directory / "k=1" / "x.csv").write_text("a\n")
    theirs, ours = readers.both("a STRING")
    assert (theirs.columns, ours.columns) == (["a", "k"], ["a"])
    theirs, ours = readers.both("k INT, a STRING")
    assert (theirs.columns, ours.columns) == (["a", "k"], ["k", "a"])
    assert ours.select("a", "k").collect() == theirs.collect()


def test_rows_do_not_depend_on_the_columns_that_a_query_needs(readers: Readers) -> None:
    (readers.directory / "x.csv").write_text("1,x\n2,3\n4\n5,6,7\n")
    theirs, ours = readers.both("a INT, b INT", mode="DROPMALFORMED")
    assert ours.collect() == theirs.collect()
    assert (theirs.select("a").count(), ours.select("a").count()) == (4, 1)


def test_a_null_in_a_column_that_is_not_null_is_an_error(readers: Readers) -> None:
    (readers.directory / "x.csv").write_text("1,\n")
    theirs, ours = readers.both("a INT NOT NULL, b INT NOT NULL")
    assert [tuple(row) for row in theirs.collect()] == [(1, None)]
    with pytest.raises(PySparkException, match="'b' is NOT NULL in the schema"):
        ours.collect()


def test_the_files_are_those_of_the_first_action(readers: Readers) -> None:
    (readers.directory / "x.csv").write_text("1\n")
    _, ours = readers.both("a INT")
    (readers.directory / "y.csv").write_text("2\n")
    assert sorted(row.a for row in ours.collect()) == [1, 2]
    (readers.directory / "z.csv").write_text("3\n")
    assert ours.count() == 2
