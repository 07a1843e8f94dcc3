"""Hadoop's own `SFTPFileSystem`, which is in Spark's jars: `spark.read.csv("sftp://…")`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh

from benchmarks.time_limit import RunTimeoutError, time_limit

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
        "fs.sftp.keyfile": str(_key_that_it_knows(server)),
    }
    address = f"sftp://{server.username}@{server.host}:{server.port}{path}"
    reader = spark.read.format("csv").options(**settings, **options)
    return reader.schema(schema).load(address)


def _key_that_it_knows(server: Server) -> Path:
    """Return the user's RSA key as PEM: its library takes neither newer kinds nor OpenSSH's format.

    A server whose user has no RSA key gets the one that there is.
    """
    found = server.key_file.with_name("id_rsa")
    if not found.exists():
        return server.key_file
    pem = found.with_suffix(".pem")
    if not pem.exists():
        key = asyncssh.read_private_key(found)
        pem.touch(mode=0o600)
        pem.write_bytes(key.export_private_key("pkcs1-pem"))
    return pem


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
    # Py4J's own exception has the JVM's, and PySpark's has Py4J's.
    java = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    if java is None:
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    while java.getCause() is not None:
        java = java.getCause()
    return str(java.toString()).partition("\n")[0]
