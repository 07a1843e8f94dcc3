"""Excel files through Spark and sshd: what openpyxl reads of ours, and what we read of its own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest
from pyspark.errors import PySparkException

from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

COLUMNS = (
    "id BIGINT, name STRING, amount DECIMAL(12,2), share DOUBLE, day DATE, at TIMESTAMP_NTZ, "
    "paid BOOLEAN"
)
ROWS = [
    (
        1,
        "=1+1",
        Decimal("2.50"),
        0.1 + 0.2,
        dt.date(1900, 1, 1),
        dt.datetime(2026, 11, 23, 10, 0, 0, 5000),
        True,
    ),
    (2, "https://example.com", Decimal("-4.00"), 1e-9, dt.date(9999, 12, 31), None, False),
    (2**53, " ä😀\r\n", None, None, None, dt.datetime(1900, 2, 28, 23, 59, 59), None),
]


def test_an_exact_file_is_read_by_openpyxl_and_back(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    path = remote_dir / "orders.xlsx"
    frame = spark.createDataFrame(ROWS, COLUMNS).coalesce(1)
    options = sshd.options() | {"sheet": "Orders"}
    frame.write.format("sftp").options(**options).mode("overwrite").save(str(path))

    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Orders"]
    [header, first, second, third] = book.active.iter_rows()
    assert [cell.value for cell in header] == frame.columns
    assert [cell.data_type for cell in first] == ["n", "s", "n", "n", "d", "d", "b"]
    assert [cell.value for cell in first][:4] == [1, "=1+1", 2.5, 0.1 + 0.2]
    assert first[4].value == dt.datetime(1900, 1, 1)
    assert first[5].value == dt.datetime(2026, 11, 23, 10, 0, 0, 5000)
    assert second[1].hyperlink is None
    assert third[0].value == 2**53

    again = spark.read.format("sftp").options(**options).schema(COLUMNS).load(str(path))
    assert again.collect() == frame.collect()
    inferred = spark.read.format("sftp").options(**options).load(str(path))
    assert inferred.dtypes == [
        *(("id", "bigint"), ("name", "string"), ("amount", "double"), ("share", "double")),
        *(("day", "date"), ("at", "timestamp_ntz"), ("paid", "boolean")),
    ]
    assert inferred.select("name", "day", "paid").collect() == (
        frame.select("name", "day", "paid").collect()
    )


def test_part_files_of_several_partitions_are_read_back_in_local_time(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = spark.range(100, numPartitions=3).selectExpr(
        "id", "timestamp_millis(1700000000000 + id * 1001) AS at"
    )
    options = sshd.options() | {"format": "excel"}
    frame.write.format("sftp").options(**options, maxRecordsPerFile=20).mode("append").save(
        str(remote_dir)
    )
    assert {entry.suffix for entry in remote_dir.iterdir()} == {".xlsx"}
    assert len(list(remote_dir.iterdir())) == 6
    again = spark.read.format("sftp").options(**options).schema("id BIGINT, at TIMESTAMP")
    assert again.load(str(remote_dir)).orderBy("id").collect() == frame.orderBy("id").collect()


def test_one_exact_file_of_several_partitions_is_refused_with_a_remedy(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    frame = spark.range(10, numPartitions=2)
    writer = frame.write.format("sftp").options(**sshd.options()).mode("append")
    with pytest.raises(PySparkException, match=r"coalesce\(1\)"):
        writer.save(str(remote_dir / "orders.xlsx"))
    assert not list(remote_dir.iterdir())


def test_a_sheet_and_a_range_of_a_partners_workbook_are_read(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a cover sheet"])
    sheet = book.create_sheet("Orders 2026")
    sheet["B1"] = "Orders"
    for row in (["id", "price", "note"], [1, 2.5, "x"], [2, "n/a", None], ["total", 2.5]):
        sheet.append([None, *row])
    book.save(remote_dir / "partner.xlsx")
    options = sshd.options() | {"sheet": "Orders 2026", "range": "b2:d4"}
    columns = "id INT, price DECIMAL(10,2), note STRING, _corrupt_record STRING"
    reader = spark.read.format("sftp").options(**options).schema(columns)
    first, second = reader.load(str(remote_dir)).collect()
    assert tuple(first) == (1, Decimal("2.50"), "x", None)
    assert tuple(second)[:3] == (2, None, None)
    assert second[3] == '{"sheet": "Orders 2026", "cell": "C4", "values": [2.0, "n/a", null]}'
    strict = reader.option("mode", "FAILFAST").load(str(remote_dir))
    with pytest.raises(PySparkException, match=r"Cell C4 of sheet 'Orders 2026' holds 'n/a'"):
        strict.collect()
    notes = spark.read.format("sftp").options(**options, columns="note").load(str(remote_dir))
    assert notes.collect() == [("x",), (None,)]
