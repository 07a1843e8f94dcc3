"""The main job against OpenSSH on another machine: its own user, paths, disks and passwords."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import AuthenticationError, RemoteSpaceError
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_job
from tests.support.container import SMALL_MIB, ContainerServer
from tests.support.jobs import write_part
from tests.support.proxy import FaultProxy

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])
PADDING = "x" * 90  # a row has about 100 bytes
SMALL = SMALL_MIB * 1024 * 1024


def prepared(
    server: ContainerServer, path: str, *, overwrite: bool = False, **options: object
) -> Job:
    given = {**server.options(), "path": path, **options}
    return plan_job(SFTPOptions(**given), SCHEMA, overwrite=overwrite).prepare()


def batches(rows: range) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), 1000):
        numbers = rows[start : start + 1000]
        yield pa.record_batch([numbers, [PADDING] * len(numbers)], schema=SCHEMA)


def write(job: Job, *partitions: range) -> None:
    job.commit(
        [part for i, rows in enumerate(partitions) for part in write_part(job, i, batches(rows))]
    )


def numbers_in(server: ContainerServer, directory: str) -> list[int]:
    """The first column of all files, and of nothing else than files, in a directory."""
    lines = [server.read(f"{directory}/{name}").split() for name in server.names(directory)]
    return sorted(int(line.split(b",")[0]) for file in lines for line in file)


def test_append_adds_and_overwrite_replaces(container_server: ContainerServer) -> None:
    target = container_server.make_dir()
    write(prepared(container_server, target), range(2000), range(2000, 3000))
    write(prepared(container_server, target), range(3000, 4000))
    assert len(container_server.names(target)) == 3
    assert numbers_in(container_server, target) == list(range(4000))

    write(prepared(container_server, target, overwrite=True), range(7))
    assert len(container_server.names(target)) == 1
    assert numbers_in(container_server, target) == list(range(7))


def test_a_relative_path_starts_at_the_users_home(container_server: ContainerServer) -> None:
    name = container_server.make_dir().rpartition("/")[2]
    write(prepared(container_server, f"{name}/new/out"), range(10))
    out = f"{container_server.home}/{name}/new/out"
    assert numbers_in(container_server, out) == list(range(10))


def test_an_exact_file_is_joined_on_the_server_and_its_bytes_do_not_come_back(
    container_server: ContainerServer, proxy: Callable[..., FaultProxy]
) -> None:
    line = proxy(container_server)
    directory = container_server.make_dir()
    known_host = container_server.known_hosts.splitlines()[0]
    through = {"host": line.host, "port": line.port, "known_hosts": None}
    through["host_key_fingerprint"] = known_host.partition(" ")[2]
    job = prepared(container_server, f"{directory}/one.csv", header=True, **through)
    ranges = [range(10_000), range(10_000, 20_000), range(20_000, 30_000)]
    parts = [part for i, rows in enumerate(ranges) for part in write_part(job, i, batches(rows))]

    line.cut_after(sum(part.size for part in parts) // 10)
    job.commit(parts)

    assert line.cuts == 0
    assert container_server.names(directory) == ["one.csv"]
    lines = container_server.read(f"{directory}/one.csv").decode().splitlines()
    assert lines == ["n,text", *(f"{n},{PADDING}" for n in range(30_000))]


@pytest.mark.parametrize("name", ["out", "exact/one.csv"])
def test_a_full_disk_is_reported_with_the_bytes_that_are_free_and_abort_leaves_nothing(
    container_server: ContainerServer, name: str
) -> None:
    job = prepared(container_server, f"{container_server.small}/{name}")
    # The parts of an exact file fit on the disk, but not twice, as joining takes.
    rows = SMALL // 100 * (12 if name == "out" else 6) // 10
    with pytest.raises(RemoteSpaceError, match=r"full: [\d,]+ bytes are free") as caught:
        write(job, range(rows // 2), range(rows // 2, rows))
    assert caught.value.free_bytes is not None
    assert caught.value.free_bytes < SMALL // 2
    assert not caught.value.retryable

    job.abort()
    assert container_server.names(job.layout.directory) == []


def test_a_password_logs_in_and_a_wrong_one_is_refused_and_not_shown(
    container_server: ContainerServer,
) -> None:
    target = container_server.make_dir()
    login = container_server.options(password=True, key=False)
    write(prepared(container_server, target, private_key_content=None, **login), range(10))
    assert numbers_in(container_server, target) == list(range(10))

    login["password"] = wrong = "Wr0ng-" + login["password"]
    with pytest.raises(AuthenticationError, match="password") as caught:
        prepared(container_server, target, private_key_content=None, **login)
    assert wrong not in str(caught.value)
    assert len(container_server.names(target)) == 1


def test_spark_writes_with_a_password(
    spark: SparkSession, container_server: ContainerServer
) -> None:
    target = container_server.make_dir()
    login = container_server.options(password=True, key=False)
    for mode, rows, files in (("append", 100, 2), ("append", 100, 4), ("overwrite", 30, 2)):
        frame = spark.range(0, rows, 1, 2)
        frame.write.format("sftp").options(**login).mode(mode).save(target)
        assert len(container_server.names(target)) == files
    assert numbers_in(container_server, target) == list(range(30))

    frame.write.format("sftp").options(**login).mode("append").save(f"{target}/exact.csv.gz")
    assert gzip.decompress(container_server.read(f"{target}/exact.csv.gz")).split() == [
        str(n).encode() for n in range(30)
    ]
