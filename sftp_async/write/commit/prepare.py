"""Prepares a target before any task: checks it, makes the staging directory, recovers old jobs."""

from __future__ import annotations

import asyncio
import logging
import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    CommitError,
    RemoteExistsError,
    RemoteNotFoundError,
    RemotePermissionError,
    RemoteSpaceError,
    RemoteUnsupportedError,
    TransferError,
)
from sftp_async.layout.hidden_names import hidden_name
from sftp_async.layout.target_paths import STAGING, PromotionMode
from sftp_async.write.commit import commit_marker
from sftp_async.write.commit.overwrite import check_scope, warn_of_partitions
from sftp_async.write.commit.promoters import name_taken
from sftp_async.write.commit.recover import recover
from sftp_async.write.commit.remote_steps import (
    refuse_links,
    remove_if_there,
    remove_staging_base,
    remove_tree,
)
from sftp_async.write.commit.rights import Right, examine, needed, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteEntry, RemoteFileSystem

log = logging.getLogger("sftp_async.write.commit.prepare")

#: Times that the directory for staging may vanish, because another job ends, while we go into it.
STAGING_ATTEMPTS = 10


class Preparation:
    """Makes a target ready for one job. `run` may be called again after a lost connection.

    Args:
        layout: where the job writes.
        options: the write options.

    """

    def __init__(self, layout: Layout, options: WriteOptions) -> None:
        self._layout = layout
        self._options = options
        self._rights: Mapping[Right, str] = {}
        #: Where files can be made in any case: without MKDIR the job has no directory of its own.
        self._probe_directory = layout.staging

    async def run(self, connection: RemoteFileSystem) -> bool:
        """Check the target, make the staging directory, end what interrupted jobs left.

        Returns:
            False if there is nothing to do: a job of the same key was committed before, or the
            exact file is there and may stay.

        Raises:
            CommitError: the target cannot take this job; the message gives the reason. Nothing of
                the job is left then.

        """
        layout = self._layout
        try:
            shared = await self._make_staging(connection)
            if not layout.paths.staging_is_inside:
                await asyncio.gather(
                    self._mark_staging(connection), self._check_staging_elsewhere(connection)
                )
            if shared or not layout.paths.staging_is_inside:
                # The directory for staging was there before: other jobs run, or were interrupted.
                # Those that stage in the target are to be found from elsewhere, too.
                await self._recover(connection)
            if self._options.verify == "server":
                await check_offered(connection, f"{self._probe_directory}/probe")
            if await self._is_to_write(connection):
                await check_scope(connection, layout, self._options)
                await warn_of_partitions(connection, layout, self._options)
                return True
            await self._leave(connection)
            return False
        except BaseException as error:
            # Spark calls no abort for a job that failed before its tasks.
            with suppress(TransferError):
                await self._leave(connection)
            explained = (*UNKNOWN_OUTCOME, RemoteSpaceError)
            if isinstance(error, TransferError) and not isinstance(error, explained):
                raise await self._unusable(connection, error) from error
            raise

    async def _is_to_write(self, connection: RemoteFileSystem) -> bool:
        layout = self._layout
        if layout.once is not None:
            await commit_marker.check_place(connection, layout.directory, layout.once)
            if (
                await commit_marker.committed_by(connection, layout.directory, layout.once)
                is not None
            ):
                return False
        if layout.file_name is None:
            return True
        return await find_exact(connection, layout) is None or layout.collision != "ignore"

    async def _leave(self, connection: RemoteFileSystem) -> None:
        layout = self._layout
        await remove_tree(connection, layout.staging)
        await remove_staging_base(connection, layout.paths)

    async def _make_staging(self, connection: RemoteFileSystem) -> bool:
        """Make the job's staging directory; returns whether the one above it existed.

        Three round trips in the ordinary case: the requests that make directories also show whether
        the target is there, and are sent together with those that find out the job's rights.
        """
        layout = self._layout
        self._rights = needed(layout, self._options, connection)
        if not layout.paths.staging_is_inside:
            await self._make_target(connection)
        for _ in range(STAGING_ATTEMPTS):
            shared = await self._make_staging_base(connection)
            if shared and layout.paths.staging_is_inside:
                await refuse_links(connection, layout.paths.staging_base)
            # Now another job may end and remove the directory while it is empty.
            with suppress(RemoteNotFoundError):
                await self._make_own_directory(connection)
                return shared
        raise TransferError(
            "The staging directory keeps disappearing", host=connection.address, path=layout.staging
        )

    async def _make_own_directory(self, connection: RemoteFileSystem) -> None:
        """Make the job's staging directory, and find out in it what the server refuses.

        Raises:
            RemoteNotFoundError: the directory above it vanished.
            CommitError: the server refuses what the job needs; names it.

        """
        paths = self._layout.paths
        in_place = paths.mode is PromotionMode.IN_PLACE
        probe = await examine(
            connection,
            paths.staging,
            self._rights,
            file_will_do=in_place and not paths.staging_is_inside,
        )
        self._probe_directory = probe.directory
        for right in self._rights:
            if (refused := probe.refused.get(right)) is not None:
                if isinstance(refused, RemoteSpaceError):
                    raise refused
                raise self._lacks(connection, right, refused) from refused
        if probe.left is not None:
            log.warning(
                "%s: the server refuses to remove files: what the job stages stays there (%s)",
                probe.left,
                probe.refused[Right.REMOVE].message,
            )

    def _lacks(
        self, connection: RemoteFileSystem, right: Right, error: TransferError
    ) -> CommitError:
        return refusal(
            connection, right, error, self._rights[right], error.path or self._layout.directory
        )

    async def _recover(self, connection: RemoteFileSystem) -> None:
        """End what interrupted jobs left; without the right to list that cannot be found."""
        paths = self._layout.paths
        try:
            await recover(connection, paths, ttl=self._options.staging_ttl)
        except RemotePermissionError as error:
            listed = (paths.staging_base, paths.final(STAGING))
            if error.path not in listed or Right.LIST in self._rights:
                raise
            log.warning(
                "%s: it cannot be listed, so interrupted jobs are not ended (%s)",
                error.path,
                error.message,
            )

    async def _make_staging_base(self, connection: RemoteFileSystem) -> bool:
        paths = self._layout.paths
        try:
            await connection.mkdir(paths.staging_base)
        except RemoteExistsError:
            return True
        except RemotePermissionError as error:
            # Some servers deny permission to make what exists already.
            if await connection.exists(paths.staging_base):
                return True
            raise self._lacks(connection, Right.MKDIR, error) from error
        except RemoteNotFoundError:
            if paths.staging_is_inside:
                await self._make_target(connection)
            await connection.makedirs(paths.staging_base)
        return False

    async def _make_target(self, connection: RemoteFileSystem) -> None:
        if not await find_directory(connection, self._layout, self._options):
            await connection.makedirs(self._layout.directory)

    async def _mark_staging(self, connection: RemoteFileSystem) -> None:
        """Show other jobs that the staging directory may be swept, in a directory of the user's."""
        paths = self._layout.paths
        if self._probe_directory == paths.staging:  # without MKDIR there is none
            await connection.write_file(paths.mark, b"")

    async def _check_staging_elsewhere(self, connection: RemoteFileSystem) -> None:
        """Rename an empty hidden file from the staging directory into the target, and remove it.

        Staging inside the target proves that files can be made there; staging elsewhere does not.
        """
        paths = self._layout.paths
        probe = paths.final(hidden_name("preflight", paths.job_id))
        if paths.mode is not PromotionMode.RENAME:
            await connection.write_file(probe, b"")
        else:
            staged = paths.in_staging("probe")
            await connection.write_file(staged, b"")
            try:
                with suppress(RemoteExistsError):  # by a rename whose reply was lost
                    await connection.rename(staged, probe)
            except (*UNKNOWN_OUTCOME, RemotePermissionError):
                raise
            except TransferError as error:
                raise CommitError(
                    f"Files cannot be renamed from staging_dir into the target: {error.message}",
                    host=connection.address,
                    path=paths.staging_base,
                    hint="Choose a staging_dir on the target's file system, or leave it out",
                ) from error
        await remove_if_there(connection, probe)

    async def _unusable(self, connection: RemoteFileSystem, error: TransferError) -> CommitError:
        """Explain why the target cannot be used: a server's refusal alone does not."""
        for path in (self._layout.paths.staging_base, self._layout.directory):
            if (file := await file_in_the_way(connection, path)) is not None:
                return no_directory(connection, self._layout, file)
        if isinstance(error, RemotePermissionError):
            what, hint = "not writable", "Give the user write permission, or choose another path"
        else:
            what, hint = "not usable", "Check the path, and whether the user may write there"
        return CommitError(
            f"The target is {what}: {error.message}",
            host=connection.address,
            path=error.path or self._layout.directory,
            hint=hint,
        )


def no_directory(connection: RemoteFileSystem, layout: Layout, path: str) -> CommitError:
    """Return the error for a file in the place of a directory of the job."""
    single = path == layout.directory and layout.file_name is None
    return CommitError(
        "A file is where a directory should be",
        host=connection.address,
        path=path,
        hint="Choose another path"
        + ("; for one exact file of that name set single_file=true" if single else ""),
    )


async def file_in_the_way(connection: RemoteFileSystem, path: str) -> str | None:
    """Return the path of a file in the place of a directory, or of one above it; None: none is."""
    while path not in ("", ".", "/"):
        with suppress(TransferError):
            return None if (await connection.stat(path)).is_dir else path
        path = posixpath.dirname(path)
    return None


async def find_directory(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions
) -> bool:
    """Return whether the target directory exists.

    Raises:
        CommitError: it does not, and may not be made, or a file is in its place.

    """
    directory = layout.directory
    try:
        found = await connection.stat(directory)
    except RemoteNotFoundError:
        if options.create_dirs:
            return False
        raise CommitError(
            "The directory does not exist",
            host=connection.address,
            path=directory,
            hint="Make it, or set create_dirs=true",
        ) from None
    if not found.is_dir:
        raise no_directory(connection, layout, directory)
    return True


async def find_exact(connection: RemoteFileSystem, layout: Layout) -> RemoteEntry | None:
    """Look at the name of the job's exact file, and ensure that the job can give it to a file.

    Returns:
        The file that has the name now; None: it is free.

    Raises:
        CommitError: it is a directory's or a symbolic link's, or taken where nothing is to be
            replaced.

    """
    target = layout.target
    try:
        found = await connection.lstat(target)
    except RemoteNotFoundError:
        return None
    if found.is_link and layout.collision == "replace":
        # A rename would replace the link, and the file behind it would stay as it is.
        raise CommitError(
            "A symbolic link is where one exact file should be replaced",
            host=connection.address,
            path=target,
            hint="Give the path that it leads to, or remove the link",
        )
    if found.is_dir:
        raise CommitError(
            "A directory is where one exact file should be written",
            host=connection.address,
            path=target,
            hint="Remove it, or set single_file=false to write part files into it",
        )
    if layout.collision == "fail":
        raise name_taken(connection, target)
    return found


async def check_offered(connection: RemoteFileSystem, probe: str) -> None:
    """Ensure that the server computes checksums, on a file made for it and removed.

    Args:
        connection: to the server.
        probe: a path that is free.

    Raises:
        CommitError: it does not; the hint gives the alternatives.

    """
    await connection.write_file(probe, b"probe")
    try:
        await connection.sha256_on_server(probe)
    except RemoteUnsupportedError as error:
        raise CommitError(
            "The server computes no checksums (check-file), as verify=server wants it to",
            host=connection.address,
            hint="Set verify=readback, or leave verify out",
        ) from error
    finally:
        with suppress(TransferError):
            await connection.remove(probe)
