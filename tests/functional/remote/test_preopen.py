"""Files opened ahead: when there are any, who takes them, and that none is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import asyncssh
import pyarrow as pa
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import TransferError
from sftp_async.layout.part_names import PartFile
from sftp_async.remote import preopen
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_job
from tests.support.jobs import write_part
from tests.support.proxy import FaultProxy

SCHEMA = pa.schema([("n", pa.int64())])


class Counting(FolderServer):
    """Counts the files that are open, and may refuse to open one ahead."""

    open_now: ClassVar[int] = 0
    refuses: ClassVar[bool] = False
    refused: ClassVar[int] = 0

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if Counting.refuses and b"/ahead-" in path:
            Counting.refused += 1
            raise asyncssh.SFTPFailure("too many open files")
        file = super().open(path, pflags, attrs)
        Counting.open_now += 1
        return file

    def close(self, file_obj: object) -> None:
        Counting.open_now -= 1
        super().close(file_obj)


@pytest.fixture
def server(
    as_openssh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmbeddedServer]:
    """A server that passes for a high-latency OpenSSH."""
    monkeypatch.setattr(preopen, "FAR", 0.0)
    Counting.open_now, Counting.refuses, Counting.refused = 0, False, 0
    with EmbeddedServer(tmp_path / "served", sftp_factory=Counting) as server:
        yield server


def prepared(server: EmbeddedServer, **options: object) -> Job:
    given = {**server.options(), "path": "out", "max_connections": 1, "idle_timeout": 60, **options}
    return plan_job(SFTPOptions(**given), SCHEMA, overwrite=False).prepare()


def write(job: Job, *partitions: int, rows: int = 10) -> list[PartFile]:
    """Run these tasks, one after the other; partition 2 has the rows 2000, 2001 and so on."""
    parts = []
    for partition in partitions:
        numbers = pa.array(range(partition * 1000, partition * 1000 + rows))
        parts += write_part(job, partition, [pa.record_batch([numbers], schema=SCHEMA)])
    return parts


def staged(server: EmbeddedServer, job: Job) -> list[str]:
    return sorted(file.name for file in (server.root / job.layout.staging).iterdir())


def numbers_in(server: EmbeddedServer) -> list[int]:
    files = sorted((server.root / "out").iterdir())
    assert all(file.name.startswith("part-") for file in files)
    return [int(line) for file in files for line in file.read_text().split()]


def expected(*partitions: int) -> list[int]:
    return [partition * 1000 + row for partition in partitions for row in range(10)]


def test_what_was_opened_before_and_not_taken_is_gone_after_the_commit(
    server: EmbeddedServer,
) -> None:
    job = prepared(server)
    parts = write(job, 0, 1, 2, 3)
    assert [name for name in staged(server, job) if name not in {p.staged for p in parts}]
    job.commit(parts)
    assert numbers_in(server) == expected(0, 1, 2, 3)


def test_abort_leaves_nothing_of_it_either(server: EmbeddedServer) -> None:
    job = prepared(server)
    write(job, 0, 1, 2)
    job.abort()
    assert list((server.root / "out").iterdir()) == []


def test_a_job_of_one_file_opens_none_ahead(server: EmbeddedServer) -> None:
    job = prepared(server)
    (part,) = write(job, 0)
    assert staged(server, job) == [part.staged]


def test_none_is_opened_before_on_a_near_server(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preopen, "FAR", float("inf"))
    job = prepared(server)
    parts = write(job, 0, 1, 2, 3)
    assert staged(server, job) == sorted(part.staged for part in parts)


def test_none_is_opened_before_where_no_plain_files_are_known_to_be(
    embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preopen, "FAR", 0.0)
    job = prepared(embedded_server)
    parts = write(job, 0, 1, 2, 3)
    assert staged(embedded_server, job) == sorted(part.staged for part in parts)


def test_none_is_opened_before_among_visible_files(server: EmbeddedServer) -> None:
    job = prepared(server, commit_mode="direct")
    parts = write(job, 0, 1, 2, 3)
    names = [file.name for file in (server.root / "out").iterdir() if file.is_file()]
    assert sorted(names) == sorted(part.final for part in parts)
    job.abort()


def test_the_next_job_does_not_take_the_file_of_the_one_before(server: EmbeddedServer) -> None:
    for number in range(2):
        job = prepared(server, path=f"out{number}")
        parts = write(job, 0, 1, 2)
        job.commit(parts)
        assert len(list((server.root / f"out{number}").iterdir())) == 3
        assert Counting.open_now == 1  # the one ahead; that of the job before was closed


def test_a_task_that_outlives_its_job_says_so_though_its_file_was_open(
    server: EmbeddedServer,
) -> None:
    job = prepared(server)
    write(job, 0, 1, 2)
    job.abort()
    with pytest.raises(TransferError, match="the job this task belongs to has ended"):
        write(job, 3)
    assert list((server.root / "out").iterdir()) == []


def test_a_server_that_opens_none_ahead_is_asked_once(server: EmbeddedServer) -> None:
    Counting.refuses = True
    job = prepared(server)
    job.commit(write(job, 0, 1, 2, 3))
    assert numbers_in(server) == expected(0, 1, 2, 3)
    assert Counting.refused == 1


def test_a_file_opened_before_is_lost_with_its_connection_and_nothing_else_is(
    server: EmbeddedServer, proxy: Callable[..., FaultProxy]
) -> None:
    line = proxy(server)
    job = prepared(server, host=line.host, port=line.port, retry_delay="0.01")
    parts = write(job, 0, 1, 2)
    line.cut()
    parts += write(job, 3, 4, 5)
    job.commit(parts)
    assert numbers_in(server) == expected(0, 1, 2, 3, 4, 5)


def test_a_file_that_was_opened_before_is_resumed_under_its_own_name(
    server: EmbeddedServer, proxy: Callable[..., FaultProxy]
) -> None:
    line = proxy(server)
    job = prepared(server, host=line.host, port=line.port, retry_delay="0.01", chunk_size="16k")
    parts = write(job, 0, 1, 2)
    line.cut_after(50_000)
    parts += write(job, 3, rows=50_000)
    assert line.cuts == 1
    assert parts[-1].staged.startswith("ahead-")
    job.commit(parts)
    assert numbers_in(server) == [*expected(0, 1, 2), *range(3000, 53_000)]


def test_files_of_one_task_side_by_side_open_one_ahead_between_them(
    server: EmbeddedServer,
) -> None:
    job = prepared(server, max_records_per_file=5)
    parts = write(job, 0, 1, 2, 3)
    assert len(parts) == 8
    assert len(staged(server, job)) == 9
    job.commit(parts)
    assert numbers_in(server) == expected(0, 1, 2, 3)
