"""SQL: a temporary view represents files on an SFTP server; INSERT writes and SELECT reads them.

Run it with `python examples/spark_sql.py`; it brings its own server, on loopback.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sftp_async import register
from sftp_async.testing import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession


def in_sql(options: Mapping[str, str]) -> str:
    """Return options as SQL has them: (`host` '127.0.0.1', …)."""
    quoted = {
        name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in options.items()
    }
    return "(" + ", ".join(f"`{name}` '{value}'" for name, value in quoted.items()) + ")"


def write(spark: SparkSession, server: EmbeddedServer, directory: Path) -> None:
    """Write by SQL, and read back."""
    # Spark keeps what is in a statement, and shows it: a reference says only where the secret is.
    assert server.password is not None
    (directory / "password").write_text(server.password)
    login = server.options() | {"password": f"file:{directory / 'password'}"}

    # Nothing is there yet: the view needs its columns.
    target = {**login, "path": "/out/orders", "header": "true"}
    spark.sql(
        "CREATE OR REPLACE TEMPORARY VIEW sftp_orders (id BIGINT, customer STRING) "
        f"USING sftp OPTIONS {in_sql(target)}"
    )
    spark.sql("INSERT INTO sftp_orders SELECT id, concat('customer ', id) FROM range(0, 500)")
    spark.sql("INSERT INTO sftp_orders (customer, id) VALUES ('the last', 500)")

    # One exact file, replaced each time.
    spark.sql(
        "CREATE OR REPLACE TEMPORARY VIEW sftp_daily (id BIGINT, customer STRING) "
        f"USING sftp OPTIONS {in_sql({**target, 'path': '/out/daily.csv'})}"
    )
    for day in (1, 2):
        spark.sql(f"INSERT OVERWRITE sftp_daily SELECT {day}, 'day {day}'")

    # What is there has columns: a view finds them, and SELECT reads.
    spark.sql(
        "CREATE OR REPLACE TEMPORARY VIEW sftp_report "
        f"USING sftp OPTIONS {in_sql({**target, 'infer_schema': 'true'})}"
    )
    spark.sql("SELECT count(*) AS orders, max(id) AS last FROM sftp_report").show()

    for view in ("sftp_orders", "sftp_daily", "sftp_report"):
        spark.catalog.dropTempView(view)


def main() -> None:
    """Start a small Spark and a server, write, and show what is there."""
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    register(spark)
    with tempfile.TemporaryDirectory() as scratch, EmbeddedServer(Path(scratch, "sftp")) as server:
        write(spark, server, Path(scratch))
        for file in sorted(server.root.rglob("*.csv")):
            print(f"{file.relative_to(server.root)}: {len(file.read_text().splitlines())} lines")
    spark.stop()


if __name__ == "__main__":
    main()
