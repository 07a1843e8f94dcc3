"""Claims the names of a job that other jobs may use, too: one at a time plans and replaces them.

A claim is a directory of its own name (a token) in the directory of the claimed names. A job makes
its token, and lists the directory: if there is no other, it holds the claim; else it withdraws its
token. Of two jobs at most one holds it: the later of the two tokens finds the earlier one.

The next job never waits for a writer that stands still. It completes a published intent of the
holder. If none is published, it takes the intent's name with an empty file: so the holder cannot
publish any more, and begins again when it goes on. Only then it removes the holder's token. What a
writer does that was overtaken is harmless: all its renames are from and to its staging directory,
which is gone before its claim is.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import (
    CommitError,
    RemoteExistsError,
    RemoteFailureError,
    RemoteNotFoundError,
    RemotePermissionError,
    TransferError,
)
from sftp_async.layout.claim_names import ClaimToken, claim_directory, claim_path
from sftp_async.layout.intent_names import FORWARD, document_name
from sftp_async.layout.target_paths import PromotionMode
from sftp_async.write.commit import intent_store
from sftp_async.write.commit.pending import action_for
from sftp_async.write.commit.recover import end, of_other_job
from sftp_async.write.commit.remote_steps import release_claim, remove_if_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.intent_names import IntentState
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.claim")

#: Looks at a holder that has published no intent, before it is made to begin again: it plans for a
#: few round trips, or joins an exact file for as long as that takes.
PATIENCE = 20
#: Seconds between two looks, on average.
BETWEEN_LOOKS = 0.25
#: Times that the directory of the claims may vanish, because another job ends, while we go into it.
ENTRIES = 100
#: Looks in all, before the job fails; each time another job was in its commit.
LOOKS = 1_000


def needs_claim(layout: Layout, options: WriteOptions) -> bool:
    """Whether a job makes or removes data files whose names are not its own alone."""
    if layout.direct:
        return False
    return layout.named or (layout.overwrite and options.overwrite_scope == "directory")


class Claim:
    """The claim of one job.

    Args:
        layout: where the job writes.
        options: the write options.

    """

    def __init__(self, layout: Layout, options: WriteOptions) -> None:
        self._paths = layout.paths
        self._target = layout.target
        self._needed = needs_claim(layout, options)
        self._directory = claim_directory(layout.paths, layout.file_name or "")
        self._token: ClaimToken | None = None
        #: Looks at each other token.
        self._seen: dict[str, int] = {}

    @property
    def name(self) -> str:
        """What the intent names: it is released with the job. Empty: nothing is claimed."""
        return f"{self._directory}/{self._token.name}" if self._token else ""

    async def take(self, connection: RemoteFileSystem) -> None:
        """Claim the names; end the commits of earlier holders. Idempotent.

        Where the account may neither make nor list directories, nothing is claimed.

        Raises:
            CommitError: an earlier commit cannot be ended.

        """
        if not self._needed:
            return
        for _ in range(LOOKS):
            try:
                others = await self._enter(connection)
            except RemotePermissionError as error:
                log.warning(
                    "%s: other jobs that write the same names at the same time cannot be "
                    "found (%s)",
                    self._target,
                    error.message,
                )
                await self.release(connection)
                return
            if not others:
                return
            await self.release(connection)
            ended = [await self._end(connection, other) for other in others]
            if not all(ended):
                await asyncio.sleep(BETWEEN_LOOKS * random.uniform(0.5, 1.5))  # noqa: S311
        raise CommitError(
            "Other jobs keep writing files of the same names",
            host=connection.address,
            path=self._target,
            hint="Write to it by fewer jobs at a time",
        )

    async def release(self, connection: RemoteFileSystem) -> None:
        """Give the claim up, if it was taken."""
        if self.name:
            await release_claim(connection, self._paths, self.name)
        self._token = None

    async def begin_again(self, connection: RemoteFileSystem) -> None:
        """Give the claim up after the intent could not be published: another writer has ended it.

        The name of the intent is freed, if it is that writer's.
        """
        await self.release(connection)
        document = self._paths.document("intent")
        if self._needed and await intent_store.is_torn(connection, document):
            await remove_if_there(connection, document)

    async def abandon(self, connection: RemoteFileSystem) -> None:
        """Remove what a job that has published no intent, in any process, has claimed."""
        if not self._needed:
            return
        with suppress(RemoteNotFoundError, RemotePermissionError):
            for token in await self._tokens(connection):
                if token.job_id == self._paths.job_id:
                    await release_claim(connection, self._paths, self._claim_of(token))
        self._token = None
        await self.begin_again(connection)

    async def _enter(self, connection: RemoteFileSystem) -> list[ClaimToken]:
        """Make a token; return those of others. Without any, the claim is this job's."""
        directory = claim_path(self._paths, self._directory)
        for _ in range(ENTRIES):
            self._token = self._token or ClaimToken.new(self._paths)
            # OpenSSH does not say why it refuses; what is missing shows in a moment.
            with suppress(RemoteExistsError, RemoteFailureError, RemoteNotFoundError):
                await connection.mkdir(directory)
            try:
                with suppress(RemoteExistsError):  # by a request whose reply was lost
                    await connection.mkdir(claim_path(self._paths, self.name))
                found = await self._tokens(connection)
            except RemoteNotFoundError:
                # Another job removes the directory while it is empty, or all staging is gone.
                if not await connection.exists(self._paths.staging):
                    self._token = None
                    return []  # the job cannot publish anything: that says why
                continue
            return [token for token in found if token != self._token]
        raise TransferError(
            "The directory of claims keeps disappearing", host=connection.address, path=directory
        )

    async def holders(self, connection: RemoteFileSystem) -> list[ClaimToken]:
        """Return the tokens of jobs that hold the names now, or ask for them; changes nothing."""
        if not self._needed:
            return []
        try:
            return await self._tokens(connection)
        except RemoteNotFoundError:
            return []

    async def _tokens(self, connection: RemoteFileSystem) -> list[ClaimToken]:
        listing = await connection.listdir(claim_path(self._paths, self._directory))
        tokens = (ClaimToken.parse(entry.name) for entry in listing)
        return [token for token in tokens if token is not None]

    def _claim_of(self, token: ClaimToken) -> str:
        return f"{self._directory}/{token.name}"

    async def _end(self, connection: RemoteFileSystem, token: ClaimToken) -> bool:
        """End what the holder of a token does; returns whether it holds nothing any more."""
        if token.job_id != self._paths.job_id:
            if await self._end_commit(connection, token):
                return True
            own = posixpath.join(self._paths.staging_base, token.job_id)
            if await connection.exists(own):
                looks = self._seen[token.name] = self._seen.get(token.name, 0) + 1
                if looks <= PATIENCE or not await self._overtake(connection, token):
                    return False
        await release_claim(connection, self._paths, self._claim_of(token))
        return True

    async def _end_commit(
        self,
        connection: RemoteFileSystem,
        token: ClaimToken,
        states: Sequence[IntentState] = FORWARD,
    ) -> bool:
        """Complete or roll back the published intent that is filed under a token's document id.

        Returns:
            Whether it was the token's: else it is another attempt's of the same job, and the maker
            of the token may still plan.

        """
        # In the order of time: what moves on meanwhile is found in its next state.
        for state in states:
            intent = await intent_store.load(connection, self._paths, token.document_id, state)
            if intent is None:
                continue
            if state != "discarded":  # which is over, and what is left tells the job's own writer
                document = document_name(token.document_id, state)
                try:
                    path = posixpath.join(self._paths.staging_base, document)
                    written = (await connection.stat(path)).mtime
                except RemoteNotFoundError:
                    continue
                action = await action_for(connection, intent, state, written=written)
                try:
                    await end(connection, action)
                except CommitError as error:
                    raise of_other_job(connection, action, error) from error
            if intent.claim == self._claim_of(token):
                await release_claim(connection, self._paths, intent.claim)
                return True
        return False

    async def _overtake(self, connection: RemoteFileSystem, token: ClaimToken) -> bool:
        """Take the name of an intent that was not published; returns whether it was free."""
        path = posixpath.join(self._paths.staging_base, f"{token.document_id}.intent.json")
        if self._paths.mode is not PromotionMode.RENAME:
            # The holder writes in place, and reads back: it finds that it was overtaken.
            await remove_if_there(connection, path)
        try:
            await connection.write_file(path, b"", new=True)
        except RemoteExistsError:
            return await intent_store.is_torn(connection, path)
        # The holder may have published meanwhile, and its intent have moved on from that name.
        over = await self._end_commit(connection, token, FORWARD[1:])
        own = posixpath.join(self._paths.staging_base, token.job_id)
        # An intent of several attempts may be another one's in a moment: that one removes the file.
        if token.document_id == token.job_id and (over or not await connection.exists(own)):
            await remove_if_there(connection, path)
        return True
