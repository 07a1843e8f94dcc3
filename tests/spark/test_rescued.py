"""The column of rescued data as a user of Spark sees it: what does not fit is kept as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession


class Reads:
    """Reads a directory of a real server with a column of rescued data.

    Attributes:
        directory: that is read.
        place: of the server, as paths in rows begin.

    """

    def __init__(self, spark: SparkSession, server: SSHD, directory: Path) -> None:
        self.directory = directory
        self._spark = spark
        self._options = server.options()
        to = self._options
        self.place = f"sftp://{to['username']}@{to['host']}:{to['port']}"

    def put(self, name: str, *lines: str) -> str:
        """Make a file; return its path as rows have it."""
        path = self.directory / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return f"{self.place}{path}"

    def load(self, schema: str | None = None, **options: Any) -> DataFrame:
        """Read the directory."""
        given = {**self._options, "rescuedDataColumn": "_rescued", **options}
        reader = self._spark.read.format("sftp").options(**given)
        reader = reader if schema is None else reader.schema(schema)
        return reader.load(str(self.directory))


@pytest.fixture
def reads(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> Reads:
    return Reads(spark, sshd, remote_dir)


def rescued(row: Row) -> Any:
    """Return what a row has rescued."""
    return None if row._rescued is None else json.loads(row._rescued)


def test_csv_files_keep_their_bad_cells_and_new_columns(reads: Reads) -> None:
    reads.put("a.csv", "id,amount", "1,2.50", "2,free")
    wider = reads.put("b.csv", "amount,note,id", "7,hello,3")
    [one, two, three] = (
        reads.load("id INT, amount DECIMAL(8,2), _rescued STRING", header="true", mode="FAILFAST")
        .orderBy("id")
        .collect()
    )
    assert (str(one.amount), rescued(one)) == ("2.50", None)
    place = f"{reads.place}{reads.directory}/a.csv"
    assert (two.amount, rescued(two)) == (None, {"amount": "free", "_file_path": place})
    assert (str(three.amount), rescued(three)) == ("7.00", {"note": "hello", "_file_path": wider})


def test_json_files_keep_the_values_that_do_not_fit_and_new_members(reads: Reads) -> None:
    place = reads.put("a.json", '{"id":1,"x":{"y":1}}', '{"id":"two","new":2.50}')
    schema = "id INT, x STRUCT<y: INT>, _rescued STRING"
    one, two = reads.load(schema, mode="DROPMALFORMED").collect()
    assert (one.id, one.x.y, one._rescued) == (1, 1, None)
    assert (two.id, two.x) == (None, None)
    assert two._rescued == f'{{"id":"two","new":2.50,"_file_path":"{place}"}}'


def test_the_column_comes_by_itself_where_columns_are_inferred(reads: Reads) -> None:
    reads.put("a.csv", "id", "1")
    place = reads.put("b.csv", "id,note", "2,hello")
    frame = reads.load(header="true", infer_files="1", metadata_column="_metadata")
    assert frame.columns == ["id", "_rescued", "_metadata"]
    found = {row.id: rescued(row) for row in frame.collect()}
    assert found == {"1": None, "2": {"note": "hello", "_file_path": place}}


def test_a_schema_without_the_column_is_an_error_that_says_so(reads: Reads) -> None:
    reads.put("a.csv", "1")
    with pytest.raises(PySparkException, match="add the column _rescued STRING to"):
        reads.load("id INT").collect()


def test_a_format_without_rescued_data_is_an_error_that_names_those_that_have_it(
    reads: Reads,
) -> None:
    reads.put("a.txt", "1")
    with pytest.raises(
        PySparkException, match="text has no rescued data, only csv, fixed, json, parquet"
    ):
        reads.load("value STRING, _rescued STRING", format="text").collect()
