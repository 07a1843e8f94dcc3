"""An interrupted job is not completed onto newer data, nor into an abort of its own driver."""

from __future__ import annotations

import posixpath

import pytest

from sftp_async.errors import CommitError, RemoteFailureError
from sftp_async.write.commit import Discard, Recovered, recover_target, survey
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryServer, Operation
from tests.unit.write.commit.test_recover import DAY, crash_while, data, next_job


class Died(BaseException):
    """The driver's process ended."""


def newer_part(server: MemoryServer, content: bytes) -> None:
    server.now += 60
    server.put("/out/part-00000-0123456789abcdef-c000.csv", content)


def remove_old(server: MemoryServer, *contents: bytes) -> None:
    """Remove data as another program would."""
    for path in [p for p in server.nodes if posixpath.dirname(p) == "/out"]:
        if server.read(path) in contents and not server.nodes[path].is_dir:
            server.drop(path)


@pytest.mark.asyncio
async def test_an_overwrite_whose_old_data_was_replaced_since_is_discarded(
    server: MemoryServer, caplog: pytest.LogCaptureFixture
) -> None:
    await MemoryJob(server).write(b"old")
    await crash_while(server, "rename", "/out/part-00001", b"dead 0", b"dead 1", overwrite=True)
    remove_old(server, b"old", b"dead 0")
    newer_part(server, b"newer")
    looks = MemoryJob(server)
    shown = await survey(server.connect(), looks.layout.paths, ttl=DAY, now=server.now)
    assert [type(action) for action in shown] == [Discard]
    assert await looks.recover() == Recovered(discarded=1)
    assert data(server) == [b"newer"]
    assert "newer data has taken the place" in caplog.text


@pytest.mark.asyncio
async def test_what_a_discarded_overwrite_has_made_visible_goes(server: MemoryServer) -> None:
    await MemoryJob(server).write(b"old")
    await crash_while(server, "rename", "/out/part-00001", b"dead 0", b"dead 1", overwrite=True)
    remove_old(server, b"old")
    newer_part(server, b"newer")
    await next_job(server)
    assert data(server) == [b"newer"]


@pytest.mark.asyncio
async def test_sidecar_files_of_replaced_data_do_not_come_back_with_a_discarded_job(
    server: MemoryServer,
) -> None:
    await MemoryJob(server, success_file=True).write(b"old")
    await crash_while(server, "rename", "/out/part-00000", b"dead", overwrite=True)
    remove_old(server, b"old")
    newer_part(server, b"newer")
    await next_job(server)
    assert set(server.files("/out")) == {"part-00000-0123456789abcdef-c000.csv"}


@pytest.mark.asyncio
async def test_an_overwrite_whose_old_data_a_reader_took_is_completed(server: MemoryServer) -> None:
    await MemoryJob(server).write(b"old")
    await crash_while(server, "rename", "/out/part-00001", b"new 0", b"new 1", overwrite=True)
    remove_old(server, b"old")
    assert await MemoryJob(server).recover() == Recovered(finished=1)
    assert data(server) == [b"new 0", b"new 1"]


@pytest.mark.asyncio
async def test_an_exact_file_that_is_newer_than_an_interrupted_job_stays(
    server: MemoryServer,
) -> None:
    await MemoryJob(server, "/out/all.csv").write(b"old")
    died = MemoryJob(server, "/out/all.csv", overwrite=True)
    await died.prepare()
    parts = died.stage(b"dead")

    def die(operation: Operation) -> None:
        if operation.target == "/out/all.csv":
            raise Died

    server.refuse = die
    with pytest.raises(Died):
        await died.commit(parts)
    server.refuse = lambda operation: None
    server.now += 60
    server.put("/out/all.csv", b"newer")
    await next_job(server)
    assert data(server) == [b"newer"]


@pytest.mark.asyncio
async def test_a_recovery_that_meets_the_abort_of_the_job_rolls_it_back_too(
    server: MemoryServer,
) -> None:
    await MemoryJob(server).write(b"old")
    died = await crash_while(server, "rename", "/out/part-00001", b"0", b"1", overwrite=True)
    document = died.layout.paths.document

    def abort_begins(operation: Operation) -> None:
        if operation.name == "rename" and operation.target.startswith("/out/part-00001"):
            server.refuse = lambda operation: None
            server.add(document("withdrawn"), server.drop(document("intent")))
            server.drop(operation.path)

    server.refuse = abort_begins
    await next_job(server)
    assert data(server) == [b"old"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_a_recovery_that_meets_the_end_of_the_jobs_abort_has_nothing_left_to_do(
    server: MemoryServer,
) -> None:
    await MemoryJob(server).write(b"old")
    died = await crash_while(server, "rename", "/out/part-00001", b"0", b"1", overwrite=True)

    def abort_ends(operation: Operation) -> None:
        if operation.name == "rename" and operation.target.startswith("/out/part-00001"):
            server.refuse = lambda operation: None
            for path in sorted(server.nodes, reverse=True):
                if path.startswith(died.layout.staging):
                    server.drop(path)
            remove_old(server, b"0")

    server.refuse = abort_ends
    await next_job(server)
    assert data(server) == [b"old"]


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/out", "/out/all.csv"])
async def test_a_state_whose_write_was_refused_half_way_takes_no_staged_file_along(
    bare: MemoryServer, path: str
) -> None:
    await MemoryJob(bare, path, commit_mode="direct").write(b"old")
    job = MemoryJob(bare, path, overwrite=True, commit_mode="direct")
    await job.prepare()
    parts = job.stage(b"data")

    def refuse(operation: Operation) -> None:
        if operation.name == "write" and operation.path.endswith(".visible.json"):
            raise RemoteFailureError("Failure", host="memory", path=operation.path)

    bare.refuse = refuse
    with pytest.raises(Exception, match="could not be finished"):
        await job.commit(parts)
    bare.refuse = lambda operation: None
    assert bare.read(job.layout.paths.document("visible")) == b""
    before = {name for name in bare.nodes if name.startswith(job.layout.staging)}
    bare.now += 8 * DAY
    sweeps = MemoryJob(
        bare, path, commit_mode="direct", if_exists="rename" if "." in path else None
    )
    found = await recover_target(bare.connect(), sweeps.layout.paths, ttl=7 * DAY, sweep_only=True)
    assert found.finished == 0
    assert before - set(bare.nodes) <= {job.layout.paths.document("visible")}
    assert await sweeps.recover() == Recovered(finished=1)
    assert data(bare) == [b"data"]
    assert "_temporary" not in bare.names("/out")


@pytest.mark.asyncio
async def test_a_job_that_was_discarded_while_it_stood_still_fails_and_leaves_nothing(
    server: MemoryServer,
) -> None:
    await MemoryJob(server).write(b"old")
    job = MemoryJob(server, overwrite=True)
    await job.prepare()
    parts = job.stage(b"late 0", b"late 1")
    recovered: list[Recovered] = []

    async def stand_still() -> None:
        if f"/out/{parts[0].final}" in server.nodes and not recovered:
            server.turn = None
            remove_old(server, b"old")
            newer_part(server, b"newer")
            recovered.append(await MemoryJob(server).recover())

    server.turn = stand_still
    with pytest.raises(CommitError, match=r"stood still in its commit.*discarded it"):
        await job.commit(parts)
    assert recovered == [Recovered(discarded=1)]
    await job.abort()
    assert data(server) == [b"newer"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_what_is_kept_of_a_discarded_job_is_swept_in_the_end(server: MemoryServer) -> None:
    await MemoryJob(server).write(b"old")
    died = await crash_while(server, "rename", "/out/part-00001", b"0", b"1", overwrite=True)
    remove_old(server, b"old")
    newer_part(server, b"newer")
    await next_job(server)
    assert server.names("/out/_temporary") == {f"{died.layout.job_id}.discarded.json"}
    assert await MemoryJob(server).recover() == Recovered()
    server.now += 8 * DAY
    assert await MemoryJob(server).recover() == Recovered(swept=1)
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_an_overwrite_is_completed_though_one_in_flight_at_the_same_time_replaced_its_data(
    server: MemoryServer,
) -> None:
    await MemoryJob(server).write(b"old")
    await crash_while(server, "rename", "/out/part-00001", b"0", b"1", overwrite=True)
    remove_old(server, b"old")
    server.put("/out/part-00000-0123456789abcdef-c000.csv", b"of the same time")
    await next_job(server)
    assert data(server) == [b"0", b"1", b"of the same time"]
