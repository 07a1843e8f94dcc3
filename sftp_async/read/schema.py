"""Infers the columns of a read from its files, within bounds."""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError, OptionsError, SFTPAsyncError
from sftp_async.formats import open_read_format
from sftp_async.humanize import counted, in_units
from sftp_async.read.columns import METADATA, OVERRIDDEN
from sftp_async.read.control import ControlReading
from sftp_async.read.readable_file import RemoteReadable
from sftp_async.read.sources import sources
from sftp_async.read.stated import StatedFiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import ReadableFile, ReadFormat
    from sftp_async.options import SFTPOptions
    from sftp_async.read.listing import FoundFile, Listing

log = logging.getLogger("sftp_async.read.schema")

#: Formats whose columns are known without a file.
_FIXED_COLUMNS = ("text", "binary", "fixed")


def infer_columns(options: SFTPOptions, listing: Listing) -> pa.Schema:
    """Return the columns of the files, of the partition directories, and of the metadata.

    The log says at how much of the files it has looked.

    Args:
        options: resolved, with the format.
        listing: of the read.

    Raises:
        DecodeError: no columns can be found in the files.
        OptionsError: `columns` names one that is not there, or a name is there twice.

    """
    if options.access == "once":
        raise OptionsError(
            "access=once reads no file twice: give the columns, with .schema('id BIGINT, …')."
        )
    if not listing.files and options.format not in _FIXED_COLUMNS:
        raise SFTPAsyncError(
            "The columns cannot be inferred: there is no file to look at",
            host=options.address,
            hint=f"Give them with .schema(…). {listing.left_out_summary}".rstrip(),
        )
    file_format = open_read_format(options, None)
    seen: Counter[str] = Counter()
    with ExitStack() as stack:
        parts = (
            part
            for file in listing.files[: options.infer_files]
            for part in _opened(stack, options, file, file_format, seen)
        )
        schema = _inferred(file_format, list(islice(parts, options.infer_files)), options)
    log.info(
        "%s: columns found in %d of %s, %s of them read; infer_files=%d and sampling_ratio=%s "
        "bound that",
        options.address,
        len(seen),
        counted((len(listing.files), "file")),
        in_units(seen.total()),
        options.infer_files,
        options.sampling_ratio,
    )
    schema = _with_partitions(schema, listing, options)
    if options.columns:
        schema = _projected(schema, options)
    for option, kind in (("rescued_data_column", pa.string()), ("metadata_column", METADATA)):
        name = getattr(options, option)
        if name is not None and name in schema.names:
            raise OptionsError(
                f"{option}={name}: the files have a column of this name; take another one."
            )
        schema = schema if name is None else schema.append(pa.field(name, kind))
    return schema


def _inferred(
    file_format: ReadFormat, files: list[ReadableFile], options: SFTPOptions
) -> pa.Schema:
    """Return the columns of the files; of those that are no corrupt ones, if these are ignored."""
    while True:
        try:
            return file_format.infer_schema(files)
        except DecodeError as error:
            sound = [file for file in files if file.path != error.path]
            if not options.ignore_corrupt_files or not sound or len(sound) == len(files):
                raise
            log.warning("a file is left out where columns are found: %s", error)
            files = sound


def _opened(
    stack: ExitStack,
    options: SFTPOptions,
    file: FoundFile,
    file_format: ReadFormat,
    seen: Counter[str],
) -> Iterator[ReadableFile]:
    """Yield a file, or the members of an archive, which stay readable until the stack is closed.

    Args:
        stack: closes them.
        options: of the read.
        file: of the listing.
        file_format: decides whether a file is read as an archive.
        seen: gets the bytes that come, by path.

    """

    def count(size: int) -> None:
        seen[file.path] += size

    readable = stack.enter_context(RemoteReadable.of(options, file, count))
    control = ControlReading.of(options, None)
    digests = StatedFiles(options).of(readable).digests if options.verify == "checksum" else ()
    opened = sources(readable, options, file_format, digests, whole=False)
    for part in stack.enter_context(opened):
        yield part if control is None else control.lines.without(part)


def _with_partitions(schema: pa.Schema, listing: Listing, options: SFTPOptions) -> pa.Schema:
    """Return the columns with those of the directories, which win over columns of the files.

    As PartitioningUtils.mergeDataAndPartitionSchema: a column of the same name keeps its place. The
    metadata `OVERRIDDEN` say which these are.
    """

    def same(name: str) -> str:
        return name if options.case_sensitive else name.lower()

    overridden = {}
    for name, kind in zip(listing.partition_by, listing.partition_types, strict=True):
        column = pa.field(name, kind)
        places = [place for place, there in enumerate(schema.names) if same(there) == same(name)]
        if places:
            overridden[places[0]] = schema.names[places[0]]
        schema = schema.set(places[0], column) if places else schema.append(column)
    if overridden:
        found = json.dumps(dict(sorted(overridden.items()))).encode()
        schema = schema.with_metadata({**(schema.metadata or {}), OVERRIDDEN: found})
    return schema


def _projected(schema: pa.Schema, options: SFTPOptions) -> pa.Schema:
    by_name = {
        name if options.case_sensitive else name.lower(): schema.field(place)
        for place, name in enumerate(schema.names)
    }
    wanted = [name if options.case_sensitive else name.lower() for name in options.columns]
    if missing := [name for name in wanted if name not in by_name]:
        raise OptionsError(
            f"columns names {', '.join(missing)}, but there are {', '.join(schema.names)}."
        )
    return pa.schema([by_name[name] for name in wanted], schema.metadata)
