"""Removes claims that no job holds any more: of processes that died at the very end of a job."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError, RemotePermissionError, TransferError
from sftp_async.layout.claim_names import ClaimToken
from sftp_async.layout.intent_names import STATES, document_name

if TYPE_CHECKING:
    from sftp_async.remote.filesystem import RemoteFileSystem


async def is_stale(connection: RemoteFileSystem, directory: str) -> bool:
    """Whether a directory of claims is there, and no job holds or seeks one of them."""
    try:
        listing = await connection.listdir(directory)
    except (RemoteNotFoundError, RemotePermissionError):
        return False
    for entry in listing:
        token = ClaimToken.parse(entry.name)
        if token is None or not await _is_over(connection, directory, token):
            return False
    return True


async def sweep_claims(connection: RemoteFileSystem, directory: str) -> None:
    """Remove the claims of jobs that are over, and their directory if no other is left.

    A server that refuses it leaves them, which does no harm.
    """
    try:
        listing = await connection.listdir(directory)
    except RemoteNotFoundError:  # removed by its last holder
        return
    for entry in listing:
        token = ClaimToken.parse(entry.name)
        if token is not None and await _is_over(connection, directory, token):
            with suppress(TransferError):
                await connection.rmdir(posixpath.join(directory, entry.name))
    with suppress(TransferError):
        await connection.rmdir(directory)


async def _is_over(connection: RemoteFileSystem, directory: str, token: ClaimToken) -> bool:
    """Whether the job that made a token can publish nothing, and has published nothing.

    In this order: once the staging directory is gone, an intent is only removed.
    """
    base = posixpath.dirname(directory)
    if await connection.exists(posixpath.join(base, token.job_id)):
        return False
    for state in STATES:
        if await connection.exists(posixpath.join(base, document_name(token.document_id, state))):
            return False
    return True
