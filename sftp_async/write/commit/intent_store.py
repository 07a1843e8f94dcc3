"""Intents as documents on the server: published, found again, moved from state to state."""

from __future__ import annotations

import json
import posixpath
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sftp_async.errors import (
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemoteUnsupportedError,
)
from sftp_async.layout.job_layout import DOCUMENT, uses_own_staging
from sftp_async.remote.concurrency import each
from sftp_async.write.commit.intent import STATES, Intent, document_path
from sftp_async.write.commit.remote_steps import remove_if_there

if TYPE_CHECKING:
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteFileSystem
    from sftp_async.write.commit.intent import State

#: About 250 bytes a part file: room for a quarter of a million of them.
LARGEST = 64 * 1024 * 1024
#: The document while it is being written, inside the job's staging directory.
DRAFT = "intent.draft"
#: Stands for a document that does not parse.
TORN = object()


def document_of(name: str) -> tuple[str, State] | None:
    """Return the document and the state that a file name stands for, or None for another's."""
    match = DOCUMENT.fullmatch(name)
    if match is None:
        return None
    state: State = match["state"]  # type: ignore[assignment] # the pattern allows no other
    return match["document"], state


async def load(
    connection: RemoteFileSystem, staging_base: str, directory: str, document: str, state: State
) -> Intent | None:
    """Read a document.

    Returns:
        None if there is none (any more), if it belongs to another target that shares the staging
        directory, or if it is torn. A torn one was never published: without rename the document
        grows in place, and its writer goes on only after it read all of it back.

    Raises:
        CommitError: it is of another version, or names something outside the target.

    """
    path = document_path(staging_base, document, state)
    try:
        fields = _parse(await connection.read_file(path, LARGEST))
    except RemoteNotFoundError:
        return None
    if fields is TORN:
        return None
    try:
        if not isinstance(fields, dict):
            raise ValueError("it is no JSON object")
        if not _belongs(fields, staging_base, directory):
            return None
        intent = Intent.from_fields(fields)
        if intent.document != document:
            raise ValueError(f"it is {intent.document!r} by another name")
    except ValueError as error:
        raise CommitError(
            f"The intent of an interrupted commit cannot be used: {error}",
            host=connection.address,
            path=path,
            hint="If no job is running for this target, look at the file and remove it",
        ) from error
    # One directory has several spellings (absolute, relative to the login): ours is known to work.
    return replace(intent, directory=directory, staging_base=staging_base)


async def job_of(connection: RemoteFileSystem, path: str) -> str | None:
    """Return the id of the job that a document names, whatever its target; None if it is torn."""
    try:
        fields = _parse(await connection.read_file(path, LARGEST))
    except RemoteNotFoundError:
        return None
    job_id = fields.get("job_id") if isinstance(fields, dict) else None
    return job_id if isinstance(job_id, str) else None


async def is_torn(connection: RemoteFileSystem, path: str) -> bool:
    """Whether a document was never written to its end."""
    try:
        return _parse(await connection.read_file(path, LARGEST)) is TORN
    except RemoteNotFoundError:
        return False


def _parse(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):  # nested deeper than anything of ours
        return TORN


def _belongs(fields: dict[str, Any], staging_base: str, directory: str) -> bool:
    its_base, its_directory = fields.get("staging_base"), fields.get("directory")
    if not (isinstance(its_base, str) and isinstance(its_directory, str)):
        raise ValueError("it names no target")
    if its_directory == directory:
        return True
    # Staging inside the target: where the document lies tells which target it is.
    return uses_own_staging(staging_base, directory) and uses_own_staging(its_base, its_directory)


async def find(connection: RemoteFileSystem, layout: Layout) -> tuple[Intent, State] | None:
    """Read this job's document, in whatever state it is; None if it was never published.

    Of a job that is `once` it may be another attempt's.
    """
    found: dict[State, Intent] = {}

    async def look(state: State) -> None:
        intent = await load(
            connection, layout.staging_base, layout.directory, layout.document_id, state
        )
        if intent is not None:
            found[state] = intent

    await each(STATES, look)
    for state in STATES:
        if state in found:
            return found[state], state
    return None


async def publish(connection: RemoteFileSystem, intent: Intent) -> None:
    """Make the intent visible at once, and read it back: from here on it will be carried out.

    Raises:
        RemoteNotFoundError: the job's staging directory is gone.
        RemoteExistsError: another attempt of the same job was faster.
        CommitError: the server cannot rename, or changed the file; or nobody could read it.

    """
    data = intent.to_json()
    try:
        Intent.from_fields(json.loads(data))
    except ValueError as error:
        # Once published it would stop every later write to the target.
        raise CommitError(
            f"The job cannot be committed as planned: {error}",
            host=connection.address,
            path=intent.directory,
            hint="Change the name",
        ) from error
    if len(data) > LARGEST:
        raise CommitError(
            f"There are {len(intent.parts):,} files, too many for one commit: the list of them has "
            f"{len(data):,} bytes, and {LARGEST:,} is the limit",
            host=connection.address,
            path=intent.directory,
            hint="Write fewer and larger files, or the rows in several jobs",
        )
    if intent.renames:
        draft = posixpath.join(intent.staging, f"{DRAFT}-{uuid.uuid4().hex}")
        await connection.write_file(draft, data)
        try:
            await connection.rename(draft, intent.path)
        except RemoteUnsupportedError as error:
            raise CommitError(
                "The server cannot rename files",
                host=connection.address,
                path=intent.path,
                hint="Set commit_mode=direct",
            ) from error
    else:
        await connection.write_file(intent.path, data)
    file = await connection.open_read(intent.path)
    kept = await file.read(len(data), 0)
    await file.close()
    if kept != data:
        raise CommitError(
            "The server did not keep the commit's intent as written",
            host=connection.address,
            path=intent.path,
        )


async def advance(
    connection: RemoteFileSystem, intent: Intent, state: State, since: State = "intent"
) -> bool:
    """Move a published intent on; may be done twice.

    Args:
        connection: to the server.
        intent: the document.
        state: the state to be.
        since: the state it is in.

    Returns:
        Whether it is in that state now; if not, another writer has moved it elsewhere.

    """
    goal, source = intent.path_in(state), intent.path_in(since)
    if intent.renames:
        try:
            await connection.rename(source, goal)
            return True
        except RemoteNotFoundError:
            pass
        except RemoteExistsError:
            # OpenSSH renames by link and unlink: a server that died in between has both names.
            return True
    elif await connection.exists(source):
        await connection.write_file(goal, intent.to_json())
        await remove_if_there(connection, source)
        return True
    return await connection.exists(goal)
