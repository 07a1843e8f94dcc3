"""The state of a stream that has a place for it: offsets are numbers of batches in its log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.log_format import LoggedBatch
from sftp_async.read.ingest_log.offset import StreamOffset
from sftp_async.read.ingest_log.state import StreamState, batch_in, known_in
from sftp_async.read.listing import FoundFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sftp_async.read.ingest_log.known_files import KnownFiles
    from sftp_async.read.ingest_log.log import IngestLog


log = logging.getLogger("sftp_async.read.stream")


class LoggedState(StreamState):
    """The state of a stream in its log.

    A query that has begun without a place for its state may get one. The log's first batch is then
    what the offset remembers, as far as it is still there, and the second one is the first that the
    query reads with the log.

    Args:
        log: of the stream; owned by this process.
        location: of the log, for errors.

    """

    def __init__(self, log: IngestLog, location: str) -> None:
        self._log = log
        self._location = location
        #: What the offset of a query remembers that has got a log just now.
        self._moved: tuple[StreamOffset, KnownFiles] | None = None

    def known(self, start: StreamOffset) -> KnownFiles:
        """Return the files in the log, or those that are to move there; see `StreamState.known`."""
        if start.known is None or self._log.last_batch:
            return self._log.known
        if self._moved is None or self._moved[0] != start:
            self._moved = start, known_in(start, self._location)
        return self._moved[1]

    def planned(self, start: StreamOffset) -> StreamOffset | None:
        """Return the next batch in the log, if there is one; see `StreamState.planned`."""
        self._check(start)
        last = self._log.last_batch
        if start.known is not None:
            return self._offset(2) if last > 1 else None
        if not start.batch and last > 1:
            raise StateError(
                f"The state at {self._location} is of a query that has read "
                f"{last:,} micro-batches, and this query begins",
                hint="Start the query with its own checkpoint, or choose another state_location; "
                "to read all files again, remove this one",
            )
        if start.batch > last:
            raise StateError(
                f"The query has read micro-batch {start.batch:,}, and the last one in the state at "
                f"{self._location} is {last:,}",
                hint="Restore the state as it was: it and the checkpoint belong together",
            )
        if start.batch == last:
            return None
        if not start.batch:
            log.warning(
                "The query has no offset yet, and the state at %s has a first micro-batch, which "
                "is read now, perhaps again: a driver that is killed leaves that, and so does a "
                "checkpoint that was removed, or belongs to another query",
                self._location,
            )
        return self._offset(start.batch + 1)

    def plan(
        self, start: StreamOffset, batch: LoggedBatch, listed: Iterable[str], now: float
    ) -> StreamOffset:
        """Add a batch to the log; see `StreamState.plan`."""
        known = self.known(start)
        if start.known is not None and not self._log.last_batch:
            self._log.append(LoggedBatch(1, tuple(_files_of(known, start, listed))))
        number = self._log.last_batch + 1
        self._log.append(
            LoggedBatch(number, batch.files, batch.partition_by), self._log.known.forgotten(now)
        )
        return self._offset(number)

    def batches(self, start: StreamOffset, end: StreamOffset) -> Sequence[LoggedBatch]:
        """Return the batches of the log, or the one of an offset; see `StreamState.batches`."""
        if end.known is not None:
            return [batch_in(start, end, self._location)]
        self._check(end)
        first = 2 if start.known is not None else start.batch + 1
        return [self._log.batch(number) for number in range(first, end.batch + 1)]

    def _offset(self, number: int) -> StreamOffset:
        return StreamOffset(number, self._log.stream_id)

    def _check(self, offset: StreamOffset) -> None:
        if offset.known is not None:
            offset.check_source(self._log.source)
            self._check_moved(offset)
        elif offset.stream not in (None, self._log.stream_id):
            raise StateError(
                f"The checkpoint is of another stream than the state at {self._location}",
                hint="Set the state_location that this query had, or start it with a new "
                "checkpoint and a new state_location",
            )

    def _check_moved(self, start: StreamOffset) -> None:
        """Ensure that what the log has, if anything, is what this very offset remembers."""
        if not self._log.last_batch:
            return
        moved = {(file.path, file.size, file.mtime) for file in self._log.batch(1).files}
        files = {(file.path, file.size, file.mtime) for file in start.files}
        if self._log.last_batch > 2 or not files <= moved:
            raise StateError(
                f"The state at {self._location} is not that of this query, whose checkpoint has "
                "its own",
                hint="Choose another state_location, a new directory: the query goes on from where "
                "it is",
            )


def _files_of(known: KnownFiles, start: StreamOffset, listed: Iterable[str]) -> Iterable[FoundFile]:
    """Return the files that are known and there, or of the last batch, as they were read."""
    for path in sorted({*listed, *(file.path for file in start.files)}):
        version = known.version(path)
        if version is not None:
            yield FoundFile(path, *version)
