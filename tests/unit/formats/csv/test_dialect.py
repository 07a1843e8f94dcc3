"""The finer options of CSV, JSON and text: quotes, white space, character sets, zones, nulls."""

from __future__ import annotations

import datetime as dt
import json
import pickle
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats import open_format
from sftp_async.formats.charset import Charset
from sftp_async.formats.spark_schema import SPARK_SCHEMA
from sftp_async.formats.values.intervals import NarrowIntervals
from sftp_async.options import FormatOptions
from tests.support.encoding import encoded

#: Sets in which characters have different numbers of bytes.
MANY_BYTES = [
    *("big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jis_2004", "euc_jp", "euc_kr"),
    *("gb18030", "gb2312", "gbk", "hz", "iso2022_jp", "iso2022_jp_3", "iso2022_kr", "johab"),
    *("shift_jis", "shift_jis_2004"),
]


def strings(*values: str | None, times: int = 1) -> pa.RecordBatch:
    column = pa.array([*values] * times, pa.string())
    return pa.record_batch({"s": column, "n": pa.array([1] * len(column))})


def cells(*values: str | None, **options: Any) -> list[str]:
    """Return the cells of one column of strings before a column of ones."""
    end = ',"1"\n' if options.get("quote_all") else ",1\n"
    return encoded(strings(*values), **options).decode().split(end)[:-1]


def test_quote_all_puts_numbers_and_nulls_in_quotes_too() -> None:
    assert cells("a", "", None, 'q"', quote_all=True) == ['"a"', '""', '""', r'"q\""']
    assert cells("a", "", None, quote_all=True, null_value="N", empty_value="E") == [
        '"a"',
        '"E"',
        '"N"',
    ]


def test_quote_all_puts_the_header_in_quotes() -> None:
    assert encoded(strings("a"), quote_all=True, header=True) == b'"s","n"\n"a","1"\n'


def test_without_escape_quotes_only_a_quote_at_the_start_asks_for_quotes() -> None:
    assert cells('a"b', '"a', 'a"', '"', 'a",', escape_quotes=False) == [
        'a"b',
        r'"\"a"',
        'a"',
        r'"\""',
        r'"a\","',
    ]


@pytest.mark.parametrize("times", [1, 1000])
def test_a_quote_that_asks_for_none_may_be_all_there_is(times: int) -> None:
    assert encoded(strings('a"b', times=times), escape_quotes=False) == b'a"b,1\n' * times


def test_white_space_before_a_number_sign_is_cut_off_after_spark_has_looked() -> None:
    assert cells("\t#a", "#a", " a", ignore_leading_white_space=True) == ["#a", '"#a"', "a"]


def test_the_escape_can_have_an_escape_of_its_own() -> None:
    assert cells("a\\,", "a\\", char_to_escape_quote_escaping="~") == [r'"a~\,"', "a\\"]
    assert cells('a",', escape='"', char_to_escape_quote_escaping="~") == ['"a"","']


def test_white_space_is_cut_off_where_it_is_to_be_ignored() -> None:
    values = (" a ", "\ta,b\n", "  ", "\x00a", "\u00a0")
    leading, trailing = {"ignore_leading_white_space": True}, {"ignore_trailing_white_space": True}
    assert cells(*values, **leading) == ["a ", '"a,b\n"', '""', "a", "\u00a0"]
    assert cells(*values, **trailing) == [" a", '"\ta,b"', '""', "\x00a", "\u00a0"]
    assert cells(*values, **leading, **trailing) == ["a", '"a,b"', '""', "a", "\u00a0"]


@pytest.mark.parametrize(
    "options",
    [
        {"quote_all": True},
        {"escape_quotes": False},
        {"ignore_leading_white_space": True},
        {"ignore_trailing_white_space": True},
        {"char_to_escape_quote_escaping": "~"},
        {"encoding": "UTF-16"},
    ],
    ids=str,
)
def test_large_batches_are_written_as_small_ones_are(options: dict[str, Any]) -> None:
    few = strings("a", "", None, 'q"', " b ", "a\\,", "c", "d", "e", "f")
    many = strings(*few.column(0).to_pylist(), times=100)
    mark = Charset.named(options.get("encoding", "UTF-8"))
    start = mark.mark if mark else b""
    assert encoded(many, **options) == start + encoded(few, **options).removeprefix(start) * 100


def test_binary_in_csv_is_sparks_list_of_hexadecimal_bytes() -> None:
    rows = pa.record_batch({"b": pa.array([b"\0\xffA", b"", None]), "n": [1, 2, 3]})
    assert encoded(rows) == b"[00 FF 41],1\n[],2\n,3\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ISO-8859-1", b"\xe9,1\n"),
        ("windows-1252", b"\xe9,1\n"),
        ("UTF-16", b"\xfe\xff\0\xe9\0,\x001\0\n"),
        ("UTF-16LE", b"\xe9\0,\x001\0\n\0"),
        ("UTF-32", b"\0\0\0\xe9\0\0\0,\0\0\x001\0\0\0\n"),
        ("UTF-8-SIG", b"\xef\xbb\xbf\xc3\xa9,1\n"),
        ("utf8", b"\xc3\xa9,1\n"),
    ],
)
def test_a_file_can_have_another_character_set(name: str, text: bytes) -> None:
    assert encoded(strings("é"), encoding=name) == text


def test_only_the_first_part_of_a_joined_file_has_a_byte_order_mark() -> None:
    for form in ("csv", "json", "text"):
        made = open_format(
            FormatOptions(format=form, encoding="UTF-16"), pa.schema([("s", pa.string())])
        )
        for first, start in ((True, b"\xfe\xff"), (False, b"")):
            encoder = pickle.loads(pickle.dumps(made)).open(header=first)
            rows = pa.record_batch({"s": ["a"]})
            data = bytes(encoder.encode(rows)) + bytes(encoder.finish())
            assert data.startswith(start)
            assert data[len(start) :].decode("utf-16-be").rstrip() in ("a", '{"s":"a"}')


@pytest.mark.parametrize("form", ["csv", "text"])
def test_a_character_that_the_set_lacks_ends_the_write(form: str) -> None:
    rows = pa.record_batch({"s": ["price", "€ 5"]})
    with pytest.raises(EncodeError, match=r"ISO-8859-1 has no character '€' \(U\+20AC\)"):
        encoded(rows, format=form, encoding="ISO-8859-1")


def test_a_header_that_the_set_lacks_is_refused_when_the_job_is_planned() -> None:
    schema = pa.schema([("prix €", pa.int32())])
    with pytest.raises(EncodeError, match="€"):
        open_format(FormatOptions(header=True, encoding="ISO-8859-1"), schema)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_json_in_a_small_character_set_keeps_every_character(values: list[str]) -> None:
    rows = pa.record_batch({"s": pa.array(values, pa.string())})
    lines = encoded(rows, format="json", encoding="US-ASCII").decode("ascii").splitlines()
    assert [json.loads(line)["s"] for line in lines] == values


@pytest.mark.parametrize(
    ("name", "character"),
    [
        ("shift_jis", "\u00a5"),
        ("euc_jp", "\u203e"),
        ("cp932", "\u00a3"),
        ("cp950", "\u00a2"),
        ("euc_kr", "\u3164"),
        ("iso2022_jp", "\x1b"),
    ],
)
def test_a_character_that_python_would_write_as_another_is_lacking(
    name: str, character: str
) -> None:
    rows = pa.record_batch({"s": ["fine", f"5{character}", "n"]})
    for form in ("csv", "text"):
        with pytest.raises(EncodeError, match=rf"{name} has no .* \(U\+{ord(character):04X}\)"):
            encoded(rows, format=form, encoding=name)
    with pytest.raises(OptionsError, match="null_value has a character"):
        encoded(rows, encoding=name, null_value=character)
    lines = encoded(rows, format="json", encoding=name).decode(name).splitlines()
    assert [json.loads(line)["s"] for line in lines] == rows.column(0).to_pylist()
    assert f"\\u{ord(character):04X}" in lines[1].upper().replace("\\U", "\\u")


@pytest.mark.parametrize("name", [*MANY_BYTES, "windows-1252", "cp037", "UTF-16", "UTF-7"])
def test_what_a_character_set_does_not_lack_reads_back(name: str) -> None:
    charset = Charset.named(name)
    assert charset is not None
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x30000)]))
    held = "".join(character for character in everything if not charset.lacks(character))
    assert len(held) > 200
    for text in (held, held[::-1], held[::3]):
        assert charset.encode(text.encode()).decode(charset.codec) == text


def test_characters_that_others_become_stay_themselves() -> None:
    rows = pa.record_batch({"s": ["\\~ \uff5e\uffe5"]})
    assert encoded(rows, format="text", encoding="cp932").decode("cp932") == "\\~ \uff5e\uffe5\n"
    assert encoded(rows.slice(0, 0), format="text", encoding="cp932") == b""


def test_text_is_decoded_in_pieces_that_may_cut_a_character() -> None:
    charset = Charset.named("UTF-16LE")
    assert charset is not None
    text = "aé€😀" * 400_000
    assert charset.encode(text.encode()) == text.encode("utf-16-le")


def test_options_must_be_written_in_the_character_set() -> None:
    with pytest.raises(OptionsError) as caught:
        encoded(strings("a"), encoding="US-ASCII", sep="¦", null_value="ø")
    assert list(caught.value.problems) == [
        "sep has a character that US-ASCII lacks.",
        "null_value has a character that US-ASCII lacks.",
    ]


@pytest.mark.parametrize("name", ["klingon", "base64", "idna", "unicode_escape"])
def test_what_is_no_character_set_is_refused(name: str) -> None:
    with pytest.raises(OptionsError, match="encoding must be a character set"):
        FormatOptions(encoding=name)


def test_without_a_quote_nothing_may_need_one() -> None:
    with pytest.raises(OptionsError) as caught:
        encoded(strings(None), quote="", null_value="a,b", empty_value="\n", quote_all=True)
    assert list(caught.value.problems) == [
        "null_value holds a separator or a line break, and quote is empty.",
        "empty_value holds a separator or a line break, and quote is empty.",
        "quote_all is true, but quote is empty.",
    ]


@pytest.mark.parametrize("rows", [1, 700])
def test_timestamps_are_printed_in_the_time_zone_asked_for(rows: int) -> None:
    zero = pa.array([0] * rows, pa.int64())
    batch = pa.record_batch(
        {
            "t": zero.cast(pa.timestamp("us", "Europe/Berlin")),
            "n": zero.cast(pa.timestamp("us")),
        }
    )
    line = b"1970-01-01T09:00:00.000+09:00,1970-01-01T00:00:00.000\n"
    assert encoded(batch, time_zone="Asia/Tokyo") == line * rows
    line = b"09 +0900,1970-01-01T00:00:00.000\n"
    assert encoded(batch, time_zone="Asia/Tokyo", timestamp_format="HH Z") == line * rows
    line = b'{"t":"1970-01-01T02:00:00.000+02:00","n":"00:00"}\n'
    options = {"format": "json", "time_zone": "+02:00", "timestamp_ntz_format": "HH:mm"}
    assert encoded(batch, **options) == line * rows


def test_a_time_zone_reaches_timestamps_inside_of_others() -> None:
    kind = pa.list_(pa.struct([("t", pa.timestamp("us", "UTC"))]))
    rows = pa.record_batch({"a": pa.array([[{"t": 0}]], kind)})
    assert encoded(rows, format="json", time_zone="Asia/Tokyo") == (
        b'{"a":[{"t":"1970-01-01T09:00:00.000+09:00"}]}\n'
    )


def test_an_unknown_time_zone_and_a_zone_where_there_is_none_are_refused() -> None:
    with pytest.raises(OptionsError) as caught:
        encoded(strings("a"), time_zone="Mars/Olympus", timestamp_ntz_format="HH XXX")
    ntz, zone = caught.value.problems
    assert "have no time zone" in ntz
    assert "'Mars/Olympus' is not known" in zone


@pytest.mark.parametrize("times", [1, 700])
def test_null_fields_are_written_if_they_are_not_to_be_ignored(times: int) -> None:
    kind = pa.struct([("x", pa.int32()), ("y", pa.string())])
    rows = pa.record_batch(
        {
            "a": pa.array([1, None] * times),
            "s": pa.array([{"x": None, "y": "z"}, None] * times, kind),
            "v": pa.nulls(2 * times),
        }
    )
    assert encoded(rows, format="json", ignore_null_fields=False) == times * (
        b'{"a":1,"s":{"x":null,"y":"z"},"v":null}\n{"a":null,"s":null,"v":null}\n'
    )


def test_map_keys_that_are_numbers_or_booleans_become_strings() -> None:
    rows = pa.record_batch(
        {
            "n": pa.array([[(1, 2), (-3, None)]], pa.map_(pa.int32(), pa.int32())),
            "b": pa.array([[(True, 1.5)]], pa.map_(pa.bool_(), pa.float64())),
        }
    )
    assert encoded(rows, format="json") == b'{"n":{"1":2,"-3":null},"b":{"true":1.5}}\n'


def spark_schema(**types: Any) -> dict[bytes, str]:
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in types.items()
    ]
    return {SPARK_SCHEMA: json.dumps({"type": "struct", "fields": fields})}


@pytest.mark.parametrize(("form", "text"), [("csv", "{}\n"), ("json", '{{"h":"{}"}}\n')])
def test_an_interval_of_fewer_fields_shows_those_it_has(form: str, text: str) -> None:
    kind = pa.duration("us")
    schema = pa.schema([("h", kind)], metadata=spark_schema(h="interval hour to minute"))
    encoder = open_format(FormatOptions(format=form), schema).open()
    spans = pa.array([dt.timedelta(hours=-1, minutes=-2)], kind)
    data = bytes(encoder.encode(pa.record_batch({"h": spans}))) + bytes(encoder.finish())
    assert data.decode() == text.format("INTERVAL '-01:02' HOUR TO MINUTE")


def test_an_interval_of_fewer_fields_inside_of_other_types_is_refused_by_name() -> None:
    array = {"type": "array", "elementType": "interval day", "containsNull": True}
    schema = pa.schema(
        [("whole", pa.duration("us")), ("days", pa.list_(pa.duration("us")))],
        metadata=spark_schema(whole="interval day to second", days=array),
    )
    assert NarrowIntervals.of(schema) == NarrowIntervals((), ("days",))
    with pytest.raises(EncodeError, match="'days'"):
        open_format(FormatOptions(format="json"), schema)
