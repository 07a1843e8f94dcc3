"""Frames that are written twice: columns of every type, their edge values, and hypothesis's own.

Values are kept as Arrow has them, days or microseconds for instance, since Python has no dates
before the year 1 or after 9999.
"""

from __future__ import annotations

import decimal
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from sftp_async.formats.spark_schema import SPARK_SCHEMA

#: Rows of a frame; each frame becomes a file.
ROWS = 5

Frame = dict[str, list[Any]]

DAY = 86_400_000_000
# Beyond these Spark itself stops with "long overflow".
MAX_MICROS = 290_000 * 365 * DAY


@dataclass(frozen=True)
class Column:
    """A column of a frame.

    Args:
        spark: its type in Spark's JSON of schemas.
        arrow: its type in Arrow.
        edges: values that every run writes, null aside.
        values: where hypothesis takes others from.

    """

    spark: Any
    arrow: pa.DataType
    edges: list[Any]
    values: st.SearchStrategy[Any]

    @property
    def cells(self) -> st.SearchStrategy[Any]:
        return st.none() | st.sampled_from(self.edges) | self.values


def whole(kind: str, bits: int) -> Column:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    edges = [low, high, 0, -1, 10, low + 1]
    arrow = pa.type_for_alias(f"int{bits}")
    return Column(kind, arrow, edges, st.integers(low, high) | st.integers(-100, 100))


def exact(precision: int, scale: int) -> Column:
    nines = 10**precision - 1

    def of(digits: int) -> decimal.Decimal:
        return decimal.Decimal(digits).scaleb(-scale, decimal.Context(prec=50))

    edges = [of(digits) for digits in (0, 1, -1, nines, -nines, 10**scale % nines, 10)]
    digits = st.integers(-nines, nines) | st.integers(-1000, 1000)
    kind = pa.decimal128(precision, scale)
    return Column(f"decimal({precision},{scale})", kind, edges, digits.map(of))


def interval(fields: str) -> Column:
    edges = [0, 1, -1, 93_784_500_000, -93_784_500_000, 3 * DAY, -3_600_000_000, 2**63 - 1]
    unit = 1
    for name, micros in (("day", DAY), ("hour", 3_600_000_000), ("minute", 60_000_000)):
        if fields.endswith(name):
            unit = micros
    # Spark's values are whole numbers of the last field.
    edges = [int(edge / unit) * unit for edge in edges[:-1]] + [edges[-1] // unit * unit]
    span = 2**62 // unit
    values = (st.integers(-span, span) | st.integers(-5000, 5000)).map(lambda count: count * unit)
    return Column(f"interval {fields}", pa.duration("us"), edges, values)


def texts(alphabet: str) -> Column:
    edges = [
        *("", "a", "#c", "a#", '"', '""', '"a"', 'a"b', "\\", '\\"', "a\\,b", "a,b", "a;b", "a\tb"),
        *("'", "it's", " lead", "trail ", "\ttab\t", "null", "é😀", "\u00a0", "a\x01b", "-1.5"),
        *(
            "\t##",
            "line\nfeed",
            "carriage\rreturn",
            "crlf\r\n",
            "a\\",
            "[x]",
            "/",
            "~",
            "!",
            '",\n',
        ),
    ]
    kept = [edge for edge in edges if set(edge) <= set(alphabet) | WILD]
    tricky = st.text(st.sampled_from(sorted(alphabet)), max_size=6)
    return Column("string", pa.string(), kept, tricky | wild_texts(alphabet))


#: Characters that mean nothing to any format.
WILD = set("abcdefghijklmnopqrstuvwxyzé😀\u00a0[]-1.5")


def wild_texts(alphabet: str) -> st.SearchStrategy[str]:
    """Any text of Unicode, but of ASCII's marks only those in `alphabet`."""
    letters = st.characters(
        exclude_categories=["Cs"], min_codepoint=0xA0, exclude_characters="\ufeff"
    )
    return st.text(letters | st.sampled_from(sorted(alphabet)), max_size=6)


DATES = Column(
    "date",
    pa.date32(),
    [
        *(0, -1, 19_782, -141_428, -141_427, -719_528, -719_529, 2_932_896, 2_932_897, -736_330),
        *(3_652_059, 24_837, -2_147_483_648, 2_147_483_647),
    ],
    st.integers(-(2**31), 2**31 - 1) | st.integers(-800_000, 3_000_000) | st.integers(0, 30_000),
)
# Edges of the calendars, the day that Berlin left its local mean time, its changes of clocks.
MOMENTS = [
    *(0, -1, 1, 1_000, 999_999, -62_135_596_800_000_000, -62_135_596_800_000_001),
    *(-62_167_219_200_000_000, 253_402_300_799_999_999, 253_402_300_800_000_000),
    *(-12_219_292_800_000_000, -2_422_054_408_000_000, -2_422_054_408_000_001),
    *(1_711_846_799_999_999, 1_711_846_800_000_000, 1_729_990_800_000_000, 1_729_994_400_000_000),
    *(
        2_540_000_000_000_000,
        2_550_000_000_000_000,
        32_000_000_000_000_000,
        MAX_MICROS,
        -MAX_MICROS,
    ),
]
MICROS = (
    st.integers(-MAX_MICROS, MAX_MICROS)
    | st.integers(-5_000, 5_000).map(lambda days: days * DAY)
    | st.integers(0, 4_102_444_800_000).map(lambda millis: millis * 1_000)
    | st.integers(-4_000_000_000, 9_000_000_000).map(lambda seconds: seconds * 1_000_000)
)
#: Punctuation that CSV dialects give a meaning to, white space and control characters.
MARKS = "ab,;|\"'\\/~! #\n\r\t\x00\x01\x1f"


def flat(alphabet: str = MARKS) -> dict[str, Column]:
    """Columns of every atomic type, but of those whose digits depend on Java's version."""
    return {
        "first": texts(alphabet),
        "flag": Column("boolean", pa.bool_(), [True, False], st.booleans()),
        "tiny": whole("byte", 8),
        "small": whole("short", 16),
        "number": whole("integer", 32),
        "big": whole("long", 64),
        "price": exact(10, 2),
        "fine": exact(38, 18),
        "finest": exact(38, 38),
        "huge": exact(38, 0),
        "day": DATES,
        "moment": Column("timestamp", pa.timestamp("us", "UTC"), MOMENTS, MICROS),
        "clock": Column("timestamp_ntz", pa.timestamp("us"), MOMENTS, MICROS),
        "bytes": Column("binary", pa.binary(), [b"", b"\0", b"\xff\0A"], st.binary(max_size=5)),
        "span": interval("day to second"),
        "hours": interval("hour to minute"),
        "days": interval("day"),
        "seconds": interval("second"),
        "last": texts(alphabet),
    }


def floats() -> dict[str, Column]:
    """Floats and doubles."""
    common = [0.0, -0.0, 1.0, 0.1, 1e7, 9999999.0, 1e-3, 9.999e-4, 100.5, 1e10, 12345678.9]
    odd = [float("nan"), float("inf"), float("-inf")]
    return {
        "double": Column(
            "double",
            pa.float64(),
            [*common, *odd, 4.9e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 2e23],
            st.floats() | st.floats(-1e8, 1e8),
        ),
        "float": Column(
            "float",
            pa.float32(),
            [*common, *odd, 1.401298464324817e-45, 3.4028234663852886e38, 1.1754943508222875e-38],
            st.floats(width=32) | st.floats(-1024, 1024, width=32),
        ),
    }


def nested() -> dict[str, Column]:
    """Columns of nested types, with a column that is never null behind them."""
    any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
    moment = st.none() | MICROS
    point = st.fixed_dictionaries(
        {"n": st.none() | st.integers(-9, 9), "t": st.none() | any_text, "m": moment}
    )
    point_kind = pa.struct(
        [("n", pa.int32()), ("t", pa.string()), ("m", pa.timestamp("us", "UTC"))]
    )
    point_spark = struct(n="integer", t="string", m="timestamp")
    pairs = st.dictionaries(any_text, st.none() | point, max_size=3).map(lambda d: list(d.items()))
    numbered = st.dictionaries(st.integers(-99, 99), st.none() | st.booleans(), max_size=3)
    shut = st.lists(st.none() | st.lists(st.none() | st.binary(max_size=3), max_size=2), max_size=3)
    return {
        "point": Column(point_spark, point_kind, [{"n": None, "t": None, "m": None}], point),
        "points": Column(
            array(point_spark),
            pa.list_(point_kind),
            [[], [None]],
            st.lists(st.none() | point, max_size=3),
        ),
        "named": Column(
            mapping("string", point_spark), pa.map_(pa.string(), point_kind), [[]], pairs
        ),
        "numbered": Column(
            mapping("integer", "boolean"),
            pa.map_(pa.int32(), pa.bool_()),
            [[]],
            numbered.map(lambda d: list(d.items())),
        ),
        "deep": Column(
            struct(a=array(array("binary")), d="date"),
            pa.struct([("a", pa.list_(pa.list_(pa.binary()))), ("d", pa.date32())]),
            [{"a": None, "d": None}],
            st.fixed_dictionaries({"a": st.none() | shut, "d": st.none() | DATES.values}),
        ),
        "any_text": Column("string", pa.string(), ["\u2028", "\x7f", "</a>"], any_text),
    }


def struct(**fields: Any) -> dict[str, Any]:
    return {
        "type": "struct",
        "fields": [
            {"name": name, "type": kind, "nullable": True, "metadata": {}}
            for name, kind in fields.items()
        ],
    }


def array(kind: Any) -> dict[str, Any]:
    return {"type": "array", "elementType": kind, "containsNull": True}


def mapping(key: Any, value: Any) -> dict[str, Any]:
    return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}


def edge_frames(columns: dict[str, Column]) -> list[Frame]:
    """Return frames that hold every edge value, and a null behind each column's last."""
    rows = max(len(column.edges) for column in columns.values()) + 1
    rows += -rows % ROWS
    values = {name: [*column.edges, None] for name, column in columns.items()}
    return [
        {
            name: [edges[row % len(edges)] for row in range(start, start + ROWS)]
            for name, edges in values.items()
        }
        for start in range(0, rows, ROWS)
    ]


def any_frame(columns: dict[str, Column]) -> st.SearchStrategy[Frame]:
    """Any frame of these columns."""
    return st.fixed_dictionaries(
        {
            name: st.lists(column.cells, min_size=ROWS, max_size=ROWS)
            for name, column in columns.items()
        }
    )


def table(columns: dict[str, Column], frames: list[Frame]) -> pa.Table:
    """Return frames, one behind the other, with Spark's own schema for its Parquet reader."""
    arrays = [
        pa.array([value for frame in frames for value in frame[name]], column.arrow)
        for name, column in columns.items()
    ]
    schema = struct(**{name: column.spark for name, column in columns.items()})
    return pa.table(arrays, list(columns)).replace_schema_metadata(
        {SPARK_SCHEMA: json.dumps(schema), "org.apache.spark.version": "4.0.0"}
    )


#: Columns by name, made with the punctuation of strings.
KINDS: dict[str, Callable[[str], dict[str, Column]]] = {
    "flat": flat,
    "all": lambda marks: flat(marks) | nested(),
    "line": lambda marks: {"line": texts(marks)},
    "floats": lambda _: floats(),
}
