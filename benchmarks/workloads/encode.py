"""`encode`: Arrow batches to bytes, each format and compression: no Spark, no server."""

from __future__ import annotations

import lzma
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

from benchmarks.contest import Contender, Contest, Outcome, contest
from benchmarks.data import lineitem
from benchmarks.workloads import Workload
from sftp_async.encoders import open_format
from sftp_async.options import FormatOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from benchmarks.context import Context

SCALE, QUICK_SCALE = 0.25, 0.05
#: As many rows as Spark hands over at a time (spark.sql.execution.arrow.maxRecordsPerBatch).
BATCH_ROWS = 10_000
#: A run takes a fraction of a second, so more of them are counted.
LEAST_ROUNDS = 5
BLOCK = 1 << 20
TEXT_COLUMN = "l_comment"
COLUMNS = 16  # of lineitem
#: Formats that are compressed inside: the extension does not name the codec as the options do.
INSIDE = ("parquet", "orc", "avro")
FORMATS = {
    "csv": ("none", "gzip", "zstd", "bzip2", "xz"),
    "json": ("none", "gzip", "zstd"),
    "text": ("none", "gzip", "zstd"),
    "xml": ("none", "gzip"),
    "parquet": ("none", "snappy", "gzip", "zstd", "lz4", "brotli"),
    "orc": ("none", "zlib", "snappy", "lz4", "zstd"),
    "avro": ("none", "snappy", "zstd"),
}


def run(context: Context) -> Iterator[Contest]:
    """Yield the one contest, of all formats and compressions."""
    scale = SCALE if context.full else QUICK_SCALE
    if not context.full:
        context.cuts.append(f"encode: lineitem of scale {scale} instead of {SCALE}")
    table = pq.read_table(lineitem(scale, 1, context.data_dir))
    contenders = [
        _encoder(context, _batches(table, name), name, compression)
        for name, compressions in FORMATS.items()
        for compression in compressions
    ]
    yield contest(
        context,
        "encode",
        contenders,
        rounds=max(context.rounds, LEAST_ROUNDS),
        labels={"rows": table.num_rows, "scale": scale},
        alike=False,
    )


def _batches(table: pa.Table, name: str) -> list[pa.RecordBatch]:
    columns = table.select([TEXT_COLUMN] if name == "text" else table.column_names)
    # Spark hands over plain strings; the files' own would be views.
    plain = columns.cast(
        pa.schema(
            field.with_type(pa.string()) if pa.types.is_string_view(field.type) else field
            for field in columns.schema
        )
    )
    batches: list[pa.RecordBatch] = plain.combine_chunks().to_batches(max_chunksize=BATCH_ROWS)
    return batches


def _encoder(
    context: Context, batches: Sequence[pa.RecordBatch], name: str, compression: str
) -> Contender:
    options = FormatOptions.model_validate(
        {"format": name, "compression": compression, "header": True}
    )
    file_format = open_format(options, batches[0].schema)

    def encode(write: Callable[[Buffer], object]) -> None:
        part = file_format.open()
        for batch in batches:
            write(part.encode(batch))
        write(part.finish())

    def outcome(target: str) -> Outcome:
        """Encode once more, into a file, and count what is in it."""
        file = context.local(target)
        with file.open("wb") as stream:
            encode(stream.write)
        return Outcome(_rows(file, name, compression), file.stat().st_size, digest="")

    return Contender(
        f"{name}_{compression}",
        f"{name}, {compression}" if name in INSIDE else file_format.extension,
        lambda target: encode(lambda data: None),  # nothing is left: no disk is measured
        outcome,
        target=context.new_local,
        rows=sum(batch.num_rows for batch in batches),
        labels={"bytes_in": sum(batch.nbytes for batch in batches)},
    )


def _rows(file: Path, name: str, compression: str) -> int:
    """Count the rows of a file; no value of lineitem holds a line break."""
    if name == "parquet":
        rows: int = pq.read_metadata(file).num_rows
        return rows
    if name == "orc":
        stripes: int = pyarrow.orc.ORCFile(file).nrows
        return stripes
    if name == "avro":
        with file.open("rb") as blocks:
            return sum(block.num_records for block in fastavro.block_reader(blocks))
    with _opened(file, compression) as lines:
        count: int = sum(block.count(b"\n") for block in iter(lambda: lines.read(BLOCK), b""))
    if name == "xml":  # declaration and root element, a line each; so has a row, and its columns
        return (count - 2) // (2 + COLUMNS)
    return count - 1 if name == "csv" else count  # its header


def _opened(file: Path, compression: str) -> Any:
    if compression == "xz":
        return lzma.open(file)
    return pa.input_stream(
        file, compression={"none": None, "bzip2": "bz2"}.get(compression, compression)
    )


WORKLOAD = Workload("encode", "every format and compression, without Spark or a server", run)
