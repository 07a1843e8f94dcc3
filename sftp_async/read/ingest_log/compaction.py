"""Compacts a stream's log: many files become one, without the files that the stream forgot.

The compacted files are kept in a geometric progression, as git keeps its packs: each is at least
twice as long as all that follow it. So there are few of them, and a line is copied a few times in
all, however long the stream runs.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

from sftp_async.read.ingest_log.files import COMPACTED, LogFiles, Part, opened
from sftp_async.read.ingest_log.known_files import LISTED_FILE
from sftp_async.read.ingest_log.log_format import BatchHead, LogFile, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sftp_async.read.ingest_log.known_files import KnownFiles
    from sftp_async.read.ingest_log.stores import StateStore

#: The last batches stay as they are, since Spark may ask for one of them again: it keeps the
#: offsets of 100 by default (`spark.sql.streaming.minBatchesToRetain`).
KEPT = 100
#: Compact when so many batches are before those.
DUE = 32
#: Files that may be in the log, and forgotten, before all of it is written again.
FORGOTTEN = 10_000


def parts_to_compact(log: LogFiles, sizes: Mapping[str, int], known: int) -> list[Part]:
    """Return the files that are to become one, ascending; none if there is little to do.

    Args:
        log: the files.
        sizes: how many files of the stream each of them lists, by name.
        known: how many files the stream knows.

    """
    old = [part for part in log.parts if part.last <= log.last_batch - KEPT]
    pending = [part for part in old if not part.compacted]
    if len(pending) < DUE:
        return []
    # Where most of what is compacted is forgotten, all of it is written again, without that.
    if sum(sizes[part.name] for part in old) > 2 * known + FORGOTTEN:
        return old
    start = len(old) - len(pending)
    total = sum(sizes[part.name] for part in pending)
    while start and sizes[old[start - 1].name] < 2 * total:
        start -= 1
        total += sizes[old[start].name]
    return old[start:]


def compact(
    store: StateStore, parts: Sequence[Part], known: KnownFiles, version: str
) -> tuple[Part, int]:
    """Write the content of files of the log as one file; return it, and how many files it lists.

    Versions that the stream no longer knows are left out: they are forgotten, or replaced.

    Args:
        store: of the log.
        parts: files that follow each other.
        known: what the stream knows after the last batch of the log.
        version: of the new file.

    Raises:
        StateError: a file is damaged, or the store does not answer, or refuses.

    """
    with contextlib.ExitStack() as stack:
        merged = _merged([stack.enter_context(opened(store, part.name)) for part in parts], known)
        data = encode(merged, compressed=True)
    name = f"{COMPACTED}/{merged.first:020}-{merged.last:020}.{version}.jsonl.gz"
    store.write(name, data)
    return Part(merged.first, merged.last, name), merged.files


def _merged(files: Sequence[LogFile], known: KnownFiles) -> LogFile:
    heads: list[BatchHead] = []
    lines: list[Iterable[bytes]] = []
    for file in files:
        selected = bytearray()
        for head in file.heads:
            records = list(LISTED_FILE.iter_unpack(head.known))
            keep = bytes(known.knows(*record) for record in records)
            selected += keep
            if any(keep):
                kept = itertools.compress(records, keep)
                packed = b"".join(LISTED_FILE.pack(*record) for record in kept)
                heads.append(BatchHead(head.number, head.count, head.partition_by, packed))
        lines.append(itertools.compress(file.lines, selected))
    first, last = files[0].first, files[-1].last
    forgotten: list[int] = []
    if first > 1:  # files before these may have versions that are to be forgotten
        digests = {digest for file in files for digest in file.forgotten}
        forgotten = sorted(digest for digest in digests if known.missed_since(digest) is None)
    missed = {}
    for digest in sorted({digest for file in files for digest in file.missed}):
        since = known.missed_since(digest)
        if since or (since == 0 and first > 1):
            missed[digest] = since
    return LogFile(first, last, heads, forgotten, missed, itertools.chain.from_iterable(lines))
