"""Commits to one exact file: renamed, joined, replaced, refused."""

from __future__ import annotations

import pytest

from sftp_async.errors import CommitError, ConnectionLostError, RemoteUnsupportedError
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryServer, Operation, denied

EXACT = "/out/all.csv"


@pytest.fixture(params=[True, False], ids=["posix-rename", "plain rename"])
def server(request: pytest.FixtureRequest) -> MemoryServer:
    server = MemoryServer(posix_rename=request.param)
    server.make("/out")
    return server


async def write(server: MemoryServer, *contents: bytes, **job: object) -> MemoryJob:
    made = MemoryJob(server, EXACT, **job)  # type: ignore[arg-type]
    await made.write(*contents)
    return made


@pytest.mark.asyncio
async def test_one_part_is_renamed_to_the_exact_name(server: MemoryServer) -> None:
    await write(server, b"all of it")
    assert server.files("/out") == {"all.csv": b"all of it"}
    assert server.names("/out") == {"all.csv"}
    assert not server.operations("copy")


@pytest.mark.asyncio
async def test_several_parts_are_joined_in_partition_order_on_the_server(
    server: MemoryServer,
) -> None:
    await write(server, b"first ", b"", b"second ", b"third")
    assert server.read(EXACT) == b"first second third"
    assert len(server.operations("copy")) == 3
    assert server.names("/out") == {"all.csv"}


@pytest.mark.asyncio
async def test_several_parts_are_joined_through_the_client_where_the_server_cannot_copy() -> None:
    server = MemoryServer(copy_data=False)
    server.make("/out")
    await write(server, b"first ", b"", b"second ", b"third")
    assert server.read(EXACT) == b"first second third"
    assert not server.operations("copy")


@pytest.mark.asyncio
@pytest.mark.parametrize(("request_name", "kind"), [("copy", "joined"), ("rename", "draft")])
async def test_each_try_has_a_file_of_its_own(
    server: MemoryServer, request_name: str, kind: str
) -> None:
    # A server may carry out late what a lost session asked for: to empty a file, or to write to it.
    lost: list[Operation] = []

    def lose(operation: Operation) -> None:
        if operation.name == request_name and kind in f"{operation}" and not lost:
            lost.append(operation)
            raise ConnectionLostError("The connection was lost", path=operation.path)

    server.refuse = lose
    await write(server, b"first ", b"second")
    assert server.read(EXACT) == b"first second"
    assert len(lost) == 1
    opened = {op.path for op in server.operations("open") if kind in op.path.rpartition("/")[2]}
    assert len(opened) == 2


@pytest.mark.asyncio
async def test_copying_that_is_offered_but_refused_goes_through_the_client() -> None:
    server = MemoryServer()
    server.make("/out")

    def refuse(operation: Operation) -> None:
        if operation.name == "copy":
            raise RemoteUnsupportedError("Unsupported", path=operation.path)

    server.refuse = refuse
    await write(server, b"first ", b"second")
    assert server.read(EXACT) == b"first second"


@pytest.mark.asyncio
async def test_overwrite_replaces_the_file(server: MemoryServer) -> None:
    server.put(EXACT, b"old")
    server.put("/out/other.csv", b"foreign")
    await write(server, b"new ", b"data", overwrite=True)
    assert server.files("/out") == {"all.csv": b"new data", "other.csv": b"foreign"}
    assert server.names("/out") == {"all.csv", "other.csv"}


@pytest.mark.asyncio
async def test_overwrite_with_posix_rename_never_leaves_the_name_empty() -> None:
    server = MemoryServer()
    server.put(EXACT, b"old")
    seen: set[bytes] = set()
    server.watch = lambda: seen.add(server.read(EXACT))
    await write(server, b"new", overwrite=True)
    assert seen == {b"old", b"new"}


@pytest.mark.asyncio
async def test_overwrite_without_an_old_file_writes_it(server: MemoryServer) -> None:
    await write(server, b"new", overwrite=True)
    assert server.files("/out") == {"all.csv": b"new"}


@pytest.mark.asyncio
async def test_the_old_file_comes_back_when_the_new_one_cannot_take_its_place() -> None:
    server = MemoryServer(posix_rename=False)
    server.put(EXACT, b"old")
    job = MemoryJob(server, EXACT, overwrite=True)
    await job.prepare()
    parts = job.stage(b"new")

    def refuse(operation: Operation) -> None:
        restored = "/displaced-" in operation.path
        if operation.name == "rename" and operation.target == EXACT and not restored:
            raise denied(operation.target)

    server.refuse = refuse
    with pytest.raises(CommitError, match="cannot be made visible"):
        await job.commit(parts)
    assert "all.csv" not in server.names("/out")
    await job.abort()
    assert server.files("/out") == {"all.csv": b"old"}
    assert server.names("/out") == {"all.csv"}


@pytest.mark.asyncio
async def test_appending_to_an_existing_file_is_refused_before_any_task(
    server: MemoryServer,
) -> None:
    server.put(EXACT, b"old")
    job = MemoryJob(server, EXACT)
    with pytest.raises(CommitError, match=r"exists already.*/out/all.csv.*mode\(.overwrite.\)"):
        await job.prepare()
    assert server.names("/out") == {"all.csv"}


@pytest.mark.asyncio
async def test_a_file_that_appeared_meanwhile_is_refused_at_commit_and_stays(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server, EXACT)
    await job.prepare()
    parts = job.stage(b"new ", b"data")
    server.put(EXACT, b"another's")
    with pytest.raises(CommitError, match="exists already"):
        await job.commit(parts)
    await job.abort()
    assert server.files("/out") == {"all.csv": b"another's"}
    assert server.names("/out") == {"all.csv"}


@pytest.mark.asyncio
async def test_a_file_that_appears_in_the_last_moment_is_refused_and_stays(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server, EXACT)
    await job.prepare()
    parts = job.stage(b"new")

    def appear(operation: Operation) -> None:
        if operation.target.endswith(".intent.json"):
            server.put(EXACT, b"and")  # of the same size

    server.meanwhile = appear
    with pytest.raises(CommitError, match="exists already"):
        await job.commit(parts)
    await job.abort()
    assert server.files("/out") == {"all.csv": b"and"}
    assert server.names("/out") == {"all.csv"}


@pytest.mark.asyncio
@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_directory_of_that_name_is_refused(server: MemoryServer, overwrite: bool) -> None:
    server.make(EXACT)
    with pytest.raises(CommitError, match=r"directory is where one exact file.*single_file=false"):
        await MemoryJob(server, EXACT, overwrite=overwrite).prepare()
    assert server.names("/out") == {"all.csv"}


@pytest.mark.asyncio
@pytest.mark.parametrize("copy_data", [True, False])
async def test_a_part_of_another_size_than_reported_is_not_joined(copy_data: bool) -> None:
    server = MemoryServer(copy_data=copy_data)
    server.make("/out")
    job = MemoryJob(server, EXACT)
    await job.prepare()
    parts = job.stage(b"first ", b"second ", b"third")
    server.nodes[job.layout.paths.staged(parts[1].staged)].data.pop()
    with pytest.raises(CommitError, match="6 bytes instead of 7"):
        await job.commit(parts)
    await job.abort()
    assert server.names("/out") == set()


@pytest.mark.asyncio
async def test_an_empty_job_writes_no_file_without_write_empty(server: MemoryServer) -> None:
    job = MemoryJob(server, EXACT, write_empty=False)
    await job.prepare()
    await job.commit(job.stage(b"a header", rows=0))
    assert server.names("/out") == set()


@pytest.mark.asyncio
async def test_an_empty_overwrite_without_write_empty_removes_the_old_file(
    server: MemoryServer,
) -> None:
    server.put(EXACT, b"old")
    job = MemoryJob(server, EXACT, overwrite=True, write_empty=False)
    await job.prepare()
    await job.commit(job.stage(b"a header", rows=0))
    assert server.names("/out") == set()


@pytest.mark.asyncio
async def test_a_commit_run_again_by_a_new_process_changes_nothing(server: MemoryServer) -> None:
    job = MemoryJob(server, EXACT, overwrite=True)
    await job.prepare()
    parts = job.stage(b"first ", b"second")
    await job.commit(parts)
    await job.commit(parts)
    await job.abort()
    assert server.files("/out") == {"all.csv": b"first second"}


@pytest.mark.asyncio
async def test_two_exact_files_of_one_directory_never_disturb_each_other(
    server: MemoryServer,
) -> None:
    first, second = MemoryJob(server, "/out/a.csv"), MemoryJob(server, "/out/b.csv")
    await first.prepare()
    await second.prepare()
    a, b = first.stage(b"a0", b"a1"), second.stage(b"b0")
    await first.commit(a)
    await second.commit(b)
    assert server.files("/out") == {"a.csv": b"a0a1", "b.csv": b"b0"}
    assert server.names("/out") == {"a.csv", "b.csv"}


# Direct: for servers that cannot rename


@pytest.mark.asyncio
@pytest.mark.parametrize("overwrite", [False, True])
async def test_direct_copies_to_the_exact_name(bare: MemoryServer, overwrite: bool) -> None:
    if overwrite:
        bare.put(EXACT, b"a longer old file")
    await write(bare, b"first ", b"second", overwrite=overwrite, commit_mode="direct")
    assert bare.files("/out") == {"all.csv": b"first second"}
    assert bare.names("/out") == {"all.csv"}
    assert not bare.operations("rename")


@pytest.mark.asyncio
async def test_direct_leaves_a_file_that_appeared_meanwhile(bare: MemoryServer) -> None:
    job = MemoryJob(bare, EXACT, commit_mode="direct")
    await job.prepare()
    parts = job.stage(b"new")

    def appear(operation: Operation) -> None:
        if operation.name == "open" and operation.path.endswith(".intent.json"):
            bare.put(EXACT, b"and")

    bare.meanwhile = appear
    with pytest.raises(CommitError, match="exists already"):
        await job.commit(parts)
    await job.abort()
    assert bare.files("/out") == {"all.csv": b"and"}


@pytest.mark.asyncio
@pytest.mark.parametrize("cleared", [False, True])
async def test_direct_rolls_a_whole_copy_back_unless_it_is_all_that_is_left(
    bare: MemoryServer, cleared: bool
) -> None:
    job = MemoryJob(bare, EXACT, commit_mode="direct")
    await job.prepare()
    parts = job.stage(b"new")

    def refuse(operation: Operation) -> None:
        if operation.name == "write" and operation.path.endswith(".visible.json"):
            raise denied(operation.path)

    bare.refuse = refuse
    with pytest.raises(CommitError, match="could not be finished"):
        await job.commit(parts)
    bare.refuse = lambda operation: None
    if cleared:
        for path in [path for path in bare.nodes if path.startswith(job.layout.staging)]:
            if not path.endswith(".json"):
                del bare.nodes[path]
    await job.abort()
    assert bare.files("/out") == ({"all.csv": b"new"} if cleared else {})


@pytest.mark.asyncio
async def test_direct_completes_a_copy_over_an_old_file_when_the_job_is_aborted_in_between(
    bare: MemoryServer,
) -> None:
    # What was there is lost with the first byte: the staged file is all there is.
    bare.put(EXACT, b"old")
    job = MemoryJob(bare, EXACT, overwrite=True, commit_mode="direct")
    await job.prepare()
    parts = job.stage(b"new")

    def refuse(operation: Operation) -> None:
        if operation.name == "copy":
            raise denied(operation.path)

    bare.refuse = refuse
    with pytest.raises(CommitError):
        await job.commit(parts)
    assert bare.read(EXACT) == b""
    bare.refuse = lambda operation: None
    await job.abort()
    assert bare.files("/out") == {"all.csv": b"new"}
    assert bare.names("/out") == {"all.csv"}


@pytest.mark.asyncio
async def test_direct_removes_a_half_copied_new_file_on_abort(bare: MemoryServer) -> None:
    job = MemoryJob(bare, EXACT, commit_mode="direct")
    await job.prepare()
    parts = job.stage(b"new")

    def refuse(operation: Operation) -> None:
        if operation.name == "copy":
            raise denied(operation.path)

    bare.refuse = refuse
    with pytest.raises(CommitError):
        await job.commit(parts)
    await job.abort()
    assert bare.names("/out") == set()
