"""The intent of a commit: a file on the server that says what is about to become visible.

Once it is there, anybody can finish the commit: whoever reads it knows every rename and removal
that is due, and each of them can be done twice without harm.
"""

from __future__ import annotations

import json
import posixpath
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from sftp_async.errors import CommitError, RemoteNotFoundError
from sftp_async.layout import INTENT_SUFFIX, PartFile

if TYPE_CHECKING:
    from sftp_async.layout import Layout
    from sftp_async.transport import Connection

#: Version of the document; a reader refuses what it does not know.
VERSION = 1
#: About 250 bytes a part file: room for a quarter of a million of them.
LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True)
class Intent:
    """What one job's commit does to the target; all names are relative, none holds a slash."""

    job_id: str
    directory: str
    staging_base: str
    direct: bool
    #: Promote by copying: the server cannot rename.
    by_copy: bool
    #: The one part replaces a file of its final name, if there is one.
    replace_exact: bool
    parts: tuple[PartFile, ...]
    #: Names in the target to remove once all parts are visible.
    removes: tuple[str, ...]
    success_file: bool

    @property
    def staging(self) -> str:
        """The job's staging directory."""
        return posixpath.join(self.staging_base, self.job_id)

    @property
    def path(self) -> str:
        """Where the intent itself is kept."""
        return self.staging + INTENT_SUFFIX

    def staged_path(self, part: PartFile) -> str:
        """Return where the part is before the commit."""
        return posixpath.join(self.directory if self.direct else self.staging, part.staged)

    def final_path(self, name: str) -> str:
        """Return the path of a name in the target."""
        return posixpath.join(self.directory, name)

    def to_json(self) -> bytes:
        """Return the document."""
        return json.dumps({"version": VERSION, **asdict(self)}).encode()

    @classmethod
    def from_json(cls, data: bytes, path: str) -> Self:
        """Read a document, trusting nothing: a server's other users may have written it.

        Raises:
            CommitError: it is torn, of another version, or names something outside the target.

        """
        try:
            fields: dict[str, Any] = json.loads(data)
            version = fields.pop("version")
            if version != VERSION:
                raise ValueError(f"version {version} is not known to this release")
            fields["parts"] = tuple(PartFile(**part) for part in fields["parts"])
            fields["removes"] = tuple(fields["removes"])
            intent = cls(**fields)
            for name in (*intent.removes, *(n for p in intent.parts for n in (p.staged, p.final))):
                if not isinstance(name, str) or name in ("", ".", "..") or {"/", "\0"} & set(name):
                    raise ValueError(f"unsafe name {name!r}")
        except (ValueError, KeyError, TypeError) as error:
            raise CommitError(
                f"The intent of an interrupted commit cannot be read: {error}",
                path=path,
                hint="If no job is running for this target, look at the file and remove it",
            ) from error
        return intent


async def publish(connection: Connection, intent: Intent, *, by_rename: bool) -> None:
    """Make the intent visible at once, and read it back: from here on the commit will be finished."""
    data = intent.to_json()
    if by_rename:
        draft = intent.path.removesuffix(".json") + ".draft"
        await connection.write_file(draft, data)
        await connection.rename(draft, intent.path)
    else:
        # Without rename a torn intent is possible: it does not parse, and so does not count.
        await connection.write_file(intent.path, data)
    if await connection.read_file(intent.path, LARGEST) != data:
        raise CommitError(
            "The server did not keep the commit's intent as written", path=intent.path
        )


async def load(connection: Connection, path: str) -> Intent | None:
    """Read an intent; None if there is none (any more)."""
    try:
        data = await connection.read_file(path, LARGEST)
    except RemoteNotFoundError:
        return None
    return Intent.from_json(data, path)


def intent_for(
    layout: Layout,
    parts: tuple[PartFile, ...],
    *,
    overwrite: bool,
    removes: tuple[str, ...],
    success_file: bool,
    by_copy: bool,
) -> Intent:
    """Build the intent of a job's commit."""
    return Intent(
        job_id=layout.job_id,
        directory=layout.directory,
        staging_base=layout.staging_base,
        direct=layout.direct,
        by_copy=by_copy,
        replace_exact=overwrite and layout.file_name is not None,
        parts=parts,
        removes=removes,
        success_file=success_file,
    )
