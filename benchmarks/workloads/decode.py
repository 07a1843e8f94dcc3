"""`decode`: one file of each format and codec into rows: by us, by Spark, pandas and polars.

No server takes part. The files are made by other libraries than ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from benchmarks.comparison import Comparison, compare
from benchmarks.data import LARGER_THAN_ANY_FILE, files_of, lineitem_pieces, made_once
from benchmarks.peers.decoders import Encoded, decoders
from benchmarks.workloads import Workload
from benchmarks.workloads.table_reads import SPLITTING

if TYPE_CHECKING:
    from benchmarks.context import Context

ROWS, QUICK_ROWS = 600_000, 30_000
#: Of XML, pandas holds a tree of all elements.
XML_ROWS, QUICK_XML_ROWS = 60_000, 3_000
#: A run takes a fraction of a second, so more of them are counted.
LEAST_ROUNDS, QUICK_LEAST_ROUNDS = 5, 1
TEXT_COLUMN = "l_comment"
FORMATS = {
    "csv": ("none", "gzip", "zstd", "bzip2", "xz"),
    "json": ("none", "gzip", "zstd"),
    "text": ("none", "gzip"),
    "xml": ("none", "gzip"),
    "parquet": ("none", "snappy", "gzip", "zstd", "lz4", "brotli"),
    "orc": ("none", "zlib", "snappy", "zstd"),
    "avro": ("none", "snappy", "zstd"),
}
#: The first codecs of each format are in the quick pass.
QUICK_CODECS = 2
EXTENSIONS = {"none": "", "gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2", "xz": ".xz"}
#: What the libraries that make the files call a codec.
AVRO_CODECS = {"none": "null", "zstd": "zstandard"}
ORC_CODECS = {"none": "uncompressed"}
#: The unit of Avro's zone-less types: see its specification, "Logical Types".
AVRO_TYPES: dict[type, Any] = {
    pl.Int64: "long",
    pl.Int32: "int",
    pl.String: "string",
    pl.Date: {"type": "int", "logicalType": "date"},
}


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each format and codec."""
    least = LEAST_ROUNDS if context.full else QUICK_LEAST_ROUNDS
    rows, xml_rows = (ROWS, XML_ROWS) if context.full else (QUICK_ROWS, QUICK_XML_ROWS)
    if not context.full:
        context.cuts.append(f"decode: {QUICK_CODECS} codecs of each format")
        context.cuts.append(f"decode: {rows:,} rows instead of {ROWS:,}")
        context.cuts.append(f"decode: {xml_rows:,} rows of XML instead of {XML_ROWS:,}")
    # One task of Spark reads the file.
    for setting in SPLITTING:
        context.spark.conf.set(f"spark.sql.files.{setting}", str(LARGER_THAN_ANY_FILE))
    try:
        for name, codecs in FORMATS.items():
            table = lineitem_pieces(1, xml_rows if name == "xml" else rows, context.data_dir)
            for codec in codecs if context.full else codecs[:QUICK_CODECS]:
                file = encoded(table, name, codec)
                yield compare(
                    context,
                    f"decode/{name}" if codec == "none" else f"decode/{name}-{codec}",
                    decoders(context, file),
                    rounds=max(context.rounds, least),
                    labels={
                        "format": name,
                        "compression": codec,
                        "rows": xml_rows if name == "xml" else rows,
                        "bytes": file.place.stat().st_size,
                    },
                )
    finally:
        for setting in SPLITTING:
            context.spark.conf.unset(f"spark.sql.files.{setting}")


def encoded(table: Path, name: str, codec: str) -> Encoded:
    """Return a file of a table's rows; made at the first call.

    Args:
        table: of one Parquet file.
        name: of the format.
        codec: of the file.

    """
    if name == "text":
        table = made_once(table.with_name(f"{table.name}-text"), lambda place: _lines(table, place))
    [parquet] = files_of(table)
    suffix = {"json": ".json", "text": ".txt"}.get(name, f".{name}")
    if name in ("csv", "json", "text", "xml"):
        suffix += EXTENSIONS[codec]

    def make(place: Path) -> None:
        _write(parquet, name, codec, place / f"file{suffix}")

    place = made_once(table.with_name(f"{table.name}-{name}-{codec}"), make)
    return Encoded(name, codec, place / f"file{suffix}", parquet)


def _lines(table: Path, place: Path) -> None:
    frame = pl.read_parquet(files_of(table)).select(value=TEXT_COLUMN)
    frame.write_parquet(place / "lines.parquet")


def _write(parquet: Path, name: str, codec: str, target: Path) -> None:
    frame = pl.read_parquet(parquet)
    if name == "parquet":
        pq.write_table(_plain(frame), target, compression=codec)
    elif name == "orc":
        orc.write_table(_plain(frame), target, compression=ORC_CODECS.get(codec, codec))
    elif name == "avro":
        _write_avro(frame, target, AVRO_CODECS.get(codec, codec))
    else:
        data = _text(frame, name)
        if codec == "xz":
            import lzma

            target.write_bytes(lzma.compress(data))
            return
        compression = {"none": None, "bzip2": "bz2"}.get(codec, codec)
        with pa.output_stream(str(target), compression=compression) as stream:
            stream.write(data)


def _plain(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _text(frame: pl.DataFrame, name: str) -> bytes:
    if name == "csv":
        return frame.write_csv().encode()
    if name == "json":
        return frame.with_columns(pl.selectors.decimal().cast(pl.Float64)).write_ndjson().encode()
    if name == "text":
        return "".join(f"{line}\n" for line in frame["value"]).encode()
    rows = (
        "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in row.items())
        for row in frame.iter_rows(named=True)
    )
    return ("<ROWS>\n" + "".join(f"<ROW>{row}</ROW>\n" for row in rows) + "</ROWS>\n").encode()


def _write_avro(frame: pl.DataFrame, target: Path, codec: str) -> None:
    fields = [{"name": name, "type": _avro_type(kind)} for name, kind in frame.schema.items()]
    schema = fastavro.parse_schema({"type": "record", "name": "row", "fields": fields})
    with target.open("wb") as file:
        fastavro.writer(file, schema, frame.iter_rows(named=True), codec=codec)


def _avro_type(kind: pl.DataType) -> Any:
    if isinstance(kind, pl.Decimal):
        return {
            "type": "bytes",
            "logicalType": "decimal",
            "precision": kind.precision,
            "scale": kind.scale,
        }
    return AVRO_TYPES[type(kind)]


WORKLOAD = Workload(
    "decode", "files of every format and codec by us, Spark's readers, pandas and polars", run
)
