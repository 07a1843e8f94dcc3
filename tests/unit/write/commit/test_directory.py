"""Commits to a directory of part files: append, overwrite, direct, several jobs at once."""

from __future__ import annotations

import asyncio

import pytest

from sftp_async.errors import CommitError
from sftp_async.layout.part_names import is_part
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryServer, Operation


async def write(server: MemoryServer, *contents: bytes, **job: object) -> MemoryJob:
    made = MemoryJob(server, **job)  # type: ignore[arg-type]
    await made.write(*contents)
    return made


def data(server: MemoryServer) -> list[bytes]:
    return sorted(server.files("/out").values())


@pytest.mark.asyncio
async def test_appending_twice_keeps_both_sets(server: MemoryServer) -> None:
    await write(server, b"a0", b"a1")
    await write(server, b"b0")
    assert data(server) == [b"a0", b"a1", b"b0"]
    assert all(is_part(name) for name in server.names("/out"))


@pytest.mark.asyncio
async def test_nothing_but_data_files_is_left(server: MemoryServer) -> None:
    job = await write(server, b"a0", b"a1")
    assert server.names("/out") == {f"part-{i:05d}-{job.layout.tag}-c000.csv" for i in range(2)}


@pytest.mark.asyncio
async def test_the_success_file_is_written_when_asked_for_and_after_everything_else(
    server: MemoryServer,
) -> None:
    await write(server, b"a0", success_file=True)
    assert "_SUCCESS" in server.names("/out")
    order = [str(operation) for operation in server.log]
    (placed,) = [i for i, request in enumerate(order) if request.endswith("-> /out/_SUCCESS")]
    assert placed > max(i for i, request in enumerate(order) if "-> /out/part-" in request)


@pytest.mark.asyncio
async def test_a_marker_that_has_content_is_replaced_by_an_overwrite(server: MemoryServer) -> None:
    server.put("/out/_SUCCESS", b"{}")
    await write(server, b"new", overwrite=True, success_file=True)
    assert server.read("/out/_SUCCESS") == b""


@pytest.mark.asyncio
async def test_overwrite_removes_the_marker_of_the_data_it_replaces(server: MemoryServer) -> None:
    await write(server, b"old", success_file=True)
    await write(server, b"new", overwrite=True)
    assert "_SUCCESS" not in server.names("/out")


@pytest.mark.asyncio
async def test_overwrite_replaces_own_parts_and_leaves_every_foreign_file(
    server: MemoryServer,
) -> None:
    await write(server, b"old 0", b"old 1")
    server.put("/out/orders.csv", b"foreign")
    server.put("/out/.hidden", b"foreign")
    server.put("/out/part-00000-6f1f3e52-63b1-4a0c-9f53-2cf7e0a0ad43-c000.csv", b"Spark's own")
    server.put("/out/part-00000-0000000000000000-c000.csv/deep.csv", b"a directory of that name")
    server.put("/other/part-00000-0000000000000000-c000.csv", b"elsewhere")
    before = server.names("/out")
    job = await write(server, b"new", overwrite=True)
    gone = {name for name in before if server.nodes.get(f"/out/{name}") is None}
    assert len(gone) == 2
    assert all(is_part(name) for name in gone)
    assert server.names("/out") - before == {f"part-00000-{job.layout.tag}-c000.csv"}
    assert "/out/part-00000-0000000000000000-c000.csv/deep.csv" in server.nodes
    assert "/other/part-00000-0000000000000000-c000.csv" in server.nodes


@pytest.mark.asyncio
async def test_overwrite_scope_directory_removes_data_files_but_no_directory_and_nothing_hidden(
    server: MemoryServer,
) -> None:
    server.put("/out/orders.csv", b"foreign")
    server.put("/out/notes", b"foreign")
    server.put("/out/.hidden", b"stays")
    server.put("/out/_committed", b"stays")
    server.put("/out/sub/deep.csv", b"stays")
    job = await write(server, b"new", overwrite=True, overwrite_scope="directory")
    assert server.names("/out") == {
        ".hidden",
        "_committed",
        "sub",
        f"part-00000-{job.layout.tag}-c000.csv",
    }
    assert server.read("/out/sub/deep.csv") == b"stays"


@pytest.mark.asyncio
async def test_old_data_goes_only_after_all_new_data_is_visible(server: MemoryServer) -> None:
    old = await write(server, b"old 0", b"old 1")
    server.log.clear()
    new = await write(server, b"new 0", b"new 1", b"new 2", overwrite=True)
    renames = [i for i, o in enumerate(server.log) if new.layout.tag in o.target.split("/")[-1]]
    renames = [i for i in renames if server.log[i].target.startswith("/out/part-")]
    removals = [
        i for i, o in enumerate(server.log) if o.name == "remove" and old.layout.tag in o.path
    ]
    assert len(renames) == 3
    assert len(removals) == 2
    assert max(renames) < min(removals)


@pytest.mark.asyncio
async def test_the_marker_is_never_there_while_an_overwrite_is_in_flight(
    server: MemoryServer,
) -> None:
    await write(server, b"old", success_file=True)
    mixtures: list[set[str]] = []

    def look() -> None:
        names = server.names("/out")
        if {b"old", b"new"} <= set(server.files("/out").values()):
            mixtures.append(names)

    server.watch = look
    await write(server, b"new", overwrite=True, success_file=True)
    assert mixtures
    assert not any("_SUCCESS" in names for names in mixtures)
    assert "_SUCCESS" in server.names("/out")


@pytest.mark.asyncio
async def test_two_overwrites_at_once_can_leave_both_sets_but_nothing_old(
    server: MemoryServer,
) -> None:
    await write(server, b"old")
    first, second = MemoryJob(server, overwrite=True), MemoryJob(server, overwrite=True)
    await first.prepare()
    await second.prepare()
    a, b = first.stage(b"a0", b"a1"), second.stage(b"b0")

    await asyncio.gather(first.commit(a), second.commit(b))
    assert data(server) == [b"a0", b"a1", b"b0"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_an_empty_overwrite_without_write_empty_leaves_no_data(server: MemoryServer) -> None:
    await write(server, b"old")
    job = MemoryJob(server, overwrite=True, write_empty=False)
    await job.prepare()
    await job.commit(job.stage(b"a header", rows=0))
    assert server.names("/out") == set()


@pytest.mark.asyncio
async def test_an_empty_job_writes_its_header_file_unless_write_empty_is_false(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server)
    await job.prepare()
    stats = await job.commit(job.stage(b"a header", rows=0))
    assert data(server) == [b"a header"]
    assert (stats.files, stats.rows, stats.bytes) == (1, 0, 8)


@pytest.mark.asyncio
async def test_the_stats_count_files_rows_and_bytes(server: MemoryServer) -> None:
    job = MemoryJob(server)
    await job.prepare()
    stats = await job.commit(job.stage(b"abc", b"de", rows=7))
    assert (stats.files, stats.rows, stats.bytes) == (2, 14, 5)


@pytest.mark.asyncio
async def test_staging_elsewhere_leaves_the_target_clean_and_the_users_directory_in_place(
    server: MemoryServer,
) -> None:
    server.make("/staging")
    job = await write(server, b"a", staging_dir="/staging")
    assert server.names("/out") == {f"part-00000-{job.layout.tag}-c000.csv"}
    assert server.names("/staging") == set()
    assert "/staging" in server.nodes


@pytest.mark.asyncio
async def test_a_job_commits_while_another_is_staged_and_disturbs_nothing(
    server: MemoryServer,
) -> None:
    first, second = MemoryJob(server), MemoryJob(server)
    await first.prepare()
    await second.prepare()
    a, b = first.stage(b"a0", b"a1"), second.stage(b"b0")
    await first.commit(a)
    assert server.names("/out/_temporary") == {second.layout.job_id}
    await second.commit(b)
    assert data(server) == [b"a0", b"a1", b"b0"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_a_job_aborts_while_another_is_staged_and_disturbs_nothing(
    server: MemoryServer,
) -> None:
    first, second = MemoryJob(server), MemoryJob(server)
    await first.prepare()
    await second.prepare()
    first.stage(b"a0")
    b = second.stage(b"b0")
    await first.abort()
    await second.commit(b)
    assert data(server) == [b"b0"]


@pytest.mark.asyncio
async def test_a_job_that_starts_while_another_ends_gets_its_staging_directory(
    server: MemoryServer,
) -> None:
    ending = MemoryJob(server)
    await ending.prepare()

    def end(operation: Operation) -> None:
        # The other job takes the empty directory away just after ours saw it.
        if operation.name == "mkdir" and operation.path == "/out/_temporary":
            server.meanwhile = lambda operation: None
            server.nodes.pop(ending.layout.staging, None)
            server.nodes.pop("/out/_temporary", None)

    server.meanwhile = end
    starting = MemoryJob(server)
    await starting.write(b"data")
    assert data(server) == [b"data"]


@pytest.mark.asyncio
async def test_a_commit_that_another_writer_carried_out_meanwhile_succeeds(
    server: MemoryServer,
) -> None:
    await write(server, b"old")
    job = MemoryJob(server, overwrite=True)
    await job.prepare()
    parts = job.stage(b"new 0", b"new 1")
    other = MemoryJob(server)

    def interfere(operation: Operation) -> None:
        if operation.target.endswith(".intent.json"):
            server.meanwhile = lambda operation: None
            others.append(asyncio.get_running_loop().create_task(other.prepare()))

    others: list[asyncio.Task[None]] = []
    server.meanwhile = interfere

    await job.commit(parts)
    await asyncio.gather(*others)
    await other.abort()
    assert others
    assert data(server) == [b"new 0", b"new 1"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_a_commit_run_again_by_a_new_process_changes_nothing(server: MemoryServer) -> None:
    job = MemoryJob(server)
    await job.prepare()
    parts = job.stage(b"a0", b"a1")
    await job.commit(parts)
    before = dict(server.files("/out"))
    await job.commit(parts)
    await job.abort()
    assert server.files("/out") == before


@pytest.mark.asyncio
async def test_a_commit_whose_staging_was_swept_says_so(server: MemoryServer) -> None:
    job = MemoryJob(server)
    await job.prepare()
    parts = job.stage(b"a0")
    for path in [p for p in server.nodes if p.startswith("/out/_temporary")]:
        del server.nodes[path]
    with pytest.raises(CommitError, match=r"staging directory of this job is gone.*staging_ttl"):
        await job.commit(parts)


@pytest.mark.asyncio
async def test_a_server_that_changes_the_intent_is_noticed_before_anything_is_visible(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server)
    await job.prepare()
    parts = job.stage(b"a0")

    def spoil(operation: Operation) -> None:
        if operation.target.endswith(".intent.json"):
            server.nodes[operation.target].data[-5:] = b"\0" * 5

    server.meanwhile = spoil
    with pytest.raises(CommitError, match="did not keep the commit's intent"):
        await job.commit(parts)
    await job.abort()
    assert data(server) == []


@pytest.mark.asyncio
async def test_a_server_without_rename_is_recognised_and_the_option_named() -> None:
    server = MemoryServer(rename=False)
    server.make("/out")
    with pytest.raises(CommitError, match=r"refuses RENAME.*commit_mode=direct"):
        await MemoryJob(server).prepare()
    assert server.names("/out") == set()


@pytest.mark.asyncio
async def test_an_ordinary_append_takes_few_requests_to_prepare_and_to_commit(
    server: MemoryServer,
) -> None:
    job = MemoryJob(server)
    await job.prepare()
    probe = server.log[2].path
    assert [str(o) for o in server.log] == [
        "mkdir /out/_temporary",
        f"mkdir {job.layout.staging}",
        # What a job does with its files; where requests are served in order, two round trips.
        *(
            f"{name} {probe}"
            for name in ["open", "write", "close", "stat", "kind", "open", "read", "close"]
        ),
        f"rename {probe} -> {probe}-renamed",
        f"remove {probe}-renamed",
    ]
    parts = job.stage(*(b"%d" % i for i in range(8)))
    server.log.clear()
    await job.commit(parts)
    # Not counted in a row: six looks for an intent at once, eight renames at once.
    assert len(server.log) == 6 + 3 + 1 + 3 + 8 + 3


# Direct: for servers that cannot rename


@pytest.mark.asyncio
async def test_direct_writes_and_overwrites_without_rename(bare: MemoryServer) -> None:
    await write(bare, b"old", commit_mode="direct")
    bare.put("/out/foreign.csv", b"foreign")
    await write(bare, b"new 0", b"new 1", overwrite=True, commit_mode="direct")
    assert data(bare) == [b"foreign", b"new 0", b"new 1"]
    assert not bare.operations("rename")
    assert "_temporary" not in bare.names("/out")


@pytest.mark.asyncio
async def test_direct_removes_what_lost_attempts_wrote(bare: MemoryServer) -> None:
    job = MemoryJob(bare, commit_mode="direct")
    await job.prepare()
    job.put(0, b"the speculative attempt")
    await job.commit([job.put(0, b"won"), job.put(1, b"other")])
    assert data(bare) == [b"other", b"won"]


@pytest.mark.asyncio
async def test_direct_removes_the_staging_directory_before_it_looks_for_lost_attempts(
    bare: MemoryServer,
) -> None:
    # A task that ends later finds the directory gone, and removes its file itself.
    job = MemoryJob(bare, commit_mode="direct")
    await job.prepare()
    parts = [job.put(0, b"won")]
    bare.log.clear()
    await job.commit(parts)
    requests = [str(operation) for operation in bare.log]
    assert requests.index(f"rmdir {job.layout.staging}") < requests.index("listdir /out")


@pytest.mark.asyncio
async def test_direct_abort_removes_this_jobs_files_only(bare: MemoryServer) -> None:
    await write(bare, b"old", commit_mode="direct")
    bare.put("/out/foreign.csv", b"foreign")
    job = MemoryJob(bare, overwrite=True, commit_mode="direct")
    await job.prepare()
    job.stage(b"new 0", b"new 1")
    await job.abort()
    await job.abort()
    assert data(bare) == [b"foreign", b"old"]


@pytest.mark.asyncio
async def test_direct_abort_after_the_commit_was_complete_removes_nothing(
    bare: MemoryServer,
) -> None:
    job = await write(bare, b"new", commit_mode="direct")
    await job.abort()
    assert data(bare) == [b"new"]


@pytest.mark.asyncio
async def test_direct_refuses_a_part_of_another_size(bare: MemoryServer) -> None:
    job = MemoryJob(bare, commit_mode="direct")
    await job.prepare()
    parts = job.stage(b"whole")
    bare.nodes[f"/out/{parts[0].final}"].data.pop()
    with pytest.raises(CommitError, match="4 bytes instead of 5"):
        await job.commit(parts)
    await job.abort()
    assert bare.names("/out") == set()
