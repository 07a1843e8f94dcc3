"""The job of the documentation's Airflow example."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.airflow.orders_job import PARTNER, send_orders
from sftp_async.testing import SFTPTestServer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.one_python]


def test_the_job_sends_one_days_orders_and_a_second_attempt_changes_nothing(
    spark: SparkSession, tmp_path: Path
) -> None:
    spark.sql(
        "SELECT id, date_add(date'2026-11-22', CAST(id % 2 AS INT)) AS day FROM range(6)"
    ).createOrReplaceTempView("orders")
    with SFTPTestServer(tmp_path / "served") as server:
        partner = PARTNER.model_copy(update=server.options)
        for _ in range(2):
            send_orders(spark, partner, date(2026, 11, 23))
            [file] = (server.path / "in").glob("[!_.]*")
            assert file.name == "orders_20261123.csv"
            lines = file.read_text().splitlines()
            assert lines == [
                "id,day",
                "1,2026-11-23",
                "3,2026-11-23",
                "5,2026-11-23",
                "TRL|00000003",
            ]
    spark.catalog.dropTempView("orders")
