"""Spark Connect: the same reader and writer, from a client without Java and a driver of its own.

`python examples/spark_connect.py` starts a Connect server on this machine; give it the address of
one that runs already: `python examples/spark_connect.py sc://127.0.0.1:15002`. The package must be
installed where that server and its executors run Python; the client needs it for `register` alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from sftp_async import register
from sftp_async.testing import EmbeddedServer


def main(address: str) -> None:
    """Write a batch and read it, let a stream read and write, and show what is there."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    spark = SparkSession.builder.remote(address).getOrCreate()
    register(spark)  # sets one thing for speed; the format is known without it
    with tempfile.TemporaryDirectory() as scratch, EmbeddedServer(Path(scratch, "sftp")) as server:
        orders = spark.range(1000).selectExpr("id", "concat('customer ', id) AS customer")
        writer = orders.write.format("sftp").options(**server.options(), header="true")
        writer.mode("overwrite").save("/out/orders.csv.gz")
        reader = spark.read.format("sftp").options(**server.options(), header="true")
        rows = reader.option("infer_schema", "true").load("/out/orders.csv.gz")
        print(f"/out/orders.csv.gz: {rows.agg({'id': 'max'}).first()[0]} is the last id")

        (server.root / "inbox").mkdir()
        (server.root / "inbox" / "1.json").write_text('{"id": 1}\n{"id": 2}\n')
        arrived = spark.readStream.format("sftp").options(**server.options(), format="json")
        query = (
            arrived.option("stable_for", "1s")
            .schema("id BIGINT")
            .load("/inbox")
            .writeStream.format("sftp")
            .options(**server.options())
            .option("checkpointLocation", str(Path(scratch, "checkpoint")))
            .trigger(availableNow=True)
            .start("/out/stream")
        )
        query.awaitTermination()

        for file in sorted(server.root.rglob("*.csv*")):
            print(f"{file.relative_to(server.root)}: {file.stat().st_size} bytes")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "local[2]")
