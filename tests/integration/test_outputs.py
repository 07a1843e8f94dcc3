"""What Spark wrote is fetched and read by tools of other projects.

OpenSSH's sftp lists and fetches it; gzip, bzip2, xz and zstd test it; Spark, pandas, polars and
others read it, and all of them find the values of the source.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import fastavro
import pandas as pd
import polars as pl
import pytest

from tests.support.requirements import skip_without
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

TEXTS = [
    "plain",
    None,
    'says "hi", twice: "hi"',
    "",
    "a, comma; a\ttab",
    "two\nlines",
    "naïve café, 日本語, 🚀",
    " spaces around ",
    "back\\slash and it's fine",
    "NA",
    "null",
]
SCHEMA = """id long, big long, small int, flag boolean, ratio double, price decimal(12,2), day date,
    moment timestamp, text string, tags array<string>, place struct<city: string, zip: int>"""
ROWS: list[tuple[Any, ...]] = [
    (
        n,
        2**63 - 1 - n,
        None if n % 5 == 0 else n - 20,
        None if n % 7 == 0 else n % 2 == 0,
        None if n % 6 == 0 else (n - 9) / 7,
        None if n % 4 == 0 else Decimal(n * 1001 - 7000) / 100,
        None if n % 8 == 0 else date(1969, 12, 20) + timedelta(days=n * 400),
        # From month to month, so that both of Berlin's offsets are there.
        None if n % 9 == 0 else datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=30.2 * n),
        TEXTS[n % len(TEXTS)],
        None if n % 3 == 0 else [f"tag {n}", 'with "quotes"'][: n % 3],
        None if n % 10 == 0 else (f"Köln {n}", n),
    )
    for n in range(60)
]
NESTED = ("tags", "place")
#: CSV in the dialect that all of them read (RFC 4180); null differs from the empty string.
CSV = {"header": True, "escape": '"', "nullValue": "\\N"}


@dataclass
class Case:
    """A write: its format, its path in the target directory, and the tool that tests each file."""

    format: str
    path: str
    options: dict[str, Any] = field(default_factory=dict)
    tool: str | None = None

    @property
    def exact(self) -> bool:
        return "." in self.path

    def __str__(self) -> str:
        return f"{self.path}, {self.format}, {self.tool or 'as it is'}"


def compressed(tool: str) -> dict[str, Any]:
    return {"options": {"compression": tool}, "tool": tool}


CASES = [
    Case("csv", "parts"),
    Case("csv", "parts", **compressed("gzip")),
    Case("csv", "exact.csv"),
    Case("csv", "exact.csv.gz", tool="gzip"),
    Case("json", "parts"),
    Case("json", "parts", **compressed("zstd")),
    Case("json", "exact.jsonl"),
    Case("json", "exact.json.zst", tool="zstd"),
    Case("parquet", "parts"),
    Case("parquet", "exact.parquet", {"compression": "zstd"}),
    Case("csv", "parts", **compressed("bzip2")),
    Case("json", "exact.jsonl.xz", tool="xz"),
    Case("orc", "parts"),
    Case("orc", "exact.orc", {"compression": "zlib"}),
    Case("avro", "parts"),
    Case("avro", "exact.avro", {"compression": "deflate"}),
    Case("xml", "parts"),
    Case("xml", "exact.xml.bz2", tool="bzip2"),
]
#: Their files cannot be joined.
WHOLE = ("parquet", "orc", "avro")


@pytest.fixture
def fetch(sshd: SSHD, tmp_path: Path) -> Callable[[Path], list[Path]]:
    """List a remote directory and fetch all of it, hidden files too, with OpenSSH's own client."""
    if shutil.which("sftp") is None:
        skip_without("OpenSSH's sftp (Debian package openssh-client)")
    (tmp_path / "known_hosts").write_text(sshd.known_hosts)
    local = tmp_path / "fetched"
    local.mkdir()

    def run(directory: Path) -> list[Path]:
        (tmp_path / "batch").write_text(f"cd {directory}\nls -1a\nget -r . {local}\n")
        done = subprocess.run(
            [
                *("sftp", "-F", "none", "-b", tmp_path / "batch"),
                *("-P", str(sshd.port), "-i", sshd.user_keys.path("ed25519")),
                *("-o", f"UserKnownHostsFile={tmp_path / 'known_hosts'}"),
                *("-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"),
                f"{sshd.username}@{sshd.host}",
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        listed = done.stdout.partition("sftp> ls -1a\n")[2].partition("sftp> get")[0].split()
        fetched = sorted(local.iterdir())
        assert sorted(set(listed) - {".", ".."}) == [file.name for file in fetched]
        return fetched

    return run


#: Spark's Avro source is a package of its own, but its classes come with Spark.
SPARKS = {"avro": "org.apache.spark.sql.avro.AvroFileFormat"}


def unpack(files: list[Path], tool: str | None, into: Path) -> list[Path]:
    """Let the compression's own tool test each file and unpack it."""
    if tool is None:
        return files
    if shutil.which(tool) is None:
        skip_without(f"{tool} (Debian package {tool})")
    into.mkdir()
    unpacked = []
    for file in files:
        subprocess.run([tool, "-t", "-q", file], check=True)
        unpacked.append(into / file.stem)
        with unpacked[-1].open("wb") as output:
            subprocess.run([tool, "-d", "-c", "-q", file], check=True, stdout=output)
    return unpacked


def read_with_pandas(case: Case, files: list[Path]) -> list[dict[str, Any]]:
    def read(file: Path) -> pd.DataFrame:
        if case.format == "csv":
            options = {"na_values": "\\N", "keep_default_na": False}
            return pd.read_csv(file, float_precision="round_trip", **options)
        if case.format == "json":
            return pd.read_json(file, lines=True, dtype=False, precise_float=True)
        return pd.read_orc(file) if case.format == "orc" else pd.read_parquet(file)

    # One by one: where one file has nulls only, it has another type than the others.
    frames = [read(file).astype(object) for file in files]
    frame = pd.concat(frames)
    return frame.where(frame.notna(), None).to_dict("records")


def read_with_polars(case: Case, files: list[Path]) -> list[dict[str, Any]]:
    def read(file: Path) -> pl.DataFrame:
        if case.format == "csv":
            return pl.read_csv(file, null_values="\\N")
        if case.format == "json":
            return pl.read_ndjson(file)
        return pl.read_parquet(file)

    return [row for file in files for row in read(file).to_dicts()]


def read_with_fastavro(case: Case, files: list[Path]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in files:
        with file.open("rb") as data:
            rows += fastavro.reader(data)
    return rows


def read_with_elementtree(case: Case, files: list[Path]) -> list[dict[str, Any]]:
    def read(row: ET.Element) -> dict[str, Any]:
        found: dict[str, Any] = {child.tag: child.text or "" for child in row}
        # An empty array cannot be distinguished from null.
        found["tags"] = [child.text for child in row.findall("tags")] or None
        place = row.find("place")
        found["place"] = None if place is None else (place[0].text, int(place[1].text or ""))
        return found

    rows = [read(row) for file in files for row in ET.parse(file).getroot()]
    return [{name: row.get(name) for name in VALUES} for row in rows]


#: Which tools read which format, besides Spark.
READERS = {
    "csv": (read_with_pandas, read_with_polars),
    "json": (read_with_pandas, read_with_polars),
    "parquet": (read_with_pandas, read_with_polars),
    "orc": (read_with_pandas,),
    "avro": (read_with_fastavro,),
    "xml": (read_with_elementtree,),
}

VALUES: dict[str, Callable[[Any], Any]] = {
    "id": int,
    "big": int,
    "small": int,
    "flag": lambda value: {"true": True, "false": False}[str(value).lower()],
    "ratio": float,
    "price": lambda value: round(Decimal(str(value)), 2),
    "day": lambda value: date.fromisoformat(str(value)[:10]),
    "moment": lambda value: datetime.fromisoformat(str(value)).astimezone(UTC),
    "text": str,
    "tags": list,
    "place": lambda value: tuple(value.values() if isinstance(value, dict) else value),
}


def values(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bring what the readers make of a value to one type; null is None."""
    return [
        {name: None if row.get(name) is None else VALUES[name](row[name]) for name in row}
        for row in rows
    ]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_openssh_fetches_and_every_reader_finds_the_values_of_the_source(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, fetch: Any, case: Case
) -> None:
    frame = spark.createDataFrame(ROWS, SCHEMA)
    dialect = CSV if case.format == "csv" else {}
    if case.format == "csv":
        frame = frame.drop(*NESTED)
    if case.exact and case.format in WHOLE:
        frame = frame.coalesce(1)
    names = frame.columns
    source = [dict(zip(names, row[: len(names)], strict=True)) for row in ROWS]
    given = sshd.options() | dialect | case.options
    if not case.exact:
        given["format"] = case.format

    frame.write.format("sftp").options(**given).mode("append").save(f"{remote_dir}/{case.path}")

    files = fetch(remote_dir if case.exact else remote_dir / case.path)
    assert [file.name for file in files] == [case.path] if case.exact else len(files) > 1
    plain = unpack(files, case.tool, tmp_path / "unpacked")
    by_spark = spark.read.options(**dialect, multiLine=case.format in ("csv", "xml"))
    by_spark = by_spark.schema(frame.schema)
    if case.format == "xml":
        by_spark = by_spark.options(rowTag="ROW", ignoreSurroundingSpaces=False)
    # Spark reads zstd only with Hadoop's native library, and xz not at all.
    for_spark = [str(file) for file in (plain if case.tool in ("zstd", "xz") else files)]
    read = by_spark.format(SPARKS.get(case.format, case.format)).load(for_spark).orderBy("id")

    assert values(row.asDict() for row in read.collect()) == source
    for reader in READERS[case.format]:
        assert values(reader(case, files if reader is read_with_pandas else plain)) == source


@pytest.mark.parametrize("path", ["parts", "exact.txt", "exact.txt.gz"])
def test_text_is_fetched_and_read_line_by_line(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, fetch: Any, path: str
) -> None:
    lines = [f"{n}: {text}" for n, text in enumerate(TEXTS) if text != "two\nlines"]
    frame = spark.createDataFrame([(line,) for line in lines], "line string")
    options = sshd.options() | {"format": "text"}
    frame.write.format("sftp").options(**options).mode("append").save(f"{remote_dir}/{path}")

    files = fetch(remote_dir / path if path == "parts" else remote_dir)
    plain = unpack(files, "gzip" if path.endswith("gz") else None, tmp_path / "unpacked")

    assert sorted(
        row.value for row in spark.read.text([str(f) for f in files]).collect()
    ) == sorted(lines)
    assert "".join(file.read_text() for file in plain) == "".join(f"{line}\n" for line in lines)
