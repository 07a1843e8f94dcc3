"""Decoders of one file on one core: ours on either of its paths, Spark, pandas and polars.

Ours takes the bytes from memory, as it takes them from the network; the others open the file, which
is in the cache of the disk. Each must find every cell of the table that the file was made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa

from benchmarks.comparison import Contender, Outcome
from benchmarks.measures import OURS
from benchmarks.peers.encoders import SPARK_CODECS, SPARK_NAMES
from benchmarks.row_digest import rows_outcome
from benchmarks.verify import frame_outcome
from sftp_async.formats.base import ReadableFile, ReadFormat
from sftp_async.formats.csv.decoder import read_csv
from sftp_async.formats.json.decoder import JSONReadFormat
from sftp_async.formats.registry import open_read_format
from sftp_async.options import FormatOptions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from benchmarks.context import Context

#: As large as the pieces in which OpenSSH serves a file.
PIECE = 255 * 1024
EXACT = "sftp_async_exact"
#: Of XML, by default Spark takes the blanks off both ends of every text; lineitem's comments have
#: some.
KEEP_BLANKS = {"ignoreSurroundingSpaces": "false"}
#: polars reads no ORC, no XML and no text, and of Avro no decimals.
POLARS = {
    "csv": {"none", "gzip", "zstd"},
    "json": {"none"},
    "parquet": {"none", "snappy", "gzip", "zstd", "lz4", "brotli"},
}
#: pandas reads neither text nor Avro.
PANDAS = {
    "csv": {"none", "gzip", "zstd", "bzip2", "xz"},
    "json": {"none", "gzip", "zstd"},
    "xml": {"none"},
    "parquet": {"none", "snappy", "gzip", "zstd", "lz4", "brotli"},
    "orc": {"none", "zlib", "snappy", "zstd"},
}


@dataclass(frozen=True)
class Encoded:
    """One file, and the table that it was made of.

    Args:
        name: of the format.
        codec: of the file.
        place: where it is; its extension names the codec.
        table: one Parquet file with the same rows.

    """

    name: str
    codec: str
    place: Path
    table: Path

    @property
    def frame(self) -> pl.DataFrame:
        """The table."""
        return pl.read_parquet(self.table)


class InMemory(ReadableFile):
    """A file whose bytes are in memory."""

    def __init__(self, place: Path) -> None:
        self._data = place.read_bytes()
        self.path, self.size, self.mtime = place.name, len(self._data), 0.0

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Return the bytes of a range, in pieces."""
        yield (
            self._data[offset : min(offset + PIECE, stop)] for offset in range(start, stop, PIECE)
        )

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range."""
        return [self._data[start:stop] for start, stop in ranges]


def decoders(context: Context, file: Encoded) -> list[Contender]:
    """Return ours, and the others as far as they have the format and the codec."""
    options = FormatOptions.model_validate(
        {"format": file.name, "header": True, "escape": '"', **KEEP_BLANKS}
    )
    schema = _arrow_schema(file.frame.schema)
    found = [_ours(context, OURS, "sftp_async", file, open_read_format(options, schema))]
    exact: ReadFormat | None = None
    if file.name == "csv":
        exact = read_csv(options, schema, path="exact")
    elif file.name == "json":
        exact = JSONReadFormat(options, schema, paths="exact")
    if exact is not None and file.codec == "none":
        found.append(_ours(context, EXACT, "sftp_async, every row on the exact path", file, exact))
    if file.codec in SPARK_CODECS[file.name]:
        found.append(_spark(context, file))
    if file.codec in PANDAS.get(file.name, ()):
        found.append(_frames(context, "pandas", file, _pandas_reader(file), _pandas_frame))
    if file.codec in POLARS.get(file.name, ()):
        found.append(_frames(context, "polars", file, _polars_reader(file), _polars_frame))
    return found


def _arrow_schema(schema: pl.Schema) -> pa.Schema:
    """Return the columns as Spark hands them over: its strings are plain ones."""
    made = pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return pa.schema(
        [
            field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
            for field in made
        ]
    )


def _contender(
    context: Context,
    name: str,
    title: str,
    file: Encoded,
    run: Callable[[], object],
    check: Callable[[], Outcome],
    truth: Outcome,
) -> Contender:
    rows, size = truth.rows, file.place.stat().st_size
    return Contender(
        name,
        title,
        lambda target: run(),
        check=lambda target: check(),
        truth=truth,
        reads=size,
        target=context.new_local,
        rows=rows,
        labels={"rows": rows},
    )


def _ours(
    context: Context, name: str, title: str, file: Encoded, file_format: ReadFormat
) -> Contender:
    source, schema = InMemory(file.place), file.frame.schema

    def run() -> None:
        for _ in file_format.decode(source, 0, source.size):
            pass

    def check() -> Outcome:
        table = pa.Table.from_batches(file_format.decode(source, 0, source.size))
        return frame_outcome(pl.DataFrame(table), schema)

    return _contender(context, name, title, file, run, check, frame_outcome(file.frame, schema))


def _spark(context: Context, file: Encoded) -> Contender:
    from benchmarks.read_files import spark_schema

    options = {"header": "true", "escape": '"'} if file.name == "csv" else {}
    if file.name == "xml":
        options = {"rowTag": "ROW", **KEEP_BLANKS}

    def read() -> DataFrame:
        reader = context.spark.read.format(SPARK_NAMES.get(file.name, file.name))
        if file.name == "text":
            return reader.load(str(file.place))
        return (
            reader.options(**options).schema(spark_schema(file.table.parent)).load(str(file.place))
        )

    table = context.spark.read.parquet(str(file.table))
    return _contender(
        context,
        "spark",
        "Spark, one task",
        file,
        lambda: read().write.format("noop").mode("overwrite").save(),
        lambda: rows_outcome(read()),
        rows_outcome(table),
    )


def _frames(
    context: Context,
    name: str,
    file: Encoded,
    read: Callable[[], Any],
    frame: Callable[[Any, pl.Schema], pl.DataFrame],
) -> Contender:
    schema = file.frame.schema
    return _contender(
        context,
        name,
        name,
        file,
        read,
        lambda: frame_outcome(frame(read(), schema), schema),
        frame_outcome(file.frame, schema),
    )


def _pandas_reader(file: Encoded) -> Callable[[], pd.DataFrame]:
    days = [name for name, kind in file.frame.schema.items() if kind == pl.Date]
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        # It takes the text NA, and an empty one, for null, unless that is turned off.
        "csv": lambda: pd.read_csv(file.place, parse_dates=days, keep_default_na=False),
        "json": lambda: pd.read_json(file.place, lines=True, convert_dates=days),
        "xml": lambda: pd.read_xml(file.place, parse_dates=days, parser="lxml"),
        "parquet": lambda: pd.read_parquet(file.place),
        "orc": lambda: pd.read_orc(file.place),
    }
    return readers[file.name]


def _pandas_frame(frame: pd.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return _polars_frame(pl.from_pandas(frame), schema)


def _polars_reader(file: Encoded) -> Callable[[], pl.DataFrame]:
    schema = file.frame.schema
    # polars reads decimals of CSV; of JSON it does not.
    doubles = pl.Schema(
        {k: pl.Float64() if isinstance(v, pl.Decimal) else v for k, v in schema.items()}
    )
    readers: dict[str, Callable[[], pl.DataFrame]] = {
        "csv": lambda: pl.read_csv(file.place, schema=schema),
        "json": lambda: pl.read_ndjson(file.place, schema=doubles),
        "parquet": lambda: pl.read_parquet(file.place),
    }
    return readers[file.name]


def _polars_frame(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return what was read as doubles in the table's decimals: a cent is what they hold."""
    return frame.select(
        pl.col(name).round(kind.scale).cast(kind)
        if isinstance(kind, pl.Decimal) and frame.schema[name].is_float()
        else pl.col(name).cast(kind)
        for name, kind in schema.items()
    )
