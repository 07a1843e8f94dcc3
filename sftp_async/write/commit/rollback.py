"""Rolls back a published intent: what it made visible disappears, what it replaced is restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftp_async.layout.target_paths import PromotionMode
from sftp_async.write.commit import intent_store
from sftp_async.write.commit.promoters import promoter_for
from sftp_async.write.commit.remote_steps import remove_staging_base, remove_tree

if TYPE_CHECKING:
    from sftp_async.layout.intent_names import IntentState
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import Intent


async def roll_back(
    connection: RemoteFileSystem,
    intent: Intent,
    state: IntentState = "intent",
    *,
    discard: bool = False,
) -> bool:
    """Roll back a published intent, and leave every file that is not the job's. Idempotent.

    Args:
        connection: to the server.
        intent: published; a file that it copied over an existing one stays.
        state: the state it was found in.
        discard: another writer does it: what is left of the intent tells the job's own one.

    Returns:
        Whether that was done; if not, another writer has completed the job meanwhile.

    """
    promoter = promoter_for(connection, intent)
    if state not in ("undone", "discarded"):
        # First of all, so that no other writer completes what is being rolled back.
        if not await intent_store.advance(connection, intent, "withdrawn"):
            return False
        await promoter.roll_back()
    await remove_tree(connection, intent.paths.staging)
    await promoter.remove_attempts(keep=())
    since: IntentState = "undone" if intent.mode is PromotionMode.RENAME else "withdrawn"
    if not (discard and await intent_store.advance(connection, intent, "discarded", since)):
        await intent_store.forget(connection, intent, "intent", "withdrawn", "undone", "discarded")
    await remove_staging_base(connection, intent.paths)
    return True
