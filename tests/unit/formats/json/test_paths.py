"""Every path of JSON makes the rows of the plain one; an odd line costs its own bytes alone."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.formats.json import blocks
from sftp_async.formats.json.blocks import BlockDecoder
from sftp_async.formats.json.limits import MAX_DEPTH, MAX_NAME, MAX_NUMBER, within_limits
from sftp_async.formats.json.quick_records import QuickRecords
from sftp_async.formats.json.text_values import TextParser
from sftp_async.formats.line_decoder import LineBlock
from tests.parity.reading.json_corpus import BYTES, LINES, OPTIONS
from tests.support.readable import read_options

pytestmark = pytest.mark.one_python

TIME = pa.timestamp("us", "UTC")
#: The columns of `json_files.SCHEMA`.
SCHEMA = pa.schema(
    [
        *(("a", pa.int32()), ("b", pa.string()), ("c", pa.float64()), ("d", pa.date32())),
        *(("e", TIME), ("n", pa.timestamp("us")), ("l", pa.list_(pa.int32()))),
        ("s", pa.struct([("x", pa.int64()), ("y", pa.string())])),
        *(("m", pa.map_(pa.string(), pa.int32())), ("z", pa.binary()), ("f", pa.float32())),
        *(("k", pa.decimal128(10, 2)), ("t", pa.bool_()), ("i", pa.int8()), ("h", pa.int16())),
        ("g", pa.list_(pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))]))),
        ("_corrupt_record", pa.string()),
    ]
)
FLAT = pa.schema([SCHEMA.field(name) for name in ("a", "b", "c", "d", "k", "_corrupt_record")])
PATHS = ("all", "fast", "middle", "exact")
ORDINARY = b'{"a":%d,"b":"x, \\"y\\" \xc3\xa9","c":1.5,"d":"2024-02-29","k":1.25,"q":{"r":[1]}}\n'


def decoded(
    content: bytes, schema: pa.Schema, paths: str, **options: Any
) -> tuple[list[dict[str, Any]], BlockDecoder]:
    reading = BlockDecoder(read_options(format="json", **options), schema, "/a.json", None, paths)
    batches = list(reading.decode(LineBlock(content, 0, True)))
    table = pa.Table.from_batches(batches, schema)
    # Python has no dates after the year 9999.
    days = table.schema.get_field_index("d")
    table = table.set_column(days, "d", table.column("d").cast(pa.int32()))
    return table.to_pylist(), reading


def rows(content: bytes, schema: pa.Schema, paths: str, **options: Any) -> str:
    # repr, since NaN is no NaN.
    return repr(decoded(content, schema, paths, **options)[0])


@pytest.mark.parametrize(
    ("schema", "options"),
    [
        (FLAT, {}),
        (SCHEMA, {}),
        # These are read by this package alone.
        *(pytest.param(SCHEMA, options, marks=pytest.mark.once) for options in OPTIONS if options),
    ],
    ids=lambda each: "nested" if each is SCHEMA else "flat" if each is FLAT else str(each),
)
def test_all_paths_make_the_rows_of_the_tokens(
    schema: pa.Schema, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "_WORTH", 1)
    chance = random.Random(repr(options))
    for record in [*(line.encode() for line in LINES), *BYTES]:
        before, behind = (
            b"".join(ORDINARY % chance.randrange(99) for _ in range(chance.choice((0, 1, 3))))
            for _ in "ab"
        )
        content = before + record + b"\n" + behind
        wanted = rows(content, schema, "tokens", **options)
        for paths in PATHS:
            assert rows(content, schema, paths, **options) == wanted, (paths, record)


@pytest.mark.parametrize(
    "value",
    [
        *('"\\n\\u00e9"', '"\\ud83d\\ude00"', '"\\q"', "'it\"s'", "-0", "1.50", "1e5", "NaN"),
        *('{"x" : [1, "}"]}', '{"x":1,"x":2}', "[]", "[1,]", "007", "true", "null", '""'),
        '"' + "x" * 60_000 + '"',
        "1" * 1001,
        "[" * 600 + "]" * 600,
        "[" * 1001 + "]" * 1001,
    ],
    ids=lambda value: value[:20],
)
def test_members_are_taken_as_the_tokens_take_them(value: str) -> None:
    for record in (
        f'{{"q":{value},"b":{value},"a":{value},"c":{value}}}',
        f'{{"b":{value},"b":"y","k":{value},"d":{value},"s":{{"x":1,"y":{value}}},"a":1}}',
        f'{{"g":[{{"x":1,"y":[{value}]}}],"m":{{"k":{value}}},"t":{value},"a":1}} x',
        f' [{{"a":1,"b":{value}}},{{"b" : {value} ,"a":2}}]',
        f"{{'b':{value},\"a\" /*c*/ : 1, b : 2}}",
        f'{{"{"n" * 50_001}":1,"b":{value}}}',
    ):
        content = record.encode() + b"\n"
        for lenient in (False, True):
            options = {"allow_comments": lenient, "allow_unquoted_field_names": lenient}
            wanted = rows(content, SCHEMA, "tokens", **options)
            for paths in ("exact", "middle", "all"):
                assert rows(content, SCHEMA, paths, **options) == wanted, (paths, record)


@pytest.mark.parametrize(
    "odd",
    [
        *(b'{"a":', b"", b'{"a":"x"}', b'{"b":1.50}', b'{"b":"\xff"}', b'{"q":Inf}', b"[{}]"),
        *(b'{"a":1,"a":2}', b"{'a':1}", b'{"q":' + b"1" * 1001 + b"}", b' {"a":1}'),
    ],
)
def test_an_odd_line_costs_its_own_bytes_alone(odd: bytes) -> None:
    part = b"".join(ORDINARY % number for number in range(400))
    for content in (part + odd + b"\n" + part, part + odd, part + odd + b"\n" + odd + b"\n" + part):
        found, reading = decoded(content, FLAT, "all")
        assert repr(found) == rows(content, FLAT, "tokens")
        assert reading.fast_bytes == len(content) // len(part) * len(part)
        assert reading.exact_bytes == len(content) - reading.fast_bytes


def test_a_block_of_many_odd_lines_is_given_to_the_exact_path() -> None:
    content = b"".join(ORDINARY % number + b'{"a":\n' for number in range(2_000))
    found, reading = decoded(content, FLAT, "all")
    assert repr(found) == rows(content, FLAT, "tokens")
    assert reading.fast_bytes == 0


def test_the_first_malformed_line_is_named_in_failfast_mode() -> None:
    content = ORDINARY % 1 + b"".join(ORDINARY % number for number in range(400)) + b'{"a":\n'
    for paths in (*PATHS, "tokens"):
        with pytest.raises(Exception, match=f"byte {len(content) - 6} "):
            decoded(content, FLAT, paths, mode="FAILFAST")


def test_limits_are_those_of_the_parts_of_a_record() -> None:
    many = b'{"a":[' + b",".join([b'{"x":"[["}'] * MAX_DEPTH) + b"]}"
    assert within_limits(many)
    assert within_limits(b'{"a":"' + b"x" * 2 * MAX_NAME + b'"}')
    assert not within_limits(b'{"' + b"x" * MAX_NAME + b'" : 1}')
    assert not within_limits(b'{"' + b'\\"' * MAX_NAME + b'":1}')
    assert not within_limits(b'{"a":' + b"1" * (MAX_NUMBER + 1) + b"}")
    assert not within_limits(b'{"a":"]",' + b'"b":[' * MAX_DEPTH + b"]" * MAX_DEPTH + b"}")


def test_columns_of_one_kind_are_made_at_once_and_others_value_by_value() -> None:
    options = read_options(format="json")
    quick = QuickRecords(
        FLAT.remove(len(FLAT) - 1), TextParser(options), non_numeric=True, keeps_source=True
    )
    made = quick.lines([b'{"a":1}', b'{"a":"x"}', b'{"b":[1]}', b'{"a":1,"a":2}', b'{"b":1.50}'])
    assert (made.malformed, made.odd) == ({1}, {2, 3})
    assert made.arrays[1][4].as_py() == "1.50"
