"""`scale`: more and more rows: the speed must stay, and so must the memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.comparison import Comparison, Contender, Outcome, compare
from benchmarks.verify import csv_outcome
from benchmarks.workloads import Workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame

    from benchmarks.context import Context

MILLION = 1_000_000
ROWS = [1 * MILLION, 2 * MILLION, 4 * MILLION, 8 * MILLION, 16 * MILLION]
QUICK_ROWS = [rows // 8 for rows in ROWS]
PARTITIONS = 8
#: Of the graph of one partition's memory.
ONE_PARTITION, QUICK_ONE_PARTITION = 5 * MILLION, MILLION

DECIMAL = pl.Decimal(15, 2)
COLUMN_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "l_orderkey": pl.Int64,
    "l_partkey": pl.Int64,
    "l_suppkey": pl.Int64,
    "l_linenumber": pl.Int32,
    "l_quantity": DECIMAL,
    "l_extendedprice": DECIMAL,
    "l_discount": DECIMAL,
    "l_tax": DECIMAL,
    "l_returnflag": pl.String,
    "l_linestatus": pl.String,
    "l_shipdate": pl.Date,
    "l_commitdate": pl.Date,
    "l_receiptdate": pl.Date,
    "l_shipinstruct": pl.String,
    "l_shipmode": pl.String,
    "l_comment": pl.String,
}
SCHEMA = pl.Schema(COLUMN_TYPES)
TEXT = (
    "carefully final deposits sleep furiously according to the quickly regular packages; ideas "
    "haggle blithely above the silent accounts, pending requests nag among the even theodolites"
)


def _pick(*words: str) -> str:
    """Write an expression that gives each row one of these words."""
    return f"element_at(array{words}, CAST(id % {len(words)} + 1 AS INT))"


#: Columns as wide as those of TPC-H, each a function of the row's number: any amount of them is
#: made on the way, at the same cost a row, and without a disk.
COLUMNS = [
    "id DIV 4 AS l_orderkey",
    "id * 7919 % 200000 AS l_partkey",
    "id * 104729 % 10000 AS l_suppkey",
    "CAST(id % 4 + 1 AS INT) AS l_linenumber",
    "CAST(id % 50 + 1 AS DECIMAL(15, 2)) AS l_quantity",
    "CAST((id * 7919 % 10404950 + 90091) / 100 AS DECIMAL(15, 2)) AS l_extendedprice",
    "CAST(id % 11 / 100 AS DECIMAL(15, 2)) AS l_discount",
    "CAST(id % 9 / 100 AS DECIMAL(15, 2)) AS l_tax",
    f"{_pick('A', 'N', 'R')} AS l_returnflag",
    f"{_pick('F', 'O')} AS l_linestatus",
    "date_add(DATE'1992-01-02', CAST(id * 31 % 2526 AS INT)) AS l_shipdate",
    "date_add(DATE'1992-01-31', CAST(id * 37 % 2466 AS INT)) AS l_commitdate",
    "date_add(DATE'1992-01-03', CAST(id * 41 % 2554 AS INT)) AS l_receiptdate",
    f"{_pick('DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN')} AS l_shipinstruct",
    f"{_pick('AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK')} AS l_shipmode",
    f"substr('{TEXT}', CAST(id * 13 % 120 + 1 AS INT), CAST(id % 34 + 10 AS INT)) AS l_comment",
]


def run(context: Context) -> Iterator[Comparison]:
    """Yield the comparison of sizes, and the run whose memory is drawn."""
    sizes = ROWS if context.full else QUICK_ROWS
    rows = ONE_PARTITION if context.full else QUICK_ONE_PARTITION
    if not context.full:
        context.cuts.append(f"scale: up to {sizes[-1]:,} rows instead of {ROWS[-1]:,}")
        context.cuts.append(f"scale: one partition of {rows:,} rows instead of {ONE_PARTITION:,}")
    # The empty write's memory is what the others are held against: no worker may be used before it.
    context.fresh_spark()
    labels = {"format": "csv", "compression": "none", "partitions": PARTITIONS}
    yield compare(
        context, "scale/empty", [_writer(context, 0, PARTITIONS)], rounds=1, labels=labels
    )
    yield compare(
        context,
        "scale/rows",
        [_writer(context, size, PARTITIONS) for size in sizes],
        rounds=context.rounds,
        labels=labels,
        alike=False,
        long=math.inf,  # ours all of them
    )
    context.fresh_spark()
    yield compare(
        context,
        "scale/one-partition",
        [_writer(context, rows, 1)],
        rounds=1,
        labels={**labels, "partitions": 1, "rows": rows},
        trace=True,
    )


def lineitem_like(context: Context, rows: int, partitions: int) -> DataFrame:
    """Return rows that look like TPC-H's lineitem."""
    return context.spark.range(0, rows, 1, partitions).selectExpr(*COLUMNS)


def _writer(context: Context, rows: int, partitions: int) -> Contender:
    frame = lineitem_like(context, rows, partitions)
    options = {**context.server.options(), "header": "true"}

    def write(target: str) -> None:
        frame.write.format("sftp").options(**options).mode("append").save(target)

    def outcome(target: str) -> Outcome:
        return csv_outcome(context.local(target), SCHEMA)

    return Contender(
        f"sftp_async_{rows}",
        f"sftp_async, {rows:,} rows",
        write,
        outcome,
        rows=rows,
        labels={"rows": rows},
    )


WORKLOAD = Workload("scale", "1 to 16 million rows: rows a second, and the workers' memory", run)
