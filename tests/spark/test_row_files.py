"""`format=binary` on OpenSSH: a file a row, and all of a job's files or none."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.errors import PySparkException
from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FILES = {
    "a.pdf": b"%PDF\0\xff\n",
    "empty": b"",
    "2026/11/scan ä.png": bytes(range(256)),
    "2026/12/x=1/b.bin": b"x" * 3_000_000,
}


def frame(spark: SparkSession, files: dict[str, bytes]) -> DataFrame:
    # From Arrow the JVM makes the rows itself: Spark 4.0 may stumble over its own pipes when a task
    # is stopped that reads from one Python worker and writes to another.
    table = pa.table({"path": pa.array(files.keys()), "content": pa.array(files.values())})
    return spark.createDataFrame(table)


def write(
    rows: DataFrame, server: SSHD, path: Path | str, mode: str = "append", **options: Any
) -> None:
    given = {**server.options(), "format": "binary", **options}
    rows.write.format("sftp").options(**given).mode(mode).save(str(path))


def there(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def test_each_row_is_a_file_and_spark_reads_them_back(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    rows = frame(spark, FILES).repartition(2)
    write(rows, sshd, remote_dir, checksum_files="sha256", manifest="true", success_file="true")
    found = there(remote_dir)
    sidecars = {name for name in found if name.endswith(".sha256")}
    assert {n: found[n] for n in found.keys() - sidecars - {"_manifest.json", "_SUCCESS"}} == FILES
    assert sidecars == {f"{name}.sha256" for name in FILES}
    for name in sidecars:
        sums = remote_dir / name
        subprocess.run(["sha256sum", "--check", sums.name], cwd=sums.parent, check=True)
    read = (
        spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(str(remote_dir))
    )
    data = read.where(~F.col("path").rlike(r"\.sha256$"))
    # Spark leaves empty files out.
    assert {bytes(row.content) for row in data.collect()} == {*FILES.values()} - {b""}


def test_thousands_of_small_files_take_few_connections(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    rows = spark.range(0, 2_000, 1, 2).selectExpr(
        "concat('d', id % 10, '/', id, '.txt') path", "cast(id as string) content"
    )
    before = sshd.logins()
    write(rows, sshd, remote_dir, max_connections="2")
    assert there(remote_dir) == {f"d{n % 10}/{n}.txt": str(n).encode() for n in range(2_000)}
    assert sshd.logins() - before <= 2 * 2 + 2


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("'../outside'", "has a .. in it"),
        ("'.ssh/authorized_keys'", "hidden"),
        ("cast(null as string)", "is null"),
    ],
)
def test_a_row_that_leads_elsewhere_ends_the_write_and_leaves_nothing(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, path: str, message: str
) -> None:
    good = frame(spark, {"a": b"a"})
    rows = good.union(spark.sql(f"SELECT {path}, X'00'"))
    with pytest.raises(PySparkException, match=message):
        write(rows, sshd, remote_dir / "out")
    assert not (remote_dir / "out").exists() or not there(remote_dir / "out")
    assert not (remote_dir / "outside").exists()


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("a.pdf", "a row makes is that of several files: 'a.pdf'"),
        ("a.pdf/b", "a row makes is that of a directory, a checksum file or a done file"),
        ("a.pdf.sha256", "a row makes is that of a directory, a checksum file or a done file"),
    ],
)
def test_two_rows_never_share_a_name(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, second: str, message: str
) -> None:
    rows = frame(spark, {"a.pdf": b"1"}).union(frame(spark, {second: b"2"}))
    with pytest.raises(PySparkException, match=message):
        write(rows, sshd, remote_dir, checksum_files="sha256")
    assert there(remote_dir) == {}


def test_a_name_that_is_taken_is_kept_replaced_or_evaded(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    (remote_dir / "d").mkdir()
    (remote_dir / "d" / "a.txt").write_bytes(b"old")
    (remote_dir / "other.txt").write_bytes(b"other")
    rows = frame(spark, {"d/a.txt": b"new", "b.txt": b"b"})
    old = there(remote_dir)
    with pytest.raises(PySparkException, match="a row makes exists already"):
        write(rows, sshd, remote_dir)
    assert there(remote_dir) == old
    write(rows, sshd, remote_dir, if_exists="rename")
    renamed = old | {"d/a-1.txt": b"new", "b.txt": b"b"}
    assert there(remote_dir) == renamed
    write(rows, sshd, remote_dir, mode="overwrite")
    assert there(remote_dir) == renamed | {"d/a.txt": b"new"}
    write(frame(spark, {"b.txt": b"3"}), sshd, remote_dir, if_exists="replace")
    assert there(remote_dir) == renamed | {"d/a.txt": b"new", "b.txt": b"3"}


def test_a_directory_of_a_files_name_is_found_before_anything_changes(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    (remote_dir / "a.txt").mkdir()
    (remote_dir / "b.txt").write_bytes(b"old")
    with pytest.raises(PySparkException, match="A directory of a name that a row makes exists"):
        write(frame(spark, {"a.txt": b"1", "b.txt": b"2"}), sshd, remote_dir, mode="overwrite")
    assert there(remote_dir) == {"b.txt": b"old"}


def test_an_empty_frame_makes_no_file(spark: SparkSession, sshd: SSHD, remote_dir: Path) -> None:
    write(frame(spark, {"a": b""}).limit(0), sshd, remote_dir, success_file="true")
    assert there(remote_dir) == {"_SUCCESS": b""}
