"""CSV, JSON and text files are Spark's own, byte for byte, whatever the frame and the options."""

from __future__ import annotations

import gzip
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.parity import frames as f
from tests.parity.conftest import Pair, Twice
from tests.parity.differences import as_spark_rounds, without_exponents
from tests.parity.making import Maker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "spark-files.md"
MARKS = f.MARKS
PATTERNS = {
    "dateFormat": "EEE, d MMM yyyy",
    "timestampFormat": "yyyy-MM-dd HH:mm:ss.SSSSSS XXX VV",
    "timestampNTZFormat": "dd/MM/yyyy hh:mm:ss a SSS",
    "timeZone": "America/New_York",
}
#: Options, and the punctuation of the strings that are written with them: without what belongs to
#: a known difference.
CSV: list[tuple[dict[str, str], str]] = [
    ({}, MARKS),
    ({"header": "true", "sep": ";", "nullValue": "N"}, MARKS),
    ({"sep": "\t", "quoteAll": "true"}, MARKS),
    ({"quoteAll": "true", "nullValue": "N", "emptyValue": "E", "header": "true"}, MARKS),
    ({"escapeQuotes": "false"}, MARKS),
    ({"escape": '"'}, MARKS),
    ({"escape": '"', "charToEscapeQuoteEscaping": "~", "escapeQuotes": "false"}, MARKS),
    ({"quote": "'", "escape": "/", "emptyValue": "E"}, MARKS),
    ({"charToEscapeQuoteEscaping": "~", "sep": "||"}, MARKS.replace("|", "")),
    ({"ignoreLeadingWhiteSpace": "true", "ignoreTrailingWhiteSpace": "true"}, MARKS),
    ({"ignoreLeadingWhiteSpace": "true", "quoteAll": "true"}, MARKS),
    ({"lineSep": "\r\n", "encoding": "UTF-16"}, MARKS.replace("\n", "").replace("\r", "")),
    ({"encoding": "UTF-32", "compression": "gzip", "timeZone": "+05:30"}, MARKS),
    (PATTERNS, MARKS),
]
JSON: list[dict[str, str]] = [
    {},
    {"ignoreNullFields": "false", "lineSep": "||"},
    {"encoding": "UTF-16LE", "compression": "gzip", "timeZone": "+05:30"},
    PATTERNS,
]
TEXT: list[dict[str, str]] = [{}, {"lineSep": "||"}, {"compression": "gzip"}]
#: Frames of each set of options.
EACH = 110


def plain(form: str, options: dict[str, str], pair: Pair) -> tuple[bytes, bytes]:
    """Return both files in UTF-8, without compression, and without the known differences."""
    codec = options.get("encoding", "UTF-8")
    codec = {"UTF-32": "UTF-32-BE"}.get(codec, codec)
    own, ours = (uncompressed(data).decode(codec).encode() for data in (pair.sparks, pair.ours))
    if form == "text":
        return own, ours
    return without_exponents(own), as_spark_rounds(ours)


def uncompressed(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def compare(
    twice: Twice,
    columns: dict[str, f.Column],
    form: str,
    options: dict[str, str],
    frames: list[Any],
) -> None:
    """Write all frames, each a file, and then all of them as one; compare all files."""
    table = twice.frame(f.table(columns, frames))
    many = twice.pairs(table, form, options, rows=f.ROWS)
    assert len(many) == len(frames)
    one = twice.pairs(table, form, options)
    for pair, frame in [*zip(many, frames, strict=True), *zip(one, ["all of them"], strict=True)]:
        own, ours = plain(form, options, pair)
        if own != ours:
            lines = zip(own.split(b"\n"), ours.split(b"\n"), strict=False)
            differing = [f"{a!r}\n{b!r}" for a, b in lines if a != b]
            raise AssertionError("\n".join([f"{options}: {frame}", *differing[:3]]))


@dataclass(frozen=True)
class Generated:
    """Frames that hypothesis makes up, written twice."""

    twice: Twice
    maker: Maker

    def csv(self, options: dict[str, str], marks: str, number: int) -> None:
        self._compare("flat", marks, "csv", options, number)

    def json(self, options: dict[str, str], number: int) -> None:
        self._compare("all", MARKS, "json", options, number)

    def text(self, options: dict[str, str], number: int) -> None:
        self._compare("line", MARKS, "text", options, number)

    def _compare(
        self, kind: str, marks: str, form: str, options: dict[str, str], number: int
    ) -> None:
        frames = self.maker.frames(kind, marks, number, (form, options, number))
        compare(self.twice, f.KINDS[kind](marks), form, options, frames)


@pytest.fixture
def generated(twice: Twice, maker: Maker) -> Generated:
    return Generated(twice, maker)


@pytest.mark.parametrize(("options", "marks"), CSV, ids=str)
def test_csv_of_every_edge_value(twice: Twice, options: dict[str, str], marks: str) -> None:
    columns = f.flat(marks)
    compare(twice, columns, "csv", options, f.edge_frames(columns))


@pytest.mark.parametrize("options", JSON, ids=str)
def test_json_of_every_edge_value(twice: Twice, options: dict[str, str]) -> None:
    columns = f.flat() | f.nested()
    compare(twice, columns, "json", options, f.edge_frames(columns))


@pytest.mark.parametrize("options", TEXT, ids=str)
def test_text_of_every_edge_value(twice: Twice, options: dict[str, str]) -> None:
    columns = f.KINDS["line"](MARKS)
    compare(twice, columns, "text", options, f.edge_frames(columns))


@pytest.mark.parametrize(("options", "marks"), CSV, ids=str)
def test_csv_of_generated_frames(generated: Generated, options: dict[str, str], marks: str) -> None:
    generated.csv(options, marks, EACH)


@pytest.mark.parametrize("options", JSON, ids=str)
def test_json_of_generated_frames(generated: Generated, options: dict[str, str]) -> None:
    generated.json(options, EACH)


@pytest.mark.parametrize("options", TEXT, ids=str)
def test_text_of_generated_frames(generated: Generated, options: dict[str, str]) -> None:
    generated.text(options, EACH)


def test_the_page_tells_how_many_frames_there_are() -> None:
    page = PAGE.read_text()
    number = EACH * len([*CSV, *JSON, *TEXT])
    assert number >= 2000
    assert f"| {number:,} on CI" in page
    sets = f"{len(CSV)} sets of options for CSV, {len(JSON)} for JSON, {len(TEXT)} for text"
    assert f"| 7 of five rows, and all of them as one | {sets} |" in page
    assert {len(f.edge_frames(f.flat(marks))) for _, marks in CSV} == {7}
    assert len(f.edge_frames(f.KINDS["all"](MARKS))) == 7


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_times_as_many_frames(generated: Generated) -> None:
    for options, marks in CSV:
        generated.csv(options, marks, 10 * EACH)
    for options in JSON:
        generated.json(options, 10 * EACH)
    for options in TEXT:
        generated.text(options, 10 * EACH)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_floats_and_doubles_have_the_shortest_digits_in_javas_notation(
    spark: SparkSession, twice: Twice, maker: Maker, form: str
) -> None:
    columns = f.floats()
    frames = [*f.edge_frames(columns), *maker.frames("floats", "", EACH, form)]
    [pair] = twice.pairs(twice.frame(f.table(columns, frames)), form, {})
    # Before Java 19, Double.toString prints more digits than needed for some values (JDK-4511638).
    java = int(spark._jvm.System.getProperty("java.specification.version"))
    if java >= 19:
        assert pair.ours == pair.sparks
    rows = [list(map(parsed, data.decode().splitlines())) for data in (pair.sparks, pair.ours)]
    assert rows[0] == rows[1]
    longer = 0
    for own, ours in zip(pair.sparks.splitlines(), pair.ours.splitlines(), strict=True):
        assert len(ours) <= len(own)
        assert ("E" in ours.decode()) == ("E" in own.decode())
        longer += len(ours) < len(own)
    assert longer < len(rows[0]) / 5


def parsed(line: str) -> list[str]:
    """Return a row's double and float, as bits."""
    if line.startswith("{"):
        row = json.loads(line)
        double, single = row.get("double", ""), row.get("float", "")
    else:
        double, single = line.split(",")
    return [
        bits(">d", double),
        # Digits that tell a float from its neighbours need not tell the same double.
        bits(">f", single),
    ]


def bits(kind: str, number: float | str) -> str:
    if number == "":
        return "null"
    value = float(number)
    return "NaN" if math.isnan(value) else struct.pack(kind, value).hex()


TAME = """
    SELECT id, CAST(id % 7 AS INT) AS digit, id * 1000003 AS big,
        IF(id % 3 = 0, NULL, -id) AS minus, id % 2 = 0 AS even,
        CAST(id * 0.01 AS DECIMAL(12, 2)) AS price,
        DATE_ADD(DATE'1992-01-01', CAST(id % 2500 AS INT)) AS day,
        IF(id % 11 = 0, NULL, DATE_ADD(DATE'2024-01-01', CAST(id % 30 AS INT))) AS due,
        TIMESTAMP_SECONDS(1700000000 + id * 9973) AS moment,
        TIMESTAMP_MILLIS(1700000000000 + id) AS stamp,
        CAST(TIMESTAMP_SECONDS(id * 86399) AS TIMESTAMP_NTZ) AS clock,
        SUBSTRING('ANR', CAST(id % 3 AS INT) + 1, 1) AS letter,
        CONCAT('text number ', id, IF(id % 13 = 0, ', with a "quote"', '')) AS comment,
        IF(id % 17 = 0, '', IF(id % 5 = 0, NULL, CONCAT('Straße ', id))) AS street
    FROM RANGE(0, 25000, 1, 1)
"""


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("csv", {}),
        ("csv", {"header": "true", "sep": "\t", "nullValue": "\\N"}),
        ("csv", {"escape": '"', "lineSep": "\r\n", "timeZone": "Asia/Tokyo"}),
        ("csv", {"charToEscapeQuoteEscaping": "~", "timestampNTZFormat": "yyyyMMdd HHmmss"}),
        ("json", {}),
        ("json", {"ignoreNullFields": "false", "timeZone": "America/New_York"}),
    ],
    ids=str,
)
def test_tables_as_they_are_in_real_life_take_the_fast_path_to_the_same_bytes(
    spark: SparkSession, twice: Twice, form: str, options: dict[str, str]
) -> None:
    [pair] = twice.pairs(spark.sql(TAME), form, options)
    assert pair.ours == pair.sparks


def test_a_year_month_interval_is_what_spark_writes_once_it_is_cast_to_a_string(
    spark: SparkSession, twice: Twice, tmp_path: Path
) -> None:
    # Spark cannot hand these to Python: the error that names the column says to cast it.
    columns = "make_ym_interval(1, 2) AS a, INTERVAL '-3' YEAR AS b, INTERVAL '5' MONTH AS c"
    frame = spark.sql(f"SELECT {columns}").coalesce(1)
    casts = frame.selectExpr(*[f"CAST({name} AS STRING) AS {name}" for name in frame.columns])
    for form in ("csv", "json"):
        frame.write.format(form).save(str(tmp_path / form))
        [part] = (tmp_path / form).glob("part-*")
        [pair] = twice.pairs(casts, form, {})
        assert pair.ours == part.read_bytes()
