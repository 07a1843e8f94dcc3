"""Reads the splits of one task: decodes their files, counts, and checks that none changed."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError, RemoteChangedError
from sftp_async.read.control import ControlReading, rows_in, verifies_lines
from sftp_async.read.held_rows import HeldRows
from sftp_async.read.sources import sources
from sftp_async.read.stated import StatedFiles, check_rows
from sftp_async.read.upcoming_files import UpcomingFiles

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import pyarrow as pa

    from sftp_async.read.readable_file import RemoteReadable
    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import Split, TaskInput
    from sftp_async.read.stated import Digest, Stated

log = logging.getLogger("sftp_async.read.task")

STREAM_HINT = (
    "The version that the micro-batch is planned with is lost: restore it and start the query "
    "again, or set ignore_missing_files=true to leave it out. A new version is in a later "
    "micro-batch. If clean_source has archived or deleted it, do neither: the checkpoint is not "
    "the one that belongs to the state"
)


@dataclass
class ReadCounters:
    """A task's progress: what it is done with, rows, bytes that came, files it left out.

    `files` are those whose first range was this task's, so that tasks that share a file count it
    once; `ranges` are all.
    `fast_bytes` and `exact_bytes` are the bytes of CSV, JSON and XML, decompressed, that took the
    fast path of their decoder, and the exact one.
    """

    files: int = 0
    ranges: int = 0
    rows: int = 0
    bytes: int = 0
    files_left_out: int = 0
    fast_bytes: int = 0
    exact_bytes: int = 0
    _lock: threading.Lock = field(
        default_factory=threading.Lock, init=False, repr=False, compare=False
    )

    def add_bytes(self, count: int) -> None:
        """Count bytes that came; from any thread, since some decoders fetch ahead in one."""
        with self._lock:
            self.bytes += count

    def add_path(self, fast: bool, count: int) -> None:
        """Count bytes by the path that they took."""
        if fast:
            self.fast_bytes += count
        else:
            self.exact_bytes += count

    def to_dict(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}


def read_task(
    scan: Scan, task: TaskInput, counters: ReadCounters | None = None
) -> Generator[pa.RecordBatch]:
    """Yield the rows of one task, in batches of the result's schema.

    Args:
        scan: what all tasks have in common.
        task: its splits.
        counters: count what is read.

    Raises:
        RemoteChangedError: a file is no longer the one that was planned.
        DecodeError: a file does not hold what its format says.
        TransferError, ConnectError: a file cannot be read, retries included.

    """
    counters = ReadCounters() if counters is None else counters
    scan = replace(scan, file_format=scan.file_format.reporting(counters.add_path))
    stated = StatedFiles(scan.options)
    with UpcomingFiles(scan, task.splits, counters.add_bytes) as files:
        for split, file in files:
            rows = counters.rows
            try:
                for batch in _read_split(scan, split, file, stated.of(file)):
                    counters.rows += len(batch)
                    yield batch
                counters.files += split.start == 0
                counters.ranges += 1
            except DecodeError as error:
                if not scan.options.ignore_corrupt_files:
                    raise
                counters.files_left_out += 1
                log.warning("the rest of a file is left out: %s", error)
            except RemoteChangedError as error:
                if scan.of_stream:
                    error.hint = STREAM_HINT
                if not _may_be_left_out(scan, error, counters.rows > rows):
                    raise
                counters.files_left_out += 1
                log.warning("a file is left out: %s", error)


def _may_be_left_out(scan: Scan, error: RemoteChangedError, has_rows: bool) -> bool:
    """Whether the read goes on without a file that has changed since it was planned.

    In a micro-batch also one that was rewritten: its new version is in another batch. Neither may
    have given a row there, or the other batch would give it again.
    """
    if not scan.options.ignore_missing_files:
        return False
    return not has_rows if scan.of_stream else error.gone


def _read_split(
    scan: Scan, split: Split, file: RemoteReadable, stated: Stated
) -> Iterator[pa.RecordBatch]:
    batches = _decoded(scan, split, file, stated.digests)
    if not verifies_lines(scan.options) and stated.rows is None:
        for batch in batches:
            yield scan.columns.assemble(batch, split)
        file.check()
        return
    count = 0
    with HeldRows() as held:
        for batch in batches:
            count += rows_in(batch, scan.options)
            held.add(batch)
        file.check()
        check_rows(file.path, count, stated)
        for batch in held.batches():
            yield scan.columns.assemble(batch, split)


def _decoded(
    scan: Scan, split: Split, file: RemoteReadable, digests: Sequence[Digest]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a split without the columns that are not in the file."""
    control = ControlReading.of(scan.options, scan.columns.data)
    is_read = False
    with sources(file, scan.options, scan.file_format, digests) as parts:
        for part in parts:
            is_read = True
            # Only a file itself has ranges: a copy and a member are read from start to end.
            start, stop = (split.start, split.stop) if part is file else (0, part.size)
            batches = (
                scan.file_format.decode(part, start, stop)
                if control is None
                else control.rows(scan.file_format, part, start, stop)
            )
            yield from filter(len, batches)
    if control is not None and not is_read:
        control.check_members(file.path)
