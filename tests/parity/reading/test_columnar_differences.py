"""Each difference between Spark's readers of Parquet and ORC and ours is as documented."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from tests.parity.reading.columnar import Columnar, spark_rows
from tests.parity.reading.columnar_differences import COLUMNAR_DIFFERENCES, ColumnarDifference
from tests.support.spark import REPOSITORY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python
PAGE = REPOSITORY / "docs" / "reference" / "reading-differences.md"


def values(table: pa.Table) -> list[Any]:
    column = table["x"]
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int64())
    return column.to_pylist()


@pytest.mark.parametrize("case", COLUMNAR_DIFFERENCES, ids=lambda case: case.name)
def test_the_difference_is_as_documented(
    spark: SparkSession, columnar: Columnar, tmp_path: Path, case: ColumnarDifference
) -> None:
    path = tmp_path / f"file.{case.form}"
    case.write(path)
    frame = spark.read.format(case.form).schema(case.ddl).load(str(path))
    if isinstance(case.sparks, str):
        with pytest.raises(Exception, match=case.sparks):
            spark_rows(frame)
    else:
        assert values(spark_rows(frame)) == case.sparks
    if isinstance(case.ours, str):
        with pytest.raises(DecodeError, match=case.ours):
            columnar.rows(case.form, [path], frame.schema)
    else:
        assert values(columnar.rows(case.form, [path], frame.schema)) == case.ours


@pytest.mark.parametrize("case", COLUMNAR_DIFFERENCES, ids=lambda case: case.name)
def test_the_page_lists_the_difference(case: ColumnarDifference) -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert case.name.lower() in text.lower()
