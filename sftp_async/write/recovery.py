"""Recovers a target without a write: ends interrupted commits, sweeps staging of crashed jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from sftp_async.errors import OptionsError
from sftp_async.layout.job_layout import Layout
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime
from sftp_async.write.commit import (
    Action,
    Complete,
    Discard,
    Finish,
    Interrupted,
    Recovered,
    RollBack,
    Sweep,
    recover_target,
)
from sftp_async.write.commit import survey as survey_target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sftp_async.layout.target_paths import TargetPaths
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.ssh import Connection

__all__ = [
    "Action",
    "Complete",
    "Discard",
    "Finish",
    "Interrupted",
    "Recovered",
    "RollBack",
    "Sweep",
    "recover",
    "survey",
    "sweep",
]

T = TypeVar("T")


def recover(options: SFTPOptions, path: str | None = None) -> Recovered:
    """End interrupted commits to a target, and sweep staging that is too old.

    Every write to the target does the same before its tasks; this is for targets that get no
    further write. It may run at any time: running jobs are not disturbed.

    Args:
        options: as for a write.
        path: the target, as given to `save()`; `options.path` if left out.

    Returns:
        How many commits were completed, how many abandoned staging directories (those older than
        `options.staging_ttl`) were removed, and how many commits were discarded, because newer data
        has taken the place of what they were to replace.

    Raises:
        OptionsError: no path is given.
        ConnectError: the server cannot be reached.
        CommitError: a commit cannot be finished; the message gives the reason.

    """
    paths, options = _place(options, path)

    async def step(connection: Connection) -> Recovered:
        return await recover_target(connection, paths, ttl=options.staging_ttl)

    return _run(options, step)


def sweep(options: SFTPOptions, path: str | None = None) -> Recovered:
    """Remove staging older than `options.staging_ttl` that no commit names; see `recover`.

    Interrupted commits stay as they are: the next write, or `recover`, completes them.
    """
    paths, options = _place(options, path)

    async def step(connection: Connection) -> Recovered:
        return await recover_target(connection, paths, ttl=options.staging_ttl, sweep_only=True)

    return _run(options, step)


def survey(
    options: SFTPOptions, path: str | None = None, *, sweep_only: bool = False
) -> list[Action]:
    """Return what `recover`, or `sweep`, would do, in order, and change nothing.

    Ages are by this machine's clock: the server tells its time only to a client that writes.

    Args:
        options: as for a write.
        path: the target, as given to `save()`; `options.path` if left out.
        sweep_only: what `sweep` would do.

    Raises:
        OptionsError, ConnectError, CommitError: as `recover`.

    """
    paths, options = _place(options, path)

    async def step(connection: Connection) -> list[Action]:
        return await survey_target(
            connection, paths, ttl=options.staging_ttl, now=time.time(), sweep_only=sweep_only
        )

    return _run(options, step)


def _place(options: SFTPOptions, path: str | None) -> tuple[TargetPaths, SFTPOptions]:
    """Return where to look, and the options with their references resolved."""
    if path is not None:
        options = options.model_copy(update={"path": path})
    if options.path is None:
        raise OptionsError("path is missing: name the target to recover")
    options = options.resolve()
    return Layout.new(options, "").paths, options


def _run(options: SFTPOptions, step: Callable[[Connection], Awaitable[T]]) -> T:
    runtime = get_runtime()
    retry = RetryPolicy.of(options)
    return runtime.run(run_operation(runtime.pool(options), retry, step, retry_connect=True))
