"""Every known difference from Spark's files is as the documents tell it, and no other is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parity.conftest import Twice
from tests.parity.differences import DIFFERENCES, Difference
from tests.parity.test_frames import CSV, EACH, JSON, TEXT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "spark-files.md"

pytestmark = pytest.mark.one_python


@pytest.mark.parametrize("case", DIFFERENCES, ids=lambda case: case.name)
def test_a_difference_is_as_documented(spark: SparkSession, twice: Twice, case: Difference) -> None:
    frame = spark.sql(case.query).coalesce(1)
    own, ours = twice.directories(frame, case.form, case.options)
    [sparks_part] = own.glob("part-*")
    [our_part] = ours.glob("part-*")
    assert sparks_part.read_bytes() == case.sparks
    assert our_part.read_bytes() == case.ours


def test_the_page_lists_them_all() -> None:
    listed = re.findall(r"^\| \*\*(.+?)\*\* \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [case.name for case in DIFFERENCES]


def test_the_page_counts_right() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"\n{len(DIFFERENCES)} differences are known" in page
    assert (
        f" {len(CSV)} sets of options for CSV, {len(JSON)} for JSON, {len(TEXT)} for text" in page
    )
    assert f" {EACH * len([*CSV, *JSON, *TEXT]):,} on CI" in page
