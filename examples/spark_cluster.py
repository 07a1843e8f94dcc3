"""A standalone cluster: each executor uploads and downloads its own partitions.

Start one on this machine, then give its address:

    spark-class org.apache.spark.deploy.master.Master --host 127.0.0.1 &
    spark-class org.apache.spark.deploy.worker.Worker spark://127.0.0.1:7077 &
    python examples/spark_cluster.py spark://127.0.0.1:7077

The package must be installed on every machine of a cluster. Spark finds the format by itself, but
for Spark 4.0, which needs `sftp_async.register(spark)`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from sftp_async.testing import EmbeddedServer


def main(master: str) -> None:
    """Write part files and one exact file, read both back, and show what is there."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    spark = (
        SparkSession.builder.master(master)
        .config("spark.executor.memory", "512m")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    orders = spark.range(0, 100_000, 1, 4).selectExpr("id", "concat('customer ', id) AS customer")
    # Its executors are on this machine, too, so that they reach a server on loopback.
    with tempfile.TemporaryDirectory() as scratch, EmbeddedServer(Path(scratch, "sftp")) as server:
        for target in ("/out/orders", "/out/orders.csv.gz"):
            writer = orders.write.format("sftp").options(**server.options(), header="true")
            writer.mode("overwrite").save(target)
            reader = spark.read.format("sftp").options(**server.options(), header="true")
            rows = reader.schema("id BIGINT, customer STRING").load(target)
            print(f"{target}: {rows.distinct().count()} rows, such as {rows.first()}")
        for file in sorted(server.root.rglob("*.csv*")):
            print(f"{file.relative_to(server.root)}: {file.stat().st_size} bytes")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
