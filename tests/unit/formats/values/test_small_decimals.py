from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.formats.values.from_text import TextRules, reader_of
from sftp_async.formats.values.small_decimals import small_decimals

_NUMBERS = st.from_regex(r"[+-]?[0-9]{0,18}(\.[0-9]{0,6})?", fullmatch=True)
_HALVES = st.builds(
    "{}{}.{:02}5{}".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 2**52),
    st.integers(0, 99),
    st.sampled_from(["", "0", "000000000000000001", "1"]),
)
_KINDS = st.sampled_from(
    [pa.decimal128(*kind) for kind in [(5, 0), (10, 2), (15, 2), (18, 6), (38, 15), (38, 20)]]
)


@given(st.lists(st.none() | _NUMBERS | _HALVES, max_size=8), _KINDS)
def test_decimals_are_those_of_the_exact_conversion(
    texts: list[str | None], kind: pa.DataType
) -> None:
    reader = reader_of(kind, TextRules())
    assert reader is not None
    column = pa.array(texts, pa.string())
    try:
        found = small_decimals(column, kind)
    except pa.ArrowInvalid:
        return
    if found is not None:
        found.validate(full=True)
        assert found.to_pylist() == [None if text is None else reader.cell(text) for text in texts]


def test_ordinary_decimals_are_read_without_a_look_at_each() -> None:
    texts = pa.array(["x", "17", "-0.04", None, ".5", "5.", "99999999.99"]).slice(1)
    found = small_decimals(texts, pa.decimal128(10, 2))
    assert found is not None
    assert list(map(str, found.to_pylist())) == [
        "17.00",
        "-0.04",
        "None",
        "0.50",
        "5.00",
        "99999999.99",
    ]


@pytest.mark.parametrize("text", ["0.005", "100000000", "1125899906842624.1", "9" * 400])
def test_decimals_that_are_rounded_or_too_large_are_left_to_others(text: str) -> None:
    kind = pa.decimal128(10, 2) if len(text) < 12 else pa.decimal128(38, 2)
    assert small_decimals(pa.array(["1", text]), kind) is None
