"""Strings that are no UTF-8, such as `CAST(X'41FF42' AS STRING)`: what Spark's own files hold."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from tests.parity.conftest import Twice

pytestmark = [pytest.mark.spark, pytest.mark.one_python]

#: A byte that begins no character, an unfinished one, an overlong one, half of a surrogate pair.
MALFORMED = ("41FF42", "41C3", "C0AF", "EDA080", "E282", "F09F98")


ENCODINGS = ("UTF-8", "UTF-16", "UTF-16LE", "UTF-32")
#: Spark writes text files in UTF-8 alone, whatever is asked for.
CASES = [(form, encoding) for form in ("csv", "json") for encoding in ENCODINGS]
CASES += [("text", "UTF-8")]


@pytest.mark.parametrize(("form", "encoding"), CASES)
def test_malformed_text_is_as_in_sparks_own_files(
    spark: SparkSession, twice: Twice, form: str, encoding: str
) -> None:
    rows = " UNION ALL ".join(
        f"SELECT CAST(X'{text}' AS STRING) AS value" for text in (*MALFORMED, "C3A4")
    )
    frame = spark.sql(rows).coalesce(1)
    for pair in twice.pairs(frame, form, {"encoding": encoding}):
        assert pair.ours == pair.sparks
