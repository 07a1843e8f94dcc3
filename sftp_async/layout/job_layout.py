"""Where and under which names one job writes: planned on the driver, carried to every task."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Self

from sftp_async.layout.collision import Collision, collision_policy
from sftp_async.layout.file_name_template import FileNames
from sftp_async.layout.member_names import MemberNames
from sftp_async.layout.once import IdempotencyKey, hex_digits
from sftp_async.layout.part_names import TAG_DIGITS, is_part, part_name, staged_name, tag_of
from sftp_async.layout.target import clean, split_target
from sftp_async.layout.target_paths import STAGING, PromotionMode, TargetPaths, is_inside

if TYPE_CHECKING:
    from collections.abc import Collection

    from sftp_async.options import SFTPOptions

LINEAGE_DIGITS = 32 - TAG_DIGITS


@dataclass(frozen=True)
class Layout:
    """What one job, or one attempt at it, writes where."""

    paths: TargetPaths
    #: The exact file to write, or None for a directory of part files.
    file_name: str | None
    #: Extension of part files without the leading dot: `csv.gz`.
    extension: str
    #: What happens to final names that are taken.
    collision: Collision
    #: The job's data replaces that of earlier jobs, which the commit removes.
    overwrite: bool
    #: Set where several attempts of one job share one commit.
    once: IdempotencyKey | None = None
    #: Columns that are directories in the target, the outermost first.
    partition_by: tuple[str, ...] = ()
    #: Makes the names of visible part files; None: as `part_names` does.
    names: FileNames | None = None
    #: Each part is the file of a row, which gives it its name.
    row_files: bool = False
    #: Makes the names of the members of archives; None: the files are no archives.
    members: MemberNames | None = None

    @classmethod
    def new(
        cls,
        options: SFTPOptions,
        extension: str,
        *,
        overwrite: bool = False,
        lineage: str = "",
        now: datetime | None = None,
        row_files: bool = False,
        template: str | None = None,
        member_extension: str | None = None,
    ) -> Self:
        """Give a new job its id and its paths. `options.path` must be set.

        Args:
            options: the resolved options.
            extension: of part files.
            overwrite: the save mode is `overwrite`, or the output mode `complete`.
            lineage: what the attempts of one streaming query have in common; the ids of its
                attempts end alike, so that a later one recognises what an earlier one staged.
            now: the time in the names of files; left out: that of the call.
            row_files: each row is a file, and names it.
            template: what made the exact file's name, if that differs from job to job.
            member_extension: of the members, if the files are archives.

        """
        assert options.path is not None
        directory, file_name = split_target(options)
        now = now or datetime.now().astimezone()
        job_id = uuid.uuid4().hex
        if lineage:
            job_id = job_id[:-LINEAGE_DIGITS] + hex_digits(lineage, LINEAGE_DIGITS)
        once = None
        if options.job_key:
            once = IdempotencyKey.of_key(options.job_key, file_name and (template or file_name))
        staging_base = posixpath.join(directory, STAGING)
        if options.staging_dir:
            staging_base = clean(options.staging_dir)
        collision = collision_policy(overwrite=overwrite, if_exists=options.if_exists)
        return cls(
            paths=TargetPaths(
                directory=directory,
                staging_base=staging_base,
                job_id=job_id,
                document_id=_document_id(directory, staging_base, job_id, once),
                mode=_promotion_mode(options, file_name),
            ),
            file_name=file_name,
            extension=extension,
            collision=collision,
            # One exact file is all that there is to replace.
            overwrite=collision == "replace" if file_name is not None else overwrite,
            once=once,
            partition_by=options.partition_by,
            names=None
            if options.file_name_template is None
            else FileNames(
                options.file_name_template, now, job_id[:TAG_DIGITS], options.partition_by
            ),
            row_files=row_files,
            members=None
            if member_extension is None
            else MemberNames(options.archive_member_template, member_extension, now),
        )

    def at(self, directory: str, staging_base: str) -> Self:
        """Return the layout with other spellings of the same two directories."""
        paths = replace(
            self.paths,
            directory=directory,
            staging_base=staging_base,
            document_id=_document_id(directory, staging_base, self.job_id, self.once),
        )
        return replace(self, paths=paths)

    def of_attempt(self, job_id: str, once: IdempotencyKey) -> Self:
        """Return the layout of one attempt at a job with an idempotency key."""
        document_id = _document_id(self.directory, self.paths.staging_base, job_id, once)
        names = None if self.names is None else replace(self.names, job=tag_of(job_id))
        paths = replace(self.paths, job_id=job_id, document_id=document_id)
        return replace(self, paths=paths, once=once, names=names)

    @property
    def job_id(self) -> str:
        """32 hex digits, unique for each attempt."""
        return self.paths.job_id

    @property
    def directory(self) -> str:
        """The target directory."""
        return self.paths.directory

    @property
    def staging(self) -> str:
        """The job's staging directory."""
        return self.paths.staging

    @property
    def direct(self) -> bool:
        """Whether tasks write part files under their final names (`commit_mode=direct`)."""
        return self.paths.mode is PromotionMode.IN_PLACE

    @property
    def target(self) -> str:
        """What the user named: the directory, or the exact file."""
        return self.directory if self.file_name is None else self.paths.final(self.file_name)

    def written_to(self, exact_name: str) -> str:
        """Return what was written, for messages: the target, or the one file by its real name."""
        return self.paths.final(exact_name) if exact_name else self.target

    @property
    def named(self) -> bool:
        """Whether visible files have names that the user chose, which may be taken."""
        return self.file_name is not None or self.names_parts

    @property
    def names_parts(self) -> bool:
        """Whether part files get such names, at the commit."""
        return self.names is not None or self.row_files

    @property
    def replaces(self) -> bool:
        """Whether the job's files take the place of files of the same names."""
        return self.named and self.collision == "replace"

    def is_own(
        self, name: str, directory: str = "", *, registered: Collection[str] | None = None
    ) -> bool:
        """Whether a file's name is one that this source gives to part files.

        Args:
            name: of the file.
            directory: that it is in, relative to the target.
            registered: names that templates made, relative to the target; None: any that fits the
                template counts.

        """
        if is_part(name):
            return True
        if self.names is None or not self.names.matches(name, directory):
            return False
        return registered is None or posixpath.join(directory, name) in registered

    def member_name(
        self, final: str, partition: int, *, seq: int = 1, several: bool = False
    ) -> str:
        """Return the name of a member; see `MemberNames.render` for what is raised.

        Args:
            final: name of the archive in the target, behind its partition directories.
            partition: Spark's partition id.
            seq: number of the member in the archive, from 1.
            several: whether the archive has further members.

        """
        assert self.members is not None
        directory, name = posixpath.split(final)
        return self.members.render(
            name,
            partition=partition,
            seq=seq,
            several=several,
            directory=directory,
            job=self.tag,
            batch=self.once.name if self.once is not None and self.once.replayed else "",
        )

    @property
    def tag(self) -> str:
        """The digits in the names of this job's part files: the first ones of the job id."""
        return tag_of(self.job_id)

    def part_names(
        self, partition: int, sequence: int, attempt: str, directory: str = ""
    ) -> tuple[str, str]:
        """Return the staged and the final name of a part file.

        Args:
            partition: Spark's partition id.
            sequence: number of the file within the task, from 0.
            attempt: hex uuid of the task attempt; retries and speculation never share a name.
            directory: of the partition that the file belongs to, in the target.

        """
        if self.direct:
            name = part_name(partition, self.tag, sequence, self.extension, attempt=attempt)
            name = posixpath.join(directory, name)
            return name, name
        final = part_name(partition, self.tag, sequence, self.extension)
        return staged_name(partition, sequence, attempt), posixpath.join(directory, final)


def same_lineage(job_id: str, other: str) -> bool:
    """Whether two attempts belong to one streaming query."""
    return job_id[-LINEAGE_DIGITS:] == other[-LINEAGE_DIGITS:]


def _document_id(
    directory: str, staging_base: str, job_id: str, once: IdempotencyKey | None
) -> str:
    """Return what the commit's intent is filed under: the same for all attempts of one job."""
    if once is None:
        return job_id
    # In the target's own `_temporary` there are no others' intents, however its path is spelled.
    target = "" if is_inside(staging_base, directory) else directory
    return hex_digits("\0".join((target, once.scope, once.name)), 32)


def _promotion_mode(options: SFTPOptions, file_name: str | None) -> PromotionMode:
    if options.commit_mode != "direct":
        return PromotionMode.RENAME
    # An exact file is staged even then: it exists only once all parts are joined.
    return PromotionMode.IN_PLACE if file_name is None else PromotionMode.COPY
