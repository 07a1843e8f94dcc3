"""CSV files by Spark's own reader, and by the decoder on both of its paths: the same rows."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.csv.decoder import CSVReadFormat, read_csv
from sftp_async.formats.csv.decoder import Path as DecoderPath
from tests.parity.reading import csv_cases as cases
from tests.parity.reading.comparing import FAILS, Files, Readers
from tests.parity.reading.csv_cases import Batch
from tests.parity.reading.csv_differences import CSV
from tests.parity.reading.differences import Difference
from tests.parity.reading.served import RANGE, Way
from tests.support.documents import REPOSITORY
from tests.support.readable import MemoryFile, read_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

#: Files of each batch; 25 batches and those below come to more than 1,500.
FILES = 60


def by(path: DecoderPath, largest: int | None = None) -> Way:
    """Return the way of files whose blocks take a path."""

    def force(reading: ReadFormat) -> ReadFormat:
        assert isinstance(reading, CSVReadFormat)
        return replace(reading, path=path)

    return Way(f"{path}, {largest}", force, largest)


#: The fast path where it can be taken, the exact one for all, and ranges of each file.
WAYS = (by("auto"), by("exact"), by("auto", RANGE))


def agree(
    both: Readers, batch: Batch, extension: str = ".csv", *, through_spark: bool = False
) -> None:
    """Fail at the first file of which ours reads other rows than Spark's reader."""
    files = Files("csv", batch.files, batch.schema, dict(batch.options), extension)
    directory = both.put(files)
    expected = both.sparks(directory, files)
    ways = {way.name: both.ours(directory, files, way) for way in WAYS}
    if through_spark:
        ways["through Spark"] = both.through_spark(directory, files)
    for number, rows in enumerate(expected):
        # Spark fails at blank values in quotes, which are listed as a difference.
        if rows == FAILS and batch.options.keys() == {"ignoreTrailingWhiteSpace"}:
            continue
        for way, found in ways.items():
            assert found[number] == rows, (way, batch, batch.files[number])


def numbered(cells: Sequence[str], copies: int = 1) -> bytes:
    rows = (sep.join([str(row), *[cell] * copies]) for row, cell in enumerate(cells) for sep in ";")
    return "\n".join(rows).encode()


@pytest.mark.parametrize("kind", cases.CELLS)
def test_cells_of_each_type_are_read_as_by_spark(both: Readers, kind: str) -> None:
    cells = cases.CELLS[kind]
    whole = numbered(cells)
    # Alone, too: the cells around it decide which way a cell is read.
    files = [whole, *(numbered([cell]) for cell in cells)]
    schema = f"i INT, v {kind}, _corrupt_record STRING"
    agree(both, Batch({"sep": ";"}, schema, files), through_spark=True)


@pytest.mark.parametrize("pattern", cases.DATE_PATTERNS)
def test_dates_in_a_pattern_are_read_as_by_spark(both: Readers, pattern: str) -> None:
    texts = cases.DATE_PATTERNS[pattern]
    options = {"sep": ";", "dateFormat": pattern}
    batch = Batch(options, "i INT, v DATE, _corrupt_record STRING", [numbered(texts)])
    agree(both, batch, through_spark=True)


@pytest.mark.parametrize("pattern", cases.TIMESTAMP_PATTERNS)
def test_timestamps_in_a_pattern_are_read_as_by_spark(both: Readers, pattern: str) -> None:
    texts = cases.TIMESTAMP_PATTERNS[pattern]
    options = {"sep": ";", "timestampFormat": pattern, "timestampNTZFormat": pattern}
    schema = "i INT, v TIMESTAMP, n TIMESTAMP_NTZ, _corrupt_record STRING"
    agree(both, Batch(options, schema, [numbered(texts, 2)]), through_spark=True)


@pytest.mark.parametrize("locale", cases.LOCALES)
def test_decimals_of_a_locale_are_read_as_by_spark(both: Readers, locale: str) -> None:
    options = {"sep": ";", "locale": locale}
    schema = "i INT, v DECIMAL(10,2), _corrupt_record STRING"
    agree(both, Batch(options, schema, [numbered(cases.LOCALE_DECIMALS)]), through_spark=True)


@pytest.mark.parametrize("number", range(len(cases.OPTIONS)))
def test_generated_files_are_read_as_by_spark(both: Readers, number: int) -> None:
    batch = cases.generated(number, cases.OPTIONS[number], FILES)
    agree(both, batch)


@pytest.mark.parametrize("number", range(len(cases.FAILING)))
def test_files_that_spark_refuses_are_errors(both: Readers, number: int) -> None:
    batch = cases.generated(100 + number, cases.FAILING[number], 12)
    agree(both, batch)


@pytest.mark.parametrize("number", range(len(cases.MULTI_LINE)))
def test_generated_documents_are_read_as_by_spark(both: Readers, number: int) -> None:
    batch = cases.generated(200 + number, cases.MULTI_LINE[number], FILES)
    # Shorter ones may differ, see csv_differences.
    files = [data for data in batch.files if len(data) > 7]
    agree(both, replace(batch, files=files))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_thousands_of_generated_files_are_read_as_by_spark(both: Readers, seed: int) -> None:
    for number, options in enumerate(cases.OPTIONS):
        batch = cases.generated(1000 + 100 * seed + number, options, FILES)
        agree(both, batch)


#: What programs write: name -> file, options, schema.
PROGRAMS = {
    "Spark": (
        b'id,name,amount,day,at\n1,"a ""quoted\\" name",1.50,2020-01-01,2020-01-01T10:00:00.000Z\n',
        {"header": "true"},
        "id INT, name STRING, amount DECIMAL(10,2), day DATE, at TIMESTAMP",
    ),
    "pandas": (
        b',id,name,x\n0,1,"say ""hi""",1.5\n1,2,,\n2,3,"a, b",1e-05\n3,4,NaN,inf\n',
        {"header": "true", "escape": '"'},
        "i INT, id BIGINT, name STRING, x DOUBLE",
    ),
    "polars": (
        b'id,name,ok\n1,"say ""hi""",true\n2,"",false\n3,,\n',
        {"header": "true", "escape": '"', "nullValue": ""},
        "id INT, name STRING, ok BOOLEAN",
    ),
    "a spreadsheet": (
        '\ufeffId;Name;Betrag\r\n1;M\u00fcller;1234,56\r\n2;"a;b";0,5\r\n3;;\r\n'.encode(),
        {"header": "true", "sep": ";"},
        "Id INT, Name STRING, Betrag STRING",
    ),
    "a spreadsheet in ISO-8859-1": (
        "Id;Name\r\n1;M\u00fcller\r\n".encode("latin-1"),
        {"header": "true", "sep": ";", "encoding": "ISO-8859-1"},
        "Id INT, Name STRING",
    ),
    "Excel": (  # "CSV UTF-8", where the comma is the decimal point
        (
            '\ufeffNr;Text;Betrag;Datum\r\n1;"a ""b""\nc";1.234,56;01.02.2020\r\n2; x ;-0,5;\r\n'
        ).encode(),
        {
            "header": "true",
            "sep": ";",
            "escape": '"',
            "multiLine": "true",
            "dateFormat": "dd.MM.yyyy",
            "locale": "de-DE",
        },
        "Nr INT, Text STRING, Betrag DECIMAL(10,2), Datum DATE",
    ),
    "LibreOffice": (  # all texts in quotes, UTF-8 without a mark
        (
            '"id","name","when","ok"\n1,"O\u2019Neil, ""J""","2020-01-02 03:04:05",TRUE\n'
            '2,"",,FALSE\n'
        ).encode(),
        {"header": "true", "escape": '"', "timestampFormat": "yyyy-MM-dd HH:mm:ss"},
        "id INT, name STRING, when TIMESTAMP, ok BOOLEAN",
    ),
    "one that doubles quotes, with the escape of Spark's default": (
        b'1,"a, ""b"""\n2,"say ""hi"", c"\n3,"d""" \n4\n"5","e" f"g\n6,"",h\n7,"i" j"k",l\n',
        {},
        "id INT, name STRING, _corrupt_record STRING",
    ),
    "a mainframe's fixed records": (
        b"0000001SMITH     00000123.45-20200131   \r\n0000002O'NEIL    00000000.99 20200229   \r\n",
        {"sep": "\x01", "quote": "", "escape": ""},
        "record STRING",
    ),
    "a mainframe": (
        b"0000001|SMITH     |0000012345|20200131\r\n0000002|O'NEIL    |0000000099|20200229\r\n\x1a",
        {"sep": "|", "quote": "", "dateFormat": "yyyyMMdd", "ignoreTrailingWhiteSpace": "true"},
        "id INT, name STRING, cents BIGINT, day DATE, _corrupt_record STRING",
    ),
    "a database": (
        b"1\tabc\t\\N\n2\t\\N\t2020-01-01 10:00:00\n",
        {"sep": "\t", "nullValue": "\\N"},
        "id INT, name STRING, at TIMESTAMP",
    ),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_files_of_other_programs_are_read_as_by_spark(both: Readers, program: str) -> None:
    data, options, schema = PROGRAMS[program]
    files = [data, b"", data.splitlines(keepends=True)[0]]
    agree(both, Batch(options, schema, files), through_spark=True)


#: Records of one length with blanks at their ends, and NEL (0x15) behind each.
RECORDS = (
    "0000001|M\u00dcLLER \u00e4\u00df!|0000012345   \n0000002|O'NEIL [\u00a2]  |0000000099   \n"
)


@pytest.mark.parametrize("charset", ["IBM037", "IBM500", "IBM273"])
@pytest.mark.parametrize("fields", [True, False], ids=["fields", "records"])
def test_ebcdic_of_a_mainframe_is_read_as_by_spark_with_the_charsets_of_java(
    both: Readers, spark: SparkSession, charset: str, fields: bool
) -> None:
    data = RECORDS.encode(charset.replace("IBM", "cp")).replace(b"\x25", b"\x15")
    assert data.count(b"\x15") == 2
    options = {"encoding": charset, "lineSep": "\n", "sep": "|" if fields else "~", "quote": ""}
    schema = "id INT, name STRING, cents STRING" if fields else "record STRING"
    spark.conf.set("spark.sql.legacy.javaCharsets", "true")
    try:
        agree(both, Batch(options, schema, [data]), through_spark=True)
    finally:
        spark.conf.unset("spark.sql.legacy.javaCharsets")


def test_a_compressed_file_is_read_as_by_spark(both: Readers) -> None:
    batch = Batch({}, "i INT, s STRING", [gzip.compress(b"1,a\n2,b\n")])
    agree(both, batch, ".csv.gz", through_spark=True)


#: Files to infer columns from, with options.
INFERRED: list[tuple[bytes, dict[str, str]]] = [
    (b"1;-5;2147483648;9223372036854775808;1.5;1e5;NaN;true", {}),
    (b"2020-01-01;2020-01-01 10:20:30;2020-01-01T10:20:30Z;2020;abc;;NULL;0x1F", {}),
    (b"2020-01-01;1;1.5;true\n2020-01-01 10:20:30;1.5;2147483648;1", {}),
    (b"2020-01-01;1;1.5;true\n2020-01-02;x;;false", {"preferDate": "false"}),
    (b"01.02.2020;2020-01-01", {"dateFormat": "dd.MM.yyyy"}),
    (b"01.02.2020;2020-01-01;2020-1-1", {"timestampFormat": "dd.MM.yyyy"}),
    (b"a;A;;NULL;b\n1;2;3;4;5", {"header": "true", "nullValue": "NULL"}),
    (b"a;b\n1;2\na;b\n3;4", {"header": "true"}),
    (b"#c\n\n  #y\n1;2", {"header": "true", "comment": "#"}),
    (b"1;2\n3;4;5\n6", {}),
    (b'a;"b\nc"\n1;2', {"header": "true", "multiLine": "true"}),
    (b"1,5;2", {"locale": "de-DE"}),
    (b"111111111111111111111111111111;1\n1;2147483648", {}),
    (b"1" * 39 + b";1E2;+7; 3;1d;12345-01-01;2020-01", {}),
]


@pytest.mark.parametrize("number", range(len(INFERRED)))
@pytest.mark.parametrize("infers", ["true", "false"])
def test_columns_are_inferred_as_by_spark(both: Readers, number: int, infers: str) -> None:
    data, more = INFERRED[number]
    files = Files("csv", [data], None, {"sep": ";", "inferSchema": infers, **more})
    sparks, ours = both.inferred(both.put(files), files)
    assert ours == sparks


@pytest.mark.parametrize("difference", CSV, ids=lambda difference: difference.name)
def test_each_difference_from_spark_is_there(both: Readers, difference: Difference) -> None:
    files = Files("csv", [difference.data], difference.schema, difference.options)
    directory = both.put(files)
    assert both.sparks(directory, files) == [difference.sparks]
    for way in WAYS[:2]:
        assert both.ours(directory, files, way) == [difference.ours], way.name


def test_the_page_lists_the_differences() -> None:
    page = REPOSITORY / "docs" / "reference" / "reading-differences.md"
    section = page.read_text(encoding="utf-8").partition("## CSV\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| \*\*(.+?)\*\* \|", section, re.MULTILINE)
    assert listed == [difference.name for difference in CSV]


def test_no_columns_can_be_inferred_from_an_empty_file_which_spark_takes(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "file.csv").write_bytes(b"")
    assert spark.read.csv(str(tmp_path)).schema.fields == []
    with pytest.raises(DecodeError, match="hold no record"):
        read_csv(read_options(format="csv"), None).infer_schema([MemoryFile("/in/file.csv", b"")])
