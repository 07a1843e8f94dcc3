"""Aborts: nothing of the job is left unless it was complete, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sftp_async.errors import CommitError
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryServer, Operation, denied

FOREIGN = {"foreign.csv": b"foreign", "part-00000-0000000000000000-c000.csv": b"another job's"}


@pytest.fixture
def server() -> MemoryServer:
    server = MemoryServer()
    server.make("/out")
    for name, data in FOREIGN.items():
        server.put(f"/out/{name}", data)
    return server


def refusing(part: str) -> Callable[[Operation], None]:
    def refuse(operation: Operation) -> None:
        if operation.name == "rename" and operation.target.startswith(f"/out/{part}"):
            raise denied(operation.target)

    return refuse


@pytest.mark.asyncio
async def test_an_abort_before_the_commit_leaves_nothing(server: MemoryServer) -> None:
    job = MemoryJob(server)
    await job.prepare()
    job.stage(b"0", b"1")
    await job.abort()
    assert server.files("/out") == FOREIGN
    assert server.names("/out") == set(FOREIGN)


@pytest.mark.asyncio
async def test_an_abort_is_idempotent(server: MemoryServer) -> None:
    job = MemoryJob(server)
    await job.prepare()
    job.stage(b"0")
    await job.abort()
    await job.abort()
    assert server.names("/out") == set(FOREIGN)


@pytest.mark.asyncio
async def test_an_abort_without_a_prepared_target_does_nothing(server: MemoryServer) -> None:
    await MemoryJob(server).abort()
    await MemoryJob(server, "/elsewhere").abort()
    assert server.names("/out") == set(FOREIGN)


@pytest.mark.asyncio
@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_half_visible_job_is_rolled_back(server: MemoryServer, overwrite: bool) -> None:
    server.put("/out/_SUCCESS", b"{}")
    job = MemoryJob(server, overwrite=overwrite)
    await job.prepare()
    parts = job.stage(b"0", b"1", b"2")
    server.refuse = refusing("part-00001")
    with pytest.raises(CommitError, match="cannot be made visible"):
        await job.commit(parts)
    assert f"part-00000-{job.layout.tag}-c000.csv" in server.names("/out")
    await job.abort()
    assert server.files("/out") == FOREIGN | {"_SUCCESS": b"{}"}
    assert server.names("/out") == {*FOREIGN, "_SUCCESS"}


@pytest.mark.asyncio
async def test_the_marker_does_not_come_back_before_the_new_files_are_gone(
    server: MemoryServer,
) -> None:
    server.put("/out/_SUCCESS", b"{}")
    job = MemoryJob(server, overwrite=True)
    await job.prepare()
    parts = job.stage(b"0", b"1", b"2")
    server.refuse = refusing("part-00001")
    with pytest.raises(CommitError):
        await job.commit(parts)
    mixtures: list[set[str]] = []

    def look() -> None:
        names = server.names("/out")
        if any(job.layout.tag in name for name in names):
            mixtures.append(names)

    server.watch = look
    await job.abort()
    assert mixtures
    assert not any("_SUCCESS" in names for names in mixtures)
    assert "_SUCCESS" in server.names("/out")


@pytest.mark.asyncio
async def test_while_a_job_is_rolled_back_no_other_writer_can_complete_it(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server)
    await job.prepare()
    parts = job.stage(b"0", b"1")
    server.refuse = refusing("part-00001")
    with pytest.raises(CommitError):
        await job.commit(parts)
    server.refuse = lambda operation: None
    server.log.clear()
    await job.abort()
    requests = [str(operation) for operation in server.log]
    withdrawn = requests.index(
        f"rename {job.layout.staging}.intent.json -> {job.layout.staging}.withdrawn.json"
    )
    assert withdrawn < min(i for i, what in enumerate(requests) if what.startswith("remove"))


@pytest.mark.asyncio
async def test_a_complete_job_stays(server: MemoryServer) -> None:
    job = MemoryJob(server)
    await job.prepare()
    parts = job.stage(b"0", b"1")
    await job.commit(parts)
    after = server.files("/out")
    await job.abort()
    assert server.files("/out") == after


@pytest.mark.asyncio
async def test_a_job_that_failed_while_removing_old_data_stays_and_is_finished(
    server: MemoryServer,
) -> None:
    server.put("/out/part-00001-0000000000000000-c000.csv", b"another job's")
    job = MemoryJob(server, overwrite=True)
    await job.prepare()
    parts = job.stage(b"new")

    def refuse(operation: Operation) -> None:
        if operation.name == "remove" and operation.path.startswith("/out/part-00001"):
            raise denied(operation.path)

    server.refuse = refuse
    with pytest.raises(CommitError, match=r"complete and visible.*next write.*finishes"):
        await job.commit(parts)
    server.refuse = lambda operation: None
    await job.abort()
    assert sorted(server.files("/out").values()) == [b"foreign", b"new"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_a_complete_job_stays_even_if_a_reader_has_taken_a_file_meanwhile(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server, overwrite=True)
    await job.prepare()
    parts = job.stage(b"new 0", b"new 1")

    def refuse(operation: Operation) -> None:
        if (
            operation.name == "remove"
            and operation.path == "/out/part-00000-0000000000000000-c000.csv"
        ):
            raise denied(operation.path)

    server.refuse = refuse
    with pytest.raises(CommitError):
        await job.commit(parts)
    server.refuse = lambda operation: None
    del server.nodes[f"/out/{parts[0].final}"]
    await job.abort()
    assert server.files("/out") == {parts[1].final: b"new 1", "foreign.csv": b"foreign"}


@pytest.mark.asyncio
async def test_tasks_that_still_write_do_not_keep_the_staging_directory_alive(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server)
    await job.prepare()
    job.stage(b"0")
    late = 3

    def write(operation: Operation) -> None:
        nonlocal late
        if operation.name == "listdir" and late:
            late -= 1
            job.put(late, b"late")

    server.meanwhile = write
    await job.abort()
    assert not late
    assert server.names("/out") == set(FOREIGN)


@pytest.mark.asyncio
async def test_the_names_of_a_job_that_was_rolled_back_cannot_be_committed_again(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server)
    await job.prepare()
    parts = job.stage(b"0")
    await job.abort()
    with pytest.raises(CommitError, match="staging directory of this job is gone"):
        await job.commit(parts)
    assert server.names("/out") == set(FOREIGN)
