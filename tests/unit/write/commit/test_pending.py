"""What is pending in a target: a survey shows exactly what recovery then does, in this order."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations

import pytest

from sftp_async.errors import CommitError
from sftp_async.layout.intent_names import IntentState
from sftp_async.remote.filesystem import RemoteFileSystem
from sftp_async.write.commit import recover as recovery
from sftp_async.write.commit.intent import intent_for
from sftp_async.write.commit.pending import Action, Complete, Finish, RollBack, Sweep
from sftp_async.write.commit.recover import Recovered, carry_out, recover_target, survey
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryServer

DAY = 86400.0
TTL = 7 * DAY
TORN, ABANDONED, FOREIGN = "a" * 32, "b" * 32, "backup"


def leave_commit(server: MemoryServer, state: IntentState, **options: object) -> MemoryJob:
    """Leave an overwrite that was interrupted in a state; each is older than the one before."""
    job = MemoryJob(server, **options)  # type: ignore[arg-type]
    parts = tuple(job.stage(state.encode()))
    old = f"old-{state}.csv"
    server.put(f"/out/{old}", b"old")
    intent = intent_for(job.layout, parts, removes=(old,), options=job.options, manifest=None)
    if state == "visible":
        server.put(intent.final(parts[0]), server.read(intent.staged(parts[0])))
    age = DAY * (1 + len(server.names("/out/_temporary")))
    server.put(job.layout.paths.document(state), intent.to_json(), age=age)
    server.nodes[job.layout.staging].mtime -= 30 * DAY
    return job


def leave_torn(server: MemoryServer) -> None:
    server.put(f"/out/_temporary/{TORN}.intent.json", b'{"version"', age=30 * DAY)
    server.put(f"/out/_temporary/{TORN}/part", b"0")
    server.nodes[f"/out/_temporary/{TORN}"].mtime -= 30 * DAY


def leave_abandoned(server: MemoryServer) -> None:
    server.put(f"/out/_temporary/{ABANDONED}/part", b"0")
    server.nodes[f"/out/_temporary/{ABANDONED}"].mtime -= 30 * DAY


def leave_foreign(server: MemoryServer) -> None:
    server.make(f"/out/_temporary/{FOREIGN}", age=30 * DAY)


LEFTOVERS = {
    "intent": lambda server: leave_commit(server, "intent"),
    "visible": lambda server: leave_commit(server, "visible"),
    "withdrawn": lambda server: leave_commit(server, "withdrawn"),
    "undone": lambda server: leave_commit(server, "undone"),
    "torn": leave_torn,
    "abandoned": leave_abandoned,
    "foreign": leave_foreign,
}
ENDS = {"intent": Complete, "visible": Finish, "withdrawn": RollBack, "undone": RollBack}
KINDS = [*chain.from_iterable(combinations(LEFTOVERS, n) for n in range(len(LEFTOVERS) + 1))]


def identities(actions: Iterable[Action]) -> list[tuple[type, str]]:
    """Return actions without their ages, which are by different clocks."""
    return [
        (type(each), each.path if isinstance(each, Sweep) else each.intent.paths.job_id)
        for each in actions
    ]


async def look(server: MemoryServer, *, sweep_only: bool = False) -> list[Action]:
    paths = MemoryJob(server).layout.paths
    return await survey(server.connect(), paths, ttl=TTL, now=server.now, sweep_only=sweep_only)


async def act(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch, *, sweep_only: bool = False
) -> tuple[Recovered, list[Action]]:
    """Recover; returns what was done, too."""
    done: list[Action] = []

    async def record(connection: RemoteFileSystem, action: Action) -> None:
        done.append(action)
        await carry_out(connection, action)

    monkeypatch.setattr(recovery, "carry_out", record)
    paths = MemoryJob(server).layout.paths
    found = await recover_target(server.connect(), paths, ttl=TTL, sweep_only=sweep_only)
    return found, done


@pytest.mark.asyncio
@pytest.mark.parametrize("kinds", KINDS, ids=" and ".join)
@pytest.mark.parametrize("sweep_only", [False, True])
async def test_what_is_shown_is_what_is_done(
    kinds: tuple[str, ...], sweep_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = MemoryServer()
    server.make("/out/_temporary")
    for kind in kinds:
        LEFTOVERS[kind](server)
    before = {path: (bytes(node.data), node.mtime) for path, node in server.nodes.items()}
    shown = await look(server, sweep_only=sweep_only)
    after = {path: (bytes(node.data), node.mtime) for path, node in server.nodes.items()}
    assert after == before
    found, done = await act(server, monkeypatch, sweep_only=sweep_only)
    assert identities(done) == identities(shown)
    ends = [ENDS[kind] for kind in kinds if kind in ENDS and not sweep_only]
    sweeps = [Sweep for kind in kinds if kind in ("torn", "abandoned")]
    assert sorted(type(each).__name__ for each in done) == sorted(
        kind.__name__ for kind in [*ends, *sweeps]
    )
    assert found == Recovered(finished=len(ends), swept=len(sweeps))
    # Afterwards nothing is pending, and what is not this package's is still there.
    assert await look(server, sweep_only=sweep_only) == []
    if not sweep_only:
        assert server.names("/out/_temporary") == ({FOREIGN} if "foreign" in kinds else set())


@pytest.mark.asyncio
async def test_interrupted_commits_come_first_and_the_oldest_of_them_first() -> None:
    server = MemoryServer()
    server.make("/out/_temporary")
    leave_abandoned(server)
    newest = leave_commit(server, "intent")
    oldest = leave_commit(server, "withdrawn")
    shown = await look(server)
    assert identities(shown) == [
        (RollBack, oldest.layout.job_id),
        (Complete, newest.layout.job_id),
        (Sweep, f"/out/_temporary/{ABANDONED}"),
    ]
    assert [each.age / DAY for each in shown] == [5, 3, 30]


@pytest.mark.asyncio
async def test_a_torn_intent_and_its_staging_are_one_sweep() -> None:
    server = MemoryServer()
    server.make("/out/_temporary")
    leave_torn(server)
    [sweep] = await look(server)
    assert isinstance(sweep, Sweep)
    assert sweep.path == f"/out/_temporary/{TORN}.intent.json"
    assert sweep.staging == f"/out/_temporary/{TORN}"


@pytest.mark.asyncio
async def test_an_intent_that_cannot_be_used_stops_a_recovery_and_no_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = MemoryServer()
    server.make("/out/_temporary")
    leave_abandoned(server)
    document = f"/out/_temporary/{'c' * 32}.intent.json"
    paths = '{"directory": "/out", "staging_base": "/out/_temporary"}'
    server.put(document, b'{"version": 99, "paths": ' + paths.encode() + b"}", age=30 * DAY)
    with pytest.raises(CommitError, match="version 99 is not known"):
        await look(server)
    [sweep] = await look(server, sweep_only=True)
    found, _ = await act(server, monkeypatch, sweep_only=True)
    assert (sweep.age, found.swept) == (30 * DAY, 1)
    assert document in server.nodes


@pytest.mark.asyncio
async def test_a_target_without_staging_has_nothing_pending() -> None:
    assert await look(MemoryServer()) == []
