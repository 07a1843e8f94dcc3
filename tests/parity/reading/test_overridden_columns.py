"""Columns of files whose names partition directories have, too, are overridden as in Spark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

HEADER = {"header": "true"}


@pytest.mark.parametrize(
    ("kind", "name", "content", "options"),
    [
        ("csv", "b=z", "a,b,c\n5,6,7\n", HEADER),
        ("csv", "b=z", "a,b,c\n5,6,7\n", HEADER | {"inferSchema": "true"}),
        ("csv", "b=z", "a,b,c\n5,6,7\n", HEADER | {"multiLine": "true"}),
        ("csv", "b=z", "a,b,c\n5,6,7\n", HEADER | {"enforceSchema": "false"}),
        ("csv", "b=z", 'a,b,c\n5,"6,6",7\n8,9\n', HEADER | {"inferSchema": "true"}),
        ("csv", "B=z", "a,b,c\n5,6,7\n", HEADER),
        ("csv", "a=1", "a,b\n5,6\n", HEADER),
        ("csv", "c=1", "a,b,c\n5,6,7\n", HEADER),
        ("csv", "_c1=z", "5,6,7\n", {}),
        ("csv", "_c1=z/_c0=2", "5,6,7\n", {}),
        ("csv", "b=1/d=2", "a,b,c\n5,6,7\n", HEADER),
        ("json", "b=z", '{"a":5,"b":6,"c":7}\n', {}),
        ("xml", "b=z", "<rows><r><a>5</a><b>6</b><c>7</c></r></rows>", {"rowTag": "r"}),
    ],
)
def test_without_a_schema_each_column_of_the_file_keeps_its_own_values(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    kind: str,
    name: str,
    content: str,
    options: dict[str, str],
) -> None:
    (remote_dir / name).mkdir(parents=True)
    (remote_dir / name / f"x.{kind}").write_text(content)
    theirs = spark.read.format(kind).options(**options).load(str(remote_dir))
    given = {**sshd.options(), **options, "format": kind}
    ours = spark.read.format("sftp").options(**given).load(str(remote_dir))
    assert ours.dtypes == theirs.dtypes
    assert ours.collect() == theirs.collect()
