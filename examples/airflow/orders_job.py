"""Writes one day's orders as one file, `orders_job.py DAY`: what `orders_dag.py` submits."""

from __future__ import annotations

import argparse
from datetime import date

from pyspark.sql import SparkSession

from sftp_async import SFTPOptions, last_write, register

PARTNER = SFTPOptions(
    host="sftp.example.com",
    username="partner",
    password="env:SFTP_PASSWORD",
    host_key_fingerprint="SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
    format="csv",
    header=True,
    footer_lines="TRL|{rows:08d}",
)


def send_orders(spark: SparkSession, partner: SFTPOptions, day: date) -> None:
    """Replace the day's file: a second run has the same outcome as the first."""
    register(spark)
    orders = spark.table("orders").where(f"day = date'{day}'").orderBy("id")
    (
        orders.write.format("sftp")
        .options(**partner.to_spark())
        .mode("overwrite")
        .save(f"/in/orders_{day:%Y%m%d}.csv")
    )
    print(last_write())


def main() -> None:
    """Send the orders of the day that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("day", type=date.fromisoformat)
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName(f"orders of {arguments.day}").getOrCreate()
    try:
        send_orders(spark, PARTNER, arguments.day)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
