"""Removes files staged by earlier attempts of a streaming query that never published an intent."""

from __future__ import annotations

import logging
import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import UNKNOWN_OUTCOME, RemoteNotFoundError, TransferError
from sftp_async.layout.intent_names import JOB_ID, document_of
from sftp_async.layout.job_layout import same_lineage
from sftp_async.layout.part_names import tag_of
from sftp_async.remote.concurrency import each
from sftp_async.write.commit.partition_directories import remove_tagged_everywhere
from sftp_async.write.commit.remote_steps import remove_staging_base, remove_tree

if TYPE_CHECKING:
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.stale_attempts")


async def remove_stale_attempts(connection: RemoteFileSystem, layout: Layout) -> None:
    """Remove what other attempts of a job's query staged.

    Args:
        connection: to the server.
        layout: of the attempt that ends now.

    """
    paths = layout.paths
    try:
        listing = await connection.listdir(paths.staging_base)
    except RemoteNotFoundError:
        return
    except UNKNOWN_OUTCOME:
        raise
    except TransferError as error:
        log.warning("%s: cannot list what earlier attempts left: %s", layout.target, error)
        return
    if any(document_of(entry.name) for entry in listing):
        return  # it may name one of them

    async def remove(job_id: str) -> None:
        await remove_tree(connection, posixpath.join(paths.staging_base, job_id))
        if layout.direct:
            await remove_tagged_everywhere(
                connection, layout.directory, layout.partition_by, tag_of(job_id), keep=()
            )

    names = [entry.name for entry in listing if JOB_ID.fullmatch(entry.name)]
    await each([name for name in names if same_lineage(name, layout.job_id)], remove)
    await remove_staging_base(connection, paths)
