"""The intent of a commit: a write-ahead record on the server of what is about to become visible.

Once it is published, any process can complete the commit: the intent lists every rename and removal
that is due, and each of them is idempotent. Its file name tells the state of the commit:

<document>.intent.json     all new data is on the server and is being made visible
<document>.visible.json    all new data is visible; what it replaces is being removed
<document>.finished.json   all of that is done; the job's staging directory is being removed
<document>.withdrawn.json  the job was aborted; what it made visible is being rolled back
<document>.undone.json     all of that is rolled back; the job's staging directory is being removed
<document>.discarded.json  another writer rolled it back, because newer data is in the place of what
                           it was to replace; kept to tell its own writer, if that only stood still

`visible` and `withdrawn` come from `intent` by a rename, in which only one of two writers succeeds.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    Strict,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

from sftp_async.layout.intent_names import JOB_ID
from sftp_async.layout.once import IdempotencyKey
from sftp_async.layout.part_names import PartFile
from sftp_async.layout.path_safety import safe_directory, safe_name, safe_path, safe_row_path
from sftp_async.layout.sidecars import Checksums, done_name, sidecar_names
from sftp_async.layout.target_paths import PromotionMode, TargetPaths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions

#: Version of the document; a reader refuses other ones.
VERSION = 3

_BATCH = re.compile(r"[0-9]{1,19}")


def _safe_paths(paths: TargetPaths) -> TargetPaths:
    if not JOB_ID.fullmatch(paths.job_id):
        raise ValueError(f"{paths.job_id!r} is no job")
    return paths


def _safe_key(once: IdempotencyKey) -> IdempotencyKey:
    safe_name(once.scope)
    safe_name(once.name)
    if once.replayed and not _BATCH.fullmatch(once.name):
        raise ValueError(f"{once.name!r} is no batch")
    return once


@dataclass(frozen=True)
class Intent:
    """What one job's commit does to the target.

    All names are relative; none holds a slash, but for the partition directories before a file's
    name, and for the paths that rows give to files.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    paths: Annotated[TargetPaths, AfterValidator(_safe_paths)]
    #: Parts replace files of their final names, if there are any.
    replaces: StrictBool
    #: Parts are the files of rows, which gave them their final names.
    row_files: StrictBool
    parts: tuple[PartFile, ...]
    #: Of a joined file: size and SHA-256 of each piece, in order.
    pieces: tuple[tuple[StrictInt, str], ...]
    #: Final names of parts that were taken when the intent was published, where there are several.
    taken: tuple[str, ...]
    #: Names in the target to remove once all parts are visible.
    removes: tuple[str, ...]
    #: Columns that are directories in the target, the outermost first.
    partition_by: tuple[Annotated[str, Field(min_length=1)], ...]
    #: Partition directories that were missing when the intent was published.
    makes: tuple[str, ...]
    success_file: StrictBool
    checksums: Checksums
    #: Template of the names of done files; None: there are none.
    done_file: Annotated[str, AfterValidator(safe_name)] | None
    #: Mode bits, and seconds since 1970, that data files get; None leaves what the server gives.
    permissions: Annotated[NonNegativeInt, Strict()] | None
    modified: Annotated[NonNegativeInt, Strict()] | None
    #: Facts for `_manifest.json` besides the files; None: there is no manifest.
    manifest: dict[str, Any] | None
    #: The commit leaves a marker, and all attempts of the job share one commit.
    once: Annotated[IdempotencyKey, AfterValidator(_safe_key)] | None
    #: Final names have files of the right size; false: the server may take files away at once.
    stays: StrictBool = True
    #: A template made the final names, which do not show the job: they are registered.
    registers: StrictBool = False

    @property
    def mode(self) -> PromotionMode:
        """How the parts become visible."""
        return self.paths.mode

    @cached_property
    def taken_names(self) -> frozenset[str]:
        """`taken`, to look names up in."""
        return frozenset(self.taken)

    @cached_property
    def asides(self) -> tuple[str, ...]:
        """Those of `removes` that tell readers that old data is complete: set aside first."""
        names = sidecar_names((part.final for part in self.parts), self.done_file)
        return tuple(name for name in self.removes if name in names)

    def staged(self, part: PartFile) -> str:
        """Return the path of a part before the commit."""
        return self.paths.staged(part.staged)

    def final(self, part: PartFile) -> str:
        """Return the path of a part after the commit."""
        return self.paths.final(part.final)

    def to_json(self) -> bytes:
        """Return the document: by pydantic, in a tenth of the time that `asdict` takes."""
        fields = _DOCUMENT.dump_python(self, warnings=False)
        return json.dumps({"version": VERSION, **fields}).encode()

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Intent:
        """Build from a parsed document, trusting nothing: a server's other users may have made it.

        The document is parsed by `json`: pydantic's own parser refuses the lone surrogates that
        stand for bytes of file names that are no UTF-8.

        Raises:
            ValueError: it is of another version, or names something outside the target.

        """
        version = fields.get("version")
        if version != VERSION:
            raise ValueError(f"version {version!r} is not known to this release")
        try:
            return _DOCUMENT.validate_python({k: v for k, v in fields.items() if k != "version"})
        except ValidationError as error:
            raise ValueError(_first_problem(error)) from error


def _trusted(intent: Intent) -> Intent:
    """Check what the type of a single field does not tell.

    Raises:
        ValueError: a name leads out of the target, or fields contradict each other.

    """
    in_place = intent.mode is PromotionMode.IN_PLACE
    safe_staged = safe_path if in_place else safe_name
    safe_final = safe_row_path if intent.row_files else safe_path
    for part in intent.parts:
        safe_staged(part.staged)
        safe_final(part.final)
    # A sidecar of a row's file is in a directory of any name, as that file is.
    places = {part.directory for part in intent.parts if intent.row_files} - {""}
    for name in intent.removes:
        directory, _, last = name.rpartition("/")
        if directory in places:
            safe_name(last)
        else:
            safe_path(name)
    for name in intent.makes:
        (safe_row_path if intent.row_files else safe_directory)(name)
    if not {*intent.taken} <= {part.final for part in intent.parts}:
        raise ValueError("a name that is taken is no part's")
    if intent.mode is PromotionMode.COPY and any(part.directory for part in intent.parts):
        raise ValueError("only an exact file is copied to its name")
    if intent.once is None and intent.paths.job_id != intent.paths.document_id:
        raise ValueError(f"it belongs to another job, {intent.paths.job_id!r}")
    if intent.done_file is not None:
        # Hidden ones are fine; they are in the directories of the parts.
        for part in intent.parts:
            safe_name(posixpath.basename(done_name(intent.done_file, part.final)))
    return intent


_DOCUMENT: TypeAdapter[Intent] = TypeAdapter(Annotated[Intent, AfterValidator(_trusted)])


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    reason = str(first.get("ctx", {}).get("error", first["msg"]))
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {reason}" if place else reason


def intent_for(
    layout: Layout,
    parts: tuple[PartFile, ...],
    *,
    removes: tuple[str, ...],
    pieces: tuple[tuple[int, str], ...] = (),
    taken: tuple[str, ...] = (),
    makes: tuple[str, ...] = (),
    options: WriteOptions,
    manifest: dict[str, Any] | None,
) -> Intent:
    """Build the intent of a job's commit."""
    return Intent(
        paths=layout.paths,
        replaces=layout.replaces,
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
        stays=options.verify != "none",
        registers=layout.names is not None and not layout.names.shows_job,
    )
