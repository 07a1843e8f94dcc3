"""Makes the files that are read: TPC-H lineitem as CSV, JSON Lines and Parquet, by other libraries.

Neither our code nor Spark has a part in them, so that a mistake of either shows. They are kept like
the tables that they are made of, and a server gets them as hard links where its directory lies on
the same file system.
"""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from benchmarks.data import files_of, made_once, rows_of, schema_of
from benchmarks.sizes import size_of

if TYPE_CHECKING:
    from benchmarks.context import Context

#: Rows that are converted at a time.
BATCH_ROWS = 65_536
#: Rows of a batch that is handed over as it is: as many as a megabyte of CSV has.
READY_ROWS = 10_000
#: The default of zlib, gzip(1) and Spark.
GZIP_LEVEL = 6
COMMENT = "l_comment"


@dataclass(frozen=True)
class Source:
    """Files of one table in one format.

    Args:
        name: for the comparison's name.
        format: the same word for Spark's reader and ours.
        place: the directory of the files.
        table: the Parquet files that hold the same rows.
        compression: of the files, for the report.
        options: the same words for Spark's reader and ours.

    """

    name: str
    format: str
    place: Path
    table: Path
    compression: str = "none"
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many there are."""
        return rows_of(self.table)

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return size_of(self.place)

    @property
    def files(self) -> int:
        """How many there are."""
        return sum(1 for _ in self.place.iterdir())

    @property
    def header(self) -> str:
        """The first line of each CSV file."""
        with min(self.place.iterdir()).open() as file:
            return file.readline().rstrip("\n")


#: Spark's own escape character is the backslash; doubled quotes are what exports hold.
CSV_OPTIONS = {"header": "true", "escape": '"'}


def csv(table: Path, name: str = "csv") -> Source:
    """Return a CSV file for each file of a table, quoted where a value needs it."""
    place = _converted(table, "csv", ".csv", _write_csv)
    return Source(name, "csv", place, table, options=CSV_OPTIONS)


def csv_quoted(table: Path, name: str = "csv-quoted") -> Source:
    """Return CSV files in which every text is quoted.

    Each comment has a separator in it and, doubled, two quotes.
    """
    quoted = _converted(table, "with-quotes", ".parquet", _add_quotes)
    place = _converted(quoted, "csv", ".csv", _write_csv_quoted)
    return Source(name, "csv", place, quoted, options=CSV_OPTIONS)


def csv_gzip(table: Path, name: str = "csv-gzip") -> Source:
    """Return gzipped CSV files."""
    plain = csv(table).place

    def write(file: Path, target: Path) -> None:
        with (
            plain.joinpath(target.name.removesuffix(".gz")).open("rb") as source,
            gzip.open(target, "wb", GZIP_LEVEL) as packed,
        ):
            shutil.copyfileobj(source, packed, 1 << 20)

    place = _converted(table, "csv-gzip", ".csv.gz", write)
    return Source(name, "csv", place, table, "gzip", CSV_OPTIONS)


def json_lines(table: Path, name: str = "json") -> Source:
    """Return JSON Lines files; decimals are numbers in them."""
    return Source(name, "json", _converted(table, "json", ".json", _write_json), table)


def parquet(table: Path, name: str = "parquet") -> Source:
    """Return the table's own files."""
    return Source(name, "parquet", table, table, "snappy")


def arrow_batches(table: Path) -> Path:
    """Return a directory of Arrow IPC files of a table, in batches of a size that ours has."""
    return _converted(table, "arrow", ".arrow", _write_arrow)


def _converted(table: Path, kind: str, suffix: str, write: Callable[[Path, Path], None]) -> Path:
    """Let `write` make one file of each file of a table, in a directory next to the table."""

    def make(place: Path) -> None:
        for number, file in enumerate(files_of(table)):
            write(file, place / f"part-{number:05}{suffix}")

    return made_once(table.with_name(f"{table.name}-{kind}"), make)


def _write_csv(file: Path, target: Path) -> None:
    pl.scan_parquet(file).sink_csv(target)


def _write_json(file: Path, target: Path) -> None:
    # Of decimals polars makes strings. A double of at most 15 digits prints as it was written.
    numbers = pl.selectors.decimal().cast(pl.Float64)
    pl.scan_parquet(file).with_columns(numbers).sink_ndjson(target)


def _write_arrow(file: Path, target: Path) -> None:
    with pq.ParquetFile(file) as parquet:
        # As Spark takes them: plain strings, where those of the files are views, and nullable.
        plain = pa.schema(
            [
                pa.field(field.name, field.type if _is_value(field.type) else pa.string())
                for field in parquet.schema_arrow
            ]
        )
        with pa.ipc.new_file(target, plain) as writer:
            for batch in parquet.iter_batches(READY_ROWS):
                writer.write_batch(batch.cast(plain))


def _add_quotes(file: Path, target: Path) -> None:
    words = [pl.col(COMMENT), pl.lit(', "'), pl.col("l_shipmode"), pl.lit('"')]
    pl.scan_parquet(file).with_columns(pl.concat_str(words).alias(COMMENT)).sink_parquet(target)


def _write_csv_quoted(file: Path, target: Path) -> None:
    # Arrow's "needed" quotes every text, whatever is in it, and nothing else.
    options = pa_csv.WriteOptions(quoting_style="needed")
    with pq.ParquetFile(file) as parquet:
        plain = pa.schema(
            [
                field.with_type(pa.string()) if not _is_value(field.type) else field
                for field in parquet.schema_arrow
            ]
        )
        with pa_csv.CSVWriter(target, plain, write_options=options) as writer:
            for batch in parquet.iter_batches(BATCH_ROWS):
                writer.write_batch(batch.cast(plain))


def _is_value(kind: pa.DataType) -> bool:
    return not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def spark_schema(table: Path, names: Collection[str] | None = None) -> str:
    """Return the columns of a table as Spark's DDL; of these names, or all."""
    return ", ".join(
        f"{name} {_spark_type(kind)}"
        for name, kind in schema_of(table).items()
        if names is None or name in names
    )


def _spark_type(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Decimal):
        return f"DECIMAL({kind.precision},{kind.scale})"
    return {pl.Int64: "BIGINT", pl.Int32: "INT", pl.String: "STRING", pl.Date: "DATE"}[type(kind)]


@contextmanager
def published(context: Context, place: Path) -> Iterator[str]:
    """Have the server serve the files of a directory; yields their directory there.

    Args:
        context: the suite's.
        place: with files only.

    """
    target = context.server.new_target()
    local = context.server.local(target)
    local.mkdir()
    local.chmod(0o755)  # whatever this user's umask is: in a container another one reads
    try:
        for file in place.iterdir():
            link(file, local / file.name)
        yield target
    finally:
        context.server.remove(target)


def link(file: Path, target: Path) -> None:
    """Make a hard link, or a copy where the target is on another file system."""
    with suppress(OSError):
        os.link(file, target)
    if not target.exists():
        shutil.copyfile(file, target)
    target.chmod(0o644)
