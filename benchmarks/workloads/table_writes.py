"""The contenders that write one table from Spark: ours and its peers, with the same words to each.

CSV files have a header line, from all of them. All read the table from the same Parquet files, and
so pay for the same read, in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.comparison import Contender, Outcome
from benchmarks.data import dataframe, rows_of, schema_of
from benchmarks.peers.paramiko_source import ParamikoDataSource
from benchmarks.peers.spark_then_copy import spark_disk, spark_disk_rclone, spark_disk_sftp
from benchmarks.spark import CORES, NOOP, register_apart
from benchmarks.verify import csv_outcome, parquet_outcome
from sftp_async.spark.register import BATCH_LIMIT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from benchmarks.context import Context
    from benchmarks.servers import Server


#: `paramiko_pandas` makes `lineitem_part00000.csv` of it, and so on.
PARAMIKO_FILE = "lineitem.csv"


@dataclass(frozen=True)
class Output:
    """What the files are to be.

    Args:
        name: for the comparison's name.
        format: the same word for Spark's writer and ours.
        outcome: reads them.
        compression: the same word for Spark's writer and ours.
        options: likewise.
        spark_options: for Spark's writer only.

    """

    name: str
    format: str
    outcome: Callable[[Path, pl.Schema], Outcome]
    compression: str
    options: Mapping[str, str] = field(default_factory=dict)
    spark_options: Mapping[str, str] = field(default_factory=dict)


#: By default Spark's CSV writer takes the blanks off both ends of every text, so that its rows are
#: not those that it was given. Ours and pandas keep them; lineitem's comments have some.
KEEP_BLANKS = {"ignoreLeadingWhiteSpace": "false", "ignoreTrailingWhiteSpace": "false"}
HEADER = {"header": "true"}

CSV = Output("csv", "csv", csv_outcome, "none", HEADER, KEEP_BLANKS)
CSV_GZIP = Output("csv-gzip", "csv", csv_outcome, "gzip", HEADER, KEEP_BLANKS)
PARQUET = Output("parquet", "parquet", parquet_outcome, "snappy")


class TableWrites:
    """Makes the contenders for one table and one kind of file.

    Args:
        context: the suite's.
        server: it, or the relay before it.
        table: a directory of Parquet files, each of them a partition.
        output: what to write.

    """

    def __init__(self, context: Context, server: Server, table: Path, output: Output) -> None:
        self._context = context
        self._server = server
        self._output = output
        self._frame = dataframe(context.spark, table)
        # A task for each slot, and some more: every Python worker gets one.
        self._few = context.spark.range(0, 100, 1, 4 * CORES)
        self._schema = schema_of(table)
        self.labels: dict[str, Any] = {
            "format": output.format,
            "compression": output.compression,
            "rows": rows_of(table),
            "partitions": self._frame.rdd.getNumPartitions(),
        }

    def contenders(self, names: Sequence[str]) -> list[Contender]:
        """Return the contenders of these names, ours first."""
        made: dict[str, Callable[[], Contender]] = {
            "sftp_async": self._sftp_async,
            "sftp_async_untuned": self._sftp_async_untuned,
            "paramiko_pandas": self._paramiko_pandas,
            "noop": self._noop,
            "spark_disk": lambda: spark_disk(self._context, self._spark_write, self._outcome),
            "spark_disk_sftp": lambda: spark_disk_sftp(
                self._context, self._server, self._spark_write, self._outcome
            ),
            "spark_disk_rclone": lambda: spark_disk_rclone(
                self._context, self._server, self._spark_write, self._outcome
            ),
        }
        return [made[name]() for name in names]

    def _outcome(self, target: str) -> Outcome:
        return self._output.outcome(self._context.local(target), self._schema)

    def _spark_write(self, directory: str) -> None:
        output = self._output
        options = {**output.options, **output.spark_options, "compression": output.compression}
        self._frame.write.format(output.format).options(**options).save(directory)

    def _sftp_async(self) -> Contender:
        output = self._output
        options = {**self._server.options(), **output.options}
        options |= {"format": output.format, "compression": output.compression}

        def write(frame: DataFrame, target: str) -> None:
            frame.write.format("sftp").options(**options).mode("append").save(target)

        return self._awake("sftp_async", "sftp_async", write, self._outcome)

    def _sftp_async_untuned(self) -> Contender:
        """Return ours in a session that was not set up by `sftp_async.register`."""
        conf = self._context.spark.conf
        tuned = self._sftp_async()

        def run(target: str) -> None:
            before = conf.get(BATCH_LIMIT, None)
            conf.unset(BATCH_LIMIT)
            try:
                tuned.run(target)
            finally:
                if before is not None:
                    conf.set(BATCH_LIMIT, before)

        title = "sftp_async, Spark's Arrow byte limit left on"
        return Contender("sftp_async_untuned", title, run, self._outcome, wake=tuned.wake)

    def _paramiko_pandas(self) -> Contender:
        assert self._output is CSV, "this peer writes plain CSV"
        server = self._server
        options = {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "private_key_path": str(server.key_file),
            "known_hosts_path": str(server.known_hosts_file),
        }

        def write(frame: DataFrame, target: str) -> None:
            writer = frame.write.format(ParamikoDataSource.name()).options(**options)
            writer.mode("append").save(f"{target}/{PARAMIKO_FILE}")

        register_apart(self._context.spark, ParamikoDataSource)
        return self._awake("paramiko_pandas", "Paramiko + pandas", write, self._outcome)

    def _noop(self) -> Contender:
        def write(frame: DataFrame, target: str) -> None:
            frame.write.format(NOOP).mode("append").save(target)

        return self._awake("noop", "A Python source that drops its rows", write)

    def _awake(
        self,
        name: str,
        title: str,
        write: Callable[[DataFrame, str], None],
        outcome: Callable[[str], Outcome] | None = None,
    ) -> Contender:
        """Return a contender whose Python workers are there when its time begins."""
        return Contender(
            name, title, partial(write, self._frame), outcome, wake=partial(write, self._few)
        )
