"""Hadoop's own `SFTPFileSystem`, which is in Spark's jars: `spark.read.csv("sftp://…")`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.comparison import RunTimeoutError, time_limit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from benchmarks.servers import Server

#: Seconds that a first look at the server may take.
PROBE_SECONDS = 60.0


def hadoop_read(
    spark: SparkSession, server: Server, path: str, options: dict[str, str], schema: str
) -> DataFrame:
    """Return CSV files of the server, read by Hadoop.

    Args:
        spark: the session.
        server: it, or the relay before it.
        path: a directory on the server.
        options: of Spark's CSV reader.
        schema: as Spark's DDL.

    """
    settings = {
        "fs.sftp.impl": "org.apache.hadoop.fs.sftp.SFTPFileSystem",
        "fs.sftp.impl.disable.cache": "true",  # else a later server would be taken for this one
        "fs.sftp.keyfile": str(server.key_file),
    }
    address = f"sftp://{server.username}@{server.host}:{server.port}{path}"
    reader = spark.read.format("csv").options(**settings, **options)
    return reader.schema(schema).load(address)


def no_hadoop(
    spark: SparkSession, server: Server, path: str, options: dict[str, str], schema: str
) -> str | None:
    """Say why Hadoop cannot read from this server; None if it can. It is tried."""
    try:
        with time_limit(PROBE_SECONDS):
            hadoop_read(spark, server, path, options, schema).limit(1).collect()
    except RunTimeoutError as reason:
        return f"Hadoop's SFTPFileSystem {reason}"
    except Exception as error:  # noqa: BLE001 - Spark wraps the JVM's errors in many classes
        return f"Hadoop's SFTPFileSystem cannot connect ({_cause(error)})"
    return None


def _cause(error: Exception) -> str:
    """Return the innermost reason of a JVM's error, without its stack."""
    lines = [line.strip() for line in str(error).splitlines()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    java = getattr(error, "_origin", None)
    if not causes and java is not None:
        cause = java
        while cause.getCause() is not None:
            cause = cause.getCause()
        return str(cause.toString())[:300]
    return (causes or lines or [type(error).__name__])[-1 if causes else 0][:300]
