"""The intent of a commit: a file on the server that says what is about to become visible.

Once it is there, anybody can finish the commit: whoever reads it knows every rename and removal
that is due, and each of them can be done twice without harm. Its name tells how far things are:

<job>.intent.json     all new data is on the server and is being made visible
<job>.visible.json    all new data is visible; what it replaces is being removed
<job>.withdrawn.json  the job was aborted; what it made visible is being taken back
<job>.undone.json     all of that is taken back; what is left of the job is being removed

The second and the third come from the first by a rename, which only one of two writers wins.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from sftp_async.layout.once import IdempotencyKey
from sftp_async.layout.part_names import PartFile
from sftp_async.layout.path_safety import path_problem
from sftp_async.layout.sidecars import (
    ALGORITHMS,
    Checksums,
    announcements,
    done_name,
)

if TYPE_CHECKING:
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions

State = Literal["intent", "visible", "withdrawn", "undone"]
#: The later state first: a server that died within a rename may show both names.
STATES: tuple[State, ...] = ("undone", "withdrawn", "visible", "intent")

#: Version of the document; a reader refuses what it does not know.
VERSION = 2

JOB_ID = re.compile(r"[0-9a-f]{32}")
_BATCH = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True)
class Intent:
    """What one job's commit does to the target.

    All names are relative; none holds a slash, but for the partition directories before a file's,
    and what rows call their files.
    """

    job_id: str
    #: What it is filed under: the job's id, or what all attempts of a job that is `once` share.
    document: str
    directory: str
    staging_base: str
    #: The parts have their final names already.
    direct: bool
    #: Promote by copying: the server cannot rename.
    by_copy: bool
    #: Parts replace files of their final names, if there are any.
    replaces: bool
    #: Parts are the files of rows, which said what these are called.
    row_files: bool
    parts: tuple[PartFile, ...]
    #: Of a joined file: size and SHA-256 of each piece, in order.
    pieces: tuple[tuple[int, str], ...]
    #: Final names of parts that were taken when the intent was published, where there are several.
    taken: tuple[str, ...]
    #: Names in the target to remove once all parts are visible.
    removes: tuple[str, ...]
    #: Columns that are directories in the target, the outermost first.
    partition_by: tuple[str, ...]
    #: Partition directories that were missing when the intent was published.
    makes: tuple[str, ...]
    success_file: bool
    checksums: Checksums
    #: Template of the names of done files; None: there are to be none.
    done_file: str | None
    #: Mode bits, and seconds since 1970, that data files get; None leaves what the server gives.
    permissions: int | None
    modified: int | None
    #: What `_manifest.json` says beside the files; None: there is to be none.
    manifest: dict[str, Any] | None
    #: The commit leaves a marker, and there is to be one commit for all attempts.
    once: IdempotencyKey | None

    @property
    def staging(self) -> str:
        """The job's staging directory."""
        return posixpath.join(self.staging_base, self.job_id)

    @property
    def path(self) -> str:
        """Where the intent itself is kept."""
        return self.path_in("intent")

    @cached_property
    def taken_names(self) -> frozenset[str]:
        """`taken`, to look names up in."""
        return frozenset(self.taken)

    @property
    def asides(self) -> tuple[str, ...]:
        """Those of `removes` that announce old data; readers must not take a mixture for it."""
        names = announcements((part.final for part in self.parts), self.done_file)
        return tuple(name for name in self.removes if name in names)

    @property
    def renames(self) -> bool:
        """Whether the server can rename."""
        return not (self.direct or self.by_copy)

    def path_in(self, state: State) -> str:
        """Return where the document is kept in a state."""
        return document_path(self.staging_base, self.document, state)

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
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Build from a parsed document, trusting nothing: a server's other users may have made it.

        Raises:
            ValueError: it is of another version, or names something outside the target.

        """
        fields = dict(fields)
        version = fields.pop("version", None)
        if version != VERSION:
            raise ValueError(f"version {version!r} is not known to this release")
        try:
            fields["parts"] = tuple(PartFile(**part) for part in fields["parts"])
            for names in ("taken", "removes", "partition_by", "makes"):
                fields[names] = tuple(fields[names])
            fields["pieces"] = tuple((size, digest) for size, digest in fields["pieces"])
            if fields["once"] is not None:
                fields["once"] = IdempotencyKey(**fields["once"])
            intent = cls(**fields)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"fields are missing or unknown ({error})") from error
        for part in intent.parts:
            (_check_path if intent.direct else _check_name)(part.staged)
            (_check_row_path if intent.row_files else _check_path)(part.final)
            if type(part.size) is not int or type(part.rows) is not int:
                raise ValueError(f"size and rows of {part.final!r} are not numbers")
        # What stands beside a row's file is in a directory of any name, as that file is.
        places = {part.directory for part in intent.parts if intent.row_files} - {""}
        for name in intent.removes:
            directory, _, last = name.rpartition("/") if isinstance(name, str) else ("", "", name)
            if directory in places:
                _check_name(last)
            else:
                _check_path(name)
        if not all(type(size) is int and type(digest) is str for size, digest in intent.pieces):
            raise ValueError("a piece of the joined file has neither size nor digest")
        if not {*intent.taken} <= {part.final for part in intent.parts}:
            raise ValueError("a name that is taken is no part's")
        for name in intent.makes:
            (_check_row_path if intent.row_files else _check_directory)(name)
        if not all(isinstance(column, str) and column for column in intent.partition_by):
            raise ValueError("a column of partition_by has no name")
        if not (isinstance(intent.job_id, str) and JOB_ID.fullmatch(intent.job_id)):
            raise ValueError(f"{intent.job_id!r} is no job")
        if intent.once is None:
            if intent.job_id != intent.document:
                raise ValueError(f"it belongs to another job, {intent.job_id!r}")
        else:
            _check_name(intent.once.scope)
            _check_name(intent.once.name)
            if intent.once.replayed and not _BATCH.fullmatch(intent.once.name):
                raise ValueError(f"{intent.once.name!r} is no batch")
        if intent.manifest is not None and type(intent.manifest) is not dict:
            raise ValueError("the manifest is no object")
        flags = (
            intent.direct,
            intent.by_copy,
            intent.replaces,
            intent.row_files,
            intent.success_file,
        )
        if not all(type(flag) is bool for flag in flags):
            raise ValueError("a switch is neither true nor false")
        for number in (intent.permissions, intent.modified):
            if number is not None and (type(number) is not int or number < 0):
                raise ValueError(f"{number!r} is neither permissions nor a time")
        if intent.checksums not in ("none", *ALGORITHMS):
            raise ValueError(f"{intent.checksums!r} is no checksum")
        if intent.done_file is not None:
            # Hidden ones are fine; they stand in the directories of the parts.
            _check_name(intent.done_file)
            for part in intent.parts:
                _check_name(posixpath.basename(done_name(intent.done_file, part.final)))
        return intent


def _check_name(name: object) -> None:
    if not isinstance(name, str) or name in ("", ".", "..") or {"/", "\0"} & set(name):
        raise ValueError(f"unsafe name {name!r}")
    name.encode("utf-8", "surrogateescape")  # as it is sent; its error is a ValueError, too


def _check_path(path: object) -> None:
    """Check a file's name, perhaps behind partition directories; others are none of a job's."""
    if not isinstance(path, str):
        raise ValueError(f"unsafe name {path!r}")
    directory, slash, name = path.rpartition("/")
    if slash:
        _check_directory(directory)
    _check_name(name)


def _check_directory(path: object) -> None:
    for name in path.split("/") if isinstance(path, str) else [path]:
        _check_name(name)
        if "=" not in str(name):
            raise ValueError(f"unsafe name {path!r}: it is no partition's directory")


def _check_row_path(path: object) -> None:
    why = path_problem(path) if isinstance(path, str) else "is no text"
    if why is not None:
        raise ValueError(f"unsafe name {path!r}: it {why}")
    _check_name(posixpath.basename(str(path)))


def document_path(staging_base: str, document: str, state: State) -> str:
    """Return where a document is kept in a state."""
    return posixpath.join(staging_base, f"{document}.{state}.json")


def intent_for(
    layout: Layout,
    parts: tuple[PartFile, ...],
    *,
    overwrite: bool,
    removes: tuple[str, ...],
    pieces: tuple[tuple[int, str], ...] = (),
    taken: tuple[str, ...] = (),
    makes: tuple[str, ...] = (),
    options: WriteOptions,
    manifest: dict[str, Any] | None,
) -> Intent:
    """Build the intent of a job's commit."""
    return Intent(
        job_id=layout.job_id,
        document=layout.document_id,
        directory=layout.directory,
        staging_base=layout.staging_base,
        direct=layout.direct,
        by_copy=options.commit_mode == "direct" and layout.file_name is not None,
        replaces=layout.named and (overwrite or options.if_exists == "replace"),
        row_files=layout.row_files,
        parts=parts,
        pieces=pieces,
        taken=taken,
        removes=removes,
        partition_by=layout.partition_by,
        makes=makes,
        success_file=options.success_file,
        checksums=options.checksum_files,
        done_file=options.done_file_template,
        permissions=int(options.file_permissions, 8) if options.file_permissions else None,
        modified=options.modified_time,
        manifest=manifest,
        once=layout.once,
    )
