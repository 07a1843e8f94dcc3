"""Every path of one job on the server: in the target, in its staging directory, of its intent.

<target>/part-00003-1f0c9a2e5b7d4c68-c000.csv.gz   a part file, visible
<target>/day=1/part-00003-…-c000.csv.gz            the same, with `partition_by`
<target>/_temporary/<document>.intent.json         the commit's intent, in its first state
<target>/_temporary/<job>/part-00003-c000-<uuid>   a part file while it is staged
<target>/_temporary/<job>/ahead-<uuid>             a file that was opened before its task began
<target>/_temporary/<job>/joined-<uuid>            an exact file, joined from the parts
<target>/_temporary/<job>/archive-<uuid>           what is around the parts in an archive
<target>/_temporary/<job>/displaced-<staged>       the file that a part replaces, for a rollback
<target>/_temporary/<job>/withdrawn-<staged>       a part that was rolled back
<target>/_temporary/<job>/aside-<number>           a sidecar file of replaced data, for a rollback
<target>/_temporary/<job>/replaced-<number>        a file that the job removes
<target>/_temporary/<job>/sidecar-<uuid>           a sidecar file, before it gets its name
<target>/_temporary/<job>/claimed                  an exact file's name was free before the copy
<target>/_temporary/<job>.elsewhere.json           a pointer to the staging of a job elsewhere

`staging_dir` takes the place of `<target>/_temporary`, but for the pointer. Each staging directory
in it holds the mark `sftp_async-staging`, too.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from pydantic import ConfigDict

from sftp_async.layout.intent_names import IntentState, document_name

#: Directory in the target that holds the staging directories of its jobs.
STAGING = "_temporary"
#: The file that shows, in a directory that other programs share, which staging directories are
#: this package's.
STAGING_MARK = "sftp_async-staging"


class PromotionMode(StrEnum):
    """How the files of a job get their final names."""

    #: By the server's rename: each file appears at once.
    RENAME = "rename"
    #: By copying the one exact file, on a server that cannot rename: readers may see it grow.
    COPY = "copy"
    #: Tasks write part files under their final names, on a server that cannot rename.
    IN_PLACE = "in_place"


@dataclass(frozen=True)
class TargetPaths:
    """Where one job's files are. Names are relative to the target, or to the staging directory.

    `job_id` and `document_id` are 32 hex digits each; the two differ where several attempts of one
    job share an intent.
    """

    #: Intents are documents on the server, and are read back with this rule.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    directory: str
    #: Holds the staging directories and the intents of all jobs for this target.
    staging_base: str
    job_id: str
    document_id: str
    mode: PromotionMode

    @property
    def staging(self) -> str:
        """The job's staging directory."""
        return posixpath.join(self.staging_base, self.job_id)

    @property
    def staging_is_inside(self) -> bool:
        """Whether staging is in the target: made and removed by jobs, shared with no other one."""
        return is_inside(self.staging_base, self.directory)

    def final(self, name: str) -> str:
        """Return the path of a name in the target."""
        return posixpath.join(self.directory, name)

    def staged(self, name: str) -> str:
        """Return the path of a part before the commit."""
        if self.mode is PromotionMode.IN_PLACE:
            return self.final(name)
        return self.in_staging(name)

    def in_staging(self, name: str) -> str:
        """Return the path of a name in the job's staging directory."""
        return posixpath.join(self.staging, name)

    def document(self, state: IntentState) -> str:
        """Return the path of the job's intent in a state."""
        return posixpath.join(self.staging_base, document_name(self.document_id, state))

    def displaced(self, staged: str) -> str:
        """Return where the file that a staged part replaces is kept: a rollback restores it."""
        return self.in_staging(f"displaced-{staged}")

    def withdrawn(self, staged: str) -> str:
        """Return where a rollback moves a part, staged or visible: it cannot be promoted again."""
        return self.in_staging(f"withdrawn-{staged}")

    def aside(self, number: int) -> str:
        """Return where a sidecar file of replaced data is kept: a rollback restores it."""
        return self.in_staging(f"aside-{number}")

    def replaced(self, number: int) -> str:
        """Return where a file goes that the job removes, before it is removed for good."""
        return self.in_staging(f"replaced-{number}")

    def sidecar_draft(self, unique: str) -> str:
        """Return where a sidecar file is written before it gets its name."""
        return self.in_staging(f"sidecar-{unique}")

    @property
    def mark(self) -> str:
        """The file that shows, in a `staging_dir`, that the staging directory is this package's."""
        return self.in_staging(STAGING_MARK)

    @property
    def claimed(self) -> str:
        """The file that marks that an exact file's name was free, before it is copied there.

        From then on a file of that name is this job's.
        """
        return self.in_staging("claimed")


def is_inside(staging_base: str, directory: str) -> bool:
    """Whether a directory of staging directories is the target's own `_temporary`."""
    return staging_base == posixpath.join(directory, STAGING)
