"""JSON that hypothesis makes up: well-formed, lenient and broken; the same in every run.

Hypothesis makes records. Files are made of them by chance, and some are damaged, which is a hundred
times faster than to let it make the files.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import zlib
from concurrent.futures import ProcessPoolExecutor

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

#: Of the columns, and of what no column takes. `x` and `y` are fields of structs.
NAMES = ("a", "b", "c", "d", "e", "n", "l", "s", "m", "z", "f", "k", "t", "i", "h", "g", "x", "y")
SCHEMA = (
    "a INT, b STRING, c DOUBLE, d DATE, e TIMESTAMP, n TIMESTAMP_NTZ, l ARRAY<INT>, "
    "s STRUCT<x: BIGINT, y: STRING>, m MAP<STRING, INT>, z BINARY, f FLOAT, k DECIMAL(10,2), "
    "t BOOLEAN, i TINYINT, h SMALLINT, g ARRAY<STRUCT<x: INT, y: ARRAY<STRING>>>, "
    "_corrupt_record STRING"
)
_NUMBERS = (
    *("0", "-0", "1", "-7", "127", "200", "300", "32768", "2147483648", "1.5", "-0.0", "1e2"),
    *("1E-3", "12345678901234567890", "1e400", "0.1", "007", "1.", ".5", "+1", "-", "1e", "1.50"),
    *("123456789.125", "16777217", "NaN", "Infinity", "-Infinity", "-INF", "+INF", "Inf", "nan"),
)
_TEXTS = (
    *("", "x", "NaN", "-INF", "Infinity", "1", "1.25", "1,5", "QUJD", "QQ==", "QQ", "true", "it's"),
    *("2024-02-29", "2024-2-3", "2023-02-29", "2024", "2024-07-01T12:00:00", "é", "😀", "\u2028"),
    *("2024-07-01T12:00:00.123456Z", "2024-03-31 02:30:00", "2024-07-01T12:00+02:00", "a\nb"),
)
_ODD_STRINGS = (
    r'"\u00e9\n"', r'"\ud83d\ude00"', r'"\ud83d"', r'"\q"', r'"\'"', '"a\tb"', r'"\u12"', '"a',
    "'b'", r"'\''", "'", '"\\', '"\x00"', r'"\/"', '"a"b"',
)  # fmt: skip
_MARKS = (*"{}[],:'\\ 1e-n/#\té", '"')
_SCALARS = st.one_of(
    st.sampled_from(_NUMBERS),
    st.sampled_from([json.dumps(text) for text in _TEXTS]),
    st.sampled_from([json.dumps(text, ensure_ascii=False) for text in _TEXTS]),
    st.sampled_from(_ODD_STRINGS),
    st.sampled_from(("true", "false", "null", "tru", "nullx", "None", "/**/1", "1//")),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(json.dumps),
    st.text(max_size=5).map(json.dumps),
)
_SPACES = st.sampled_from(("", "", "", "", " ", "\t"))
_FIELD_NAMES = st.one_of(
    st.sampled_from([f'"{name}"' for name in NAMES]),
    st.sampled_from([f'"{name}"' for name in NAMES]),
    st.sampled_from(("'a'", "b", '"\\u0061"', '"A"', '""', '"q r"', '"\\q"', "1")),
)


def _objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    field = st.tuples(_FIELD_NAMES, _SPACES, values).map(lambda f: f"{f[0]}{f[1]}:{f[1]}{f[2]}")
    return st.lists(field, max_size=6).map(lambda fields: "{" + ",".join(fields) + "}")


def _arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.lists(values, max_size=4), _SPACES).map(
        lambda made: "[" + f",{made[1]}".join(made[0]) + "]"
    )


_VALUES = st.recursive(
    _SCALARS, lambda inner: st.one_of(_objects(inner), _arrays(inner)), max_leaves=6
)
_FITTING = st.fixed_dictionaries(
    {},
    optional={
        "a": st.integers(-(2**31), 2**31 - 1),
        "b": st.text(max_size=8),
        "c": st.floats(allow_nan=False, allow_infinity=False),
        "d": st.dates().map(str),
        "e": st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
        "n": st.datetimes().map(lambda moment: moment.isoformat()),
        "l": st.lists(st.none() | st.integers(-5, 5), max_size=3),
        "s": st.none() | st.fixed_dictionaries({"x": st.integers(-5, 5), "y": st.just("v")}),
        "m": st.dictionaries(st.sampled_from("pqr"), st.integers(-5, 5), max_size=2),
        "k": st.integers(-9999, 9999).map(lambda cents: cents / 100),
        "t": st.booleans(),
        "g": st.lists(st.just({"x": 1, "y": ["u", None]}), max_size=2),
        "other": st.lists(st.just({"q": "r"}), max_size=1),
    },
).map(json.dumps)


_OBJECTS = _objects(_VALUES)
_RECORDS = st.one_of(_FITTING, _OBJECTS, _OBJECTS, _arrays(_OBJECTS), _VALUES)
_SIMPLE = ("", " ", "{}", "[]", "{} {}", "null", '{"a":1}x', "/*c*/", "#", "[{},{}]")
_WRONG = (b"\xfe", b"\xc3", b"\xed\xa0\x80", b"\x00")
#: Records that hypothesis makes for so many files.
_SHARE = 4


def lines_file(chance: random.Random, records: list[str]) -> bytes:
    """Make a file of records, one in each line."""
    lines = [_record(chance, records) for _ in range(chance.randint(1, 6))]
    end = chance.choice(("\n", "\n", "\n", "\r\n", "\r", "\n\n"))
    content = (end.join(lines) + chance.choice(("", end, end))).encode()
    if chance.random() < 0.1:
        place = chance.randint(0, len(content))
        content = content[:place] + chance.choice(_WRONG) + content[place:]
    return (b"\xef\xbb\xbf" if chance.random() < 0.05 else b"") + content


def document(chance: random.Random, records: list[str]) -> bytes:
    """Make a file of one document, or of an array of them."""
    if chance.random() < 0.3:
        return lines_file(chance, records)
    between = chance.choice((",", ",\n", " , ", ",", " "))
    parts = [_record(chance, records) for _ in range(chance.randint(0, 4))]
    return ("[" + between.join(parts) + chance.choice(("]", "]\n", "\n]", ",]", ""))).encode()


def _record(chance: random.Random, records: list[str]) -> str:
    record = chance.choice(_SIMPLE if chance.random() < 0.1 else records)
    if chance.random() < 0.3:
        place = chance.randint(0, len(record))
        record = record[:place] + chance.choice(_MARKS) + record[place + chance.randint(0, 1) :]
    return record


KINDS = {"lines": lines_file, "documents": document}


def made_elsewhere(kind: str, number: int, key: object) -> list[bytes]:
    """Return files, others for each key, from a process in which nothing else is loaded.

    Hypothesis mixes in constants of all modules that are loaded; which these are depends on the
    tests that ran before.

    Args:
        kind: one of `KINDS`.
        number: how many.
        key: has a `repr`.

    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(made, kind, number, repr(key)).result()


def made(kind: str, number: int, key: str) -> list[bytes]:
    """Make files; see `made_elsewhere`."""
    records: list[str] = []

    @seed(zlib.crc32(key.encode()))
    @settings(
        max_examples=max(number // _SHARE, 20),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_RECORDS)
    def take(record: str) -> None:
        records.append(record)

    take()
    chance = random.Random(key)
    return [KINDS[kind](chance, records) for _ in range(number)]
