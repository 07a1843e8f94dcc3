"""`read-scale`: a larger and larger file: the speed must stay, and so must the memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, Contender, Outcome, compare
from benchmarks.data import lineitem_pieces
from benchmarks.read_files import Source, csv, spark_schema
from benchmarks.row_digest import repeated, rows_outcome
from benchmarks.workloads import Workload

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from benchmarks.context import Context

MILLION = 1_000_000
#: Rows of the piece that every file repeats.
PIECE, QUICK_PIECE = MILLION, MILLION // 16
TIMES = (1, 2, 4, 8, 16)
BLOCK = 1 << 20


def run(context: Context) -> Iterator[Comparison]:
    """Yield the smallest file, read by new Python workers, and the comparison of sizes."""
    piece = PIECE if context.full else QUICK_PIECE
    if not context.full:
        most, wanted = TIMES[-1] * piece, TIMES[-1] * PIECE
        context.cuts.append(f"read-scale: up to {most:,} rows instead of {wanted:,}")
    source = csv(lineitem_pieces(1, piece, context.data_dir))
    # Its memory is what the others are held against: no worker may be used before it.
    context.fresh_spark()
    truth = rows_outcome(context.spark.read.parquet(str(source.table)), source.bytes)
    labels = {"format": "csv", "compression": "none", "files": 1}
    for name, all_times in (("smallest", TIMES[:1]), ("rows", TIMES)):
        with _files(context, source, all_times) as places:
            contenders = [
                _reader(context, source, place, repeated(truth, times))
                for times, place in zip(all_times, places, strict=True)
            ]
            yield compare(
                context,
                f"read-scale/{name}",
                contenders,
                rounds=context.rounds if name == "rows" else 1,
                labels=labels,
                alike=False,
                long=math.inf,  # ours all of them
            )


@contextmanager
def _files(context: Context, source: Source, all_times: tuple[int, ...]) -> Iterator[list[str]]:
    """Put files on the server that have the rows of one so many times; one header each."""
    [file] = source.place.iterdir()
    places = [context.server.new_target() for _ in all_times]
    try:
        for times, place in zip(all_times, places, strict=True):
            repeat(file, context.server.local(place), times)
        yield places
    finally:
        for place in places:
            context.server.remove(place)


def repeat(file: Path, target: Path, times: int) -> None:
    """Write a CSV file's header once and its rows so many times."""
    with file.open("rb") as source, target.open("wb") as copy:
        copy.write(source.readline())
        start = source.tell()
        for _ in range(times):
            source.seek(start)
            while block := source.read(BLOCK):
                copy.write(block)


def _reader(context: Context, source: Source, place: str, truth: Outcome) -> Contender:
    options = {**context.server.options(), **source.options, "format": "csv"}
    schema = spark_schema(source.table)
    size = context.size(place)

    def read() -> DataFrame:
        return context.spark.read.format("sftp").options(**options).schema(schema).load(place)

    return Contender(
        f"sftp_async_{truth.rows}",
        f"sftp_async, {truth.rows:,} rows",
        lambda target: read().write.format("noop").mode("overwrite").save(),
        check=lambda target: rows_outcome(read(), size),
        truth=replace(truth, bytes=size),
        reads=size,
        target=context.new_local,
        rows=truth.rows,
        labels={"rows": truth.rows},
    )


WORKLOAD = Workload("read-scale", "1 to 16 million rows in one CSV file: rate, and memory", run)
