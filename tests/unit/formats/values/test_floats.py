"""Text of floats and doubles, as Java prints them."""

from __future__ import annotations

import math
import re
import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.formats.values.floats import java_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678.5, "1.23456785E7"),
        (1e10, "1.0E10"),
        (-1.5e-5, "-1.5E-5"),
        (1e23, "1.0E23"),
        (5e-324, "4.9E-324"),
        (1e-323, "9.9E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (None, None),
    ],
)
def test_a_double_is_printed_as_java_19_prints_it(value: float | None, text: str | None) -> None:
    assert java_text(pa.array([value], pa.float64())).to_pylist() == [text]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.1, "1.1"), (3.4028235e38, "3.4028235E38"), (1.4e-45, "1.4E-45"), (16777216, "1.6777216E7")],
)
def test_a_float_has_the_digits_of_a_float(value: float, text: str) -> None:
    assert java_text(pa.array([value], pa.float32())).to_pylist() == [text]


@given(st.lists(st.floats() | st.none()))
def test_every_double_reads_back_and_has_javas_notation(values: list[float | None]) -> None:
    for value, text in zip(
        values, java_text(pa.array(values, pa.float64())).to_pylist(), strict=True
    ):
        if value is None:
            assert text is None
        elif math.isnan(value):
            assert text == "NaN"
        elif math.isinf(value):
            assert text == ("Infinity" if value > 0 else "-Infinity")
        else:
            assert struct.pack("d", float(text)) == struct.pack("d", value)
            positional = value == 0 or 1e-3 <= abs(value) < 1e7
            form = r"-?\d+\.\d+" if positional else r"-?[1-9]\.\d+E-?\d+"
            assert re.fullmatch(form, text)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float_reads_back(values: list[float]) -> None:
    texts = java_text(pa.array(values, pa.float32())).to_pylist()
    assert pa.array([float(text) for text in texts], pa.float32()).equals(
        pa.array(values, pa.float32())
    )
