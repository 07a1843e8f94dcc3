"""`encode`: one table into one file of each format and codec: by us, by Spark and by pandas.

No server takes part. Ours encodes Arrow batches of the size that Spark hands over, pandas a
DataFrame, and Spark the rows of its cache, in one task; all of them are in memory before the clock
starts, and every contender leaves a file on the local disk.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.comparison import Comparison, Contender, Outcome, compare
from benchmarks.data import dataframe, lineitem
from benchmarks.measures import OURS
from benchmarks.peers.encoders import (
    PANDAS_CODECS,
    SPARK_CODECS,
    pandas_writer,
    spark_reader,
    spark_writer,
)
from benchmarks.verify import count_rows
from benchmarks.workloads import Workload
from sftp_async.formats import open_format
from sftp_async.options import FormatOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame

    from benchmarks.context import Context

SCALE, QUICK_SCALE = 0.25, 0.03
#: As many rows as Spark hands over at a time (spark.sql.execution.arrow.maxRecordsPerBatch).
BATCH_ROWS = 10_000
#: A run takes a fraction of a second, so more of them are counted.
LEAST_ROUNDS, QUICK_LEAST_ROUNDS = 3, 1
TEXT_COLUMN = "l_comment"
FORMATS = {
    "csv": ("none", "gzip", "zstd", "bzip2", "xz"),
    "json": ("none", "gzip", "zstd"),
    "text": ("none", "gzip", "zstd"),
    "xml": ("none", "gzip"),
    "parquet": ("none", "snappy", "gzip", "zstd", "lz4", "brotli"),
    "orc": ("none", "zlib", "snappy", "zstd"),
    "avro": ("none", "snappy", "zstd"),
}
#: The first codecs of each format are in the quick pass.
QUICK_CODECS = 2
#: Who is slow gets the first n-th of the rows; the report tells how many, and compares time a row.
SLOW_CODECS = {"bzip2": 5, "xz": 5}
SLOW_PANDAS, SLOW_PANDAS_FORMATS = 5, {"xml": 50}  # of XML it holds a tree of all elements


def run(context: Context) -> Iterator[Comparison]:
    """Yield a comparison for each format and codec."""
    least = LEAST_ROUNDS if context.full else QUICK_LEAST_ROUNDS
    scale = SCALE if context.full else QUICK_SCALE
    if not context.full:
        context.cuts.append(f"encode: {QUICK_CODECS} codecs of each format")
        context.cuts.append(f"encode: lineitem of scale {scale} instead of {SCALE}")
    place = lineitem(scale, 1, context.data_dir)
    cached = dataframe(context.spark, place).cache()
    try:
        rows = cached.count()
        tables = _Tables(context, pq.read_table(place), cached)
        for name, codecs in FORMATS.items():
            for codec in codecs if context.full else codecs[:QUICK_CODECS]:
                yield compare(
                    context,
                    f"encode/{name}" if codec == "none" else f"encode/{name}-{codec}",
                    tables.contenders(name, codec),
                    rounds=max(context.rounds, least),
                    labels={"format": name, "compression": codec, "rows": rows, "scale": scale},
                    alike=False,  # each has its own number of rows, and must leave that many
                )
    finally:
        cached.unpersist()


class _Tables:
    """The table as each contender has it in memory.

    Args:
        context: the suite's.
        table: for us and, as a DataFrame, for pandas.
        cached: for Spark.

    """

    def __init__(self, context: Context, table: pa.Table, cached: DataFrame) -> None:
        self._context = context
        self._cached = cached
        # Spark hands over plain strings; the files' own would be views.
        plain = [
            field.with_type(pa.string()) if pa.types.is_string_view(field.type) else field
            for field in table.schema
        ]
        self._table = table.cast(pa.schema(plain)).combine_chunks()
        self._pandas = self._table.slice(0, table.num_rows // SLOW_PANDAS).to_pandas()

    def contenders(self, name: str, codec: str) -> list[Contender]:
        """Return ours, Spark's own writer and pandas, as far as they have the codec."""
        found = [self._ours(name, codec)]
        cached = self._cached.select(TEXT_COLUMN) if name == "text" else self._cached
        rows = self._table.num_rows
        outcome = partial(self._outcome, name, codec)
        if (word := SPARK_CODECS[name].get(codec)) is not None:
            found.append(spark_writer(self._context, cached, rows, name, word, outcome))
            if codec == "none":
                found.append(spark_reader(self._context, cached, rows))
        if codec in (words := PANDAS_CODECS.get(name, {})):
            few = self._pandas.head(rows // SLOW_PANDAS_FORMATS.get(name, SLOW_PANDAS))
            found.append(pandas_writer(self._context, few, name, words[codec], outcome))
        return found

    def _ours(self, name: str, codec: str) -> Contender:
        table = self._table.select([TEXT_COLUMN]) if name == "text" else self._table
        share = SLOW_CODECS.get(codec, 1)
        table = table.slice(0, table.num_rows // share)
        batches = table.to_batches(max_chunksize=BATCH_ROWS)
        options = FormatOptions.model_validate(
            {"format": name, "compression": codec, "header": True}
        )
        file_format = open_format(options, table.schema)

        def encode(target: str) -> None:
            part = file_format.open()
            with Path(target).open("wb", buffering=0) as file:
                file.writelines(map(part.encode, batches))
                file.write(part.finish())

        return Contender(
            OURS,
            OURS,
            encode,
            partial(self._outcome, name, codec),
            target=self._context.new_local,
            rows=table.num_rows,
            labels={"rows": table.num_rows},
        )

    def _outcome(self, name: str, codec: str, target: str) -> Outcome:
        place = self._context.local(target)
        return Outcome(count_rows(place, name, codec), self._context.size(target), digest="")


WORKLOAD = Workload(
    "encode", "files of every format and codec by us, Spark's writer and pandas; no server", run
)
