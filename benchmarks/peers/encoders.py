"""Other encoders of the same rows on one core: Spark's own writer, and pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.comparison import Contender
from benchmarks.workloads.table_writes import HEADER, KEEP_BLANKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pandas import DataFrame as PandasFrame
    from pyspark.sql import DataFrame

    from benchmarks.comparison import Outcome
    from benchmarks.context import Context

#: What Spark calls a codec: it has those that PySpark brings the libraries of. For zstd, its text
#: formats need Hadoop's native one.
SPARK_CODECS: dict[str, dict[str, str]] = {
    "csv": {"none": "none", "gzip": "gzip"},
    "json": {"none": "none", "gzip": "gzip"},
    "text": {"none": "none", "gzip": "gzip"},
    "xml": {"none": "none", "gzip": "gzip"},
    "parquet": {
        "none": "none",
        "snappy": "snappy",
        "gzip": "gzip",
        "zstd": "zstd",
        "lz4": "lz4_raw",  # what pyarrow writes; Spark's `lz4` is framed as Hadoop does
    },
    "orc": {codec: codec for codec in ("none", "zlib", "snappy", "zstd")},
    "avro": {"none": "uncompressed", "snappy": "snappy", "zstd": "zstandard"},
}
#: The module that gives Avro its short name is a package apart; its classes come with Spark, but
#: not yet with 4.0.
SPARK_NAMES = {"avro": "org.apache.spark.sql.avro.AvroFileFormat"}
#: What pandas calls a codec. It writes neither text nor Avro.
PANDAS_CODECS: dict[str, dict[str, str | None]] = {
    "csv": {"none": None, "gzip": "gzip", "zstd": "zstd"},
    "json": {"none": None, "gzip": "gzip", "zstd": "zstd"},
    "xml": {"none": None, "gzip": "gzip"},
    "parquet": {
        "none": None,
        **{codec: codec for codec in ("snappy", "gzip", "zstd", "lz4", "brotli")},
    },
    "orc": {
        "none": "uncompressed",
        **{codec: codec for codec in ("zlib", "snappy", "zstd")},
    },
}
#: Spark's formats take the options that are theirs.
SPARK_OPTIONS = {**HEADER, **KEEP_BLANKS, "rowTag": "ROW"}


def spark_writer(
    context: Context,
    frame: DataFrame,
    rows: int,
    name: str,
    codec: str,
    outcome: Callable[[str], Outcome] | None = None,
) -> Contender:
    """Spark's own writer, from rows that it holds in memory, to a directory on the local disk.

    Args:
        context: the suite's.
        frame: of one partition, cached.
        rows: of it.
        name: of the format.
        codec: Spark's name of it.
        outcome: looks at what lies at a target.

    """

    def write(target: str) -> None:
        writer = frame.write.format(SPARK_NAMES.get(name, name))
        writer.options(**SPARK_OPTIONS, compression=codec).save(target)

    return Contender(
        "spark",
        "Spark's own writer, from its cache",
        write,
        outcome,
        target=context.new_local,
        rows=rows,
        labels={"rows": rows},
    )


def spark_reader(context: Context, frame: DataFrame, rows: int) -> Contender:
    """Spark hands out the rows of its cache and drops them: a part of its writer's time."""

    def read(target: str) -> None:
        frame.write.format("noop").mode("overwrite").save()

    return Contender(
        "spark_noop",
        "Spark's cache, read and dropped",
        read,
        target=context.new_local,
        labels={"rows": rows},
    )


def pandas_writer(
    context: Context,
    frame: PandasFrame,
    name: str,
    codec: str | None,
    outcome: Callable[[str], Outcome],
) -> Contender:
    """Pandas, from a DataFrame in memory, into a file on the local disk.

    Args:
        context: the suite's.
        frame: as `toPandas` makes it: decimals and dates are Python objects.
        name: of the format.
        codec: pandas' name of it; None for none.
        outcome: looks at what lies at a target.

    """
    writers: dict[str, Callable[[str], Any]] = {
        "csv": lambda file: frame.to_csv(file, index=False, compression=codec),
        "json": lambda file: frame.to_json(file, orient="records", lines=True, compression=codec),
        "xml": lambda file: frame.to_xml(file, index=False, compression=codec),
        "parquet": lambda file: frame.to_parquet(file, index=False, compression=codec),
        "orc": lambda file: frame.to_orc(file, index=False, engine_kwargs={"compression": codec}),
    }
    return Contender(
        "pandas",
        "pandas",
        writers[name],
        outcome,
        target=context.new_local,
        rows=len(frame),
        labels={"rows": len(frame)},
    )
