"""Commits to partition directories: what they make, replace, keep, refuse and roll back."""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from typing import Any

import pytest

from sftp_async.errors import CommitError, SFTPAsyncWarning
from sftp_async.remote.concurrency import AT_ONCE
from tests.support.jobs import MemoryJob
from tests.support.memory_server import Crash, Fault, MemoryServer, Operation

OLD = "part-00000-0dd0dd000dd0dd00-c000.csv"


def job(server: MemoryServer, columns: str = "c", **options: Any) -> MemoryJob:
    return MemoryJob(server, partition_by=columns, **options)


async def written(job: MemoryJob, **contents: bytes) -> None:
    """Write a file to each directory: `c1=b"…"` to `c=1`."""
    await job.prepare()
    directories = [f"{name[0]}={name[1:]}" for name in contents]
    await job.commit(job.stage(*contents.values(), directories=directories))


def data(server: MemoryServer) -> dict[str, list[bytes]]:
    """The contents of the files of each directory."""
    found: dict[str, list[bytes]] = {}
    for path, content in server.tree("/out").items():
        if content is not None:
            found.setdefault(path.rpartition("/")[0], []).append(content)
    return {directory: sorted(contents) for directory, contents in found.items()}


def directories(server: MemoryServer) -> set[str]:
    return {path for path, content in server.tree("/out").items() if content is None}


@pytest.mark.asyncio
async def test_appending_twice_keeps_both_in_their_partitions(server: MemoryServer) -> None:
    await written(job(server), c1=b"a", c2=b"b")
    await written(job(server), c2=b"c", c3=b"d")
    assert data(server) == {"c=1": [b"a"], "c=2": [b"b", b"c"], "c=3": [b"d"]}
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_a_static_overwrite_replaces_all_partitions_of_these_columns_and_no_other(
    server: MemoryServer,
) -> None:
    for path in (f"c=1/{OLD}", f"C=2/{OLD}", f"c=3/e=1/{OLD}", f"d=1/{OLD}", OLD, "c=1/foreign"):
        server.put(f"/out/{path}", b"old")
    server.make("/out/c=9")
    await written(job(server, overwrite=True), c1=b"new")
    # Of columns that are not of this job: a directory c=3/e=1 has another depth.
    assert data(server) == {
        "c=1": [b"new", b"old"],
        "c=3/e=1": [b"old"],
        "d=1": [b"old"],
    }
    assert "c=9" in directories(server)  # was empty before, so another program wants it
    assert "C=2" not in directories(server)


@pytest.mark.asyncio
async def test_a_dynamic_overwrite_replaces_only_the_partitions_it_writes_to(
    server: MemoryServer,
) -> None:
    for path in (f"c=1/{OLD}", f"c=2/{OLD}", OLD):
        server.put(f"/out/{path}", b"old")
    dynamic = job(server, overwrite=True, partition_overwrite_mode="dynamic")
    await written(dynamic, c1=b"new", c3=b"new")
    assert data(server) == {"": [b"old"], "c=1": [b"new"], "c=2": [b"old"], "c=3": [b"new"]}


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", [None, "static", "dynamic"])
async def test_partitions_are_emptied_with_a_warning_unless_the_mode_is_known(
    server: MemoryServer, caplog: pytest.LogCaptureFixture, mode: str | None
) -> None:
    for path in (f"c=1/{OLD}", f"c=2/{OLD}", f"c=2/.{OLD}.sha256"):
        server.put(f"/out/{path}", b"old")
    writer = job(server, overwrite=True, partition_overwrite_mode=mode)
    parts = [writer.put(0, b"new", directory="c=1")]
    before = "replaces all partitions, also those without new rows"
    with pytest.warns(SFTPAsyncWarning, match=before) if mode is None else nullcontext():
        await writer.prepare()
    assert (before in caplog.text) == (mode is None)
    caplog.clear()
    stats = await writer.commit(parts)
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    expected = (
        "/out: partition_overwrite_mode is not set, and this overwrite removes the files of 1 "
        "partition without new rows (c=2): set it to dynamic to keep such partitions, or to static"
    )
    assert warned == ([expected] if mode is None else [])
    assert (stats.files_replaced, stats.files_removed) == (0, 1 if mode == "dynamic" else 2)


@pytest.mark.asyncio
async def test_an_overwrite_of_all_partitions_is_no_warning_at_the_commit(
    server: MemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(f"/out/c=1/{OLD}", b"old")
    writer = job(server, overwrite=True, partition_overwrite_mode=None)
    with pytest.warns(SFTPAsyncWarning, match="replaces all partitions"):
        await writer.prepare()
    caplog.clear()
    await writer.commit(writer.stage(b"new", b"new", directories=["c=1", "c=2"]))
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.asyncio
async def test_an_overwrite_of_a_target_without_partitions_warns_of_nothing(
    server: MemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(f"/out/{OLD}", b"old")
    await job(server, overwrite=True, partition_overwrite_mode=None).prepare()
    assert caplog.records == []


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["static", "dynamic"])
async def test_scope_directory_replaces_every_data_file_of_a_partition(
    server: MemoryServer, mode: str
) -> None:
    for name in ("foreign.csv", "_hidden", ".hidden", "_SUCCESS", "_manifest.json"):
        server.put(f"/out/c=1/{name}", b"foreign")
    options = {"overwrite_scope": "directory", "partition_overwrite_mode": mode}
    await written(job(server, overwrite=True, **options), c1=b"new")
    assert data(server) == {"c=1": [*[b"foreign"] * 4, b"new"]}


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["static", "dynamic"])
async def test_overwriting_with_nothing_does_what_the_mode_says(
    server: MemoryServer, mode: str
) -> None:
    server.put(f"/out/c=1/{OLD}", b"old")
    server.put("/out/_SUCCESS")
    empty = job(server, overwrite=True, partition_overwrite_mode=mode)
    await written(empty)
    assert server.tree("/out") == (
        {} if mode == "static" else {"c=1": None, f"c=1/{OLD}": b"old", "_SUCCESS": b""}
    )


@pytest.mark.asyncio
async def test_old_data_goes_only_when_all_new_data_is_visible(server: MemoryServer) -> None:
    server.put(f"/out/c=1/{OLD}", b"old")
    await written(job(server, overwrite=True), c1=b"a", c2=b"b")
    order = [str(operation) for operation in server.log]
    removed = order.index(f"remove /out/c=1/{OLD}")
    renames = [i for i, what in enumerate(order) if what.startswith("rename") and "/c=" in what]
    assert len(renames) == 2
    assert max(renames) < removed


@pytest.mark.asyncio
async def test_sidecar_files_name_files_in_partitions_by_relative_paths(
    server: MemoryServer,
) -> None:
    writer = job(server, manifest=True, checksum_files="sha256", success_file=True)
    await written(writer, c1=b"a")
    (name,) = [path for path in server.tree("/out") if path.startswith("c=1/part-")]
    files = json.loads(server.read("/out/_manifest.json"))["files"]
    assert [file["name"] for file in files] == [name]
    base = name.removeprefix("c=1/")
    line = server.read(f"/out/c=1/.{base}.sha256")
    assert line.endswith(f"  {base}\n".encode())  # sha256sum -c runs in the file's directory
    assert "_SUCCESS" in server.names("/out")
    # They are removed with the data that they describe.
    await written(job(server, overwrite=True), c2=b"b")
    assert set(data(server)) == {"c=2"}


@pytest.mark.asyncio
async def test_an_abort_removes_directories_that_are_empty_and_were_made_by_the_job(
    server: MemoryServer,
) -> None:
    server.make("/out/c=1")
    failing = job(server)

    def refuse(operation: Operation) -> None:
        # Another program has put a file into a partition that this job has made.
        if operation.name == "rename" and "/c=4/" in operation.target:
            server.put("/out/c=3/foreign.csv")
            raise CommitError("no")

    await failing.prepare()
    parts = failing.stage(b"1", b"2", b"3", b"4", directories=["c=1", "c=2", "c=3", "c=4"])
    server.refuse = refuse
    with pytest.raises(CommitError):
        await failing.commit(parts)
    await failing.abort()
    assert server.tree("/out") == {"c=1": None, "c=3": None, "c=3/foreign.csv": b""}


@pytest.mark.asyncio
async def test_a_partition_that_another_job_removes_meanwhile_is_made_again(
    server: MemoryServer,
) -> None:
    server.make("/out/c=1")
    looks: list[Operation] = []

    def remove_it(operation: Operation) -> None:
        # As an overwrite does that has emptied it: after the last look, before the rename.
        if operation.name == "kind" and operation.path == "/out/c=1":
            looks.append(operation)
            if len(looks) == 2:
                server.drop("/out/c=1")

    server.meanwhile = remove_it
    await written(job(server), c1=b"a")
    assert data(server) == {"c=1": [b"a"]}
    assert [operation.path for operation in server.operations("mkdir")][-1] == "/out/c=1"


@pytest.mark.asyncio
@pytest.mark.parametrize("place", ["c=1", "c=1/e=2"])
async def test_a_file_in_the_place_of_a_partition_is_refused_and_nothing_is_changed(
    server: MemoryServer, place: str
) -> None:
    server.put(f"/out/{place}", b"foreign")
    refused = job(server, "c,e")
    before = server.tree("/out")

    await refused.prepare()
    parts = refused.stage(b"1", b"2", directories=["c=0/e=0", "c=1/e=2"])
    with pytest.raises(CommitError, match="A file is where a partition directory should be"):
        await refused.commit(parts)
    await refused.abort()
    assert server.tree("/out") == before


@pytest.mark.asyncio
async def test_an_interrupted_commit_is_finished_by_a_job_that_knows_no_partitions(
    server: MemoryServer,
) -> None:
    dying = job(server)

    await dying.prepare()
    parts = dying.stage(b"1", b"2", directories=["c=1", "c=2"])
    server.meanwhile = lambda operation: (
        server.faults.update({len(server.log): Fault("crash", "before")})
        if operation.name == "mkdir" and operation.path == "/out/c=2"
        else None
    )
    with pytest.raises(Crash):
        await dying.commit(parts)
    server.meanwhile = lambda operation: None
    server.faults.clear()
    await MemoryJob(server).recover()
    assert data(server) == {"c=1": [b"1"], "c=2": [b"2"]}


@pytest.mark.asyncio
async def test_losing_attempts_leave_neither_file_nor_directory_where_files_are_written_directly(
    server: MemoryServer,
) -> None:
    direct = job(server, commit_mode="direct")

    await direct.prepare()
    loser = direct.put(0, b"loser", directory="c=9")
    assert loser.final in server.tree("/out")
    parts = [direct.put(0, b"winner", directory="c=1")]
    await direct.commit(parts)
    assert data(server) == {"c=1": [b"winner"]}
    assert directories(server) == {"c=1"}


@pytest.mark.asyncio
async def test_requests_of_thousands_of_partitions_are_bounded(server: MemoryServer) -> None:
    many = job(server)
    in_flight = most = 0

    await many.prepare()
    names = [f"c={number}" for number in range(3000)]
    parts = many.stage(*[b"x"] * len(names), directories=names)
    pool: Any = many._pool
    async with pool.lease() as connection:
        request = connection.request

        async def counted(*arguments: Any, **more: Any) -> Any:
            nonlocal in_flight, most
            in_flight += 1
            most = max(most, in_flight)
            try:
                return await request(*arguments, **more)
            finally:
                in_flight -= 1

        connection.request = counted
        await many.commit(parts)
    assert len(data(server)) == 3000
    assert most == AT_ONCE
    # For each: a look, a directory, a rename.
    assert len(server.log) < 3 * 3000 + 100
