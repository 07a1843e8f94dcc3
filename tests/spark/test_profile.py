"""Jobs in Spark use a connection of `connections.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.errors import PySparkException

from sftp_async import SFTPOptions
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.connections import connections

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["connections"]

pytestmark = pytest.mark.one_python


def test_a_file_that_python_names_after_spark_s_start_is_seen_by_from_profile_alone(
    spark: SparkSession, embedded_server: EmbeddedServer, connections: Path
) -> None:
    writer = spark.range(2).write.format("sftp").mode("append")
    with pytest.raises(PySparkException, match="There is no connection 'partner'"):
        writer.option("profile", "partner").save("/out")
    options = SFTPOptions.from_profile("partner").to_spark()
    spark.range(2).write.format("sftp").options(**options).mode("append").save("/out")
    assert (embedded_server.root / "out").is_dir()
