"""Whose file it is: names that others may have too, and old files of the new ones' size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sftp_async.errors import CommitError, ConnectionLostError, SFTPAsyncError
from tests.support.jobs import MemoryJob
from tests.support.memory_server import Fault, MemoryServer, Operation, denied

#: Of files that are put there by hand nothing shows whose they are.
NAMED = {"file_name_template": "o_{seq}.csv", "overwrite_scope": "matching"}
#: As long as the new ones: to look at a file does not tell which it is.
OLD = {"o_1.csv": b"old 1", "o_2.csv": b"old 2", "o_3.csv": b"old 3"}
NEW = {"o_1.csv": b"new 1", "o_2.csv": b"new 2"}


class Died(BaseException):
    """The driver's process died."""


@pytest.fixture
def server() -> MemoryServer:
    return server_with(OLD)


def server_with(files: dict[str, bytes], **kind: bool) -> MemoryServer:
    server = MemoryServer(**kind)
    server.make("/out")
    for name, data in files.items():
        server.put(f"/out/{name}", data)
    return server


def clear(server: MemoryServer, directory: str, *, itself: bool = True) -> None:
    """Remove the files below, as a cleanup job would."""
    for path in [path for path in server.nodes if path.startswith(directory + "/")]:
        del server.nodes[path]
    if itself:
        server.nodes.pop(directory, None)


def is_publication(operation: Operation) -> bool:
    return operation.name == "rename" and operation.target.endswith(".intent.json")


async def die_after(published: MemoryJob, *contents: bytes) -> None:
    """Commit, and die when the intent is there."""
    server = published.server
    await published.prepare()
    parts = published.stage(*contents)

    def die(operation: Operation) -> None:
        if is_publication(operation):
            raise Died

    server.meanwhile = die
    with pytest.raises(Died):
        await published.commit(parts)
    server.meanwhile = lambda operation: None


async def refuse_until_aborted(job: MemoryJob, name: str, *contents: bytes) -> None:
    """Commit, which the server refuses for one name."""
    server = job.server
    parts = job.stage(*contents)

    def refuse(operation: Operation) -> None:
        if operation.name in ("rename", "replace") and operation.target == f"/out/{name}":
            raise denied(operation.target)

    server.refuse = refuse
    with pytest.raises(CommitError):
        await job.commit(parts)
    server.refuse = lambda operation: None


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/out", "/out/o_1.csv"])
@pytest.mark.parametrize("contents", [(b"new 1",), (b"n", b"ew 1")])
async def test_staging_cleared_before_the_commit_fails_it_and_the_old_data_stays(
    server: MemoryServer, path: str, contents: tuple[bytes, ...]
) -> None:
    job = MemoryJob(server, path, overwrite=True, **(NAMED if path == "/out" else {}))
    await job.prepare()
    parts = job.stage(*contents)
    clear(server, "/out/_temporary")
    with pytest.raises(CommitError, match="staging directory of this job is gone"):
        await job.commit(parts)
    await job.abort()
    assert server.files("/out") == OLD


CLEARINGS: dict[str, Callable[[MemoryServer, MemoryJob], None]] = {
    "files": lambda server, job: clear(server, job.layout.staging, itself=False),
    "staging": lambda server, job: clear(server, job.layout.staging),
    "everything": lambda server, job: clear(server, "/out/_temporary"),
}


def clearing_after(
    requests: int, server: MemoryServer, job: MemoryJob, how: str
) -> Callable[[Operation], None]:
    def look(operation: Operation) -> None:
        if len(server.log) == requests + 1:
            CLEARINGS[how](server, job)

    return look


@pytest.mark.asyncio
@pytest.mark.parametrize("posix_rename", [True, False])
@pytest.mark.parametrize("how", CLEARINGS)
async def test_staging_cleared_at_any_moment_never_passes_old_files_for_new_ones(
    how: str, posix_rename: bool
) -> None:
    outcomes: set[bool] = set()
    for moment in range(200):
        server = server_with(OLD, posix_rename=posix_rename)
        job = MemoryJob(server, overwrite=True, **NAMED)
        await job.prepare()
        parts = job.stage(*NEW.values())
        due = len(server.log) + moment
        server.meanwhile = clearing_after(due, server, job, how)
        try:
            await job.commit(parts)
            committed = True
        except SFTPAsyncError:
            await job.abort()
            committed = False
        outcomes.add(committed)
        files = server.files("/out")
        if committed and how == "everything":
            # With the intent goes what says that the old data is still to be removed.
            files = {name: data for name, data in files.items() if name != "o_3.csv"}
        if committed:
            assert files == NEW, f"cleared after request {moment}: {files}"
        else:
            assert files["o_3.csv"] == OLD["o_3.csv"], f"cleared after request {moment}: {files}"
        if len(server.log) <= due:
            break
    assert outcomes == {True, False}


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["files", "staging"])
async def test_a_recovery_does_not_pass_old_files_for_new_ones_that_were_cleared_away(
    server: MemoryServer, how: str
) -> None:
    dead = MemoryJob(server, overwrite=True, **NAMED)
    await die_after(dead, *NEW.values())
    CLEARINGS[how](server, dead)
    with pytest.raises(CommitError, match=r"vanished.*To give the job up, remove .*intent\.json"):
        await MemoryJob(server).prepare()
    assert server.files("/out") == OLD


@pytest.mark.asyncio
async def test_a_recovery_does_not_take_names_that_are_free_for_files_that_readers_took() -> None:
    server = server_with({})
    dead = MemoryJob(server, **NAMED)
    await die_after(dead, *NEW.values())
    CLEARINGS["staging"](server, dead)
    with pytest.raises(CommitError, match="vanished before it became visible"):
        await MemoryJob(server).prepare()


@pytest.mark.asyncio
async def test_readers_that_take_files_of_such_names_do_not_block_the_recovery() -> None:
    server = server_with({})
    job = MemoryJob(server, **NAMED)
    await job.prepare()
    parts = job.stage(*NEW.values())

    def die(operation: Operation) -> None:
        if operation.name == "rename" and operation.target == "/out/o_1.csv":
            del server.nodes[operation.target]
            raise Died

    server.meanwhile = die
    with pytest.raises(Died):
        await job.commit(parts)
    server.meanwhile = lambda operation: None
    await job.recover()
    assert server.files("/out") == {"o_2.csv": b"new 2"}


@pytest.mark.asyncio
async def test_a_job_that_died_and_whose_staging_was_removed_then_is_recovered() -> None:
    server = server_with({})
    job = MemoryJob(server, success_file=True, **NAMED)
    await job.prepare()
    parts = job.stage(*NEW.values())

    def die(operation: Operation) -> None:
        if operation.target == "/out/_SUCCESS":
            raise Died

    server.refuse = die
    with pytest.raises(Died):
        await job.commit(parts)
    clear(server, job.layout.staging)
    server.refuse = lambda operation: None
    del server.nodes["/out/o_1.csv"]  # by a reader, who does not wait for _SUCCESS
    await job.recover()
    assert server.files("/out") == {"o_2.csv": b"new 2", "_SUCCESS": b""}
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
@pytest.mark.parametrize("rename_replaces", [False, True])
@pytest.mark.parametrize("old", [{}, {"o_1.csv": b"oooo"}])
async def test_an_abort_leaves_the_file_of_a_job_that_replaced_its_own(
    old: dict[str, bytes], rename_replaces: bool
) -> None:
    kind = {"posix_rename": False, "rename_replaces": True} if rename_replaces else {}
    server = server_with(old, **kind)
    first, second = (MemoryJob(server, if_exists="replace", **NAMED) for _ in range(2))
    await first.prepare()
    await second.prepare()
    await refuse_until_aborted(first, "o_2.csv", b"AAAA", b"AAAA")
    await second.commit(second.stage(b"BBBB"))
    await first.abort()
    assert server.files("/out") == {"o_1.csv": b"BBBB"}


@pytest.mark.asyncio
@pytest.mark.parametrize("posix_rename", [True, False])
async def test_an_abort_removes_the_new_file_though_a_reader_took_the_old_one(
    posix_rename: bool,
) -> None:
    server = server_with({"o_1.csv": b"old 1"}, posix_rename=posix_rename)
    job = MemoryJob(server, overwrite=True, **NAMED)
    await job.prepare()

    def take(operation: Operation) -> None:
        if is_publication(operation):
            del server.nodes["/out/o_1.csv"]

    server.meanwhile = take
    await refuse_until_aborted(job, "o_2.csv", *NEW.values())
    assert server.files("/out") == {"o_1.csv": b"new 1"}
    await job.abort()
    assert server.files("/out") == {}


def keep_both_names(server: MemoryServer, name: str) -> Callable[[Operation], None]:
    """A server that dies between link and unlink, which is how OpenSSH renames."""
    died: list[Operation] = []

    def link(operation: Operation) -> None:
        if operation.name == "rename" and operation.target == f"/out/{name}" and not died:
            died.append(operation)
            server.nodes[operation.path] = server.nodes[operation.target]
            raise ConnectionLostError("The connection was lost", path=operation.path)

    return link


@pytest.mark.asyncio
async def test_a_part_that_has_both_its_names_is_visible() -> None:
    server = server_with({})
    job = MemoryJob(server, **NAMED)
    server.meanwhile = keep_both_names(server, "o_1.csv")
    await job.write(*NEW.values())
    assert len(server.operations("setstat")) == 2
    assert server.files("/out") == NEW
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_a_part_that_has_both_its_names_is_rolled_back_by_both() -> None:
    server = server_with({})
    job = MemoryJob(server, **NAMED)
    await job.prepare()
    parts = job.stage(*NEW.values())
    link = keep_both_names(server, "o_1.csv")

    def link_and_die(operation: Operation) -> None:
        try:
            link(operation)
        except ConnectionLostError as error:
            raise Died from error

    server.meanwhile = link_and_die
    with pytest.raises(Died):
        await job.commit(parts)
    server.meanwhile = lambda operation: None
    await job.abort()
    assert server.files("/out") == {}


@pytest.mark.asyncio
async def test_a_part_that_is_rolled_back_and_has_both_its_names_is_gone() -> None:
    server = server_with({})
    job = MemoryJob(server, **NAMED)
    await job.prepare()
    await refuse_until_aborted(job, "o_2.csv", *NEW.values())
    died: list[Operation] = []

    def link(operation: Operation) -> None:
        if operation.name == "rename" and operation.path == "/out/o_1.csv" and not died:
            died.append(operation)
            server.nodes[operation.path] = server.nodes[operation.target]
            raise ConnectionLostError("The connection was lost", path=operation.path)

    server.meanwhile = link
    await job.abort()
    assert died
    assert server.files("/out") == {}


@pytest.mark.asyncio
async def test_the_same_bytes_from_another_job_are_not_taken_for_this_ones() -> None:
    server = server_with({})
    job = MemoryJob(server, **NAMED)
    await job.prepare()
    parts = job.stage(*NEW.values())

    def put(operation: Operation) -> None:
        if is_publication(operation):
            server.put("/out/o_1.csv", b"new 1", age=60)

    server.meanwhile = put
    with pytest.raises(CommitError, match="exists already"):
        await job.commit(parts)
    await job.abort()
    assert server.files("/out") == {"o_1.csv": b"new 1"}
    assert server.nodes["/out/o_1.csv"].mtime == server.now - 60


@pytest.mark.asyncio
async def test_a_server_that_looks_at_the_target_first_does_not_block_a_retry() -> None:
    server = server_with({})
    job = MemoryJob(server, **NAMED)
    lost: list[Operation] = []

    def lose(operation: Operation) -> None:
        if operation.name == "rename" and operation.target == "/out/o_1.csv" and not lost:
            lost.append(operation)
            raise ConnectionLostError("The connection was lost", path=operation.path)

    server.meanwhile = lose
    server.target_first = True
    await job.write(*NEW.values())
    assert lost
    assert server.files("/out") == NEW


@pytest.mark.asyncio
async def test_what_is_under_a_jobs_own_names_is_never_read_back(server: MemoryServer) -> None:
    job = MemoryJob(server)
    lost: list[Operation] = []

    def lose(operation: Operation) -> None:
        if operation.name == "rename" and operation.target.startswith("/out/part-") and not lost:
            lost.append(operation)
            raise ConnectionLostError("The connection was lost", path=operation.path)

    server.meanwhile = lose
    await job.write(b"0", b"1")
    assert lost
    assert not [op for op in server.operations("read") if "/part-" in op.path]


async def finish_by(other: MemoryJob) -> None:
    """Have another writer complete the commits that it finds."""
    await other.prepare()
    await other.abort()


def finished_and_taken(server: MemoryServer, job: MemoryJob, options: dict[str, Any]) -> None:
    """When the job's intent has been read, another writer finishes it, and a reader takes all."""

    def meanwhile(operation: Operation) -> None:
        if operation.name == "close" and operation.path == f"{job.layout.staging}.intent.json":
            server.meanwhile = lambda operation: None
            # This request cannot await: the other writer runs on an event loop of another thread.
            with ThreadPoolExecutor(1) as other:
                other.submit(asyncio.run, finish_by(MemoryJob(server, **options))).result()
            assert len(server.files("/out")) == 2
            for name in server.files("/out"):
                del server.nodes[f"/out/{name}"]

    server.meanwhile = meanwhile


@pytest.mark.asyncio
async def test_another_writer_may_finish_an_append_and_a_reader_take_it_meanwhile() -> None:
    server = server_with({})
    options = {"file_name_template": "o_{job}_{seq}.csv"}
    job = MemoryJob(server, **options)
    await job.prepare()
    parts = job.stage(b"1", b"2")
    finished_and_taken(server, job, options)
    assert (await job.commit(parts)).rows == 2
    assert server.files("/out") == {}


@pytest.mark.asyncio
async def test_a_recovery_may_meet_the_job_that_ends_itself_and_a_reader() -> None:
    server = server_with({})
    options = {"file_name_template": "o_{job}_{seq}.csv"}
    job = MemoryJob(server, **options)
    await die_after(job, b"1", b"2")
    finished_and_taken(server, job, options)
    await finish_by(MemoryJob(server, **options))
    assert server.files("/out") == {}


@pytest.mark.asyncio
async def test_a_lost_connection_has_no_file_read_back_that_is_known_to_be_there() -> None:
    server = server_with({})
    job = MemoryJob(server, **NAMED)
    await job.prepare()
    parts = job.stage(*(b"%03d" % number for number in range(100)))
    renamed = 0

    def cut(operation: Operation) -> None:
        nonlocal renamed
        renamed += operation.name == "rename" and operation.target.startswith("/out/o_")
        if renamed == 90:
            renamed += 1
            server.faults[len(server.log)] = Fault("lost", "after")

    server.meanwhile = cut
    await job.commit(parts)
    assert len(server.files("/out")) == 100
    read = [o for o in server.operations("read") if o.path.startswith("/out/o_")]
    assert 0 < len(read) < 40  # those whose rename was in flight


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["files", "staging"])
async def test_a_joined_file_is_known_by_its_pieces(how: str) -> None:
    server = server_with({"x.csv": b"old 1old 2"})
    job = MemoryJob(server, "/out/x.csv", overwrite=True)
    await die_after(job, b"new 1", b"new 2")
    CLEARINGS[how](server, job)
    with pytest.raises(CommitError):
        await MemoryJob(server, "/out/x.csv", overwrite=True).prepare()
    assert server.files("/out") == {"x.csv": b"old 1old 2"}


@pytest.mark.asyncio
async def test_a_withdrawn_joined_file_leaves_the_old_one_where_staging_was_cleared() -> None:
    server = server_with({"x.csv": b"old 1old 2"})
    job = MemoryJob(server, "/out/x.csv", overwrite=True)
    await die_after(job, b"new 1", b"new 2")
    path = f"{job.layout.staging}.intent.json"
    server.nodes[path.replace(".intent.", ".withdrawn.")] = server.nodes.pop(path)
    CLEARINGS["files"](server, job)
    await finish_by(MemoryJob(server, "/out/x.csv", overwrite=True))
    assert server.files("/out") == {"x.csv": b"old 1old 2"}
