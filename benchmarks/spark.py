"""Spark as the suite uses it: two cores, this Python, our source, and one that only drains."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSource, DataSourceArrowWriter, WriterCommitMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

REPOSITORY = Path(__file__).parents[1]
#: The targets are ratios on two cores; a larger machine gives the rest of its cores to the server.
CORES = 2
NOOP = "noop_python"
#: Set in the environment of workers that are not shared.
WORKERS_OF = "SFTP_ASYNC_BENCH_WORKERS_OF"


class NoopDataSource(DataSource):
    """Takes every row and writes none: what Spark itself charges for handing rows to Python."""

    @classmethod
    def name(cls) -> str:
        """Return the name for `df.write.format`."""
        return NOOP

    def writer(self, schema: StructType, overwrite: bool) -> NoopWriter:
        """Return the writer; schema and mode do not matter to it."""
        return NoopWriter()


class NoopWriter(DataSourceArrowWriter):
    """Drains its Arrow batches."""

    def write(self, iterator: Iterator[pa.RecordBatch]) -> WriterCommitMessage:
        """Look at each batch and drop it."""
        for _ in iterator:
            pass
        return WriterCommitMessage()


def register_apart(session: SparkSession, source: type[DataSource]) -> None:
    """Register a data source whose Python workers are its own.

    Spark shares idle workers among all whose environment is the same. A worker that has held a
    partition in pandas is slower for the next one, and one that has written for us is spared
    PySpark's collections (`sftp_async.spark.batch_writer`), which is none of a peer's doing.
    """
    environment = session.sparkContext.environment
    environment[WORKERS_OF] = source.name()
    session.dataSource.register(source)
    del environment[WORKERS_OF]


def start_spark(scratch: Path) -> SparkSession:
    """Start Spark with both data sources registered.

    Args:
        scratch: for the warehouse and Spark's own temporary files.

    """
    from pyspark.sql import SparkSession

    from sftp_async import register

    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # Workers import the peers from the source tree.
    path = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    if str(REPOSITORY) not in path:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *path])
    session = (
        SparkSession.builder.master(f"local[{CORES}]")
        .appName("sftp_async benchmarks")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.extraJavaOptions", f"-Dderby.system.home={scratch}")
        .config("spark.local.dir", str(scratch / "spark"))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    register(session)
    register_apart(session, NoopDataSource)
    return session


def stop_spark(session: SparkSession) -> None:
    """End the session and its Python workers; the JVM is kept for the next one."""
    session.stop()
