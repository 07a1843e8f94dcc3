"""A whole write of Spark's through a firewall: driver and executors over a proxy and a bastion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.jobs import lines_in
from tests.support.proxied_connections import behind
from tests.support.proxies import MicroSocks
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


def test_driver_and_executors_write_over_a_proxy_and_a_bastion(
    spark: SparkSession,
    sshd: SSHD,
    start_sshd: Callable[..., SSHD],
    remote_dir: Path,
    tmp_path: Path,
) -> None:
    bastion, proxy = start_sshd(), MicroSocks(tmp_path, login=True).start()
    options = behind(sshd, bastion, **proxy.options())
    try:
        writer = spark.range(1_000).repartition(2).selectExpr("CAST(id AS string) AS line").write
        writer.format("sftp").options(**options, format="text").mode("append").save(
            str(remote_dir / "out")
        )
    finally:
        proxy.stop()
    assert lines_in(remote_dir / "out") == sorted(map(str, range(1_000)))
    assert bastion.logins() >= 2, "one of the driver, and one of a task"
    # All connections took this way: only the proxy knew the bastion, only the bastion the server.
    assert proxy.log_text().count(f"connected to 127.0.0.1:{bastion.port}") == bastion.logins()
    assert f"127.0.0.1:{sshd.port}" not in proxy.log_text()
