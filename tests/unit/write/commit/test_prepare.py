"""What is checked and made before any task, and that nothing stays when it fails."""

from __future__ import annotations

import pytest

from sftp_async.errors import CommitError, TransferError
from tests.support.jobs import MemoryJob
from tests.support.memory_server import Fault, MemoryServer, Operation, denied


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


async def prepare(server: MemoryServer, path: str = "/out", **job: object) -> MemoryJob:
    made = MemoryJob(server, path, **job)  # type: ignore[arg-type]
    await made.prepare()
    return made


async def refused(server: MemoryServer, path: str = "/out", **job: object) -> CommitError:
    """Prepare what must be refused; nothing may be left on the server."""
    before = set(server.nodes)
    with pytest.raises(CommitError) as caught:
        await prepare(server, path, **job)
    assert set(server.nodes) == before
    assert caught.value.host == "user@memory:22"
    return caught.value


@pytest.mark.asyncio
async def test_missing_parents_are_made(server: MemoryServer) -> None:
    job = await prepare(server, "/a/b/c")
    assert server.nodes["/a/b/c"].is_dir
    assert job.layout.staging in server.nodes


@pytest.mark.asyncio
async def test_the_parents_of_an_exact_file_are_made(server: MemoryServer) -> None:
    await prepare(server, "/a/b/all.csv")
    assert server.names("/a/b") == {"_temporary"}


@pytest.mark.asyncio
async def test_a_missing_directory_is_refused_with_create_dirs_false(server: MemoryServer) -> None:
    server.make("/a")
    error = await refused(server, "/a/b/c", create_dirs=False)
    assert "does not exist" in str(error)
    assert "create_dirs=true" in str(error)
    assert error.path == "/a/b/c"


@pytest.mark.asyncio
async def test_an_existing_directory_is_fine_with_create_dirs_false(server: MemoryServer) -> None:
    server.make("/a")
    await prepare(server, "/a", create_dirs=False)


@pytest.mark.asyncio
@pytest.mark.parametrize("target", ["/data", "/data/sub", "/data/sub/deeper", "/data/all.csv"])
async def test_a_file_where_a_directory_should_be_is_named(
    server: MemoryServer, target: str
) -> None:
    server.put("/data", b"a file")
    error = await refused(server, target)
    assert "A file is where a directory should be" in str(error)
    assert error.path == "/data"
    assert server.read("/data") == b"a file"


@pytest.mark.asyncio
async def test_a_file_in_the_place_of_the_staging_directory_is_named(server: MemoryServer) -> None:
    server.put("/out/_temporary", b"a file")
    assert (await refused(server)).path == "/out/_temporary"


@pytest.mark.asyncio
async def test_a_target_that_is_not_writable_is_refused(server: MemoryServer) -> None:
    server.make("/out")

    def refuse(operation: Operation) -> None:
        if operation.name == "mkdir":
            raise denied(operation.path)

    server.refuse = refuse
    error = await refused(server)
    assert "not writable" in str(error)
    assert "permission" in str(error)


@pytest.mark.asyncio
async def test_the_staging_directory_goes_when_a_later_check_fails(server: MemoryServer) -> None:
    server.put("/out/all.csv", b"old")
    await refused(server, "/out/all.csv")


@pytest.mark.asyncio
async def test_the_users_staging_directory_is_made_and_the_target_too(server: MemoryServer) -> None:
    job = await prepare(server, "/out", staging_dir="/tmp/staging")
    assert job.layout.staging == f"/tmp/staging/{job.layout.job_id}"
    assert job.layout.staging in server.nodes
    assert server.names("/out") == set()


@pytest.mark.asyncio
async def test_a_missing_target_is_refused_although_the_staging_directory_is_there(
    server: MemoryServer,
) -> None:
    server.make("/staging")
    assert "does not exist" in str(
        await refused(server, "/out", staging_dir="/staging", create_dirs=False)
    )


@pytest.mark.asyncio
async def test_a_target_that_is_not_writable_is_noticed_with_staging_elsewhere(
    server: MemoryServer,
) -> None:
    server.make("/staging")
    server.make("/out")

    def refuse(operation: Operation) -> None:
        if operation.target.startswith("/out/"):
            raise denied(operation.target)

    server.refuse = refuse
    assert "not writable" in str(await refused(server, staging_dir="/staging"))


@pytest.mark.asyncio
async def test_staging_on_another_file_system_is_noticed_before_any_task(
    server: MemoryServer,
) -> None:
    server.make("/staging")
    server.make("/out")

    def refuse(operation: Operation) -> None:
        if operation.target.startswith("/out/"):
            raise TransferError("Cannot rename: Failure", path=operation.path)

    server.refuse = refuse
    error = await refused(server, staging_dir="/staging")
    assert "cannot be renamed from staging_dir" in str(error)
    assert "file system" in str(error)


@pytest.mark.asyncio
async def test_direct_checks_the_target_without_a_rename() -> None:
    server = MemoryServer(rename=False)
    server.make("/out")
    await prepare(server, staging_dir="/staging", commit_mode="direct")
    assert server.names("/out") == set()


@pytest.mark.asyncio
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(2))
async def test_a_lost_reply_is_no_obstacle(server: MemoryServer, number: int, when: str) -> None:
    server.make("/out")
    server.faults = {number: Fault("lost", when)}  # type: ignore[arg-type]
    job = await prepare(server)
    assert job.layout.staging in server.nodes
    await job.abort()
    assert server.names("/out") == set()


@pytest.mark.asyncio
async def test_a_server_that_denies_making_what_exists_is_understood(server: MemoryServer) -> None:
    server.make("/out/_temporary")

    def refuse(operation: Operation) -> None:
        if operation.name == "mkdir" and operation.path in server.nodes:
            raise denied(operation.path)

    server.refuse = refuse
    assert (await prepare(server)).layout.staging in server.nodes
