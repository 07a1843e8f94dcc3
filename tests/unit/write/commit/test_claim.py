"""Claims of names that other jobs use, too: what ends one, and what must stay."""

from __future__ import annotations

import json
import posixpath

import pytest

from sftp_async.errors import CommitError, ConnectionLostError
from sftp_async.layout.claim_names import ClaimToken, claim_directory
from sftp_async.write.commit import Recovered, claim
from sftp_async.write.commit.claim import Claim
from tests.support.jobs import MemoryJob
from tests.support.memory_server import MemoryConnection, MemoryServer, Operation
from tests.unit.write.commit.test_recover import DAY, data

EXACT = "/out/all.csv"


class Died(BaseException):
    """The driver's process ended."""


async def die_before_its_file_is_visible(server: MemoryServer, job: MemoryJob) -> str:
    """Commit, and die when the intent is published; returns the claim that it names."""
    parts = job.stage(b"dead")

    def die(operation: Operation) -> None:
        if operation.target == EXACT:
            raise Died

    server.refuse = die
    with pytest.raises(Died):
        await job.commit(parts)
    server.refuse = lambda operation: None
    fields = json.loads(server.read(job.layout.paths.document("intent")))
    return posixpath.join(job.layout.paths.staging_base, fields["claim"])


async def discarded_overwrite(server: MemoryServer) -> tuple[MemoryJob, str]:
    """Let a job find, when it claims the names, one whose file is newer by then."""
    server.put(EXACT, b"old")
    died = MemoryJob(server, EXACT, overwrite=True)
    following = MemoryJob(server, EXACT, if_exists="rename")
    await died.prepare()
    await following.prepare()
    path = await die_before_its_file_is_visible(server, died)
    server.now += 60
    server.put(EXACT, b"newer")
    await following.commit(following.stage(b"following"))
    return died, path


@pytest.mark.asyncio
async def test_a_holder_that_was_to_replace_an_older_file_is_discarded(
    server: MemoryServer,
) -> None:
    died, path = await discarded_overwrite(server)
    assert data(server) == [b"following", b"newer"]
    assert posixpath.dirname(path) not in server.nodes
    with pytest.raises(CommitError, match="discarded"):
        await died.commit([])


@pytest.mark.asyncio
async def test_a_claim_that_a_discarded_job_has_left_blocks_none_and_the_job_learns_of_it(
    server: MemoryServer,
) -> None:
    died, path = await discarded_overwrite(server)
    server.make(posixpath.dirname(path))
    server.make(path)
    await MemoryJob(server, EXACT, overwrite=True).write(b"last")
    assert b"last" in data(server)
    assert path not in server.nodes
    with pytest.raises(CommitError, match="discarded"):
        await died.commit([])


@pytest.mark.asyncio
async def test_the_claim_of_an_attempt_stays_when_the_commit_of_another_one_is_ended(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = [MemoryJob(server, EXACT, overwrite=True, job_key="k") for _ in range(2)]
    other = MemoryJob(server, EXACT, overwrite=True)
    for job in (*attempts, other):
        await job.prepare()
    published, plans = attempts
    path = await die_before_its_file_is_visible(server, published)
    server.drop(path)  # as one does who finds the token before the intent
    token = ClaimToken.new(plans.layout.paths)
    server.make(posixpath.join(posixpath.dirname(path), token.name))
    monkeypatch.setattr(claim, "LOOKS", 1)
    monkeypatch.setattr(claim, "BETWEEN_LOOKS", 0.0)
    with pytest.raises(CommitError, match="same names"):
        await Claim(other.layout, other.options).take(server.connect())
    assert data(server) == [b"dead"]
    assert server.names(posixpath.dirname(path)) == {token.name}


@pytest.mark.asyncio
async def test_with_a_staging_dir_two_spellings_of_one_target_are_one_claim(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def realpath(self: MemoryConnection, path: str) -> str:
        return path.replace("/link", "/out")

    monkeypatch.setattr(MemoryConnection, "realpath", realpath)
    server.make("/staging")
    server.make("/link")
    for target in (EXACT, "/link/all.csv"):
        await MemoryJob(server, target, overwrite=True, staging_dir="/staging").write(b"a")
    made = [operation.path for operation in server.operations("mkdir")]
    assert len({posixpath.dirname(p) for p in made if "/claim-" in posixpath.dirname(p)}) == 1


@pytest.mark.asyncio
async def test_a_recovery_that_ends_an_old_commit_sweeps_no_claim_that_went_with_it(
    server: MemoryServer,
) -> None:
    died = MemoryJob(server, EXACT, overwrite=True)
    await died.prepare()
    path = await die_before_its_file_is_visible(server, died)
    server.now += 8 * DAY
    assert await MemoryJob(server).recover() == Recovered(finished=1)
    assert posixpath.dirname(path) not in server.nodes


@pytest.mark.asyncio
async def test_an_old_claim_of_a_job_that_is_over_is_swept(server: MemoryServer) -> None:
    paths = MemoryJob(server, EXACT).layout.paths
    directory = f"{paths.staging_base}/{claim_directory(paths, 'all.csv')}"
    for made in (paths.staging_base, directory, f"{directory}/{ClaimToken.new(paths).name}"):
        server.make(made, age=8 * DAY)
    assert await MemoryJob(server).recover() == Recovered(swept=1)
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("cut", ["directory", "claim"])
async def test_what_a_lost_reply_leaves_of_a_claim_is_gone_with_the_next_write(
    server: MemoryServer, when: str, cut: str
) -> None:
    job = MemoryJob(server, EXACT, overwrite=True)
    await job.prepare()
    parts = job.stage(b"a")

    lost: list[str] = []

    def lose(operation: Operation) -> None:
        parent, name = posixpath.split(operation.path)
        removed = name if cut == "directory" else posixpath.basename(parent)
        if operation.name == "rmdir" and removed.startswith("claim-") and not lost:
            lost.append(operation.path)
            raise ConnectionLostError("The connection was lost", host="h")

    setattr(server, {"before": "refuse", "after": "meanwhile"}[when], lose)
    await job.commit(parts)
    assert lost
    await MemoryJob(server, "/out/other.csv").write(b"b")
    assert data(server) == [b"a", b"b"]
    assert "_temporary" not in server.names("/out")


@pytest.mark.asyncio
@pytest.mark.parametrize("left", ["staging directory", "intent"])
async def test_the_claim_of_a_job_that_is_not_over_is_left_to_it(
    server: MemoryServer, left: str
) -> None:
    paths = MemoryJob(server, EXACT).layout.paths
    claimed = f"{paths.staging_base}/{claim_directory(paths, 'all.csv')}/"
    claimed += ClaimToken.new(paths).name
    for made in (paths.staging_base, posixpath.dirname(claimed), claimed):
        server.make(made)
    if left == "intent":
        server.put(paths.document("finished"), b"")  # its directory is gone, and it goes on
    else:
        server.make(paths.staging)
    await MemoryJob(server).write(b"a")
    assert claimed in server.nodes
