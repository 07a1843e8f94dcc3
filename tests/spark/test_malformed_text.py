"""Strings whose bytes are no UTF-8: files are those of Spark's own writers, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import PySparkException

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.one_python

#: Truncated, overlong, of surrogates, beyond Unicode; and well-formed ones.
BYTES = [
    *("41FF42", "C3", "E28241", "F09F9841", "EDA08041", "EDA080EDB08041"),
    *("C08041", "F580808041", "E0808041", "F490808041", "F8808080", "C328"),
    *("80", "C3A9", "41E282", "F09F98", "41F0", "EDA0"),
    *("ED", "EFBFBD"),
]
FLAT = ["i", "s"]
NESTED = ["map(s, s) m", "struct(s) st", "array(s, null, s) a", "array(map(s, array(s))) d"]


def frame(spark: SparkSession, columns: list[str], times: int = 1) -> DataFrame:
    """One row for each of the bytes; many times over, for what encodes large batches."""
    values = ", ".join(f"'{text}'" for text in BYTES)
    rows = spark.range(0, len(BYTES) * times, 1, 1)
    texts = rows.selectExpr(
        "id i", f"CAST(unhex(array({values})[cast(id % {len(BYTES)} as int)]) AS STRING) s"
    )
    return texts.selectExpr(*columns)


def data_of(directory: Path) -> bytes:
    (file,) = directory.glob("part-*")
    return file.read_bytes()


@pytest.mark.parametrize("times", [1, 100], ids=["few", "many"])
@pytest.mark.parametrize(
    ("form", "columns"),
    [("csv", FLAT), ("json", FLAT), ("json", NESTED), ("text", ["s"]), ("xml", FLAT)],
    ids=["csv", "json", "nested json", "text", "xml"],
)
def test_the_file_is_that_of_sparks_own_writer(
    spark: SparkSession,
    sshd: SSHD,
    remote_dir: Path,
    tmp_path: Path,
    form: str,
    columns: list[str],
    times: int,
) -> None:
    rows = frame(spark, columns, times)
    more = {"rowTag": "r"} if form == "xml" else {}
    rows.write.format(form).options(**more).save(str(tmp_path / "spark"))
    options = {**sshd.options(), "format": form, **more}
    rows.write.format("sftp").options(**options).mode("append").save(str(remote_dir))
    assert data_of(remote_dir) == data_of(tmp_path / "spark")


@pytest.mark.parametrize("form", ["parquet", "orc"])
def test_spark_reads_the_bytes_back_as_from_its_own_file(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, form: str
) -> None:
    rows = frame(spark, ["i", "s", "map(s, s) m"])
    rows.write.format(form).save(str(tmp_path / "spark"))
    options = {**sshd.options(), "format": form}
    rows.write.format("sftp").options(**options).mode("append").save(str(remote_dir))

    def found(path: Path) -> list[object]:
        read = spark.read.format(form).load(str(path)).orderBy("i")
        return read.selectExpr("hex(s)", "hex(map_keys(m)[0])").collect()

    assert found(remote_dir) == found(tmp_path / "spark")
    assert [row[0] for row in found(remote_dir)] == BYTES


def test_avro_refuses_them_and_names_the_column(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    for times in (1, 100):
        writer = frame(spark, FLAT, times).write.format("sftp")
        writer = writer.options(**sshd.options(), format="avro").mode("append")
        with pytest.raises(PySparkException, match="Column 's' holds bytes that are no UTF-8"):
            writer.save(str(remote_dir))
    assert not list(remote_dir.rglob("part-*"))
