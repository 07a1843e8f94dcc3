"""What a stream remembers, and how Spark's checkpoint alone keeps it: `OffsetState`."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.known_files import KnownFiles
from sftp_async.read.ingest_log.log_format import LoggedBatch
from sftp_async.read.ingest_log.offset import StreamOffset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Files that an offset remembers: it is in a file of the checkpoint and in every progress event,
#: and takes 27 bytes for each.
MOST_KNOWN: Final = 10_000


class StreamState(ABC):
    """Which files a stream has read, and those of the batches that may be replayed."""

    @abstractmethod
    def known(self, start: StreamOffset) -> KnownFiles:
        """Return the files of all batches up to an offset; what is noted in it is kept.

        Raises:
            StateError: the offset is not of this state.

        """

    @abstractmethod
    def planned(self, start: StreamOffset) -> StreamOffset | None:
        """Return the batch after an offset if it was planned before, and Spark did not keep it.

        Raises:
            StateError: the offset is not of this state.

        """

    @abstractmethod
    def plan(
        self, start: StreamOffset, batch: LoggedBatch, listed: Iterable[str], now: float
    ) -> StreamOffset:
        """Plan the batch after an offset; it is durable as soon as Spark keeps the result.

        Args:
            start: the end of the batch before.
            batch: its files, at least one; numbered from the start.
            listed: the paths of all files that are there, whether they are read or not.
            now: in seconds since 1970; files that are gone for long are forgotten.

        Raises:
            StateError: the state cannot hold it.

        """

    @abstractmethod
    def batches(self, start: StreamOffset, end: StreamOffset) -> Sequence[LoggedBatch]:
        """Return the batches after one offset up to another one.

        Raises:
            StateError: they are not in the state.

        """


class OffsetState(StreamState):
    """The state of a stream that has no place for it: all of it is in the offset.

    Args:
        address: of the server, for errors.
        columns: digest of the columns, if they were inferred.
        source: what the stream reads: its address and paths.

    """

    def __init__(self, address: str, columns: str | None = None, source: str | None = None) -> None:
        self._address = address
        self._columns = columns
        self._source = source
        self._start: StreamOffset | None = None
        self._known = KnownFiles()

    def known(self, start: StreamOffset) -> KnownFiles:
        """Return the files that the offset remembers; see `StreamState.known`."""
        if start != self._start:
            self._check(start)
            self._known = known_in(start, self._address)
            self._start = start
        return self._known

    def planned(self, start: StreamOffset) -> StreamOffset | None:
        """Return None: what Spark does not keep is not there."""
        return None

    def plan(
        self, start: StreamOffset, batch: LoggedBatch, listed: Iterable[str], now: float
    ) -> StreamOffset:
        """Return the offset of the next batch; see `StreamState.plan`."""
        known = self.known(start).copy()
        known.forget(known.forgotten(now))
        for file in batch.files:
            known.add(file.path, file.size, file.mtime)
        if len(known) > MOST_KNOWN:
            raise StateError(
                f"The stream has no place for its state, and has read {MOST_KNOWN:,} files, the "
                "most that Spark's checkpoint can hold for it",
                host=self._address,
                hint="Set state_location, a directory for it, and start the query again: it goes "
                "on from where it is. Files that are gone count for a week",
            )
        end = StreamOffset(
            batch.number,
            start.stream or uuid.uuid4().hex,
            batch.files,
            batch.partition_by,
            known.to_text(),
            self._columns,
            self._source,
        )
        self._start, self._known = end, known
        return end

    def batches(self, start: StreamOffset, end: StreamOffset) -> Sequence[LoggedBatch]:
        """Return the one batch of the offset; see `StreamState.batches`."""
        self._check(end)
        return [batch_in(start, end, self._address)]

    def _check(self, offset: StreamOffset) -> None:
        if offset.batch and offset.known is None:
            raise StateError(
                "The query keeps its state in a directory, and none is set now",
                host=self._address,
                hint="Set state_location as it was when the query last ran",
            )
        offset.check_source(self._source)
        if None not in (offset.columns, self._columns) and offset.columns != self._columns:
            raise StateError(
                "The columns that are inferred now are not those that were inferred at the "
                "first start of the query",
                host=self._address,
                hint="Give the columns with .schema(…); with state_location, those of the first "
                "start are kept",
            )


def known_in(offset: StreamOffset, address: str) -> KnownFiles:
    """Return the files that an offset remembers.

    Raises:
        StateError: they are damaged.

    """
    try:
        return KnownFiles.from_text(offset.known) if offset.known else KnownFiles()
    except ValueError as error:
        raise StateError(
            f"The checkpoint has an offset that is damaged ({error})",
            host=address,
            hint="Restore the checkpoint, or begin with a new one",
        ) from error


def batch_in(start: StreamOffset, end: StreamOffset, address: str) -> LoggedBatch:
    """Return the batch that an offset holds.

    Raises:
        StateError: it holds one of several batches that are asked for.

    """
    if end.batch != start.batch + 1:
        raise StateError(
            f"Spark asks for the micro-batches {start.batch + 1} to {end.batch} at once, and its "
            "checkpoint holds the files of the last one alone",
            host=address,
            hint="Restore the checkpoint of this query; with state_location, the files of all "
            "batches are kept",
        )
    return LoggedBatch(end.batch, end.files, end.partition_by)
