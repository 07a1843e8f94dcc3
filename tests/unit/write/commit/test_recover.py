"""What the next job does for those before it."""

from __future__ import annotations

import json

import pytest

from sftp_async.errors import CommitError
from sftp_async.write.commit.intent import intent_for
from tests.support.jobs import MemoryJob
from tests.support.memory_server import Crash, Fault, MemoryServer, Operation, denied

DAY = 86400.0


async def crash_while(
    server: MemoryServer, name: str, target: str, *contents: bytes, **job: object
) -> MemoryJob:
    """Commit, and die instead of the request of that name whose target begins so."""
    dying = MemoryJob(server, **job)  # type: ignore[arg-type]
    await dying.prepare()
    parts = dying.stage(*contents)

    def die(operation: Operation) -> None:
        if operation.name == name and operation.target.startswith(target):
            raise _Die

    server.refuse = die
    with pytest.raises(_Die):
        await dying.commit(parts)
    server.refuse = lambda operation: None
    return dying


class _Die(BaseException):
    pass


async def next_job(server: MemoryServer, path: str = "/out", **job: object) -> None:
    following = MemoryJob(server, path, **job)  # type: ignore[arg-type]
    await following.prepare()
    await following.abort()


def data(server: MemoryServer) -> list[bytes]:
    return sorted(server.files("/out").values())


@pytest.mark.asyncio
async def test_the_next_job_finishes_an_interrupted_append_before_its_own_tasks(
    server: MemoryServer,
) -> None:
    await crash_while(server, "rename", "/out/part-00001", b"0", b"1", b"2")
    assert b"0" in data(server)
    assert b"1" not in data(server)
    await next_job(server)
    assert data(server) == [b"0", b"1", b"2"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_an_interrupted_overwrite_still_removes_the_old_data(server: MemoryServer) -> None:
    await MemoryJob(server).write(b"old")
    await crash_while(server, "rename", "/out/part-00001", b"0", b"1", overwrite=True)
    assert data(server) == [b"0", b"old"]
    await next_job(server)
    assert data(server) == [b"0", b"1"]


@pytest.mark.asyncio
async def test_a_job_that_spells_the_target_differently_finishes_it_too(
    server: MemoryServer,
) -> None:
    await crash_while(server, "rename", "/out/part-00001", b"0", b"1")
    # As the same directory looks from the login directory.
    for path in [p for p in server.nodes if p.startswith("/out")]:
        server.nodes["here" + path] = server.nodes.pop(path)
    server.nodes["here"] = server.nodes["/"]
    await next_job(server, "here/out")
    assert sorted(server.files("here/out").values()) == [b"0", b"1"]


@pytest.mark.asyncio
async def test_readers_that_took_files_away_do_not_block_it(server: MemoryServer) -> None:
    await MemoryJob(server).write(b"old")
    dead = await crash_while(server, "rename", "/out/part-00001", b"0", b"1", overwrite=True)
    del server.nodes[f"/out/part-00000-{dead.layout.tag}-c000.csv"]
    await next_job(server)
    assert data(server) == [b"1"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_old_data_is_not_removed_when_the_staged_new_data_was_cleared_away(
    server: MemoryServer,
) -> None:
    await MemoryJob(server).write(b"old")
    dead = await crash_while(server, "rename", "/out/part-00000", b"new", overwrite=True)
    for path in [p for p in server.nodes if p.startswith(dead.layout.staging + "/")]:
        del server.nodes[path]
    del server.nodes[dead.layout.staging]
    with pytest.raises(CommitError, match="vanished before it became visible"):
        await next_job(server)
    assert data(server) == [b"old"]


@pytest.mark.asyncio
async def test_intents_of_other_targets_in_a_shared_staging_directory_are_left_alone(
    server: MemoryServer,
) -> None:
    server.make("/staging")
    dead = await crash_while(
        server, "rename", "/out/part-00001", b"0", b"1", staging_dir="/staging"
    )
    server.now += 30 * DAY
    await next_job(server, "/elsewhere", staging_dir="/staging")
    assert server.names("/staging") == {dead.layout.job_id, f"{dead.layout.job_id}.intent.json"}
    assert data(server) == [b"0"]
    await next_job(server, staging_dir="/staging")
    assert data(server) == [b"0", b"1"]
    assert server.names("/staging") == set()


@pytest.mark.asyncio
async def test_abandoned_staging_is_swept_when_it_is_older_than_staging_ttl(
    server: MemoryServer,
) -> None:
    server.put(f"/out/_temporary/{'a' * 32}/part-00000-c000-x", b"")
    server.make(f"/out/_temporary/{'a' * 32}", age=0)
    server.nodes[f"/out/_temporary/{'a' * 32}"].mtime = server.now - 3 * DAY - 1
    server.make(f"/out/_temporary/{'b' * 32}", age=3 * DAY - 1)
    await next_job(server, staging_ttl=3 * DAY)
    assert server.names("/out/_temporary") == {"b" * 32}


@pytest.mark.asyncio
async def test_only_names_of_jobs_are_swept(server: MemoryServer) -> None:
    for name in ("0", "mine", "A" * 32, "a" * 31):
        server.make(f"/out/_temporary/{name}", age=90 * DAY)
    await next_job(server)
    assert len(server.names("/out/_temporary")) == 4


@pytest.mark.asyncio
async def test_nothing_is_swept_where_the_server_tells_no_times(server: MemoryServer) -> None:
    server.make(f"/out/_temporary/{'a' * 32}")
    server.nodes[f"/out/_temporary/{'a' * 32}"].mtime = 0
    await next_job(server)
    assert server.names("/out/_temporary") == {"a" * 32}


@pytest.mark.asyncio
async def test_a_torn_intent_does_not_count_and_is_swept_when_it_is_old() -> None:
    server = MemoryServer(rename=False, posix_rename=False)
    server.make("/out")
    job = MemoryJob(server, commit_mode="direct")
    await job.prepare()
    parts = job.stage(b"0")
    # The commit looks six times, opens, and dies half through.
    server.faults = {len(server.log) + 7: Fault("crash", "before")}
    with pytest.raises(Crash):
        await job.commit(parts)
    assert server.read(f"{job.layout.staging}.intent.json") == b""
    await next_job(server, commit_mode="direct")
    assert f"{job.layout.job_id}.intent.json" in server.names("/out/_temporary")
    server.now += 8 * DAY
    await next_job(server, commit_mode="direct")
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
async def test_a_job_does_not_report_the_state_of_an_earlier_one_as_its_own() -> None:
    server = MemoryServer()
    await MemoryJob(server).write(b"old")
    earlier = MemoryJob(server, overwrite=True)
    await earlier.prepare()
    parts = earlier.stage(b"new")

    def refuse(operation: Operation) -> None:
        if operation.name == "remove" and operation.path.startswith("/out/part-"):
            raise denied(operation.path)

    server.refuse = refuse
    with pytest.raises(CommitError, match="The new data is complete and visible"):
        await earlier.commit(parts)
    with pytest.raises(CommitError) as caught:
        await next_job(server)
    job = earlier.layout.job_id
    text = f"An earlier write to this target was interrupted (job {job}), and cannot be ended: "
    assert str(caught.value).startswith(text)
    assert "This write has changed nothing" in str(caught.value)


#: Neither a file of the target, nor one in its partition directories.
HOSTILE = [
    *("../x", "/etc/x", "a/b", "..", ".", "", "a\0b", 7, None),
    *("a=1/../../x", "a=1/../x", "../a=1/x", "/a=1/x", "a=1//x", "a=1/./x", "a=1/", "a=1/b/x"),
    *("_sftp_async/q/1.committed", "_temporary/a=1/x", "a=1/x\0y"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["staged", "final", "removes", "makes"])
async def test_an_intent_with_a_hostile_name_is_refused_and_nothing_is_touched(
    server: MemoryServer, place: str, name: object
) -> None:
    server.put("/etc/x", b"precious")
    server.put("/x", b"precious")
    job = MemoryJob(server, overwrite=True)
    server.make(job.layout.staging)
    part = {"staged": "s", "final": "f", "rows": 1, "size": 1, "sha256": ""}
    fields = json.loads(
        intent_for(job.layout, (), removes=(), options=job.options, manifest=None).to_json()
    )
    if place in ("removes", "makes"):
        fields[place] = [name]
    else:
        fields["parts"] = [part | {place: name}]
    server.put(f"{job.layout.staging}.intent.json", json.dumps(fields).encode())
    before = {path: bytes(node.data) for path, node in server.nodes.items()}
    with pytest.raises(
        CommitError, match=r"cannot be used: .*(unsafe name|valid string).*look at the file"
    ):
        await next_job(server)
    assert {path: bytes(node.data) for path, node in server.nodes.items()} == before


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"version": 2},
        {"version": 4},
        {"paths": {"job_id": "f" * 32}},
        {"paths": {"job_id": "../" + "f" * 29}},
        {"paths": {"mode": "move"}},
        {"paths": {"more": 1}},
        {"paths": {"directory": 5}},
        {"paths": 5},
        {"parts": [{"staged": "s"}]},
        {"parts": 5},
        {"parts": [{"staged": "s", "final": "f", "rows": True, "size": 1, "sha256": ""}]},
        {"parts": [{"staged": "s", "final": "f", "rows": "1", "size": 1, "sha256": ""}]},
        {"parts": [{"staged": "s", "final": "f", "rows": 1, "size": 1, "sha256": "", "x": 1}]},
        {"pieces": [["1", ""]]},
        {"pieces": [[1]]},
        {"replaces": "no"},
        {"success_file": 1},
        {"permissions": -1},
        {"modified": "now"},
        {"checksums": "crc"},
        {"manifest": []},
        {"partition_by": [""]},
        {"more": 1},
    ],
)
async def test_an_intent_that_this_release_cannot_trust_is_refused(
    server: MemoryServer, change: dict[str, object]
) -> None:
    job = MemoryJob(server)
    server.make(job.layout.staging)
    intent = intent_for(job.layout, (), removes=(), options=job.options, manifest=None)
    fields = json.loads(intent.to_json())
    paths = change.get("paths")
    if isinstance(paths, dict):
        change = {"paths": fields["paths"] | paths}
    fields |= change
    server.put(f"{job.layout.staging}.intent.json", json.dumps(fields).encode())
    with pytest.raises(CommitError, match="cannot be used"):
        await next_job(server)
    assert job.layout.staging in server.nodes


@pytest.mark.asyncio
async def test_files_that_only_look_like_intents_are_ignored(server: MemoryServer) -> None:
    server.put("/out/_temporary/evil.intent.json", b"{}")
    server.put("/out/_temporary/readme.txt", b"{}")
    await next_job(server)
    assert server.names("/out/_temporary") == {"evil.intent.json", "readme.txt"}
