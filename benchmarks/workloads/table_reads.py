"""The contenders that read one table into Spark: ours and its peers, with the same words to each.

All of them give the columns' types, so none infers, and none pays for a listing that another does
not: every run makes its DataFrame again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.comparison import Contender, Outcome
from benchmarks.data import lineitem_pieces
from benchmarks.peers.commands import (
    RCLONE_NOTE,
    missing,
    no_rclone_download,
    quoted,
    rclone_get,
    sftp,
)
from benchmarks.peers.hadoop_sftp import hadoop_read, no_hadoop
from benchmarks.peers.paramiko_lines import ParamikoLinesSource
from benchmarks.peers.ready_rows import ReadyRowsSource
from benchmarks.read_files import (
    CSV_OPTIONS,
    Source,
    arrow_batches,
    csv,
    published,
    spark_schema,
)
from benchmarks.row_digest import rows_outcome
from benchmarks.spark import CORES, register_apart

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from benchmarks.context import Context
    from benchmarks.servers import Server

#: Spark's settings of how files are split, which `benchmarks.data.dataframe` changes.
SPLITTING = ("maxPartitionBytes", "openCostInBytes")
#: Rows of a small file that only wakes a Python worker.
FEW_ROWS = 20


@dataclass(frozen=True)
class Query:
    """What is done with the rows.

    Args:
        name: for the comparison's name.
        ask: makes the DataFrame whose rows are taken, all of them.
        columns: those that it needs; None: all.

    """

    name: str
    ask: Callable[[DataFrame], DataFrame] = lambda frame: frame
    columns: tuple[str, ...] | None = None


ALL_ROWS = Query("")


def _totals(frame: DataFrame) -> DataFrame:
    from pyspark.sql import functions as f

    return frame.groupBy("l_returnflag", "l_linestatus").agg(
        f.count(f.lit(1)).alias("rows"),
        f.sum("l_quantity").alias("quantity"),
        f.sum("l_extendedprice").alias("price"),
    )


#: As the first query of TPC-H begins.
TOTALS = Query("totals", _totals, ("l_quantity", "l_extendedprice", "l_returnflag", "l_linestatus"))


@contextmanager
def table_reads(
    context: Context, source: Source, query: Query = ALL_ROWS
) -> Iterator[Callable[[Server], TableReads]]:
    """Put the files of a table on the server; yields what makes their contenders for an address.

    Args:
        context: the suite's.
        source: the files.
        query: what is done with the rows.

    """
    # A task for each slot, and some more: every Python worker gets one.
    few = csv(lineitem_pieces(4 * CORES, FEW_ROWS, context.data_dir))
    with published(context, source.place) as remote, published(context, few.place) as small:
        truth = _truth(context, source, query)
        yield lambda server: TableReads(context, server, source, query, truth, remote, small)


def _truth(context: Context, source: Source, query: Query) -> Outcome:
    for setting in SPLITTING:
        context.spark.conf.unset(f"spark.sql.files.{setting}")
    table = context.spark.read.parquet(str(source.table))
    return rows_outcome(query.ask(table), source.bytes)


class TableReads:
    """Makes the contenders for one table: see `table_reads`.

    Args:
        context: the suite's.
        server: it, or the relay before it.
        source: the files.
        query: what is done with the rows.
        truth: what comes of that.
        remote: the directory of the files on the server.
        small: the directory of a few small ones.

    """

    def __init__(
        self,
        context: Context,
        server: Server,
        source: Source,
        query: Query,
        truth: Outcome,
        remote: str,
        small: str,
    ) -> None:
        self._context = context
        self._server = server
        self._source = source
        self._remote = remote
        self._query = query
        self._small = small
        self._truth = truth
        self._schema = spark_schema(source.table)
        self.labels: dict[str, Any] = {
            "format": source.format,
            "compression": source.compression,
            "files": source.files,
            "bytes": source.bytes,
        }

    def contenders(self, names: Sequence[str]) -> list[Contender]:
        """Return the contenders of these names, ours first."""
        made: dict[str, Callable[[], Contender]] = {
            "sftp_async": self._ours,
            "sftp_async_columns": self._ours_with_columns,
            "sftp_async_one_task": self._ours_in_one_task,
            "spark_disk": self._spark_disk,
            "ready_rows": self._ready_rows,
            "sftp_spark": self._sftp_then_spark,
            "rclone_spark": self._rclone_then_spark,
            "paramiko_lines": self._paramiko_lines,
            "hadoop": self._hadoop,
        }
        return [made[name]() for name in names]

    def _contender(
        self, name: str, title: str, read: Callable[[str], DataFrame], **more: Any
    ) -> Contender:
        """Return a contender of a function that makes a DataFrame, given a target."""

        def run(target: str) -> None:
            self._query.ask(read(target)).write.format("noop").mode("overwrite").save()

        def check(target: str) -> Outcome:
            return rows_outcome(self._query.ask(read(target)), self._source.bytes)

        labels = {"rows": self._source.rows, **more.pop("labels", {})}
        return Contender(
            name,
            title,
            run,
            check=check,
            truth=self._truth,
            reads=self._source.bytes,
            target=self._context.new_local,
            labels=labels,
            **more,
        )

    def _ours(self) -> Contender:
        return self._awake("sftp_async", "sftp_async", self._schema)

    def _ours_in_one_task(self) -> Contender:
        title = "sftp_async, one task"
        return self._awake("sftp_async_one_task", title, self._schema, split="false")

    def _ours_with_columns(self) -> Contender:
        """Return ours with the columns that the query needs, since Spark does not report them."""
        assert self._query.columns is not None, "this query needs all columns"
        schema = spark_schema(self._source.table, self._query.columns)
        # In Parquet they are found by their names in any case.
        by_name = {"match_columns": "name"} if self._source.format == "csv" else {}
        title = "sftp_async, the query's columns named"
        return self._awake("sftp_async_columns", title, schema, **by_name)

    def _awake(self, name: str, title: str, schema: str, **more: str) -> Contender:
        """Return ours; its Python workers are there when its time begins."""
        options = {**self._server.options(), **self._source.options, **more}

        def read(target: str) -> DataFrame:
            reader = self._context.spark.read.format("sftp").options(**options)
            return reader.option("format", self._source.format).schema(schema).load(self._remote)

        def wake(target: str) -> None:
            few = self._context.spark.read.format("sftp").options(**self._server.options())
            few = few.options(**CSV_OPTIONS, format="csv", split="false", max_partition_bytes="1")
            few.load(self._small).write.format("noop").mode("overwrite").save()

        return self._contender(name, title, read, wake=wake)

    def _spark_read(self, place: Path | str) -> DataFrame:
        source = self._source
        reader = self._context.spark.read.format(source.format).options(**source.options)
        return reader.schema(self._schema).load(str(place))

    def _spark_disk(self) -> Contender:
        return self._contender(
            "spark_disk",
            "Spark, files on the local disk",
            lambda target: self._spark_read(self._source.place),
        )

    def _ready_rows(self) -> Contender:
        place = arrow_batches(self._source.table)
        register_apart(self._context.spark, ReadyRowsSource)

        def read(target: str) -> DataFrame:
            reader = self._context.spark.read.format(ReadyRowsSource.name()).schema(self._schema)
            return reader.option("parts", 8 // self._source.files).load(str(place))

        def wake(target: str) -> None:
            read(target).write.format("noop").mode("overwrite").save()

        title = "No reading: ready rows through a Python source"
        return self._contender("ready_rows", title, read, wake=wake)

    def _sftp_then_spark(self) -> Contender:
        def read(target: str) -> DataFrame:
            Path(target).mkdir()
            remote = self._remote
            sftp(self._server, [f"cd {quoted(remote)}", f"lcd {quoted(target)}", "get *"])
            return self._spark_read(target)

        title = "OpenSSH sftp to disk, then Spark"
        return self._contender("sftp_spark", title, read, unavailable=missing("sftp"))

    def _rclone_then_spark(self) -> Contender:
        def read(target: str) -> DataFrame:
            rclone_get(self._server, "copy", self._remote, Path(target))
            return self._spark_read(target)

        return self._contender(
            "rclone_spark",
            "rclone to disk, then Spark",
            read,
            unavailable=no_rclone_download(self._server),
            labels={"note": RCLONE_NOTE},
        )

    def _hadoop(self) -> Contender:
        arguments = (
            self._context.spark,
            self._server,
            self._remote,
            dict(self._source.options),
            self._schema,
        )
        return self._contender(
            "hadoop",
            "Hadoop's SFTPFileSystem",
            lambda target: hadoop_read(*arguments),
            unavailable=no_hadoop(*arguments),
        )

    def _paramiko_lines(self) -> Contender:
        from pyspark.sql import functions as f

        source, server = self._source, self._server
        options = {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "private_key_path": str(server.key_file),
            "known_hosts_path": str(server.known_hosts_file),
        }
        register_apart(self._context.spark, ParamikoLinesSource)

        def lines_of(path: str) -> DataFrame:
            reader = self._context.spark.read.format(ParamikoLinesSource.name())
            return reader.options(**options).load(path)

        def wake(target: str) -> None:
            lines_of(self._small).write.format("noop").mode("overwrite").save()

        def read(target: str) -> DataFrame:
            lines = lines_of(self._remote)
            if source.format == "csv":
                lines = lines.where(f.col("value") != source.header)
                words = {k: v for k, v in source.options.items() if k != "header"}
                parsed = f.from_csv("value", self._schema, words)
            else:
                parsed = f.from_json("value", self._schema)
            return lines.select(parsed.alias("row")).select("row.*")

        title = "Paramiko line by line, then Spark"
        return self._contender("paramiko_lines", title, read, wake=wake)
