"""`recover`: end what crashed jobs left in a target, without a write of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.commit import Recovered, recover_target
from sftp_async.errors import OptionsError
from sftp_async.layout import Layout
from sftp_async.pool import on_pool
from sftp_async.retry import RetryPolicy
from sftp_async.runtime import get_runtime

if TYPE_CHECKING:
    from sftp_async.options import SFTPOptions
    from sftp_async.transport import Connection

__all__ = ["Recovered", "recover"]


def recover(options: SFTPOptions, path: str | None = None) -> Recovered:
    """Carry interrupted commits to a target to their end, and sweep staging that is too old.

    Every write to the target does the same before its tasks; this is for targets that get no
    further write. It may run at any time: jobs that are alive are not disturbed.

    Args:
        options: as for a write.
        path: the target, as given to `save()`; `options.path` if left out.

    Returns:
        How many commits were finished, and how many abandoned staging directories removed (those
        older than `options.staging_ttl`).

    Raises:
        OptionsError: no path is given.
        ConnectError: the server cannot be reached.
        CommitError: a commit cannot be finished; says why.

    """
    if path is not None:
        options = options.model_copy(update={"path": path})
    if options.path is None:
        raise OptionsError("path is missing: name the target to recover")
    options = options.resolve()
    layout = Layout.mint(options, "")

    async def step(connection: Connection) -> Recovered:
        return await recover_target(connection, layout, ttl=options.staging_ttl)

    runtime = get_runtime()
    retry = RetryPolicy(options.max_retries, options.retry_delay)
    return runtime.run(on_pool(runtime.pool(options), retry, step, patient=True))
