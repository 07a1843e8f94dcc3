"""One task's upload over real SSH: rolling, side by side, and through a broken line."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import (
    AcknowledgedDataLostError,
    ConnectError,
    ConnectionLostError,
    EncodeError,
    StalledError,
    TransferError,
)
from sftp_async.remote.runtime import get_runtime
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_job
from sftp_async.write.task import TaskWriter
from tests.support.jobs import write_part
from tests.support.proxy import FaultProxy

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])
FAST = {"retry_delay": "0.01", "chunk_size": "64k", "max_buffer_bytes": "256k"}


def batches(rows: int, each: int = 1000) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, each):
        numbers = range(start, min(start + each, rows))
        texts = [f"row {n} " + "x" * 90 for n in numbers]
        yield pa.record_batch([pa.array(numbers), pa.array(texts)], schema=SCHEMA)


def prepared(server: EmbeddedServer, path: str = "out", **options: object) -> Job:
    given = {**server.options(), **FAST, "path": path, **options}
    return plan_job(SFTPOptions(**given), SCHEMA, overwrite=False).prepare()


def through(proxy: FaultProxy, server: EmbeddedServer, **options: object) -> Job:
    return prepared(server, host=proxy.host, port=proxy.port, **options)


def numbers_in(*files: Path) -> list[int]:
    return [int(row[0]) for file in files for row in csv.reader(io.StringIO(file.read_text()))]


def visible(server: EmbeddedServer, path: str = "out") -> list[Path]:
    return sorted(Path(server.root, path).iterdir())


def test_a_part_is_not_to_be_seen_before_the_commit(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server)
    parts = write_part(job, 0, batches(10))
    assert [file.name for file in visible(embedded_server)] == ["_temporary"]
    job.commit(parts)
    assert [file.name for file in visible(embedded_server)] == [parts[0].final]


def test_rows_and_bytes_are_logged_at_commit(
    embedded_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    job = prepared(embedded_server)
    (part,) = write_part(job, 0, batches(10))
    with caplog.at_level("INFO", logger="sftp_async"):
        job.commit([part])
    wrote = f"wrote 1 file, 10 rows, {part.size:,} bytes to out"
    assert [text for text in caplog.messages if text.endswith(wrote)]


def test_the_parts_carry_rows_bytes_and_digest(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server)
    (part,) = write_part(job, 0, batches(2500))
    job.commit([part])
    content = visible(embedded_server)[0].read_bytes()
    assert (part.rows, part.size) == (2500, len(content))
    assert part.sha256 == hashlib.sha256(content).hexdigest()


def test_max_records_per_file_is_exact_across_batches(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server, max_records_per_file=700)
    parts = write_part(job, 3, batches(2500))
    assert [part.rows for part in parts] == [700, 700, 700, 400]
    job.commit(parts)
    assert numbers_in(*visible(embedded_server)) == list(range(2500))


def test_max_file_bytes_closes_a_file_soon_after_it_is_reached(
    embedded_server: EmbeddedServer,
) -> None:
    limit = 50_000
    job = prepared(embedded_server, max_file_bytes=limit)
    parts = write_part(job, 0, batches(2500))
    assert len(parts) > 4
    assert all(limit <= part.size < limit * 1.25 for part in parts[:-1])
    job.commit(parts)
    assert numbers_in(*visible(embedded_server)) == list(range(2500))


@pytest.mark.parametrize("max_connections", [1, 2])
def test_files_side_by_side_share_connections_without_deadlock(
    embedded_server: EmbeddedServer, max_connections: int
) -> None:
    job = prepared(
        embedded_server, files_per_partition=6, max_connections=max_connections, max_retries=0
    )
    parts = write_part(job, 0, batches(20_000))
    assert len(parts) == 6
    job.commit(parts)
    assert sorted(numbers_in(*visible(embedded_server))) == list(range(20_000))
    assert embedded_server.logins <= 1 + max_connections  # the preflight is a login of its own


def test_hundreds_of_rolled_files_upload_with_few_connections(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, max_records_per_file=10, max_connections=2)
    parts = write_part(job, 0, batches(3000))
    job.commit(parts)
    assert len(visible(embedded_server)) == 300
    assert embedded_server.logins <= 1 + 2  # the preflight is a login of its own


def test_bytes_between_encoder_and_server_stay_within_the_budget(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server)
    task = TaskWriter(job.layout, job.options, job.file_format, 0, get_runtime())
    seen = []

    def watched() -> Iterator[pa.RecordBatch]:
        for batch in batches(30_000):
            seen.append(task._uploads._budget._used)
            yield batch

    task.write(watched())
    assert max(seen) > 0
    assert max(seen) <= job.options.max_buffer_bytes


@pytest.mark.parametrize("after", [20_000, 300_000, 1_500_000])
def test_a_connection_reset_mid_file_is_resumed_and_the_file_is_identical(
    embedded_server: EmbeddedServer, proxy: Callable[..., FaultProxy], after: int
) -> None:
    line = proxy(embedded_server)
    job = through(line, embedded_server)
    line.cut_after(after)
    (part,) = write_part(job, 0, batches(20_000))
    assert line.cuts == 1
    job.commit([part])
    (file,) = visible(embedded_server)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == part.sha256
    assert numbers_in(file) == list(range(20_000))


def test_a_connection_that_breaks_again_and_again_makes_progress_each_time(
    embedded_server: EmbeddedServer, proxy: Callable[..., FaultProxy]
) -> None:
    line = proxy(embedded_server)
    job = through(line, embedded_server, max_retries=2)
    line.cut_after(400_000, times=None)
    parts = write_part(job, 0, batches(20_000))
    line.restore()
    assert line.cuts > 3  # more often than max_retries: each attempt got further
    job.commit(parts)
    assert numbers_in(*visible(embedded_server)) == list(range(20_000))


def test_a_connection_that_lets_nothing_through_fails_after_the_retries(
    embedded_server: EmbeddedServer, proxy: Callable[..., FaultProxy]
) -> None:
    line = proxy(embedded_server)
    job = through(line, embedded_server, max_retries=2)

    def then_refuse() -> Iterator[pa.RecordBatch]:
        yield from batches(5_000)
        line.refuse()
        line.cut()
        yield from batches(20_000)

    with pytest.raises((ConnectionLostError, ConnectError)) as caught:
        write_part(job, 0, then_refuse())
    assert caught.value.retryable


class ForgetfulServer(FolderServer):
    """Drops files whose connection went away, as object stores behind SFTP do."""

    dropped: list[str]

    def exit(self) -> None:
        for path in Path(self._chroot.decode()).rglob("part-*"):
            path.unlink()


def test_a_server_that_lost_acknowledged_bytes_fails_the_attempt_as_retryable(
    tmp_path: Path, proxy: Callable[..., FaultProxy]
) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=ForgetfulServer) as server:
        line = proxy(server)
        job = through(line, server)
        line.cut_after(800_000)
        with pytest.raises(AcknowledgedDataLostError, match="Spark retries the task") as caught:
            write_part(job, 0, batches(20_000))
        assert caught.value.retryable
        again = write_part(job, 0, batches(20_000))
        job.commit(again)
        assert numbers_in(*visible(server)) == list(range(20_000))


def test_a_frozen_connection_fails_after_the_stall_timeout(
    embedded_server: EmbeddedServer, proxy: Callable[..., FaultProxy]
) -> None:
    line = proxy(embedded_server)
    job = through(line, embedded_server, stall_timeout=0.3, operation_timeout=0.3, max_retries=0)
    line.freeze_after(500_000)
    with pytest.raises(StalledError):
        write_part(job, 0, batches(20_000))


def test_an_error_of_the_users_code_is_raised_and_abort_leaves_nothing(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server)

    def failing() -> Iterator[pa.RecordBatch]:
        yield from batches(5_000)
        raise ZeroDivisionError("the user's")

    with pytest.raises(ZeroDivisionError, match="the user's"):
        write_part(job, 0, failing())
    job.abort()
    assert visible(embedded_server) == []


def test_a_task_that_outlives_its_job_leaves_nothing_and_raises(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server)
    job.abort()
    with pytest.raises(TransferError, match="the job this task belongs to has ended"):
        write_part(job, 0, batches(10))
    assert visible(embedded_server) == []


def test_a_direct_task_that_outlives_its_job_removes_its_file(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, commit_mode="direct")
    job.abort()
    with pytest.raises(TransferError, match="has ended"):
        write_part(job, 0, batches(10))
    assert visible(embedded_server) == []


def test_parquet_rows_outside_partition_0_cannot_become_one_exact_file(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, path="one.parquet")
    with pytest.raises(EncodeError, match=r"coalesce\(1\)"):
        write_part(job, 1, batches(10))
    assert write_part(job, 2, batches(0)) == ()


def test_an_exact_file_keeps_the_rows_order_whatever_files_per_partition_says(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, path="out/one.csv", files_per_partition=3)
    job.commit(write_part(job, 0, batches(9_000)))
    assert numbers_in(*visible(embedded_server)) == list(range(9_000))
    job = prepared(embedded_server, path="parquet/one.parquet", files_per_partition=3)
    (part,) = write_part(job, 0, batches(9_000))
    assert part.rows == 9_000
    job.abort()


def test_only_partition_0_stands_for_an_empty_dataframe(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server, header=True)
    parts = [*write_part(job, 0, batches(0)), *write_part(job, 1, batches(0))]
    job.commit(parts)
    assert [file.read_text() for file in visible(embedded_server)] == ["n,text\n"]


def test_write_empty_false_writes_no_file_for_no_rows(embedded_server: EmbeddedServer) -> None:
    job = prepared(embedded_server, header=True, write_empty=False)
    assert write_part(job, 0, batches(0)) == ()
    job.commit([])
    assert visible(embedded_server) == []


def test_an_exact_file_has_one_header_whichever_partitions_have_rows(
    embedded_server: EmbeddedServer,
) -> None:
    job = prepared(embedded_server, path="out/one.csv", header=True)
    parts = [
        part for partition in range(3) for part in write_part(job, partition, batches(partition))
    ]
    job.commit(parts)
    (file,) = visible(embedded_server)
    lines = file.read_text().splitlines()
    assert lines[0] == "n,text"
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "0", "1"]
