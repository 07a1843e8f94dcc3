"""The names and paths of everything a job writes on the server.

<target>/part-00003-1f0c9a2e5b7d4c68-c000.csv.gz  a part file, visible
<target>/day=1/part-00003-…-c000.csv.gz           the same, with `partition_by`
<target>/_temporary/<job>/part-00003-c000-<uuid>  the same file while it is staged
<target>/_temporary/<job>/ahead-<uuid>            one that was opened before its task began
<target>/_temporary/<job>.intent.json             the commit's intent, while it is carried out
                                                  (see commit/intent.py: other names)
<target>/_sftp_async/<query>/7.committed          batch 7 of a streaming query is in the target
<target>/_sftp_async/job_keys/<key>.committed     so is the job of that `job_key`
"""

from __future__ import annotations

import posixpath
import re
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Self

from sftp_async.layout.name_template import FileNames
from sftp_async.layout.once import IdempotencyKey, hex_digits
from sftp_async.layout.part_names import TAG_DIGITS, is_part, tag_of
from sftp_async.layout.target import clean, split_target

if TYPE_CHECKING:
    from sftp_async.options import SFTPOptions

STAGING = "_temporary"
#: The single file joined from the parts, inside the job's staging directory.
JOINED = "joined"

LINEAGE_DIGITS = 32 - TAG_DIGITS
#: Names of intents, in their states.
DOCUMENT = re.compile(
    r"(?P<document>[0-9a-f]{32})\.(?P<state>intent|visible|withdrawn|undone)\.json"
)


@dataclass(frozen=True)
class Layout:
    """Where one job writes: minted on the driver, carried to every task."""

    #: 32 hex digits, an attempt's own: of a job that is `once`, too.
    job_id: str
    directory: str
    #: The exact file to write, or None for a directory of part files.
    file_name: str | None
    #: The directory that holds the staging directories of all jobs for this target.
    staging_base: str
    #: Extension of part files without the leading dot: `csv.gz`.
    extension: str
    #: Tasks write final names at once, for servers that cannot rename.
    direct: bool
    #: Set where attempts of one job know each other.
    once: IdempotencyKey | None = None
    #: Columns that are directories in the target, the outermost first.
    partition_by: tuple[str, ...] = ()
    #: What part files are called once they are visible; None: as `part_names` says.
    names: FileNames | None = None
    #: Each part is the file of a row, which says what it is called.
    row_files: bool = False

    @classmethod
    def new(
        cls,
        options: SFTPOptions,
        extension: str,
        *,
        lineage: str = "",
        now: datetime | None = None,
        row_files: bool = False,
        template: str | None = None,
    ) -> Self:
        """Give a new job its id and places. `options.path` must be set.

        Args:
            options: where to, and how.
            extension: of part files.
            lineage: what the attempts of one query have in common; their ids end alike, so that
                one knows what another left.
            now: the time in the names of files; left out: that of the call.
            row_files: each row is a file, and names it.
            template: what made the exact file's name, if that differs from job to job.

        """
        assert options.path is not None
        directory, file_name = split_target(options)
        now = now or datetime.now().astimezone()
        job_id = uuid.uuid4().hex
        if lineage:
            job_id = job_id[:-LINEAGE_DIGITS] + hex_digits(lineage, LINEAGE_DIGITS)
        return cls(
            job_id=job_id,
            directory=directory,
            file_name=file_name,
            staging_base=clean(options.staging_dir)
            if options.staging_dir
            else posixpath.join(directory, STAGING),
            extension=extension,
            # An exact file is staged even then: it exists only once all parts are joined.
            direct=options.commit_mode == "direct" and file_name is None,
            once=IdempotencyKey.of_key(options.job_key, file_name and (template or file_name))
            if options.job_key
            else None,
            partition_by=options.partition_by,
            names=None
            if options.file_name_template is None
            else FileNames(
                options.file_name_template, now, job_id[:TAG_DIGITS], options.partition_by
            ),
            row_files=row_files,
        )

    @property
    def target(self) -> str:
        """What the user named: the directory, or the exact file."""
        return posixpath.join(self.directory, self.file_name) if self.file_name else self.directory

    @property
    def staging(self) -> str:
        """This job's staging directory."""
        return posixpath.join(self.staging_base, self.job_id)

    @property
    def document_id(self) -> str:
        """What the commit's intent is filed under: the same for all attempts of one job."""
        if self.once is None:
            return self.job_id
        return hex_digits("\0".join((self.directory, self.once.scope, self.once.name)), 32)

    def of_attempt(self, job_id: str, once: IdempotencyKey) -> Self:
        """Return the layout of the attempt that had this id at a job that is `once`."""
        names = None if self.names is None else replace(self.names, job=tag_of(job_id))
        return replace(self, job_id=job_id, once=once, names=names)

    @property
    def named(self) -> bool:
        """Whether visible files have names that were asked for, which may be taken."""
        return self.file_name is not None or self.names_parts

    @property
    def names_parts(self) -> bool:
        """Whether part files get such names, at the commit."""
        return self.names is not None or self.row_files

    def is_own(self, name: str, directory: str = "") -> bool:
        """Whether a file's name is one that this source gives to part files.

        Args:
            name: of the file.
            directory: that it is in, relative to the target.

        """
        return is_part(name) or (self.names is not None and self.names.matches(name, directory))

    @property
    def tag(self) -> str:
        """What marks this job's part files: the first digits of the job id."""
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
            name = f"part-{partition:05d}-{self.tag}-{attempt[:8]}-c{sequence:03d}.{self.extension}"
            name = posixpath.join(directory, name)
            return name, name
        final = f"part-{partition:05d}-{self.tag}-c{sequence:03d}.{self.extension}"
        staged = f"part-{partition:05d}-c{sequence:03d}-{attempt}"
        return staged, posixpath.join(directory, final)

    def staged_path(self, staged: str) -> str:
        """Return the path of a staged part."""
        return posixpath.join(self.directory if self.direct else self.staging, staged)

    def final_path(self, final: str) -> str:
        """Return the path of a visible file."""
        return posixpath.join(self.directory, final)


def same_lineage(job_id: str, other: str) -> bool:
    """Whether two attempts belong to one streaming query."""
    return job_id[-LINEAGE_DIGITS:] == other[-LINEAGE_DIGITS:]


def uses_own_staging(staging_base: str, directory: str) -> bool:
    """Whether staging is inside the target: made and removed by jobs, shared with no other one."""
    return staging_base == posixpath.join(directory, STAGING)
