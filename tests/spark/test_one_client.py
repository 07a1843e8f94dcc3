"""Spark writes to a server that lets one client in at a time, which no process may keep busy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.jobs import lines_in
from tests.support.keys import KeySet
from tests.support.proftpd import ProFTPD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.one_python]


def test_two_writes_in_a_row_go_through_one_connection_at_a_time(
    spark: SparkSession, tmp_path: Path, host_keys: KeySet, remote_dir: Path
) -> None:
    server = ProFTPD(tmp_path, host_keys, "MaxClients 1").start()
    try:
        options = {**server.options(), "max_connections": "1"}
        for rows in (3, 4):
            frame = spark.range(rows).coalesce(1)
            frame.write.format("sftp").options(**options).mode("append").save(str(remote_dir))
    finally:
        server.stop()
    assert lines_in(remote_dir) == ["0", "0", "1", "1", "2", "2", "3"]
