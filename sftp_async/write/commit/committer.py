"""Commits or aborts one job: staging directory, intent, promotion, cleanup.

Every file appears atomically, and a job that ended in an error leaves nothing. Three rules ensure
it. A visible file has a name that only this job uses. Once the intent is published, the commit is
completed or rolled back in full, by this job or by the next writer. And every step is idempotent:
a lost reply, a crash and a replay all look the same.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sftp_async.errors import CommitError, NameTakenError, RemoteExistsError, RemoteNotFoundError
from sftp_async.layout.part_names import PartFile
from sftp_async.layout.sidecars import sidecar_names
from sftp_async.progress.summary import WriteStats
from sftp_async.remote.concurrency import each
from sftp_async.write.commit import commit_marker, exact_file, intent_store, partition_directories
from sftp_async.write.commit.claim import Claim
from sftp_async.write.commit.concat import join
from sftp_async.write.commit.file_attributes import keep_attributes
from sftp_async.write.commit.final_names import name_parts
from sftp_async.write.commit.intent import intent_for
from sftp_async.write.commit.overwrite import count_data, replaced, warn_of_emptied
from sftp_async.write.commit.pending import action_for
from sftp_async.write.commit.prepare import Preparation, find_exact
from sftp_async.write.commit.promote import all_visible, discarded, finish, promote_all
from sftp_async.write.commit.promoters import promoter_for
from sftp_async.write.commit.recover import carry_out
from sftp_async.write.commit.remote_steps import (
    remove_leftover,
    remove_staging_base,
    remove_tree,
)
from sftp_async.write.commit.rollback import roll_back
from sftp_async.write.commit.sidecars import check_places
from sftp_async.write.commit.staging_places import with_absolute_paths
from sftp_async.write.commit.stale_attempts import remove_stale_attempts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem
    from sftp_async.write.commit.intent import Intent

log = logging.getLogger("sftp_async.write.commit.committer")

#: Times that another attempt of the same job may publish its intent first.
ENCOUNTERS = 10


class JobCommitter:
    """Prepares, commits or aborts one job. Each method may be called again after a lost connection.

    Args:
        layout: where the job writes.
        options: the write options.
        manifest: facts for `_manifest.json` besides the files; None: there is no manifest.
        around: what is around the data of an exact file.

    """

    def __init__(
        self,
        layout: Layout,
        options: WriteOptions,
        *,
        manifest: dict[str, Any] | None = None,
        around: exact_file.Surroundings | None = None,
    ) -> None:
        self._layout = layout
        self._options = options
        self._manifest = manifest
        self._around = around or exact_file.Surroundings()
        # A cache that saves requests: between processes, the server alone remembers.
        self._intent: Intent | None = None
        self._visible = False
        self._promoted: set[str] = set()
        self._pieces: list[str] = []
        self._aborting = False
        self._claim = Claim(layout, options)
        #: Files that parts replace, by the final names of these.
        self._replaced: dict[str, RemoteEntry] = {}

    async def prepare(self, connection: RemoteFileSystem) -> bool:
        """Check the target, make the staging directory, end what interrupted jobs left.

        Returns:
            False if there is nothing to do: a job of the same key was committed before.

        Raises:
            CommitError: the target cannot take this job; the message gives the reason. Nothing of
                the job is left then.

        """
        await self._resolve(connection)
        return await Preparation(self._layout, self._options).run(connection)

    async def commit(self, connection: RemoteFileSystem, parts: Sequence[PartFile]) -> WriteStats:
        """Make the job visible. Idempotent, also where another process has done it before.

        With an idempotency key, an earlier attempt that had published its intent is completed
        instead, and this one leaves nothing.

        Args:
            connection: to the server.
            parts: every part of the successful attempts, in partition order.

        Raises:
            CommitError: a part is missing or a name is taken. `abort` then rolls the job back.

        """
        await self._resolve(connection)
        stats = await self._commit(connection, parts)
        if self._layout.once is not None and self._layout.once.replayed:
            await remove_stale_attempts(connection, self._layout)
        return stats

    async def _resolve(self, connection: RemoteFileSystem) -> None:
        """Let the paths of staging elsewhere be absolute: others find its intent by them."""
        if self._layout.paths.staging_is_inside:
            return
        layout = await with_absolute_paths(connection, self._layout)
        if layout != self._layout:
            # Jobs that spell the target's path in other ways claim its names in one place.
            self._layout, self._claim = layout, Claim(layout, self._options)

    async def _commit(self, connection: RemoteFileSystem, parts: Sequence[PartFile]) -> WriteStats:
        rows = sum(part.rows for part in parts)
        if not rows and not self._options.write_empty:
            parts = ()
        if self._intent is None:
            self._intent = await self._own_intent(connection, tuple(parts))
        if self._intent is None:
            return await self._skip(connection)
        if not self._visible:
            # Another attempt may have committed first. It writes its marker before it deletes its
            # intent, so the marker is read once more after this attempt's intent is published.
            if await commit_marker.is_superseded(connection, self._intent):
                await roll_back(connection, self._intent)
                return await self._skip(connection)
            try:
                await promote_all(connection, self._intent, done=self._promoted)
            except NameTakenError:
                if not await self._may_take_another_name(connection, self._intent):
                    raise
                self._intent = None
                return await self._commit(connection, parts)
            self._visible = True
        # By name: the account may not list directories.
        await each(self._pieces, lambda path: remove_leftover(connection, path))
        await finish(connection, self._intent)
        final = self._intent.parts
        stats = WriteStats(
            len(final),
            rows,
            sum(part.size for part in final),
            # Of an intent that another process published, `taken` alone is known.
            files_replaced=len(self._replaced) or len(self._intent.taken),
            files_removed=count_data(self._intent.removes, self._options),
            exact_name=final[0].final if final and self._layout.file_name is not None else "",
        )
        target = self._layout.written_to(stats.exact_name)
        log.info("%s: wrote %s to %s", connection.address, stats, target)
        return stats

    async def _may_take_another_name(self, connection: RemoteFileSystem, intent: Intent) -> bool:
        """Withdraw an intent if its file's name was taken since the plan, and may be another.

        The one file of `if_exists=rename` is meant: nothing of the job is visible then. Each time
        another job has committed meanwhile, so this ends.
        """
        return (
            self._layout.file_name is not None
            and self._layout.collision == "rename"
            and await intent_store.retract(connection, intent)
        )

    async def _own_intent(
        self, connection: RemoteFileSystem, parts: tuple[PartFile, ...]
    ) -> Intent | None:
        """Return this attempt's published intent; None: another was committed, or a file stays."""
        layout = self._layout
        if layout.once is not None:
            await commit_marker.check_place(connection, layout.directory, layout.once)
        for _ in range(ENCOUNTERS):
            if (intent := await self._published(connection)) is not None:
                return intent
            if layout.once is not None and (
                await commit_marker.committed_by(connection, layout.directory, layout.once)
                is not None
            ):
                return None
            try:
                return await self._publish(connection, parts)
            except RemoteExistsError:
                # Another attempt published its own meanwhile, or another job went first.
                await self._claim.begin_again(connection)
        raise CommitError(
            "Other attempts of the same job keep publishing their intent",
            host=connection.address,
            path=layout.target,
            hint="Ensure that only one driver runs it",
        )

    async def _published(self, connection: RemoteFileSystem) -> Intent | None:
        """Look for this job's intent: a request whose reply was lost may have published it."""
        found = await intent_store.find(connection, self._layout)
        if found is None:
            return None
        intent, state = found
        if intent.paths.job_id != self._layout.job_id:
            await carry_out(connection, await action_for(connection, intent, state))
            return None
        if state == "discarded":
            raise discarded(connection, intent)
        if state in ("withdrawn", "undone"):
            raise CommitError(
                "The job was aborted", host=connection.address, path=self._layout.target
            )
        self._visible = state in ("visible", "finished")
        return intent

    async def _skip(self, connection: RemoteFileSystem) -> WriteStats:
        log.warning(
            "%s: %s is there already; this attempt changes nothing",
            self._layout.target,
            self._layout.once.marker if self._layout.once else "the file",
        )
        await self._abort_unpublished(connection)
        return WriteStats(0, 0, 0)

    async def _publish(
        self, connection: RemoteFileSystem, parts: tuple[PartFile, ...]
    ) -> Intent | None:
        """Publish the intent of this attempt; returns None if an existing exact file stays."""
        layout = self._layout
        await self._claim.take(connection)
        intent, pieces = await self._plan(connection, parts)
        try:
            await check_places(connection, intent)
            if layout.file_name is not None and parts:
                old = await find_exact(connection, layout)
                if old is not None and layout.collision == "ignore":
                    return None
                if old is not None and layout.collision == "replace":
                    self._replaced = {layout.file_name: old}
                if intent.pieces:
                    sources = [(intent.paths.staged(one.staged), one.size) for one in pieces.joined]
                    await join(connection, sources, intent.staged(intent.parts[0]))
                    intent = await exact_file.with_digests(
                        connection, intent, pieces.joined, self._options
                    )
            if not layout.direct:
                await each(
                    intent.parts, lambda part: self._keep_attributes(connection, intent, part)
                )
            await intent_store.publish(connection, intent)
            self._pieces = pieces.left_by(intent)
        except (RemoteNotFoundError, CommitError) as error:
            if (found := await self._published(connection)) is not None:
                return found  # another writer has moved it on before it was read back
            if await connection.exists(layout.staging):
                raise
            if parts and await all_visible(connection, intent):
                return intent  # the job is over, and it was complete
            raise CommitError(
                "The staging directory of this job is gone",
                host=connection.address,
                path=layout.staging,
                hint="Something removes files there, or the job took longer than staging_ttl",
            ) from error
        return intent

    async def _plan(
        self, connection: RemoteFileSystem, parts: tuple[PartFile, ...]
    ) -> tuple[Intent, exact_file.Pieces]:
        """Look at the target, and plan what the commit makes, replaces and removes there.

        Returns:
            The intent, and what is joined if it is about one exact file.

        """
        layout = self._layout
        exact = layout.file_name is not None
        if layout.names_parts:
            parts, self._replaced = await name_parts(connection, layout, self._options, parts)
        taken = tuple(self._replaced) if layout.names_parts else ()
        final = await exact_file.exact_name(connection, layout) if exact else ""
        pieces = exact_file.Pieces(parts)
        if exact and parts:
            pieces = await self._around.pieces(connection, layout, parts, final, self._options)
        removes = (
            await replaced(connection, layout, self._options, parts) if layout.overwrite else ()
        )
        warn_of_emptied(layout, self._options, parts, removes)
        if taken:
            # Files that are replaced keep no sidecar files, in an append either.
            names = sidecar_names(taken, self._options.done_file_template)
            names -= {*removes, *(part.final for part in parts)}
            removes += await partition_directories.files_of(connection, layout.directory, names)
        intent = intent_for(
            layout,
            (exact_file.exact_part(pieces.joined, final),) if exact and parts else parts,
            pieces=pieces.hashes if exact and parts else (),
            taken=taken,
            removes=removes,
            makes=await partition_directories.missing(
                connection, layout.directory, [part.directory for part in parts]
            ),
            options=self._options,
            manifest=self._manifest,
            claim=self._claim.name,
        )
        return intent, pieces

    async def _keep_attributes(
        self, connection: RemoteFileSystem, intent: Intent, part: PartFile
    ) -> None:
        """Give a staged part the attributes of the file that it replaces, if there is one."""
        if (old := self._replaced.get(part.final)) is not None:
            unset = intent.permissions is None
            await keep_attributes(connection, old, intent.staged(part), permissions=unset)

    async def abort(self, connection: RemoteFileSystem) -> bool:
        """Roll this job back, unless its commit was complete; no other file is touched.

        A commit that made every part visible stands, whatever failed afterwards: an overwrite may
        already have removed the old data. So does one that has begun to copy over an exact file
        (`commit_mode=direct`): the old file cannot be restored, so the commit is completed.

        Returns:
            Whether the job was rolled back; False: it is complete, and its files stay.

        Raises:
            CommitError: the server refuses a removal; the next write to the target tries again.

        """
        await self._resolve(connection)
        layout = self._layout
        found = await intent_store.find(connection, layout)
        if found is None or found[0].paths.job_id != layout.job_id:
            await self._abort_unpublished(connection)
            return True
        intent, state = found
        if state in ("intent", "visible", "finished"):
            complete = state != "intent" or await all_visible(connection, intent)
            if not complete and not promoter_for(connection, intent).reversible:
                await promote_all(connection, intent)
                complete = True
            if complete:
                log.warning("%s: the job is complete on the server and stays", layout.target)
                await finish(connection, intent)
                return False
        rolled_back = await roll_back(connection, intent, state)
        if not rolled_back:
            log.warning("%s: another writer completed the job, and it stays", layout.target)
        return rolled_back

    async def abandon(self, connection: RemoteFileSystem) -> bool:
        """Roll back an attempt that will be repeated, and return whether that was done.

        A published intent stands: the next attempt completes it.
        """
        await self._resolve(connection)
        if self._layout.once is not None and await intent_store.find(connection, self._layout):
            log.warning("%s: the replay of this batch completes it", self._layout.target)
            return False
        await self._abort_unpublished(connection)
        await remove_stale_attempts(connection, self._layout)
        return True

    async def _abort_unpublished(self, connection: RemoteFileSystem) -> None:
        layout = self._layout
        if layout.direct and (self._aborting or await connection.exists(layout.staging)):
            # With neither intent nor staging directory the job is over: then its files stay.
            self._aborting = True
            await self._remove_finals(connection)
            await remove_tree(connection, layout.staging)
            # Again: tasks that end from now on find that the directory is gone.
            await self._remove_finals(connection)
        await remove_tree(connection, layout.staging)
        await self._claim.abandon(connection)
        await remove_staging_base(connection, layout.paths)

    async def _remove_finals(self, connection: RemoteFileSystem) -> None:
        layout = self._layout
        await partition_directories.remove_tagged_everywhere(
            connection, layout.directory, layout.partition_by, layout.tag, keep=()
        )
