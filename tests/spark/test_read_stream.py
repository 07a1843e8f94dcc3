"""Streams as a user reads them: each version of a file in exactly one micro-batch."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from sftp_async.spark.stream_reader import admission
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery


#: Whether Spark hands limits to a source: from 4.2 on.
BOUNDED = admission is not None


class Stream:
    """Reads a directory of a real server into a directory of Parquet files.

    Attributes:
        inbox: the directory that is read.

    """

    def __init__(self, spark: SparkSession, server: SSHD, root: Path) -> None:
        self.inbox = root / "inbox"
        self.inbox.mkdir()
        self._spark = spark
        self._server = server
        self._target = root / "target"
        self._checkpoint = root / "checkpoint"
        self._numbers = 0

    def put(self, name: str, *lines: str, age: int = 0) -> Path:
        """Make a file in one step; its time is unique, unless an age in seconds is given."""
        path = self.inbox / name
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text("".join(f"{line}\n" for line in lines))
        self._numbers += 1
        time = 1_700_000_000 + self._numbers - age
        os.utime(draft, (time, time))
        draft.rename(path)
        return path

    def frame(
        self, path: str = "", *, schema: str | None = "value STRING", **options: Any
    ) -> DataFrame:
        """Return the stream; files count as stable as soon as they are seen."""
        given = {"format": "text", "stable_for": "0", **self._server.options(), **options}
        reader = self._spark.readStream.format("sftp")
        reader = reader.options(
            **{name: value for name, value in given.items() if value is not None}
        )
        reader = reader if schema is None else reader.schema(schema)
        return reader.load(str(self.inbox / path))

    def start(self, frame: DataFrame | None = None, **trigger: Any) -> StreamingQuery:
        """Start a query."""
        frame = self.frame() if frame is None else frame
        writer = frame.writeStream.format("parquet").option("path", str(self._target))
        writer = writer.option("checkpointLocation", str(self._checkpoint))
        return (writer.trigger(**trigger) if trigger else writer).start()

    def run(self, frame: DataFrame | None = None, **trigger: Any) -> StreamingQuery:
        """Run a query until it has read what is there; returns it."""
        query = self.start(frame, **(trigger or {"availableNow": True}))
        assert query.awaitTermination(120)
        return query

    def catch_up(self, frame: DataFrame | None = None) -> None:
        """Replay the last batch, and read what is there."""
        self.run(frame)
        if not BOUNDED:  # the replay is the one batch of that run
            self.run(frame)

    def forget_commit(self, batch: int) -> None:
        """Have Spark do a batch again, as after a crash before it noted that it was done."""
        for name in (f"{batch}", f".{batch}.crc"):
            (self._checkpoint / "commits" / name).unlink()

    def forget_output(self) -> None:
        """Remove what has arrived."""
        shutil.rmtree(self._target)

    def offset(self) -> dict[str, Any]:
        """Return the last offset in the checkpoint, without the stream's id."""
        files = (path for path in (self._checkpoint / "offsets").iterdir() if path.name.isdecimal())
        text = max(files, key=lambda path: int(path.name)).read_text().splitlines()[-1]
        return {name: value for name, value in json.loads(text).items() if name != "stream"}

    def rows(self) -> list[str]:
        """Return the rows that have arrived, sorted."""
        return sorted(row.value for row in self._spark.read.parquet(str(self._target)).collect())


@pytest.fixture
def stream(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> Stream:
    return Stream(spark, sshd, remote_dir)


def sizes_of_batches(query: StreamingQuery) -> list[int]:
    """Return how many rows each micro-batch had."""
    return [event["numInputRows"] for event in query.recentProgress if event["numInputRows"]]


def test_each_run_reads_the_files_that_are_new(stream: Stream) -> None:
    stream.put("a.txt", "a1", "a2")
    stream.put("b.txt", "b1")
    stream.run()
    assert stream.rows() == ["a1", "a2", "b1"]
    stream.put("c.txt", "c1")
    stream.run()
    assert stream.rows() == ["a1", "a2", "b1", "c1"]
    stream.run()
    assert stream.rows() == ["a1", "a2", "b1", "c1"]


def test_a_running_query_reads_what_comes(stream: Stream) -> None:
    query = stream.start()
    expected = []
    try:
        for number in range(3):
            stream.put(f"{number}.txt", f"row {number}")
            expected.append(f"row {number}")
            query.processAllAvailable()
            assert stream.rows() == expected
    finally:
        query.stop()


@pytest.mark.skipif(not BOUNDED, reason="Spark 4.0 and 4.1 make one batch of what is available")
def test_what_is_available_comes_in_bounded_batches(stream: Stream) -> None:
    for number in range(5):
        stream.put(f"{number}.txt", f"row {number}")
    query = stream.run(stream.frame(max_files_per_trigger=2))
    assert sizes_of_batches(query) == [2, 2, 1]
    backlogs = [event["sources"][0]["latestOffset"] for event in query.recentProgress]
    assert "files_waiting" in str(backlogs[-1])


def test_a_trigger_that_wants_all_gets_all_in_one_batch(stream: Stream) -> None:
    for number in range(5):
        stream.put(f"{number}.txt", f"row {number}")
    limit = {"max_files_per_trigger": 2} if BOUNDED else {}
    query = stream.run(stream.frame(**limit), once=True)
    assert sizes_of_batches(query) == [5]


def test_a_batch_that_was_not_committed_is_replayed_with_the_same_files(stream: Stream) -> None:
    stream.put("a.txt", "a1")
    stream.put("b.txt", "b1")
    stream.run()
    stream.forget_commit(0)
    stream.forget_output()
    stream.put("c.txt", "c1")
    stream.catch_up()
    assert stream.rows() == ["a1", "b1", "c1"]


def test_a_replay_whose_version_is_lost_is_an_error_unless_that_was_asked_for(
    stream: Stream,
) -> None:
    stream.put("a.txt", "a1")
    stream.put("b.txt", "b1")
    stream.run()
    stream.forget_commit(0)
    stream.forget_output()
    (stream.inbox / "a.txt").unlink()
    stream.put("b.txt", "b2", "b3")
    with pytest.raises(PySparkException, match="The version that the micro-batch is planned with"):
        stream.run()
    stream.catch_up(stream.frame(ignore_missing_files=True))
    assert stream.rows() == ["b2", "b3"]


def test_a_file_that_was_rewritten_is_read_again_and_a_back_dated_one_is_not_missed(
    stream: Stream,
) -> None:
    stream.put("a.txt", "a1")
    stream.run()
    stream.put("a.txt", "a2")
    stream.put("old.txt", "o1", age=1_000_000)
    stream.run()
    assert stream.rows() == ["a1", "a2", "o1"]


def test_columns_are_inferred_once_with_those_of_directories_and_metadata(
    stream: Stream,
) -> None:
    stream.put("country=DE/a.csv", "id,name", "1,x")
    stream.put("country=FR/b.csv", "id,name", "2,y")
    options = {"header": True, "infer_schema": True, "metadata_column": "_metadata"}
    frame = stream.frame(schema=None, format=None, **options)
    assert [name for name, _ in frame.dtypes] == ["id", "name", "country", "_metadata"]
    stream.run(frame.selectExpr("concat_ws(' ', id, name, country, _metadata.file_name) AS value"))
    assert stream.rows() == ["1 x DE a.csv", "2 y FR b.csv"]


def test_what_was_read_is_archived_and_a_state_keeps_the_columns_that_were_inferred(
    stream: Stream, remote_dir: Path, tmp_path: Path
) -> None:
    options = {"clean_source": "archive", "source_archive_dir": str(remote_dir / "done")}
    options |= {"state_location": str(tmp_path / "state"), "header": "true", "format": None}

    def run() -> None:
        frame = stream.frame(schema=None, **options)
        stream.run(frame.selectExpr("concat_ws(' ', id, name) AS value"))

    stream.put("day=1/a.csv", "id,name", "1,x")
    run()
    archived = {str(path.relative_to(remote_dir)) for path in remote_dir.glob("done/**/*.csv")}
    if BOUNDED:
        assert archived == {"done/day=1/a.csv"}
        run()  # with the columns of the first start: there is no file
    stream.put("day=2/a.csv", "id,name", "2,y")
    run()
    assert stream.rows() == ["1 x", "2 y"]
    assert (stream.offset(), stream.inbox.is_dir()) == ({"version": 1, "batch": 2}, True)


def test_a_pattern_that_nothing_matches_waits_and_a_directory_that_is_not_there_does_not(
    stream: Stream,
) -> None:
    stream.run(stream.frame("*.log"))
    with pytest.raises(PySparkException, match=r"no such file.*/missing"):
        stream.run(stream.frame("missing"))


def test_options_that_are_wrong_end_the_query_with_all_of_them(stream: Stream) -> None:
    with pytest.raises(PySparkException) as caught:
        stream.run(stream.frame(**{"on_change": "again", "cloudFiles.cleanSource": "MOVE"}))
    for part in ("on_change", "one of Auto Loader: set clean_source"):
        assert part in str(caught.value)


def test_new_columns_stop_a_query_and_the_next_one_has_them(stream: Stream, tmp_path: Path) -> None:
    options = {"state_location": str(tmp_path / "state"), "header": "true", "format": "csv"}
    options |= {"schema_evolution": "add_columns", "rescued_data_column": "_rescued"}

    def run() -> None:
        frame = stream.frame(schema=None, **options)
        columns = [name for name in frame.columns if name != "_rescued"]
        stream.catch_up(frame.selectExpr(f"concat_ws(' ', {', '.join(columns)}) AS value"))

    stream.put("a.csv", "id,name", "1,x")
    run()
    stream.put("b.csv", "note,id,name", "hello,2,y")
    with pytest.raises(PySparkException, match=r"NewColumnsError.*note STRING.*/b.csv"):
        run()
    run()
    assert stream.rows() == ["1 x", "2 y hello"]
