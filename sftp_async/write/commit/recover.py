"""Ends what interrupted jobs left in a target: completes or rolls back commits, sweeps staging."""

from __future__ import annotations

import logging
import posixpath
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import (
    CommitError,
    NameTakenError,
    RemoteExistsError,
    RemoteNotFoundError,
    TransferError,
)
from sftp_async.layout.claim_names import is_claim_directory
from sftp_async.write.commit.commit_marker import check_place
from sftp_async.write.commit.pending import (
    Action,
    Complete,
    RollBack,
    Sweep,
    pending,
)
from sftp_async.write.commit.promote import clear, finish, promote_all
from sftp_async.write.commit.remote_steps import (
    refuse_links,
    remove_leftover,
    remove_staging_base,
    remove_tree,
    sweep_claims,
)
from sftp_async.write.commit.rollback import roll_back

if TYPE_CHECKING:
    from sftp_async.layout.target_paths import TargetPaths
    from sftp_async.remote.filesystem import RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.recover")


@dataclass(frozen=True)
class Recovered:
    """Numbers of interrupted commits and aborts that were ended, and of leftovers swept."""

    finished: int = 0
    swept: int = 0


async def survey(
    connection: RemoteFileSystem,
    paths: TargetPaths,
    *,
    ttl: float,
    now: float,
    sweep_only: bool = False,
) -> list[Action]:
    """Return what `recover_target` would do, and change nothing.

    Args:
        connection: to the server.
        paths: of a job that looks at the target, and writes nothing.
        ttl: as for `pending`.
        now: as for `pending`: the server tells its time only to a client that writes.
        sweep_only: as for `pending`.

    Raises:
        CommitError: an earlier commit cannot be finished.

    """
    try:
        listing = await connection.listdir(paths.staging_base)
    except RemoteNotFoundError:
        return []
    actions = pending(connection, paths, listing, ttl=ttl, now=now, sweep_only=sweep_only)
    return [action async for action in actions]


async def recover_target(
    connection: RemoteFileSystem, paths: TargetPaths, *, ttl: float, sweep_only: bool = False
) -> Recovered:
    """End interrupted commits to a target, and sweep old staging; write nothing else.

    Args:
        connection: to the server.
        paths: of a job that looks at the target, and writes nothing.
        ttl: as for `recover`.
        sweep_only: as for `recover`.

    Raises:
        CommitError: an earlier commit cannot be finished.

    """
    if paths.staging_is_inside:
        await refuse_links(connection, paths.staging_base)
    try:
        with suppress(RemoteExistsError):  # made by a request whose reply was lost
            await connection.mkdir(paths.staging)
    except RemoteNotFoundError:
        return Recovered()
    try:
        return await recover(connection, paths, ttl=ttl, sweep_only=sweep_only)
    finally:
        with suppress(TransferError):
            await remove_tree(connection, paths.staging)
            await remove_staging_base(connection, paths)


async def recover(
    connection: RemoteFileSystem, paths: TargetPaths, *, ttl: float, sweep_only: bool = False
) -> Recovered:
    """End interrupted commits to a target, and sweep staging that no job will use again.

    Args:
        connection: to the server.
        paths: of the job that recovers; its staging directory was made just now, and shows the
            server's time.
        ttl: age in seconds, by the server's own clock, from which staging without an intent is
            swept.
        sweep_only: leave interrupted commits to the next write.

    Raises:
        CommitError: an earlier commit cannot be finished: to write on top of it would mix the two.

    """
    listing = await connection.listdir(paths.staging_base)
    now = next((entry.mtime for entry in listing if entry.name == paths.job_id), 0.0)
    actions = pending(connection, paths, listing, ttl=ttl, now=now, sweep_only=sweep_only)
    finished = swept = 0
    async with aclosing(actions):
        async for action in actions:
            try:
                await carry_out(connection, action)
            except CommitError as error:
                raise of_other_job(connection, action, error) from error
            if isinstance(action, Sweep):
                swept += 1
            else:
                finished += 1
    return Recovered(finished, swept)


def of_other_job(connection: RemoteFileSystem, action: Action, error: CommitError) -> CommitError:
    """Name the job that an error is about: it says nothing about the one that recovers."""
    job = "" if isinstance(action, Sweep) else f" (job {action.intent.paths.job_id})"
    return CommitError(
        f"An earlier write to this target was interrupted{job}, and cannot be ended: "
        f"{error.message}. This write has changed nothing",
        host=connection.address,
        path=error.path,
        hint=error.hint,
    )


async def carry_out(connection: RemoteFileSystem, action: Action) -> None:
    """Do what ends an interrupted job. Idempotent.

    Raises:
        CommitError: the server refuses a step, or a link is in the way.

    """
    if isinstance(action, Sweep):
        await _sweep(connection, action)
        return
    intent = action.intent
    log.warning(
        "%s: job %s was interrupted in the state %r: %s",
        intent.paths.directory,
        intent.paths.job_id,
        action.state,
        "rolling it back" if isinstance(action, RollBack) else "completing it",
    )
    await refuse_links(connection, intent.paths.staging)
    if intent.once is not None:
        await check_place(connection, intent.paths.directory, intent.once)
    if isinstance(action, RollBack):
        await roll_back(connection, intent, action.state)
        return
    if action.state == "finished":
        await clear(connection, intent)
        return
    if isinstance(action, Complete):
        try:
            await promote_all(connection, intent, recovering=True)
        except NameTakenError:
            # By another file meanwhile: the job cannot be completed, and must not block others.
            await roll_back(connection, intent)
            return
    await finish(connection, intent)


async def _sweep(connection: RemoteFileSystem, action: Sweep) -> None:
    log.warning("%s: sweeping what an interrupted job left", action.path)
    if action.staging is not None:
        link = await connection.is_link(action.staging)
        await (remove_leftover if link else remove_tree)(connection, action.staging)
    if is_claim_directory(posixpath.basename(action.path)):
        await sweep_claims(connection, action.path)
    elif action.path != action.staging:
        await remove_leftover(connection, action.path)
