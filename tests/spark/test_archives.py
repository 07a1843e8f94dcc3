"""Archives around what is written, on OpenSSH: other tools open them, and they are read back."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.one_python

ROWS = 100_000
PASSWORD = {"archive_password": "s3cret"}


def in_four(spark: SparkSession) -> DataFrame:
    return spark.range(0, ROWS, 1, 4)


def write(rows: DataFrame, server: SSHD, path: Path, **options: Any) -> None:
    given = {**server.options(), "header": "true", **options}
    rows.write.format("sftp").options(**given).mode("append").save(str(path))


def read(spark: SparkSession, server: SSHD, path: Path, **options: Any) -> list[int]:
    given = {**server.options(), "header": "true", "inferSchema": "true", **options}
    frame = spark.read.format("sftp").options(**given).load(str(path))
    return sorted(row.id for row in frame.collect())


def tool(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_exact_zip_holds_the_rows_of_all_partitions_as_one_member(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    path = remote_dir / "daily.zip"
    write(in_four(spark), sshd, path, checksum_files="sha256", done_file_template="{name}.done")
    assert "No errors detected" in tool("unzip", "-t", path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["daily.csv"]
        assert archive.read("daily.csv").decode().split() == ["id", *map(str, range(ROWS))]
    subprocess.run(["sha256sum", "-c", f"{path}.sha256"], cwd=remote_dir, check=True)
    assert {one.name for one in remote_dir.iterdir()} == {
        "daily.zip",
        "daily.zip.sha256",
        "daily.zip.done",
    }
    assert read(spark, sshd, path) == [*range(ROWS)]


@pytest.mark.parametrize(
    ("name", "options", "members"),
    [
        ("daily.tar.gz", {}, ["daily.csv"]),
        ("daily.tar", {"format": "json"}, ["daily.json"]),
        ("daily.zip", {"format": "parquet"}, [f"daily-{n:05d}.snappy.parquet" for n in range(4)]),
        ("daily.zip", PASSWORD, [f"daily-{n:05d}.csv" for n in range(4)]),
    ],
)
def test_an_exact_archive_is_opened_by_7_zip_and_read_back(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    name: str,
    options: dict[str, str],
    members: list[str],
) -> None:
    write(in_four(spark), sshd, remote_dir / name, **options)
    password = options.get("archive_password", "")
    if "tar" in name:
        assert tool("tar", "-tf", remote_dir / name).split() == members
    else:
        assert "Everything is Ok" in tool("7z", "t", f"-p{password}", remote_dir / name)
        assert zipfile.ZipFile(remote_dir / name).namelist() == members
    assert read(spark, sshd, remote_dir / name, **options) == [*range(ROWS)]


def test_a_stream_writes_archives_whose_members_have_its_batches(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    for number in range(2):
        spark.range(number, number + 1).coalesce(1).write.mode("append").json(str(inbox))
    given = {**sshd.options(), "archive": "zip", "archive_member_template": "b{batch}.csv"}
    rows = spark.readStream.schema("id long").option("maxFilesPerTrigger", 1).json(str(inbox))
    (
        rows.writeStream.format("sftp")
        .options(**given)
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start(str(remote_dir))
        .awaitTermination()
    )
    archives = [zipfile.ZipFile(path) for path in remote_dir.glob("part-*.csv.zip")]
    assert sorted(archive.namelist() for archive in archives) == [["b0.csv"], ["b1.csv"]]
    assert sorted(archive.read(archive.namelist()[0]) for archive in archives) == [b"0\n", b"1\n"]
