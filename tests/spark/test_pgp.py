"""Spark writes and reads encrypted files over a real server; wrong keys stop it before any task."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.errors import PySparkException

from tests.support.gnupg import GnuPG, owner
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


def test_partitions_are_encrypted_by_tasks_and_read_back(
    spark: SparkSession, gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    out = f"{remote_dir}/out"
    frame = spark.range(0, 10_000, 1, 3).selectExpr("id", "concat('customer ', id) as name")
    given = {"format": "csv", "header": "true", "compression": "gzip"}
    keys = {
        "pgp_public_key": gnupg.public("rsa", "ecc").decode(),
        "pgp_sign_key": gnupg.private("ecc").decode(),
    }
    writer = frame.write.format("sftp").options(**sshd.options(), **given, **keys)
    writer.mode("append").save(out)
    files = [*Path(out).iterdir()]
    assert len(files) == 3
    assert all(file.name.endswith(".csv.gz.pgp") for file in files)
    reader = spark.read.format("sftp").options(**sshd.options(), header="true", infer_schema="true")
    found = reader.options(
        pgp_private_key=gnupg.private("rsa").decode(), pgp_verify_key=gnupg.public("ecc").decode()
    ).load(out)
    assert found.dtypes == [("id", "bigint"), ("name", "string")] or found.dtypes[0][1] == "int"
    assert found.count() == 10_000
    assert found.selectExpr("sum(id)").first()[0] == sum(range(10_000))


def test_a_stream_reads_encrypted_files(
    spark: SparkSession, gnupg: GnuPG, sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    for number in range(2):
        message = gnupg.encrypt(b"%d,a\n" % number, "rsa")
        (remote_dir / f"{number}.csv.pgp").write_bytes(message)
    key = {"pgp_private_key": gnupg.private("rsa").decode(), "format": "csv", "stable_for": "0s"}
    frame = spark.readStream.format("sftp").options(**sshd.options(), **key)
    query = (
        frame.schema("id INT, name STRING")
        .load(str(remote_dir))
        .writeStream.format("memory")
        .queryName("decrypted")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    assert sorted(row.id for row in spark.table("decrypted").collect()) == [0, 1]


def test_keys_are_refused_by_name_before_any_task_and_nothing_is_left(
    spark: SparkSession, gnupg: GnuPG, sshd: SSHD, remote_dir: Path
) -> None:
    def stopped(**given: Any) -> str:
        frame = spark.range(3).selectExpr("id")
        with pytest.raises(PySparkException) as caught:
            frame.write.format("sftp").options(**sshd.options(), **given).mode("append").save(out)
        return str(caught.value)

    out = f"{remote_dir}/out"
    tracker = spark.sparkContext.statusTracker()
    spark.sparkContext.setJobGroup("keys", "keys")
    try:
        for name, reason in (("expired", "it expired on 2020-12-31"), ("revoked", "is revoked")):
            text = stopped(pgp_public_key=gnupg.public(name).decode())
            assert f"{gnupg.fingerprint(name)} ({owner(name)}) cannot encrypt" in text
            assert reason in text
        assert not tracker.getJobIdsForGroup("keys")
    finally:
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)
    assert not [*remote_dir.iterdir()]
