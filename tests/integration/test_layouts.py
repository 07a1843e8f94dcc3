"""Every layout on OpenSSH, read by others: Spark, pandas, polars, DuckDB, Arrow, and the shell."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import dataset

from tests.support.requirements import skip_without
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.one_python

#: A codec's ending: its tool, and the name that pandas has for it.
CODECS = {
    "gz": ("gzip", "gzip"),
    "zst": ("zstd", "zstd"),
    "bz2": ("bzip2", "bz2"),
    "xz": ("xz", "xz"),
}
#: Who else reads them: DuckDB has no bzip2 and no xz, Spark as it comes neither zstd nor xz.
BY_DUCKDB, BY_SPARK = ("gz", "zst"), ("gz", "bz2")
#: Texts that a directory's name cannot hold as they are, and null.
PLACES = [
    "DE",
    None,
    "a/b",
    "é ü",
    "50%2F",
    "x=y",
    "tab\t",
    "'it'",
    "{b}",
    " s",
    "a:b?",
    "日本",
    "#",
]


def write(
    frame: DataFrame, server: SSHD, path: Path | str, mode: str = "append", **options: Any
) -> None:
    given = {**server.options(), **options}
    frame.write.format("sftp").options(**given).mode(mode).save(str(path))


def shell(command: str, directory: Path, *needed: str) -> str:
    """Run a line in a directory, with tools that must be there; returns what it says."""
    for tool in needed:
        if shutil.which(tool) is None:
            skip_without(f"{tool} (a Debian package of that name, or coreutils)")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def names(directory: Path, pattern: str = "*") -> list[str]:
    return sorted(str(file.relative_to(directory)) for file in directory.glob(pattern))


@pytest.mark.parametrize("ending", CODECS)
def test_an_exact_file_of_many_partitions_is_whole_to_tools_and_readers_in_every_codec(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, ending: str
) -> None:
    tool, codec = CODECS[ending]
    # Three members, frames or streams; one without a row.
    frame = spark.range(0, 3000, 1, 3).where("id < 1000 OR id >= 2000")
    frame = frame.selectExpr("id", "concat('row ', id, ', é') AS text")
    rows = [(id_, f"row {id_}, é") for id_ in (*range(1000), *range(2000, 3000))]
    for name in ("a.csv", "a.jsonl", "a.xml"):
        write(frame, sshd, remote_dir / f"{name}.{ending}", header=True)
    write(frame.select("text"), sshd, remote_dir / f"a.txt.{ending}")
    assert names(remote_dir) == [f"a.{kind}.{ending}" for kind in ("csv", "jsonl", "txt", "xml")]

    shell(f"{tool} -t -q *", remote_dir, tool)
    shell(f"{tool} -d -c -q a.csv.{ending} > a.csv", remote_dir)
    assert [*pl.read_csv(remote_dir / "a.csv").iter_rows()] == rows
    assert shell(f"{tool} -d -c -q a.txt.{ending}", remote_dir) == "".join(
        f"{text}\n" for _, text in rows
    )
    root = ET.fromstring(shell(f"{tool} -d -c -q a.xml.{ending}", remote_dir))
    assert [(int(row[0].text or ""), row[1].text) for row in root] == rows

    csv, json_lines = (str(remote_dir / f"a.{kind}.{ending}") for kind in ("csv", "jsonl"))
    assert [*pd.read_csv(csv, compression=codec).itertuples(index=False, name=None)] == rows
    found = pd.read_json(json_lines, lines=True, compression=codec)
    assert [*found.itertuples(index=False, name=None)] == rows
    if ending in BY_DUCKDB:
        for reader, file in (("read_csv", csv), ("read_json", json_lines)):
            assert duckdb.sql(f"FROM {reader}('{file}') ORDER BY id").fetchall() == rows
    if ending in BY_SPARK:
        for read in (spark.read.csv(csv, "id LONG, text STRING", header=True),
                     spark.read.json(json_lines, "id LONG, text STRING")):  # fmt: skip
            assert [tuple(row) for row in read.orderBy("id").collect()] == rows


def by_id(rows: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Bring the columns and rows of a reader to one order."""
    columns = ("id", "place", "day", "n")
    return sorted(tuple(row[name] for name in columns) for row in rows)


def test_readers_find_partitions_their_types_and_every_value_and_see_what_an_overwrite_replaced(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    def frame(first: int) -> DataFrame:
        rows = [(first + i, place, date(2024, 5, 1 + i % 2), i % 3)
                for i, place in enumerate(PLACES)]  # fmt: skip
        return spark.createDataFrame(rows, "id long, place string, day date, n int").coalesce(2)

    write(frame(0), sshd, remote_dir, partition_by="place,day,n", format="parquet")
    changed = {"partition_by": "place,day,n", "partition_overwrite_mode": "dynamic"}
    write(frame(100).where("id < 106"), sshd, remote_dir, "overwrite", format="parquet", **changed)
    expected = by_id(
        row.asDict()
        for row in frame(100).where("id < 106").union(frame(0).where("id > 5")).collect()
    )

    found = {
        "Spark": [row.asDict() for row in spark.read.parquet(str(remote_dir)).collect()],
        "polars": pl.scan_parquet(remote_dir, hive_partitioning=True, try_parse_hive_dates=True)
        .collect()
        .to_dicts(),
        "DuckDB": duckdb.sql(f"FROM read_parquet('{remote_dir}/**', hive_partitioning = true)")
        .to_arrow_table()
        .to_pylist(),
        # Of its own accord it takes days for text.
        "Arrow": dataset.dataset(
            remote_dir,
            partitioning=dataset.partitioning(
                pa.schema([("place", pa.string()), ("day", pa.date32()), ("n", pa.int64())]),
                flavor="hive",
            ),
        )
        .to_table()
        .to_pylist(),
    }
    # All of them undo the escapes: %2F in a directory's name is a slash in the value.
    assert {reader: by_id(rows) for reader, rows in found.items()} == dict.fromkeys(found, expected)


def test_files_are_cut_at_a_number_of_rows_or_bytes_and_named_by_partition_and_number(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = spark.range(0, 1000, 1, 2).selectExpr("id", "concat('row ', id) AS text")
    rows = [(id_, f"row {id_}") for id_ in range(1000)]
    write(frame, sshd, remote_dir / "rows", compression="gzip", max_records_per_file=200)
    named = {"file_name_template": "o_{partition}_{seq:03d}.csv", "max_file_bytes": 4096}
    write(frame, sshd, remote_dir / "bytes", header=True, **named)

    cut = sorted((remote_dir / "rows").iterdir())
    shell("gzip -t *", remote_dir / "rows", "gzip")
    lengths = [len(pd.read_csv(file, header=None)) for file in cut]
    assert lengths == [200, 200, 100] * 2
    back = spark.read.csv(str(remote_dir / "rows"), "id LONG, text STRING")
    assert [tuple(row) for row in back.orderBy("id").collect()] == rows

    files = sorted((remote_dir / "bytes").glob("*.csv"))
    halves = {
        partition: [f for f in files if f.name.startswith(f"o_{partition}_")]
        for partition in (0, 1)
    }
    assert all(len(half) > 1 for half in halves.values())
    assert [int(file.stem[-3:]) for file in files] == [*range(1, len(files) + 1)]
    # A header each; all of a partition but the last are full.
    assert {file.open().readline() for file in files} == {"id,text\n"}
    assert all(file.stat().st_size >= 4096 for half in halves.values() for file in half[:-1])
    frames = pl.concat([pl.read_csv(file) for file in files])
    assert [*frames.iter_rows()] == rows


def test_control_records_are_skipped_by_readers_and_their_sum_is_that_of_the_lines_between(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = spark.range(0, 1000, 1, 3).selectExpr("id", "concat('é ', id) AS text")
    write(
        *(frame, sshd, remote_dir / "a.csv"),
        header=True,
        header_lines="HDR|{name}",
        footer_lines="TRL|{rows:08d}|{bytes}|{sha256}",
    )
    back = pd.read_csv(remote_dir / "a.csv", skiprows=1, skipfooter=1, engine="python")
    assert [*back.itertuples(index=False, name=None)] == [(i, f"é {i}") for i in range(1000)]
    between = shell("sed '1d;$d' a.csv | sha256sum", remote_dir, "sha256sum")
    size = shell("sed '1d;$d' a.csv | wc -c", remote_dir)
    trailer = shell("tail -n 1 a.csv", remote_dir).strip()
    assert trailer == f"TRL|00001000|{int(size)}|{between.split()[0]}"
    assert shell("head -n 1 a.csv", remote_dir) == "HDR|a.csv\n"


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
@pytest.mark.parametrize("layout", ["parts", "partitions", "exact"])
def test_sidecar_files_describe_the_data_correctly_and_readers_ignore_them(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, layout: str, algorithm: str
) -> None:
    frame = spark.range(0, 300, 1, 3).selectExpr("id", "id % 2 AS odd")
    more = {"partition_by": "odd"} if layout == "partitions" else {}
    write(
        *(frame, sshd, remote_dir / ("a.jsonl" if layout == "exact" else ".")),
        format="json",
        checksum_files=algorithm,
        manifest=True,
        success_file=True,
        done_file_template="{name}.done",
        **more,
    )
    manifest = json.loads((remote_dir / "_manifest.json").read_text())
    data = [file["name"] for file in manifest["files"]]
    count = {"parts": 3, "partitions": 6, "exact": 1}[layout]
    assert len(data) == len(set(data)) == count

    checked = ""
    for directory in {(remote_dir / name).parent for name in data}:
        ending = f".{algorithm}"
        sums = sorted(file.name for file in directory.iterdir() if file.name.endswith(ending))
        command = f"{algorithm}sum --strict --check " + " ".join(f"'{name}'" for name in sums)
        checked += shell(command, directory, f"{algorithm}sum")
    assert checked.count(": OK\n") == count
    for file in manifest["files"]:
        path = remote_dir / file["name"]
        assert file["sha256"] == shell(f"sha256sum '{path}'", remote_dir).split()[0]
        lines = path.read_text().splitlines()
        assert (file["rows"], file["bytes"]) == (len(lines), path.stat().st_size)
    assert manifest["rows"] == sum(file["rows"] for file in manifest["files"]) == 300
    done = {f"{name}.done" for name in data}
    every = {*names(remote_dir, "**/*")}
    assert done | {*data, "_SUCCESS", "_manifest.json"} <= every
    assert all((remote_dir / name).stat().st_size == 0 for name in (*done, "_SUCCESS"))

    # Spark reads every file that is not hidden: those that are empty add no row.
    where = remote_dir / "a.jsonl" if layout == "exact" else remote_dir
    back = spark.read.json(str(where)).selectExpr("id", "odd")
    assert sorted(tuple(row) for row in back.collect()) == [(id_, id_ % 2) for id_ in range(300)]
