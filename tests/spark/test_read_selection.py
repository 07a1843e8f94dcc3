"""Spark reads directories, patterns and partition columns through `format("sftp")`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Load = Callable[..., "DataFrame"]


@pytest.fixture
def load(spark: SparkSession, sshd: SSHD) -> Load:
    def load(*paths: Path | str, schema: str | None = None, **options: str) -> DataFrame:
        reader = spark.read.format("sftp").options(**sshd.options(), format="text", **options)
        reader = reader if schema is None else reader.schema(schema)
        return reader.load([str(path) for path in paths] if len(paths) > 1 else str(paths[0]))

    return load


def put(root: Path, **texts: str) -> None:
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def test_partition_columns_are_those_of_spark_s_own_reader(
    spark: SparkSession, load: Load, remote_dir: Path
) -> None:
    at = "at=2024-05-01 10%3A11%3A12"
    put(
        remote_dir,
        **{
            f"day=2024-05-01/{at}/n=1/a.txt": "a\n",
            f"day=2024-05-02/{at}/n=2.5/b.txt": "b\n",
            f"day=__HIVE_DEFAULT_PARTITION__/{at}/n=3/c.txt": "c\n",
        },
    )
    own, ours = spark.read.text(str(remote_dir)), load(remote_dir)
    assert ours.schema == own.schema
    rows = sorted(ours.collect())
    assert rows == sorted(own.collect())
    assert [(row.day, row.n) for row in rows] == [
        (date(2024, 5, 1), 1.0),
        (date(2024, 5, 2), 2.5),
        (None, 3.0),
    ]
    assert all(isinstance(row.at, datetime) for row in rows)


def test_a_column_without_any_value_is_void_as_in_spark(
    spark: SparkSession, load: Load, remote_dir: Path
) -> None:
    put(remote_dir, **{"k=__HIVE_DEFAULT_PARTITION__/a.txt": "a\n"})
    own, ours = spark.read.text(str(remote_dir)), load(remote_dir)
    assert ours.schema == own.schema
    assert ours.collect() == own.collect()


def test_types_of_the_schema_take_precedence(load: Load, remote_dir: Path) -> None:
    put(remote_dir, **{"n=1/a.txt": "a\n", "n=007/b.txt": "b\n"})
    rows = load(remote_dir, schema="value STRING, N STRING").collect()
    assert sorted((row.value, row.N) for row in rows) == [("a", "1"), ("b", "007")]
    put(remote_dir, **{"n=x/c.txt": "c\n"})
    with pytest.raises(Exception, match="The directory's value 'x' does not fit the type int32"):
        load(remote_dir, schema="value STRING, n INT").collect()


def test_a_partition_column_takes_the_place_of_a_column_of_the_file(
    spark: SparkSession, load: Load, remote_dir: Path
) -> None:
    put(remote_dir, **{"value=7/a.txt": "a\n"})
    own, ours = spark.read.text(str(remote_dir)), load(remote_dir)
    assert ours.schema == own.schema
    assert ours.collect() == own.collect()


def test_several_paths_and_patterns_are_read_together(load: Load, remote_dir: Path) -> None:
    put(remote_dir, **{"a/1.txt": "1\n", "b/2.txt": "2\n", "b/3.log": "3\n", "c[1].txt": "4\n"})
    frame = load(remote_dir / "a", f"{remote_dir}/{{b,x}}/*.txt", remote_dir / "c[1].txt")
    assert sorted(row.value for row in frame.collect()) == ["1", "2", "4"]


def test_paths_may_be_urls_of_the_server_of_the_options(
    load: Load, sshd: SSHD, remote_dir: Path
) -> None:
    put(remote_dir, **{"a.txt": "1\n", "b.txt": "2\n"})
    url = f"sftp://{sshd.username}@{sshd.host}:{sshd.port}{remote_dir}"
    frame = load(f"{url}/a.txt", f"{url}/b.txt")
    assert sorted(row.value for row in frame.collect()) == ["1", "2"]
    with pytest.raises(Exception, match="All paths of a read must be on one server"):
        load(f"{url}/a.txt", f"sftp://me@elsewhere.example.com{remote_dir}/b.txt")


def test_an_empty_directory_gives_no_rows_and_a_missing_one_an_error_that_helps(
    load: Load, remote_dir: Path
) -> None:
    put(remote_dir, **{"in/_hidden.txt": "x\n"})
    assert load(remote_dir / "in").collect() == []
    with pytest.raises(Exception, match=r"no such file or directory.*has 1 entries: 'in'"):
        load(remote_dir / "nope")
