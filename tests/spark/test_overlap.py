"""Two writes of one Spark session that overlap, through a network of 40 ms."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.support.delay import DelayProxy
from tests.support.jobs import lines_in
from tests.support.sshd import SSHD
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROUND_TRIP = 0.04
#: Longer than an append of 300 parts takes on a machine that does much else.
PATIENCE = 300


@pytest.fixture
def far(sshd: SSHD) -> Iterator[dict[str, str]]:
    """The options of a server that is 40 ms away."""
    link = DelayProxy(sshd.host, sshd.port, round_trip=ROUND_TRIP).start()
    options = sshd.options() | {"host": link.host, "port": str(link.port)}
    known = sshd.known_hosts.replace(str(sshd.port), str(link.port))
    yield options | {"known_hosts": known}
    link.stop()


def once_there(
    frame: DataFrame, directory: Path, patterns: tuple[str, ...], count: int
) -> DataFrame:
    """The same rows; their task ends as soon as so many files are on the server.

    The rows themselves are uploaded before, so that the commit begins a few round trips later.
    """
    name = str(directory)

    def wait(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches
        place = Path(name)
        if not soon(lambda: sum(len([*place.glob(one)]) for one in patterns) >= count, PATIENCE):
            raise TimeoutError(f"{count} of {patterns}")

    return frame.mapInArrow(wait, frame.schema)


def overlap(
    spark: SparkSession,
    far: dict[str, str],
    target: Path,
    parts: int,
    patterns: tuple[str, ...],
    count: int,
) -> int:
    """Append and overwrite at once; returns how many of the append's rows are there."""
    target.mkdir()
    rows = spark.range(parts, numPartitions=parts).selectExpr("concat('row ', id) AS line")
    new = spark.range(2, numPartitions=2).coalesce(1).selectExpr("concat('new ', id) AS line")
    failures: list[str] = []

    def write(frame: DataFrame, mode: str) -> None:
        spark.createDataFrame([], "id long")  # makes the session known to this thread
        try:
            writer = frame.write.format("sftp").options(**far, format="text").mode(mode)
            writer.save(str(target))
        except Exception as error:  # noqa: BLE001 - reported by the test's own thread
            failures.append(str(error))

    writers = [
        threading.Thread(target=write, args=[rows, "append"]),
        threading.Thread(
            target=write, args=[once_there(new, target, patterns, count), "overwrite"]
        ),
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures, failures[0]
    lines = lines_in(target)
    assert {"new 0", "new 1"} <= set(lines)
    assert len(lines) == len(set(lines))
    assert not (target / "_temporary").exists()
    return len([line for line in lines if line.startswith("row ")])


VISIBLE = ("part-*",)
#: With a long way to the server, files are opened before their tasks begin.
STAGED = ("_temporary/*/part-*", "_temporary/*/ahead-*", *VISIBLE)


@pytest.mark.parametrize(
    ("patterns", "count"), [pytest.param(STAGED, 15, marks=pytest.mark.soak), (VISIBLE, 1)]
)
def test_an_append_that_an_overwrite_overlaps_is_whole_or_wholly_replaced(
    spark: SparkSession,
    far: dict[str, str],
    remote_dir: Path,
    patterns: tuple[str, ...],
    count: int,
) -> None:
    assert overlap(spark, far, remote_dir / "out", 20, patterns, count) in (0, 20)


#: Of the append, which then begins to make its files visible.
INTENT = ("_temporary/*.intent.json",)
#: When the overwrite commits: once so many of the append's files are on the server, or visible.
OFFSETS = [(STAGED, count) for count in (240, 280, 295, 300)]
OFFSETS += [(INTENT, 1), *((VISIBLE, count) for count in (1, 20, 60, 150, 290))]


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(("patterns", "count"), OFFSETS)
def test_an_append_of_300_parts_is_whole_or_wholly_replaced_wherever_an_overwrite_overlaps_it(
    spark: SparkSession,
    far: dict[str, str],
    remote_dir: Path,
    patterns: tuple[str, ...],
    count: int,
) -> None:
    left = overlap(spark, far, remote_dir / "out", 300, patterns, count)
    print(f"once {count} of {patterns[-1]}: {left} rows stay")
    assert left in (0, 300)
