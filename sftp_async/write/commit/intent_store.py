"""Stores intents on the server: publishes, finds and loads them, and moves them between states."""

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
from sftp_async.layout.intent_names import STATES, document_name
from sftp_async.layout.target_paths import PromotionMode, TargetPaths, is_inside
from sftp_async.remote import atomic_file
from sftp_async.remote.concurrency import each
from sftp_async.write.commit.intent import Intent
from sftp_async.write.commit.remote_steps import remove_leftover
from sftp_async.write.commit.staging_places import is_same_directory, write_pointer

if TYPE_CHECKING:
    from sftp_async.layout.intent_names import IntentState
    from sftp_async.layout.job_layout import Layout
    from sftp_async.remote.filesystem import RemoteFileSystem

#: About 250 bytes a part file: room for a quarter of a million of them.
LARGEST = 64 * 1024 * 1024
#: Stands for a document that does not parse.
TORN = object()


async def load(
    connection: RemoteFileSystem, paths: TargetPaths, document_id: str, state: IntentState
) -> Intent | None:
    """Read a document.

    Args:
        connection: to the server.
        paths: of a job for the same target.
        document_id: what the document is filed under.
        state: the state it is in.

    Returns:
        None if there is none (any more), if it belongs to another target that shares the staging
        directory, or if it is torn. A torn one was never published: without rename the document
        grows in place, and its writer goes on only after it has read back all of it.

    Raises:
        CommitError: it is of another version, or names something outside the target.

    """
    path = posixpath.join(paths.staging_base, document_name(document_id, state))
    try:
        fields = _parse(await connection.read_file(path, LARGEST))
    except RemoteNotFoundError:
        return None
    if fields is TORN:
        return None
    try:
        if not isinstance(fields, dict):
            raise ValueError("it is no JSON object")
        if not await _belongs(connection, fields, paths):
            return None
        intent = Intent.from_fields(fields)
        if intent.paths.document_id != document_id:
            raise ValueError(f"it is {intent.paths.document_id!r} by another name")
    except ValueError as error:
        raise CommitError(
            f"The intent of an interrupted commit cannot be used: {error}",
            host=connection.address,
            path=path,
            hint="If no job is running for this target, look at the file and remove it",
        ) from error
    # One directory has several spellings (absolute, relative to the login): this job's one works.
    here = replace(intent.paths, directory=paths.directory, staging_base=paths.staging_base)
    return replace(intent, paths=here)


async def job_of(connection: RemoteFileSystem, path: str) -> str | None:
    """Return the id of the job that a document names, of any target; None if it is torn."""
    try:
        fields = _parse(await connection.read_file(path, LARGEST))
    except RemoteNotFoundError:
        return None
    job_id = _paths_of(fields).get("job_id") if isinstance(fields, dict) else None
    return job_id if isinstance(job_id, str) else None


async def is_torn(connection: RemoteFileSystem, path: str) -> bool:
    """Whether the writer of a document stopped before its end."""
    try:
        return _parse(await connection.read_file(path, LARGEST)) is TORN
    except RemoteNotFoundError:
        return False


def _parse(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):  # nested deeper than any document of this package
        return TORN


def _paths_of(fields: dict[str, Any]) -> dict[str, Any]:
    paths = fields.get("paths")
    return paths if isinstance(paths, dict) else {}


async def _belongs(
    connection: RemoteFileSystem, fields: dict[str, Any], paths: TargetPaths
) -> bool:
    found = _paths_of(fields)
    staging_base, directory = found.get("staging_base"), found.get("directory")
    if not (isinstance(staging_base, str) and isinstance(directory, str)):
        raise ValueError("it names no target")
    if directory == paths.directory:
        return True
    # Staging inside the target: the document's own place tells which target it is.
    if paths.staging_is_inside and is_inside(staging_base, directory):
        return True
    return await is_same_directory(connection, directory, paths.directory)


async def find(connection: RemoteFileSystem, layout: Layout) -> tuple[Intent, IntentState] | None:
    """Read this job's document, in its present state; None if it was never published.

    With an idempotency key it may be another attempt's.
    """
    found: dict[IntentState, Intent] = {}

    async def look(state: IntentState) -> None:
        intent = await load(connection, layout.paths, layout.paths.document_id, state)
        if intent is not None:
            found[state] = intent

    await each(STATES, look)
    for state in STATES:
        if state in found:
            return found[state], state
    return None


async def publish(connection: RemoteFileSystem, intent: Intent) -> None:
    """Make the intent visible in one step, and read it back: now the commit will be completed.

    Raises:
        RemoteNotFoundError: the job's staging directory is gone.
        RemoteExistsError: another attempt of the same job was faster.
        CommitError: the server cannot rename, or changed the file; or no reader would accept it.

    """
    data, path = intent.to_json(), intent.paths.document("intent")
    try:
        Intent.from_fields(json.loads(data))
    except ValueError as error:
        # Once published it would stop every later write to the target.
        raise CommitError(
            f"The job cannot be committed as planned: {error}",
            host=connection.address,
            path=intent.paths.directory,
            hint="Change the name",
        ) from error
    if len(data) > LARGEST:
        raise CommitError(
            f"There are {len(intent.parts):,} files, too many for one commit: the list of them has "
            f"{len(data):,} bytes, and {LARGEST:,} is the limit",
            host=connection.address,
            path=intent.paths.directory,
            hint="Write fewer and larger files, or the rows in several jobs",
        )
    if not intent.paths.staging_is_inside:
        await write_pointer(connection, intent.paths)
    if intent.mode is PromotionMode.RENAME:
        draft = intent.paths.in_staging(f"intent.draft-{uuid.uuid4().hex}")
        try:
            await atomic_file.create(connection, path, data, draft=draft)
        except RemoteUnsupportedError as error:
            raise CommitError(
                "The server cannot rename files",
                host=connection.address,
                path=path,
                hint="Set commit_mode=direct",
            ) from error
    else:
        await connection.write_file(path, data)
    if not await atomic_file.holds(connection, path, data):
        raise CommitError(
            "The server did not keep the commit's intent as written",
            host=connection.address,
            path=path,
        )


async def advance(
    connection: RemoteFileSystem, intent: Intent, state: IntentState, since: IntentState = "intent"
) -> bool:
    """Move a published intent to its next state. Idempotent.

    Args:
        connection: to the server.
        intent: the document.
        state: the state to move it to.
        since: the state it is in.

    Returns:
        Whether it is in that state now; if not, another writer has moved it elsewhere.

    """
    goal, source = intent.paths.document(state), intent.paths.document(since)
    if intent.mode is PromotionMode.RENAME:
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
        await _remove_document(connection, intent, source)
        return True
    return await connection.exists(goal)


async def retract(connection: RemoteFileSystem, intent: Intent) -> bool:
    """Withdraw a published intent of which nothing has been promoted.

    Returns:
        Whether that was done; if not, another writer completes the job.

    """
    kept = intent.paths.in_staging(f"intent.draft-{uuid.uuid4().hex}")
    try:
        await connection.rename(intent.paths.document("intent"), kept)
    except RemoteNotFoundError:
        return False
    return True


async def forget(connection: RemoteFileSystem, intent: Intent, *states: IntentState) -> None:
    """Remove the document; under earlier names, too: a rename that was cut short leaves both.

    Args:
        connection: to the server.
        intent: the document.
        states: that it may be in, the present one last.

    """

    async def remove(state: IntentState) -> None:
        await _remove_document(connection, intent, intent.paths.document(state))

    *earlier, last = states
    await each(earlier, remove)
    await remove(last)


async def _remove_document(connection: RemoteFileSystem, intent: Intent, path: str) -> None:
    """Remove a document, or make it one that no job acts upon, where the server refuses that."""
    if await remove_leftover(connection, path):
        return
    if intent.mode is not PromotionMode.RENAME:
        await connection.write_file(path, b"")  # torn, as documents are that were never published
        return
    ended = f"{posixpath.basename(path)}-{uuid.uuid4().hex}"
    try:
        await connection.rename(path, intent.paths.in_staging(ended))
    except RemoteNotFoundError:  # the staging directory is gone
        await connection.rename(path, posixpath.join(intent.paths.staging_base, ended))
