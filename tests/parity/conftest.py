"""The fixture `twice`: a frame written by Spark to disk, and by `format("sftp")` to OpenSSH."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.parity import making
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_NUMBER = re.compile(r"-c(\d+)\.")


@dataclass(frozen=True)
class Pair:
    """The same part file by both writers."""

    sparks: bytes
    ours: bytes


class Twice:
    """Writes frames twice, each with one partition."""

    def __init__(self, spark: SparkSession, server: SSHD, local: Path, remote: Path) -> None:
        self._spark = spark
        self._server = server
        self._local = local
        self._remote = remote
        self._numbers = count()

    def frame(self, table: pa.Table) -> DataFrame:
        """Return a DataFrame of one partition, its rows in the table's order."""
        path = self._local / f"{next(self._numbers)}.parquet"
        parquet.write_table(table, path)
        return self._spark.read.parquet(str(path)).coalesce(1)

    def directories(
        self, frame: DataFrame, form: str, options: dict[str, str], *, rows: int = 0
    ) -> tuple[Path, Path]:
        """Write; returns where Spark's files are, and ours.

        Args:
            frame: of one partition.
            form: the format's name in Spark.
            options: in Spark's own spelling, for both writers.
            rows: of a file, if the frame is cut into several.

        """
        cut = {"maxRecordsPerFile": str(rows)} if rows else {}
        number = next(self._numbers)
        own, ours = self._local / f"own-{number}", self._remote / str(number)
        frame.write.format(form).options(**options, **cut).save(str(own))
        frame.write.format("sftp").options(**self._server.options(), **options, **cut).option(
            "format", form
        ).mode("append").save(str(ours))
        return own, ours

    def pairs(
        self, frame: DataFrame, form: str, options: dict[str, str], *, rows: int = 0
    ) -> list[Pair]:
        """Write; returns the part files in their order."""
        # Spark's default cuts white space off, ours keeps it: both are set.
        whole = {"ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}
        options = (whole if form == "csv" else {}) | options
        own, ours = map(parts, self.directories(frame, form, options, rows=rows))
        assert len(own) == len(ours)
        return [
            Pair(mine.read_bytes(), other.read_bytes())
            for mine, other in zip(own, ours, strict=True)
        ]


def parts(directory: Path) -> list[Path]:
    def number(path: Path) -> int:
        match = _NUMBER.search(path.name)
        assert match is not None
        return int(match[1])

    return sorted(directory.glob("part-*"), key=number)


@pytest.fixture
def twice(spark: SparkSession, sshd: SSHD, tmp_path: Path, remote_dir: Path) -> Twice:
    return Twice(spark, sshd, tmp_path, remote_dir)


@pytest.fixture(scope="session")
def maker() -> Iterator[making.Maker]:
    with making.maker() as started:
        yield started
