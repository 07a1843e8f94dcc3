"""`register`: what it changes in a session, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sftp_async import SFTPDataSource, register
from sftp_async.spark.register import BATCH_LIMIT, UNLIMITED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sftp_async.tools.testing.embedded_server import EmbeddedServer


@pytest.fixture
def session(spark: SparkSession) -> Iterator[SparkSession]:
    """The tests' session, for once without the setting, and afterwards as it was."""
    before = spark.conf.get(BATCH_LIMIT, None)
    spark.conf.unset(BATCH_LIMIT)
    yield spark
    spark.conf.unset(BATCH_LIMIT)
    if before is not None:
        spark.conf.set(BATCH_LIMIT, before)


def test_a_registered_session_writes_with_batches_bounded_by_rows_alone(
    session: SparkSession, embedded_server: EmbeddedServer
) -> None:
    register(session)

    frame = session.range(12).coalesce(1)
    writer = frame.write.format("sftp").options(**embedded_server.options())
    writer.mode("append").save("/out/numbers.csv")

    assert Path(embedded_server.root, "out/numbers.csv").read_text().split() == [
        str(number) for number in range(12)
    ]
    assert session.conf.get(BATCH_LIMIT) == str(UNLIMITED)


def test_a_limit_that_the_user_has_set_is_left_alone(session: SparkSession) -> None:
    session.conf.set(BATCH_LIMIT, "1m")

    register(session)

    assert session.conf.get(BATCH_LIMIT) == "1m"


def test_a_second_session_is_registered_though_the_first_is_active(
    session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that Spark does not find by itself, as ours where it looks for none (Spark 4.0).
    monkeypatch.setattr(SFTPDataSource, "name", classmethod(lambda _: "sftp_by_hand"))
    register(session)
    other = session.newSession()
    try:
        register(other)
        register(other)
    finally:
        register(session)
