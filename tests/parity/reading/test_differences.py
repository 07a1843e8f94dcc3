"""Every known difference from Spark's readers is as the page lists it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sftp_async.errors import DecodeError
from sftp_async.spark.schema import arrow_schema
from tests.parity.reading.differences import FAILS, TEXT, Difference
from tests.support.documents import REPOSITORY
from tests.support.readable import MemoryFile, decode_file, read_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = REPOSITORY / "docs" / "reference" / "reading-differences.md"
SECTIONS = {"Text, and compressed files of any format": TEXT}

pytestmark = pytest.mark.one_python


@pytest.mark.parametrize(
    "case", [case for cases in SECTIONS.values() for case in cases], ids=lambda case: case.name
)
def test_a_difference_is_as_listed(spark: SparkSession, tmp_path: Path, case: Difference) -> None:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    (tmp_path / case.file).write_bytes(case.data)
    frame = spark.read.format(case.form).options(**case.options).schema(case.schema)
    frame = frame.load(str(tmp_path / case.file))  # type: ignore[assignment]
    try:
        sparks = [tuple(row) for row in frame.collect()]  # type: ignore[attr-defined]
    except (Py4JJavaError, PySparkException):
        sparks = FAILS  # type: ignore[assignment]
    try:
        table = decode_file(
            MemoryFile(f"/in/{case.file}", case.data),
            read_options(format=case.form, **case.options),
            arrow_schema(frame.schema),  # type: ignore[attr-defined]
        )
        ours = [tuple(row.values()) for row in table.to_pylist()]
    except DecodeError:
        ours = FAILS  # type: ignore[assignment]
    assert ours == case.ours
    assert ours != sparks
    if case.sparks is not None:
        assert sparks == case.sparks


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_lists_them_all(section: str) -> None:
    text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| \*\*(.+?)\*\* \|", text, re.MULTILINE)
    assert listed == [case.name for case in SECTIONS[section]]
