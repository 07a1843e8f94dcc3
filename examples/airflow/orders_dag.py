"""Sends each day's orders to a partner's SFTP server: an Airflow 3 DAG, with `orders_job.py`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG

with DAG(
    "orders_to_partner",
    schedule="0 5 * * *",
    start_date=datetime(2026, 11, 1),
    catchup=False,
    max_active_runs=1,  # a run of the next day waits for this one's retries
):
    SparkSubmitOperator(
        task_id="send_orders",
        application=str(Path(__file__).with_name("orders_job.py")),
        application_args=["{{ ds }}"],  # the run's day, the same in each attempt
        conn_id="spark_default",
        conf={"spark.task.maxFailures": "4"},
        env_vars={"SFTP_PASSWORD": "{{ conn.partner_sftp.password }}"},
        retries=3,
        retry_delay=timedelta(minutes=5),
        execution_timeout=timedelta(hours=1),
    )
