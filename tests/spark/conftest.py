"""Fixtures of the tests on Spark alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sftp_async import register
from sftp_async.spark.datasource import SFTPDataSource
from sftp_async.spark.register import BATCH_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession


@pytest.fixture
def session(spark: SparkSession) -> Iterator[SparkSession]:
    """The tests' session, registered with all that belongs to it, and afterwards as it was."""
    before = spark.conf.get(BATCH_LIMIT, None)
    register(spark)
    yield spark
    spark.dataSource.register(SFTPDataSource)
    spark.conf.unset(BATCH_LIMIT)
    if before is not None:
        spark.conf.set(BATCH_LIMIT, before)
