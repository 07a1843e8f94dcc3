"""Encodes the files of a stream's log: one batch, or many in a compacted file.

All are JSON Lines. The first line describes the file, the next ones describe a batch each, with the
versions that it read in 20 bytes each; a start reads no further. A line for each file follows.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.known_files import LISTED_FILE, path_digest, whole_seconds
from sftp_async.read.listing import FoundFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sftp_async.read.ingest_log.known_files import KnownFiles

VERSION = 1

DIGEST = struct.Struct("<Q")
MISSED = struct.Struct("<QI")

#: What decoding a damaged file raises.
DAMAGES = (ValueError, LookupError, TypeError, struct.error, EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """The files of a micro-batch.

    Attributes:
        number: of the batch, from 1.
        files: in the order in which the batch was planned.
        partition_by: names of the partition columns of these files.

    """

    number: int
    files: tuple[FoundFile, ...]
    partition_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchHead:
    """A batch without the names of its files.

    Attributes:
        number: of the batch.
        count: how many files it read.
        partition_by: names of their partition columns.
        known: the records of those that the log still holds, as `LISTED_FILE`.

    """

    number: int
    count: int
    partition_by: tuple[str, ...]
    known: bytes

    @property
    def lines(self) -> int:
        """How many of its files the log still holds."""
        return len(self.known) // LISTED_FILE.size


@dataclass(frozen=True, slots=True)
class LogFile:
    """The batches of one file of the log.

    Attributes:
        first: number of the first batch.
        last: number of the last one; batches whose files are all forgotten have no head.
        heads: of the batches, ascending.
        forgotten: digests of the paths that are forgotten with these batches.
        missed: when files were first missed, by the digests of their paths; 0: found again.
        lines: of the files of all batches, in the order of the heads; to be read once.

    """

    first: int
    last: int
    heads: Sequence[BatchHead]
    forgotten: Sequence[int]
    missed: Mapping[int, int]
    lines: Iterable[bytes]

    @property
    def files(self) -> int:
        """How many lines there are."""
        return sum(head.lines for head in self.heads)

    def apply(self, known: KnownFiles) -> None:
        """Add what these batches read, and remove what is forgotten with them."""
        for head in self.heads:
            for record in LISTED_FILE.iter_unpack(head.known):
                known.add_digest(*record)
        known.forget(self.forgotten)
        for digest, missed in self.missed.items():
            known.set_missed(digest, missed)


def file_of_batch(
    batch: LoggedBatch, forgotten: Iterable[int] = (), missed: Mapping[int, int] | None = None
) -> LogFile:
    """Return the file of one batch."""
    records = [(path_digest(f.path), f.size, whole_seconds(f.mtime)) for f in batch.files]
    read = {digest for digest, _, _ in records}
    known = b"".join(LISTED_FILE.pack(*record) for record in records)
    return LogFile(
        batch.number,
        batch.number,
        [BatchHead(batch.number, len(batch.files), batch.partition_by, known)],
        # A file that the batch reads is listed, whatever was noted of it before.
        [digest for digest in forgotten if digest not in read],
        {digest: when for digest, when in (missed or {}).items() if digest not in read},
        [_line(file) for file in batch.files],
    )


def encode(file: LogFile, *, compressed: bool) -> bytes:
    """Return the bytes of a file; compressed ones have the extension `.gz`."""
    top = {
        "version": VERSION,
        "first": file.first,
        "last": file.last,
        "batches": len(file.heads),
        "forgotten": _packed(DIGEST, ((digest,) for digest in file.forgotten)),
        "missed": _packed(MISSED, file.missed.items()),
    }
    heads = (
        {
            "batch": head.number,
            "files": head.count,
            "partition_by": head.partition_by,
            "known": base64.b64encode(head.known).decode(),
        }
        for head in file.heads
    )
    text = itertools.chain((_json(value) for value in itertools.chain([top], heads)), file.lines)
    if not compressed:
        return b"".join(text)
    # Level 1: a third larger than 9, and six times as fast.
    compressor = zlib.compressobj(1, wbits=31)
    parts = [part for line in text if (part := compressor.compress(line))]
    return b"".join([*parts, compressor.flush()])


def decode(stream: BinaryIO, name: str, location: str) -> LogFile:
    """Read a file up to its lines, which are read from the stream when they are asked for.

    Args:
        stream: of the bytes of `encode`.
        name: of the file, for its extension.
        location: of the state, for the error of an unknown version.

    Raises:
        StateError: the file is of an unknown version.
        ValueError, …: one of `DAMAGES`.

    """
    if name.endswith(".gz"):
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
    top = json.loads(stream.readline())
    check_version(top, location)
    heads = [_head(json.loads(stream.readline())) for _ in range(top["batches"])]
    forgotten = [digest for (digest,) in _unpacked(DIGEST, top["forgotten"])]
    missed = dict(_unpacked(MISSED, top["missed"]))
    return LogFile(top["first"], top["last"], heads, forgotten, missed, stream)


def check_version(top: Any, location: str) -> None:
    """Ensure that this release can read a file of the state.

    Raises:
        StateError: it cannot.

    """
    if top["version"] != VERSION:
        raise StateError(
            f"The stream's state at {location} has format version {top['version']}, and this "
            f"release of sftp_async reads version {VERSION}",
            hint="Use the release that wrote it, or a later one",
        )


def _head(value: Any) -> BatchHead:
    known = base64.b64decode(value["known"], validate=True)
    if len(known) % LISTED_FILE.size:
        raise ValueError("a record is cut")
    return BatchHead(value["batch"], value["files"], tuple(value["partition_by"]), known)


def _line(file: FoundFile) -> bytes:
    partition = [file.partition] if file.partition else []
    return _json([file.path, file.size, file.mtime, *partition])


def found_file(line: bytes) -> FoundFile:
    """Return the file of a line."""
    path, size, mtime, *partition = json.loads(line)
    return FoundFile(path, size, mtime, *(tuple(values) for values in partition))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _packed(record: struct.Struct, values: Iterable[Any]) -> str:
    return base64.b64encode(b"".join(record.pack(*value) for value in values)).decode()


def _unpacked(record: struct.Struct, text: str) -> Iterator[Any]:
    return record.iter_unpack(base64.b64decode(text, validate=True))
