"""What a user of Spark sees: modes, exact files, early errors, and nothing left behind."""

from __future__ import annotations

import gzip
import os
import pickle
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.errors import PySparkException

from sftp_async import SFTPDataSource, SFTPOptions
from sftp_async.spark.batch_writer import PartsWritten
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.write.plan import plan_job
from tests.support.jobs import write_part
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def write(
    frame: DataFrame, server: EmbeddedServer | SSHD, path: str, mode: str = "append", **options: Any
) -> None:
    given = {**server.options(), **options}
    frame.write.format("sftp").options(**given).mode(mode).save(path)


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def watched(frame: DataFrame, marker: Path) -> DataFrame:
    """The same rows; `marker` appears as soon as a task computes them."""
    name = str(marker)

    def touch(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        Path(name).touch()
        yield from batches

    return frame.mapInArrow(touch, frame.schema)


@pytest.fixture
def fails_before_any_task(spark: SparkSession, tmp_path: Path) -> Callable[..., str]:
    """Write a frame that must be refused on the driver; returns the error's text."""

    def fails(server: EmbeddedServer | SSHD, path: str = "out", **options: Any) -> str:
        marker = tmp_path / "a-task-ran"
        frame = watched(spark.range(10), marker)
        with pytest.raises(PySparkException) as caught:
            write(frame, server, path, **options)
        assert not marker.exists()
        return str(caught.value)

    return fails


def test_the_seeds_readme_example_writes_one_file_of_exactly_that_name(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    ssh_key_content = sshd.options()["private_key_content"]
    df = spark.createDataFrame([(1, "a"), (2, "b"), (3, None)], "id int, name string").repartition(
        3
    )
    spark.dataSource.register(SFTPDataSource)

    df.write \
        .format("sftp") \
        .option("host", sshd.host) \
        .option("username", sshd.username) \
        .option("private_key_content", ssh_key_content) \
        .option("port", str(sshd.port)) \
        .option("host_key_fingerprint", sshd.fingerprints["ed25519"]) \
        .option("path", f"{remote_dir}/path/output.csv") \
        .option("format", "csv") \
        .option("header", "true") \
        .mode("overwrite") \
        .save()  # fmt: skip

    assert files(remote_dir) == ["path", "path/output.csv"]
    lines = (remote_dir / "path/output.csv").read_text().splitlines()
    assert lines[0] == "id,name"
    assert sorted(lines[1:]) == ["1,a", "2,b", "3,"]


def test_overwrite_leaves_only_the_new_data_and_every_foreign_file(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    write(spark.range(1000).repartition(4), sshd, str(remote_dir), header=True)
    assert len(files(remote_dir)) == 4
    (remote_dir / "foreign.csv").write_text("not ours")

    write(spark.range(5).coalesce(1), sshd, str(remote_dir), "overwrite", header=True)

    ours = [name for name in files(remote_dir) if name != "foreign.csv"]
    assert len(ours) == 1
    assert (remote_dir / ours[0]).read_text() == "id\n0\n1\n2\n3\n4\n"
    assert (remote_dir / "foreign.csv").read_text() == "not ours"


def test_append_twice_holds_both_sets_each_row_once(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    write(spark.range(0, 500).repartition(3), sshd, str(remote_dir))
    write(spark.range(500, 1000).repartition(2), sshd, str(remote_dir))
    assert len(files(remote_dir)) == 5
    rows = [int(line) for name in files(remote_dir) for line in (remote_dir / name).open()]
    assert sorted(rows) == list(range(1000))


def test_an_exact_gzip_file_joins_the_partitions_in_order(
    spark: SparkSession, embedded_server: EmbeddedServer
) -> None:
    write(spark.range(0, 1000, 1, 5), embedded_server, "daily/ids.csv.gz", header=True)
    assert files(embedded_server.root) == ["daily", "daily/ids.csv.gz"]
    text = gzip.decompress((embedded_server.root / "daily/ids.csv.gz").read_bytes()).decode()
    assert text.splitlines() == ["id", *map(str, range(1000))]


def test_parquet_as_one_exact_file_takes_one_partition(
    spark: SparkSession, embedded_server: EmbeddedServer
) -> None:
    write(spark.range(100).coalesce(1), embedded_server, "ids.parquet")
    assert spark.read.parquet(str(embedded_server.root / "ids.parquet")).count() == 100
    with pytest.raises(PySparkException, match=r"coalesce\(1\)"):
        write(spark.range(0, 100, 1, 4), embedded_server, "more.parquet")
    assert files(embedded_server.root) == ["ids.parquet"]


@pytest.mark.parametrize(
    ("kind", "content"), [("csv", b"id,name\n"), ("json", b""), ("text", b""), ("parquet", None)]
)
def test_an_empty_dataframe_writes_a_file_with_header_or_schema(
    spark: SparkSession, embedded_server: EmbeddedServer, kind: str, content: bytes | None
) -> None:
    schema = "name string" if kind == "text" else "id int, name string"
    frame = spark.createDataFrame([], schema)
    write(frame, embedded_server, "out", format=kind, header=True)
    (name,) = files(embedded_server.root / "out")
    if content is None:
        back = spark.read.parquet(str(embedded_server.root / "out"))
        assert (back.count(), back.schema) == (0, frame.schema)
    else:
        assert (embedded_server.root / "out" / name).read_bytes() == content
    write(frame, embedded_server, "none", format=kind, header=True, write_empty=False)
    assert files(embedded_server.root / "none") == []


def test_a_task_that_raises_midway_shows_the_users_error_and_leaves_nothing(
    spark: SparkSession, embedded_server: EmbeddedServer
) -> None:
    write(spark.range(10), embedded_server, "out")
    before = files(embedded_server.root)

    def fail(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(batches):
            if number == 3:
                raise ValueError("the user's own words")
            yield batch

    frame = spark.range(0, 200_000, 1, 2)
    for mode in ("append", "overwrite"):
        with pytest.raises(PySparkException, match="the user's own words") as caught:
            write(frame.mapInArrow(fail, frame.schema), embedded_server, "out", mode)
        assert "ValueError" in str(caught.value)
        assert files(embedded_server.root) == before


def test_a_hundred_partitions_make_few_logins(
    spark: SparkSession, start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    server = start_sshd()
    write(spark.range(0, 10_000, 1, 100), server, str(remote_dir), max_connections=2)
    assert len(files(remote_dir)) == 100
    # Two workers with at most max_connections each; one login to prepare, one to commit.
    assert server.logins() <= 2 * 2 + 2


def test_all_option_mistakes_come_in_one_error_before_any_connection(
    fails_before_any_task: Callable[..., str], embedded_server: EmbeddedServer
) -> None:
    error = fails_before_any_task(
        embedded_server, hots="x", port="abc", chunkSize="1 parsec", user="other-user"
    )
    assert "hots" in error
    assert "did you mean host" in error
    assert "port" in error
    assert "chunk" in error
    assert "by username and by user" in error
    assert not embedded_server.connections


def test_missing_host_and_credentials_are_reported_together(
    spark: SparkSession, tmp_path: Path
) -> None:
    marker = tmp_path / "a-task-ran"
    with pytest.raises(PySparkException) as caught:
        watched(spark.range(1), marker).write.format("sftp").mode("append").save("out")
    error = str(caught.value)
    assert "OptionsError" in error
    assert "host" in error
    assert "username" in error
    assert "password" in error
    assert not marker.exists()


def test_an_unknown_host_key_is_one_connection_and_shows_what_to_set(
    fails_before_any_task: Callable[..., str],
    start_sshd: Callable[..., SSHD],
    proxy: Callable[..., FaultProxy],
    user_keys: Any,
    remote_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = start_sshd()
    line = proxy(server)
    options = {**server.options(), "host": line.host, "port": line.port}
    options["known_hosts"] = (
        "other.example.com ssh-ed25519 " + user_keys.public("ed25519").split()[1]
    )

    class Behind:
        def options(self) -> dict[str, Any]:
            return options

    error = fails_before_any_task(Behind(), str(remote_dir))
    assert "HostKeyError" in error
    assert any(fingerprint in error for fingerprint in server.fingerprints.values())
    assert "host_key_fingerprint" in error
    assert line.connections == 1
    assert server.logins() == 0


def test_a_wrong_password_is_one_attempt(
    fails_before_any_task: Callable[..., str],
    embedded_server: EmbeddedServer,
    proxy: Callable[..., FaultProxy],
) -> None:
    line = proxy(embedded_server)
    error = fails_before_any_task(
        embedded_server, host=line.host, port=line.port, password="wrong-Pa55word"
    )
    assert "AuthenticationError" in error
    assert "wrong-Pa55word" not in error
    assert line.connections == 1
    assert embedded_server.logins == 0


def test_a_closed_port_is_a_connect_error(
    fails_before_any_task: Callable[..., str], embedded_server: EmbeddedServer
) -> None:
    embedded_server.stop()
    error = fails_before_any_task(embedded_server, connect_timeout="2", retry_delay="0.01")
    assert "ConnectError" in error
    assert "refused" in error


@pytest.mark.parametrize(
    ("kind", "query", "column"),
    [
        ("csv", "id, array(id) as tags", "tags"),
        ("text", "id as number", "number"),
        ("csv", "id, make_ym_interval(1, 2) as age", "age"),
        ("json", "id, array(interval '1' day) as days", "days"),
    ],
)
def test_a_column_that_the_format_cannot_hold_is_named_before_any_task(
    spark: SparkSession, embedded_server: EmbeddedServer, kind: str, query: str, column: str
) -> None:
    frame = spark.range(10).selectExpr(*[f"{part.strip()}" for part in _split(query)])
    with pytest.raises(PySparkException) as caught:
        write(frame, embedded_server, "out", format=kind)
    assert "EncodeError" in str(caught.value)
    assert repr(column) in str(caught.value)
    assert not embedded_server.connections


def _split(query: str) -> list[str]:
    head, _, tail = query.partition(", ")
    return [head, tail] if tail else [head]


def test_a_file_where_the_directory_should_be_is_reported_before_any_task(
    fails_before_any_task: Callable[..., str], sshd: SSHD, remote_dir: Path
) -> None:
    (remote_dir / "taken").write_text("a file")
    error = fails_before_any_task(sshd, f"{remote_dir}/taken")
    assert "A file is where a directory should be" in error
    assert files(remote_dir) == ["taken"]


def test_a_missing_parent_without_create_dirs_is_reported_before_any_task(
    fails_before_any_task: Callable[..., str], sshd: SSHD, remote_dir: Path
) -> None:
    error = fails_before_any_task(sshd, f"{remote_dir}/no/such", create_dirs="false")
    assert "create_dirs=true" in error
    assert files(remote_dir) == []


def test_a_target_that_is_not_writable_is_reported_before_any_task(
    fails_before_any_task: Callable[..., str],
    start_sshd: Callable[..., SSHD],
    remote_dir: Path,
) -> None:
    # Read-only by sshd itself: permissions do not bind root, as which tests may run.
    server = start_sshd(ForceCommand="internal-sftp -R")
    error = fails_before_any_task(server, str(remote_dir))
    assert "not writable" in error
    assert str(remote_dir) in error
    assert files(remote_dir) == []


def test_secrets_are_in_no_plan_no_error_no_message_and_no_file(
    spark: SparkSession,
    fails_before_any_task: Callable[..., str],
    sshd: SSHD,
    remote_dir: Path,
) -> None:
    given = {**sshd.options(), "path": str(remote_dir), "password": "pa55-w0rd-of-the-test"}
    key_line = given["private_key_content"].splitlines()[2]

    def shows_a_secret(text: str) -> bool:
        return key_line in text or given["password"] in text

    quoted = ", ".join(f"`{name}` '{value}'" for name, value in given.items())
    spark.sql(
        f"CREATE OR REPLACE TEMPORARY VIEW secretive (id BIGINT) USING sftp OPTIONS ({quoted})"
    )
    insert = "INSERT INTO secretive SELECT id FROM range(3)"
    for kind in ("EXTENDED", "FORMATTED", "CODEGEN", "COST"):
        assert not shows_a_secret(spark.sql(f"EXPLAIN {kind} {insert}").first()[0])
    spark.sql(insert)
    names = files(remote_dir)
    assert names
    assert not any(shows_a_secret((remote_dir / name).read_text()) for name in names)

    target = given.pop("path")
    for mistake in ({"prot": 1}, {"username": "no-such-user"}):
        assert not shows_a_secret(fails_before_any_task(sshd, target, **given | mistake))

    job = plan_job(
        SFTPOptions(**given, path=target), pa.schema([("n", pa.int64())]), overwrite=False
    ).prepare()
    batch = pa.record_batch([pa.array([1])], names=["n"])
    message = PartsWritten(0, write_part(job, 0, [batch]))
    job.abort()
    assert not shows_a_secret(repr(job))
    assert not shows_a_secret(pickle.dumps(message).decode("latin-1"))


def test_rows_and_bytes_are_logged_at_commit(
    spark: SparkSession, embedded_server: EmbeddedServer
) -> None:
    if not hasattr(spark.tvf, "python_worker_logs"):
        pytest.skip("this Spark does not keep the logs of its Python processes")
    spark.conf.set("spark.sql.pyspark.worker.logging.enabled", "true")
    try:
        write(spark.range(0, 1000, 1, 2), embedded_server, "logged")
        logs = spark.tvf.python_worker_logs().select("msg").collect()
    finally:
        spark.conf.unset("spark.sql.pyspark.worker.logging.enabled")
    size = sum(path.stat().st_size for path in (embedded_server.root / "logged").iterdir())
    wanted = f"wrote 2 files, 1,000 rows, {size:,} bytes to logged"
    assert [row.msg for row in logs if row.msg.endswith(wanted)]


def test_the_public_api_writes_from_validated_options(
    spark: SparkSession, embedded_server: EmbeddedServer
) -> None:
    options = SFTPOptions(**embedded_server.options(), header=True, line_sep="\r\n")
    write(spark.range(2).coalesce(1), embedded_server, "out", **options.to_spark())
    (name,) = files(embedded_server.root / "out")
    assert (embedded_server.root / "out" / name).read_bytes() == b"id\r\n0\r\n1\r\n"


def test_written_files_are_ordinary_files_for_other_users(
    spark: SparkSession, sshd: SSHD, remote_dir: Path
) -> None:
    write(spark.range(1).coalesce(1), sshd, str(remote_dir))
    (name,) = files(remote_dir)
    mode = stat.S_IMODE((remote_dir / name).stat().st_mode)
    assert mode == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
