"""Streaming writes as a user runs them: each micro-batch once, whatever is started again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from sftp_async import SFTPOptions, recover
from tests.support.cluster import until
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming import StreamingQuery

SCHEMA = "id long, text string"
#: For queries that run until they are stopped.
AGAIN_AND_AGAIN = {"processingTime": "100 milliseconds"}
#: Far more than a query's stop takes; a test that waits so long has failed.
PATIENCE = 90


class Inbox:
    """A directory that a query reads; each `put` makes a file, which is a micro-batch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self._files = 0

    def put(self, *ids: int) -> None:
        lines = [json.dumps({"id": id_, "text": f"row {id_}"}) for id_ in ids]
        draft = self.directory / f".{self._files}.draft"
        draft.write_text("\n".join(lines) + "\n")
        draft.rename(self.directory / f"{self._files:04d}.json")
        self._files += 1

    def read(self, spark: SparkSession) -> DataFrame:
        return (
            spark.readStream.schema(SCHEMA)
            .option("maxFilesPerTrigger", 1)
            .json(str(self.directory))
        )


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint"


def start(
    frame: DataFrame,
    server: SSHD,
    path: Path,
    checkpoint: Path,
    mode: str = "append",
    trigger: dict[str, Any] = {"availableNow": True},  # noqa: B006 - never changed
    **more: Any,
) -> StreamingQuery:
    return (
        frame.writeStream.format("sftp")
        .options(**server.options(), **more)
        .option("checkpointLocation", str(checkpoint))
        .outputMode(mode)
        .trigger(**trigger)
        .start(str(path))
    )


def run(*arguments: Any, **more: Any) -> None:
    query = start(*arguments, **more)
    query.awaitTermination()
    assert query.exception() is None


def visible(directory: Path) -> list[Path]:
    return [file for file in directory.iterdir() if file.is_file()]


def ids(directory: Path) -> list[int]:
    return sorted(int(line.split(",")[0]) for file in visible(directory) for line in file.open())


def markers(directory: Path) -> list[str]:
    return sorted(file.name for file in (directory / "_sftp_async").rglob("*.committed"))


def test_every_micro_batch_is_in_the_target_once_across_restarts(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, inbox: Inbox, checkpoint: Path
) -> None:
    inbox.put(1, 2, 3)
    inbox.put(4)
    run(inbox.read(spark), sshd, remote_dir, checkpoint)
    assert ids(remote_dir) == [1, 2, 3, 4]
    inbox.put(5, 6)
    run(inbox.read(spark), sshd, remote_dir, checkpoint)
    run(inbox.read(spark), sshd, remote_dir, checkpoint)
    assert ids(remote_dir) == [1, 2, 3, 4, 5, 6]
    assert markers(remote_dir) == ["0.committed", "1.committed", "2.committed"]
    assert sorted(file.name for file in remote_dir.iterdir() if file.is_dir()) == ["_sftp_async"]


@pytest.fixture
def forgets_the_last_batch(checkpoint: Path) -> Iterator[Any]:
    """Make the checkpoint what it is if a driver dies after its commit, before Spark notes it."""

    def forget() -> None:
        last = max(
            (file for file in (checkpoint / "commits").iterdir() if file.name.isdecimal()),
            key=lambda file: int(file.name),
        )
        last.unlink()
        last.with_name(f".{last.name}.crc").unlink(missing_ok=True)

    return forget


def test_a_replayed_batch_changes_nothing_even_with_another_partitioning(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    inbox: Inbox,
    checkpoint: Path,
    forgets_the_last_batch: Any,
) -> None:
    inbox.put(*range(100))
    run(inbox.read(spark).repartition(3), sshd, remote_dir, checkpoint)
    before = sorted(file.name for file in remote_dir.iterdir())
    forgets_the_last_batch()
    run(inbox.read(spark).repartition(2), sshd, remote_dir, checkpoint)
    assert sorted(file.name for file in remote_dir.iterdir()) == before
    assert ids(remote_dir) == list(range(100))


@pytest.mark.one_python
def test_a_batch_is_in_the_names_of_its_files_and_in_no_others_when_it_is_replayed(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    inbox: Inbox,
    checkpoint: Path,
    forgets_the_last_batch: Any,
) -> None:
    named = {"file_name_template": "day_{batch:03d}_{place}_{seq}.csv", "partition_by": "place"}

    def run_all(partitions: int) -> None:
        frame = inbox.read(spark).selectExpr("id", "concat('p', id % 2) AS place")
        run(frame.repartition(partitions, "place"), sshd, remote_dir, checkpoint, **named)

    inbox.put(2)
    run_all(1)
    inbox.put(11, 12, 13)
    run_all(1)
    expected = {
        "place=p0/day_000_p0_1.csv": "2\n",
        "place=p0/day_001_p0_1.csv": "12\n",
        "place=p1/day_001_p1_1.csv": "11\n13\n",
    }

    def found() -> dict[str, str]:
        files = remote_dir.glob("place=*/*")
        return {str(file.relative_to(remote_dir)): file.read_text() for file in files}

    assert found() == expected
    forgets_the_last_batch()
    run_all(3)
    assert found() == expected
    assert markers(remote_dir) == ["0.committed", "1.committed"]


def test_complete_mode_replaces_what_is_there(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, inbox: Inbox, checkpoint: Path
) -> None:
    (remote_dir / "foreign.csv").write_text("99,not ours\n")
    inbox.put(1, 1, 2)
    inbox.put(1, 2, 3)
    counts = inbox.read(spark).groupBy("id").count()
    run(counts, sshd, remote_dir, checkpoint, "complete")
    data = [f for f in remote_dir.iterdir() if f.is_file() and f.name != "foreign.csv"]
    lines = sorted(line for file in data for line in file.read_text().splitlines())
    assert lines == ["1,3", "2,2", "3,1"]
    assert (remote_dir / "foreign.csv").exists()


def test_a_replay_in_complete_mode_leaves_what_the_first_attempt_made(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    inbox: Inbox,
    checkpoint: Path,
    forgets_the_last_batch: Any,
) -> None:
    inbox.put(1, 1, 2)
    counts = inbox.read(spark).groupBy("id").count()
    run(counts, sshd, remote_dir, checkpoint, "complete")
    before = {file.name: file.stat().st_mtime_ns for file in remote_dir.glob("part-*")}
    forgets_the_last_batch()
    run(counts, sshd, remote_dir, checkpoint, "complete")
    assert {file.name: file.stat().st_mtime_ns for file in remote_dir.glob("part-*")} == before


def dawdle(busy: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Say that a task is in the middle of its rows, and stay there until it is killed."""

    def pass_on(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch
            Path(busy).touch()
            threading.Event().wait(PATIENCE)

    return pass_on


def test_a_query_that_is_stopped_while_it_uploads_leaves_nothing_and_its_restart_is_complete(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    inbox: Inbox,
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    busy = tmp_path / "busy"
    inbox.put(*range(1000))
    slow = inbox.read(spark).mapInArrow(dawdle(str(busy)), SCHEMA)
    query = start(slow, sshd, remote_dir, checkpoint, chunk_size="1k", trigger=AGAIN_AND_AGAIN)
    until(busy.exists)
    query.stop()
    assert visible(remote_dir) == []
    inbox.put(1000)
    query = start(inbox.read(spark), sshd, remote_dir, checkpoint, trigger=AGAIN_AND_AGAIN)
    query.processAllAvailable()
    query.stop()
    assert ids(remote_dir) == list(range(1001))
    assert not (remote_dir / "_temporary").exists()


def test_a_failed_batch_leaves_nothing_and_its_replay_is_complete(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    inbox: Inbox,
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    inbox.put(*range(1000))
    broken = inbox.read(spark).selectExpr("if(id = 999, raise_error('boom'), id) as id", "text")
    query = start(broken, sshd, remote_dir, checkpoint, chunk_size="1k")
    with pytest.raises(PySparkException, match="boom"):
        query.awaitTermination()
    assert list(remote_dir.iterdir()) == []
    run(inbox.read(spark), sshd, remote_dir, checkpoint)
    assert ids(remote_dir) == list(range(1000))


@contextmanager
def no_place_for_markers(directory: Path) -> Iterator[None]:
    """A file where the query's markers go: all becomes visible, and the commit fails behind it."""
    (markers_of_query,) = (directory / "_sftp_async").iterdir()
    aside = markers_of_query.rename(directory / "_sftp_async" / "aside")
    markers_of_query.touch()
    yield
    markers_of_query.unlink()
    aside.rename(markers_of_query)


def test_a_commit_that_failed_half_way_is_completed_by_the_replay(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, inbox: Inbox, checkpoint: Path
) -> None:
    inbox.put(*range(10))
    run(inbox.read(spark), sshd, remote_dir, checkpoint)
    inbox.put(*range(10, 20))
    with no_place_for_markers(remote_dir):
        query = start(inbox.read(spark), sshd, remote_dir, checkpoint)
        with pytest.raises(PySparkException, match="complete and visible"):
            query.awaitTermination()
    run(inbox.read(spark).repartition(3), sshd, remote_dir, checkpoint)
    assert ids(remote_dir) == list(range(20))
    assert not (remote_dir / "_temporary").exists()


def test_recover_completes_what_no_replay_follows(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, inbox: Inbox, checkpoint: Path
) -> None:
    inbox.put(1)
    run(inbox.read(spark), sshd, remote_dir, checkpoint)
    inbox.put(2)
    with no_place_for_markers(remote_dir):
        query = start(inbox.read(spark), sshd, remote_dir, checkpoint)
        with pytest.raises(PySparkException, match="complete and visible"):
            query.awaitTermination()
    assert recover(SFTPOptions(**sshd.options()), str(remote_dir)).finished == 1
    assert ids(remote_dir) == [1, 2]
    assert markers(remote_dir) == ["0.committed", "1.committed"]
    assert not (remote_dir / "_temporary").exists()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("out", {"job_key": "x"}, "job_key is for batch writes"),
        ("out.csv", {}, "one exact file, to which a streaming query cannot append"),
        ("out", {"format": "nonsense"}, "nonsense"),
    ],
)
def test_what_a_stream_cannot_do_is_refused_before_any_task(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    inbox: Inbox,
    checkpoint: Path,
    name: str,
    options: dict[str, str],
    message: str,
) -> None:
    inbox.put(1)
    query = start(inbox.read(spark), sshd, remote_dir / name, checkpoint, **options)
    with pytest.raises(PySparkException, match=message):
        query.awaitTermination()
    assert list(remote_dir.iterdir()) == []


def test_a_job_key_makes_a_second_batch_write_change_nothing(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    def write(rows: int, key: str) -> None:
        options = {**sshd.options(), "job_key": key}
        frame = spark.range(rows).selectExpr("id")
        frame.write.format("sftp").options(**options).mode("append").save(str(remote_dir))

    write(10, "day/1")
    write(20, "day/1")
    assert ids(remote_dir) == list(range(10))
    write(2, "day/2")
    assert len(ids(remote_dir)) == 12
    assert markers(remote_dir) == ["day%2F1.committed", "day%2F2.committed"]


def test_foreach_batch_with_a_job_key_is_written_once_though_it_is_replayed(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    inbox: Inbox,
    checkpoint: Path,
    forgets_the_last_batch: Any,
) -> None:
    def write(frame: DataFrame, batch: int) -> None:
        options = {**sshd.options(), "job_key": f"orders-{batch}"}
        frame.write.format("sftp").options(**options).mode("append").save(str(remote_dir))

    def run_all() -> None:
        stream = inbox.read(spark).writeStream.foreachBatch(write)
        options = stream.option("checkpointLocation", str(checkpoint))
        options.trigger(availableNow=True).start().awaitTermination()

    inbox.put(1, 2)
    inbox.put(3)
    run_all()
    forgets_the_last_batch()
    run_all()
    assert ids(remote_dir) == [1, 2, 3]
