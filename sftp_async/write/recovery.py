"""Completes or removes what crashed jobs left in a target: `recover`, `sweep` and `survey`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from sftp_async.errors import OptionsError
from sftp_async.layout.job_layout import Layout
from sftp_async.remote.operation import run_operation
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime
from sftp_async.write.commit import Found, Recovered, recover_target
from sftp_async.write.commit import survey as survey_target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.ssh import Connection

__all__ = ["Found", "Recovered", "recover", "survey", "sweep"]

T = TypeVar("T")


def recover(options: SFTPOptions, path: str | None = None) -> Recovered:
    """Complete interrupted commits to a target, and remove staging directories that are too old.

    Every write to the target does the same before its tasks; this is for targets that get no
    further write. It may run at any time, since it does not disturb running jobs.

    Args:
        options: as for a write.
        path: the target, as given to `save()`; `options.path` if left out.

    Returns:
        How many commits were completed, and how many abandoned staging directories removed: those
        older than `options.staging_ttl`.

    Raises:
        OptionsError: no path is given.
        ConnectError: the server cannot be reached.
        CommitError: a commit cannot be completed; gives the reason.

    """
    layout, options = _target(options, path)

    async def step(connection: Connection) -> Recovered:
        return await recover_target(connection, layout, ttl=options.staging_ttl)

    return _run(options, step)


def sweep(options: SFTPOptions, path: str | None = None) -> Recovered:
    """Remove staging older than `options.staging_ttl` that no commit names; see `recover`.

    Interrupted commits stay as they are: the next write, or `recover`, completes them.
    """
    layout, options = _target(options, path)

    async def step(connection: Connection) -> Recovered:
        return await recover_target(connection, layout, ttl=options.staging_ttl, sweep_only=True)

    return _run(options, step)


def survey(options: SFTPOptions, path: str | None = None) -> Found:
    """Return what `recover` and `sweep` would do, and change nothing; raises the same errors.

    Ages are by this machine's clock: the server's time is known only from a file written there.
    """
    layout, options = _target(options, path)

    async def step(connection: Connection) -> Found:
        return await survey_target(connection, layout, ttl=options.staging_ttl, now=time.time())

    return _run(options, step)


def _target(options: SFTPOptions, path: str | None) -> tuple[Layout, SFTPOptions]:
    """Return the target's layout, and the options with their references resolved."""
    if path is not None:
        options = options.model_copy(update={"path": path})
    if options.path is None:
        raise OptionsError("path is missing: name the target to recover")
    options = options.resolve()
    return Layout.new(options, ""), options


def _run(options: SFTPOptions, step: Callable[[Connection], Awaitable[T]]) -> T:
    runtime = get_runtime()
    retry = RetryPolicy(options.max_retries, options.retry_delay)
    return runtime.run(run_operation(runtime.pool(options), retry, step, patient=True))
