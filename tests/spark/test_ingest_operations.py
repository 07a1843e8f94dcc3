"""What the operations part of docs/how-to/ingest.md says, done to queries of a real Spark."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import AtServer, Ended, sftp_async

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


class Query:
    """A query with a state, from a directory of the server into Parquet files."""

    def __init__(self, spark: SparkSession, server: EmbeddedServer, root: Path) -> None:
        self.server = server
        self.state = root / "state"
        self.checkpoint = root / "checkpoint"
        self.target = root / "target"
        self._spark = spark
        (server.root / "in").mkdir()

    def put(self, name: str, time: int = 1_700_000_000) -> None:
        path = self.server.root / "in" / name
        path.write_text(f"row of {name}\n")
        os.utime(path, (time, time))

    def run(self, **options: Any) -> None:
        """Run the query until it has read what is there."""
        given = {"format": "text", "stable_for": "0", "state_location": str(self.state)}
        frame = self._spark.readStream.format("sftp").options(**self.server.options())
        writer = (
            frame.options(**given, **options)
            .schema("value STRING")
            .load("/in")
            .writeStream.format("parquet")
            .option("path", str(self.target))
            .option("checkpointLocation", str(self.checkpoint))
        )
        assert writer.trigger(availableNow=True).start().awaitTermination(120)

    def rows(self) -> list[str]:
        """Return the names of the files whose rows have arrived."""
        arrived = self._spark.read.parquet(str(self.target)).collect()
        return sorted(row.value.removeprefix("row of ") for row in arrived)

    def ingest(self, *more: object) -> Ended:
        return sftp_async("ingest", self.state, "--checkpoint", self.checkpoint, *more)


@pytest.fixture
def query(spark: SparkSession, embedded_server: EmbeddedServer, tmp_path: Path) -> Query:
    query = Query(spark, embedded_server, tmp_path)
    for name in ("a.txt", "b.txt"):
        query.put(name)
        query.run()
    return query


def test_the_command_shows_a_query_and_one_file_of_it_is_read_once_more(query: Query) -> None:
    assert "Micro-batch 2, the last one, is done" in query.ingest().out
    files = query.ingest("--files", "--json").document["files"]
    assert [(file["batch"], file["path"]) for file in files] == [(1, "/in/a.txt"), (2, "/in/b.txt")]
    assert query.ingest("--forget", "/in/a.txt", "--yes").code == 0
    query.run()
    query.run()
    assert query.rows() == ["a.txt", "a.txt", "b.txt"]


def test_a_state_that_is_copied_goes_on_where_it_was(query: Query, tmp_path: Path) -> None:
    shutil.copytree(query.state, tmp_path / "moved")
    shutil.rmtree(query.state)
    query.state = tmp_path / "moved"
    query.put("c.txt")
    query.run()
    assert query.rows() == ["a.txt", "b.txt", "c.txt"]


def test_without_either_the_state_or_the_checkpoint_the_query_says_so(
    query: Query, tmp_path: Path
) -> None:
    shutil.move(query.checkpoint, tmp_path / "kept")
    with pytest.raises(PySparkException, match="read 2 micro-batches, and this query begins"):
        query.run()
    shutil.rmtree(query.checkpoint)
    shutil.move(tmp_path / "kept", query.checkpoint)
    shutil.move(query.state, tmp_path / "kept")
    with pytest.raises(PySparkException, match=r"the state|its state"):
        query.run()
    assert query.rows() == ["a.txt", "b.txt"]


def test_without_both_everything_that_is_there_is_read_once_more(query: Query) -> None:
    shutil.rmtree(query.checkpoint)
    shutil.rmtree(query.state)
    # Spark's file sink knows micro-batches by their numbers, and leaves out those that it has.
    query.run()
    assert query.rows() == ["a.txt", "b.txt"]
    for place in (query.checkpoint, query.state, query.target):
        shutil.rmtree(place)
    query.run()
    assert query.rows() == ["a.txt", "b.txt"]
    files = query.ingest("--files", "--json").document["files"]
    assert [file["path"] for file in files] == ["/in/a.txt", "/in/b.txt"]


def test_what_a_query_has_left_is_archived_by_the_command(query: Query, tmp_path: Path) -> None:
    at = AtServer(query.server, tmp_path)
    options = ("-o", "clean_source=archive", "-o", "source_archive_dir=/done", "--yes")
    ended = at(
        "ingest", "/in", "--finish", "--checkpoint", query.checkpoint, *options, before=query.state
    )
    assert (ended.code, "Done: 2 files" in ended.out) == (0, True)
    assert sorted(path.name for path in (query.server.root / "done").iterdir()) == [
        "a.txt",
        "b.txt",
    ]
    query.put("c.txt")
    query.run()
    assert query.rows() == ["a.txt", "b.txt", "c.txt"]
