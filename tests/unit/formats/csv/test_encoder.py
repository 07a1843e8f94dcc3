"""CSV: Spark's quoting, and no value lost."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import EncodeError
from sftp_async.formats import open_format
from sftp_async.formats.csv.dialect import CSVDialect
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded

# NUL stands for a null below; the csv module takes no lone surrogates, and neither does Arrow.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x01"))
TRICKY = st.text(st.sampled_from(list("ab,;|\"'\\\n\r\t #\ufeff")))
ROWS = st.lists(st.tuples(st.none() | TRICKY | TEXTS, TRICKY | TEXTS), max_size=20)


def batch(**columns: list[object]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(values) for name, values in columns.items()})


def lines(values: list[str | None], **options: str) -> list[str]:
    """Return the lines of one column of strings that stands before a column of @."""
    table = pa.record_batch(
        {"s": pa.array(values, pa.string()), "end": pa.array(["@"] * len(values), pa.string())}
    )
    sep, line_sep = options.get("sep", ","), options.get("line_sep", "\n")
    text = encoded(table, **options).decode()
    return text.split(f"{sep}@{line_sep}")[:-1]


def parsed(data: bytes, *, sep: str, quote: str, escape: str) -> list[list[str]]:
    """Read CSV with Python's own reader."""
    doubled = quote == escape
    reader = csv.reader(
        io.StringIO(data.decode(), newline=""),
        delimiter=sep,
        quotechar=quote,
        doublequote=doubled,
        escapechar=None if doubled else escape,
        strict=True,
    )
    return list(reader)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('q"q', r'"q\"q"'),
        ("line\nfeed", '"line\nfeed"'),
        ("carriage\rreturn", '"carriage\rreturn"'),
        ("back\\slash", "back\\slash"),
        ('both\\"', r'"both\\\""'),
        ("back\\slash,comma", r'"back\\slash,comma"'),
        ("#comment", '"#comment"'),
        ("not # first", "not # first"),
        ("", '""'),
        ('""', r'"\"\""'),
        (None, ""),
        ("émoji 😀", "émoji 😀"),
    ],
)
def test_a_string_is_quoted_and_escaped_as_spark_does(value: str | None, line: str) -> None:
    assert lines([value]) == [line]


def test_white_space_at_the_ends_is_kept() -> None:
    assert lines([" a", "a ", "  ", "\t"]) == [" a", "a ", "  ", "\t"]


def test_a_byte_order_mark_at_the_start_of_a_line_is_quoted() -> None:
    assert lines(["\ufeffa"]) == ['"\ufeffa"']


def test_only_the_first_column_fears_a_comment() -> None:
    assert encoded(batch(a=["x", "#"], b=["#", "x"])) == b'x,#\n"#",x\n'


def test_the_quote_may_escape_itself() -> None:
    assert lines(['"', 'a"b', "a\\,"], escape='"') == ['""""', '"a""b"', '"a\\,"']


def test_a_string_that_equals_the_null_value_is_quoted() -> None:
    assert lines(["NULL", None, "NULLs"], null_value="NULL") == ['"NULL"', "NULL", "NULLs"]


def test_a_null_value_with_a_separator_is_quoted_unless_it_has_quotes_of_its_own() -> None:
    assert lines([None], null_value="a,b") == ['"a,b"']
    assert lines([None], null_value='"a,b"') == ['"a,b"']


def test_what_stands_in_memory_where_a_value_is_null_is_of_no_account() -> None:
    texts = pa.array(["a", "b,c", 'd"'])
    valid = pa.array([True, False, False]).buffers()[1]
    holes = pa.Array.from_buffers(pa.string(), 3, [valid, *texts.buffers()[1:]])
    assert encoded(pa.record_batch({"s": holes, "n": [1, 2, 3]})) == b"a,1\n,2\n,3\n"


def test_an_empty_string_can_have_a_word_of_its_own() -> None:
    assert lines(["", None], empty_value="EMPTY") == ["EMPTY", ""]


def test_an_empty_string_is_two_quotes_whatever_the_quote_is() -> None:
    assert lines(["", "it's"], quote="'") == ["''", r"'it\'s'"]


def test_a_long_separator_needs_quotes_when_whole_or_when_a_value_runs_into_it() -> None:
    assert lines(["a||b", "a|b", "|a", "a|"], sep="||") == ['"a||b"', "a|b", "|a", '"a|"']


def test_the_line_separator_needs_quotes_and_a_line_feed_stays_what_it_is() -> None:
    assert lines(["a;b", "a\nb"], line_sep=";") == ['"a;b"', '"a\nb"']
    assert lines(["a\nb", "c"], line_sep="\r\n") == ['"a\nb"', "c"]


def test_numbers_are_quoted_when_the_separator_is_one_of_their_characters() -> None:
    assert encoded(batch(a=[1.5], b=[-2]), sep=".") == b'"1.5".-2\n'
    assert encoded(batch(a=[dt.date(2024, 1, 2)], b=[-2]), sep="-") == b'"2024-01-02"-"-2"\n'


def test_a_line_of_nothing_but_white_space_gets_quotes_as_readers_drop_it() -> None:
    assert encoded(batch(a=["x", None, "", "  "])) == b'x\n""\n""\n"  "\n'
    tabs = batch(a=[None, " ", None, "x"], b=[None, " ", "y", None])
    assert encoded(tabs, sep="\t") == b'""\t\n" "\t \n\ty\nx\t\n'


def test_without_a_quote_plain_values_pass_and_others_name_their_column() -> None:
    assert encoded(batch(a=["x", 'y"']), quote="") == b'x\ny"\n'
    for values in (["a,b"], ["a\n"], [None]):
        with pytest.raises(EncodeError, match="'unlucky'"):
            encoded(pa.record_batch({"unlucky": pa.array(values, pa.string())}), quote="")


def test_every_type_has_sparks_text() -> None:
    row = pa.record_batch(
        {
            "bool": pa.array([True]),
            "byte": pa.array([-128], pa.int8()),
            "long": pa.array([2**63 - 1]),
            "float": pa.array([1.1], pa.float32()),
            "double": pa.array([1e10]),
            "dec": pa.array([decimal.Decimal("1.10")], pa.decimal128(10, 2)),
            "tiny": pa.array([decimal.Decimal("0.0000001")], pa.decimal128(38, 18)),
            "zero": pa.array([decimal.Decimal(0)], pa.decimal128(38, 18)),
            "date": pa.array([dt.date(2024, 2, 29)]),
            "ts": pa.array([0], pa.int64()).cast(pa.timestamp("us", "Europe/Berlin")),
            "ntz": pa.array([0], pa.int64()).cast(pa.timestamp("us")),
            "span": pa.array([1], pa.int64()).cast(pa.duration("us")),
            "large": pa.array(["x"], pa.large_string()),
        }
    )
    assert encoded(row).decode() == (
        "true,-128,9223372036854775807,1.1,1.0E10,1.10,0.000000100000000000,0.000000000000000000,"
        "2024-02-29,1970-01-01T01:00:00.000+01:00,1970-01-01T00:00:00.000,"
        "INTERVAL '0 00:00:00.000001' DAY TO SECOND,x\n"
    )


def test_patterns_apply_to_dates_and_to_timestamps_with_a_zone() -> None:
    row = pa.record_batch(
        {
            "d": pa.array([dt.date(2024, 2, 29)]),
            "ts": pa.array([0], pa.int64()).cast(pa.timestamp("us", "Europe/Berlin")),
            "ntz": pa.array([0], pa.int64()).cast(pa.timestamp("us")),
        }
    )
    text = encoded(row, date_format="dd.MM.yyyy", timestamp_format="HH:mm, dd.MM.")
    assert text == b'29.02.2024,"01:00, 01.01.",1970-01-01T00:00:00.000\n'


def test_the_header_comes_once_and_is_quoted_like_values() -> None:
    rows = pa.record_batch({"#a": [1], "b,c": [2]})
    assert encoded(rows, rows, header=True) == b'"#a","b,c"\n1,2\n1,2\n'


def test_a_file_without_rows_has_its_header() -> None:
    rows = pa.record_batch({"a": [1], "b": [2]})
    assert encoded(rows.slice(0, 0), header=True) == b"a,b\n"
    never_fed = open_format(FormatOptions(header=True), rows.schema).open()
    assert bytes(never_fed.finish()) == b"a,b\n"


def test_a_file_to_be_joined_has_no_header() -> None:
    rows = pa.record_batch({"a": [1], "b": [2]})
    encoder = open_format(FormatOptions(header=True), rows.schema).open(header=False)
    assert bytes(encoder.encode(rows)) + bytes(encoder.finish()) == b"1,2\n"


@given(ROWS, st.sampled_from(['"', "\x01"]), st.sampled_from([",", ";", "|"]))
def test_any_strings_are_read_back_by_python(
    rows: list[tuple[str | None, str]], escape: str, sep: str
) -> None:
    # Not with a backslash: outside quotes Spark takes it as it is, Python's reader as an escape.
    table = pa.record_batch(
        {
            "a": pa.array([row[0] for row in rows], pa.string()),
            "b": pa.array([row[1] for row in rows], pa.string()),
        }
    )
    data = encoded(table, sep=sep, escape=escape, null_value="\0")
    expected = [["\0" if value is None else value for value in row] for row in rows]
    assert parsed(data, sep=sep, quote='"', escape=escape) == expected


@given(st.lists(st.none() | TRICKY, min_size=1, max_size=30), st.data())
def test_slices_and_batches_make_the_same_file_as_the_whole(
    values: list[str | None], data: st.DataObject
) -> None:
    whole = pa.record_batch(
        {"a": pa.array(values, pa.string()), "b": pa.array(range(len(values)), pa.int64())}
    )
    cut = data.draw(st.integers(0, len(values)))
    parts = [whole.slice(0, cut), whole.slice(cut)]
    assert encoded(*parts) == encoded(whole)


def test_the_fast_path_and_the_general_path_make_the_same_bytes() -> None:
    randomness = random.Random(1)
    alphabet = 'abc ,"\\\n é'
    columns = [
        pa.array(
            [
                randomness.choice([None, "".join(randomness.choices(alphabet, k=3))])
                for _ in range(50)
            ],
            pa.string(),
        )
        for _ in range(3)
    ]
    names = ["a", "b", "c"]
    general = CSVDialect(line_sep="\r\n")
    for start in range(50):
        cells = [column.slice(start, 1) for column in columns]
        expected = general.lines(names, cells).to_pybytes().removesuffix(b"\r\n") + b"\n"
        assert CSVDialect().lines(names, cells).to_pybytes() == expected
    plain = [pc.cast(pa.array([1, None, 3]), pa.string()), pa.array(["x", "y", None])]
    assert CSVDialect().lines(names[:2], plain).to_pybytes() == b"1,x\n,y\n3,\n"
