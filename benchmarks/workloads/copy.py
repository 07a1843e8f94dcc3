"""`copy`: from one SFTP server through Spark to another one, CSV to CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, Contender, Outcome, compare
from benchmarks.data import lineitem, lineitem_pieces, schema_of
from benchmarks.peers.commands import RCLONE_NOTE, no_rclone, no_rclone_download, rclone, rclone_get
from benchmarks.peers.spark_then_copy import PARTS
from benchmarks.read_files import CSV_OPTIONS, Source, csv, published, spark_schema
from benchmarks.spark import CORES
from benchmarks.verify import csv_outcome
from benchmarks.workloads import Workload
from benchmarks.workloads.table_reads import FEW_ROWS, SPLITTING
from benchmarks.workloads.table_writes import KEEP_BLANKS

if TYPE_CHECKING:
    from benchmarks.context import Context
    from benchmarks.servers import Server

SCALE, QUICK_SCALE = 1, 0.03
FILES = 8


def run(context: Context) -> Iterator[Comparison]:
    """Yield the one comparison."""
    scale = SCALE if context.full else QUICK_SCALE
    if not context.full:
        context.cuts.append(f"copy: lineitem of scale {scale} instead of {SCALE}")
    source = csv(lineitem(scale, FILES, context.data_dir))
    for setting in SPLITTING:
        context.spark.conf.unset(f"spark.sql.files.{setting}")
    # A task for each slot, and some more: every Python worker gets one.
    few = csv(lineitem_pieces(4 * CORES, FEW_ROWS, context.data_dir))
    with published(context, source.place) as remote, published(context, few.place) as small:
        first = context.server
        with context.second_server():
            yield compare(
                context,
                "copy/csv",
                [
                    _ours(context, first, source, remote, small),
                    _by_hand(context, first, source, remote),
                ],
                rounds=context.rounds,
                labels={
                    "format": "csv",
                    "compression": "none",
                    "files": FILES,
                    "rows": source.rows,
                    "bytes": source.bytes,
                    "scale": scale,
                },
            )


def _ours(context: Context, first: Server, source: Source, remote: str, small: str) -> Contender:
    spark, schema = context.spark, spark_schema(source.table)
    reading = {**first.options(), **CSV_OPTIONS, "format": "csv"}
    writing = {**context.server.options(), **CSV_OPTIONS, "format": "csv"}

    def through_spark(path: str, target: str, **more: str) -> None:
        frame = spark.read.format("sftp").options(**reading, **more).schema(schema).load(path)
        frame.write.format("sftp").options(**writing).mode("append").save(target)

    def copy(target: str) -> None:
        through_spark(remote, target)

    def wake(target: str) -> None:
        through_spark(small, target, split="false", max_partition_bytes="1")

    return Contender(
        "sftp_async",
        "sftp_async to read and to write",
        copy,
        lambda target: _outcome(context, source, target),
        truth=csv_outcome(source.place, schema_of(source.table)),
        wake=wake,
    )


def _by_hand(context: Context, first: Server, source: Source, remote: str) -> Contender:
    spark, schema = context.spark, spark_schema(source.table)
    second = context.server
    staged: list[str] = []

    def copy(target: str) -> None:
        came, made = context.new_local(), context.new_local()
        staged.extend([came, made])
        rclone_get(first, "copy", remote, Path(came))
        frame = spark.read.format("csv").options(**CSV_OPTIONS).schema(schema).load(came)
        frame.write.format("csv").options(**CSV_OPTIONS, **KEEP_BLANKS).save(made)
        rclone(second, "copy", Path(made), target, "--include", PARTS)

    def tidy(target: str) -> None:
        while staged:
            context.remove(staged.pop())

    return Contender(
        "rclone_spark_rclone",
        "rclone to disk, Spark, rclone from disk",
        copy,
        lambda target: _outcome(context, source, target),
        truth=csv_outcome(source.place, schema_of(source.table)),
        unavailable=no_rclone_download(first) or no_rclone(second),
        tidy=tidy,
        labels={"note": RCLONE_NOTE},
    )


def _outcome(context: Context, source: Source, target: str) -> Outcome:
    return csv_outcome(context.local(target), schema_of(source.table))


WORKLOAD = Workload("copy", "CSV from one SFTP server through Spark to a second one", run)
