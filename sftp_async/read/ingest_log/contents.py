"""Shows what is in a stream's state, without touching it, and forgets a file on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.files import (
    LogFiles,
    StreamRecord,
    batches_of,
    find_log,
    find_stream,
    load_known,
    looking_again,
)
from sftp_async.read.ingest_log.locations import open_store
from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sftp_async.read.ingest_log.known_files import KnownFiles
    from sftp_async.read.ingest_log.stores import StateStore


@dataclass(frozen=True)
class IngestState:
    """What a stream has read, at one moment; the stream may run meanwhile.

    Attributes:
        record: whose state it is: stream, source and schema.
        known: the versions that the stream knows.
        last_batch: number of the last batch; 0: none yet.

    """

    record: StreamRecord
    known: KnownFiles
    last_batch: int
    _store: StateStore
    _files: LogFiles

    @classmethod
    def load(cls, location: str | StateStore) -> Self:
        """Look into the state at a path, a URI of pyarrow or fsspec, or a store.

        Raises:
            StateError: there is none, or it is of an unknown version, damaged or out of reach.

        """
        store = open_store(location) if isinstance(location, str) else location
        return looking_again(store, lambda: cls._look(store))

    @classmethod
    def _look(cls, store: StateStore) -> Self:
        record = find_stream(store)
        if record is None:
            raise StateError(
                f"There is no stream's state at {store.location}",
                hint="Give the state_location of a query that has run",
            )
        files = find_log(store)
        known, _ = load_known(store, files)
        return cls(record, known, files.last_batch, store, files)

    def batches(self, first: int = 1) -> Iterator[LoggedBatch]:
        """Return the batches from a given one on, with the files that the state still lists.

        Of long past batches these are the ones that the stream knows.

        Raises:
            StateError: a file of the state is damaged, or the store does not answer, or refuses; or
                the stream has compacted it since `load`.

        """
        for part in self._files.parts:
            if part.last < first:
                continue
            try:
                for head, files in batches_of(self._store, part.name):
                    if head.number >= first:
                        yield LoggedBatch(head.number, tuple(files), head.partition_by)
            except FileNotFoundError as error:
                raise StateError(
                    f"The stream's state at {self._store.location} changed while it was read",
                    hint="Look at it again",
                ) from error

    def forget(self, paths: Iterable[str]) -> list[str]:
        """Forget files, so that the stream reads them again if they are there; return which.

        A query that runs meanwhile stops at its next micro-batch, since its state is another
        process's now. It is to be started again afterwards.

        Raises:
            StateError: as `IngestLog.open`.

        """
        return IngestLog.open(self._store, self.record.source).forget(paths)
