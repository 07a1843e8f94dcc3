"""Records durably which files each micro-batch of a stream read.

A process that opens the log owns it: the one before fails at its next step. Every file of the log
is written once, atomically, under a name that shows its owner's rank, so an owner that stops at any
point, or is replaced at any point, leaves a log that the next one continues.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.compaction import compact, parts_to_compact
from sftp_async.read.ingest_log.files import (
    BATCHES,
    Part,
    StreamRecord,
    batches_of,
    find_log,
    find_stream,
    incomplete,
    load_known,
    looking_again,
    opened,
    stream_names,
)
from sftp_async.read.ingest_log.known_files import path_digest
from sftp_async.read.ingest_log.locations import open_store
from sftp_async.read.ingest_log.log_format import LoggedBatch, encode, file_of_batch
from sftp_async.read.ingest_log.owner import StateOwner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sftp_async.read.ingest_log.known_files import KnownFiles
    from sftp_async.read.ingest_log.stores import StateStore

__all__ = ["IngestLog", "LoggedBatch"]

log = logging.getLogger("sftp_async.read.ingest_log")

#: What to do when the log lacks what the checkpoint asks for.
TOGETHER = (
    "The checkpoint and the state belong together: restore both as they were at the same time, or "
    "start the query with a new checkpoint and state_location"
)


class IngestLog:
    """The log of a stream, owned by this process. Not for several threads at once.

    Attributes:
        known: the versions of all batches.

    """

    known: KnownFiles

    def __init__(self, store: StateStore, owner: StateOwner, record: StreamRecord) -> None:
        self._store = store
        self._owner = owner
        self._record = record
        #: How many files of the stream are in each file of the log.
        self._sizes: dict[str, int] = {}

    @classmethod
    def open(cls, location: str | StateStore, source: str | None) -> Self:
        """Become the owner of a state, and load its log; create it if there is none.

        Args:
            location: a path, a URI of pyarrow or fsspec, or a store.
            source: what the stream reads: its address and paths; None: whatever the state is of.

        Raises:
            StateError: the state is another source's, of an unknown version, damaged, or out of
                reach; or there is none, and no source is given.

        """
        store = open_store(location) if isinstance(location, str) else location
        _look_at_stream(store, source)  # before the owner of another stream's state is stopped
        owner = StateOwner.take(store)
        self = cls(store, owner, _look_at_stream(store, source))
        self._write_record(self._record)
        looking_again(store, self._load)
        owner.tidy()
        self._discard(self._files.outdated)
        return self

    # Contents

    @property
    def stream_id(self) -> str:
        """Identifies the stream in its offsets, in hex."""
        return self._record.stream

    @property
    def source(self) -> str:
        """What the stream reads: its address and paths."""
        return self._record.source

    @property
    def schema(self) -> str | None:
        """JSON of the stream's columns, as `set_schema` stored it; None before."""
        return self._record.schema

    @property
    def last_batch(self) -> int:
        """Number of the last batch; 0: none yet."""
        return self._files.last_batch

    def batch(self, number: int) -> LoggedBatch:
        """Return a batch with all its files.

        Raises:
            StateError: it is not there, or no longer with all files: of long past batches, the log
                keeps only the files that the stream knows.

        """
        part = self._files.part_of(number)
        if part is None:
            raise StateError(
                f"Batch {number:,} is not in the stream's state at {self._store.location}, whose "
                f"last batch is {self.last_batch:,}",
                hint=TOGETHER,
            )
        remaining = 0
        with self._reading():
            for head, files in batches_of(self._store, part.name):
                if head.number == number:
                    if len(files) == head.count:
                        return LoggedBatch(number, tuple(files), head.partition_by)
                    remaining = len(files)
        raise StateError(
            f"Batch {number:,} is too old to be read again: the stream's state at "
            f"{self._store.location} has {remaining:,} of its files left, without those that are "
            "gone or were replaced since",
            hint="Start the query from its own, newer checkpoint",
        )

    # Steps

    def append(self, batch: LoggedBatch, forgotten: Iterable[int] = ()) -> None:
        """Record the next batch, durably; `known` has its files afterwards.

        A batch that is there already, with the same files, is left as it is.

        Args:
            batch: the one after `last_batch`.
            forgotten: digests of files that are no longer known: see `KnownFiles.forgotten`.

        Raises:
            StateError: another process owns the state now, or the store does not answer, or
                refuses: then the batch may be there or not.

        """
        self._owner.check()
        if batch.number <= self.last_batch and self.batch(batch.number) == batch:
            return
        if batch.number != self.last_batch + 1:
            raise StateError(
                f"Batch {batch.number:,} cannot follow batch {self.last_batch:,}, the last one in "
                f"the stream's state at {self._store.location}",
                hint=TOGETHER,
            )
        file = file_of_batch(batch, forgotten, self.known.changes)
        self._write_batch(batch.number, encode(file, compressed=False), file.files)
        file.apply(self.known)
        self.known.forget_changes()
        self._compact()

    def set_schema(self, text: str) -> None:
        """Store the JSON of the stream's columns, durably, instead of an earlier one.

        Raises:
            StateError: as `append`.

        """
        self._owner.check()
        self._write_record(replace(self._record, schema=text))

    def forget(self, paths: Iterable[str]) -> list[str]:
        """Forget files, so that the stream reads them again if they are there; return which.

        Raises:
            StateError: as `append`.

        """
        known = [path for path in paths if self.known.version(path) is not None]
        if not known:
            return []
        self._owner.check()
        digests = [path_digest(path) for path in known]
        with self._reading(), opened(self._store, self._files.parts[-1].name) as file:
            file = replace(file, forgotten=[*file.forgotten, *digests])
            data = encode(file, compressed=False)
        self._write_batch(self.last_batch, data, file.files)
        self.known.forget(digests)
        return known

    # Files

    def _load(self) -> None:
        """Load the log, and write its last batch as this owner's.

        A former owner may still be writing another batch of that number: it does not count then.
        """
        self._files = find_log(self._store)
        self.known, self._sizes = load_known(self._store, self._files)
        if not self.last_batch:
            self._owner.check()
        else:
            name = self._files.parts[-1].name
            with self._store.open(name) as file:
                data = file.read()
            self._write_batch(self.last_batch, data, self._sizes[name])

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Say that another process owns the state if that is why a file is gone."""
        try:
            yield
        except FileNotFoundError as error:
            self._owner.check()
            raise incomplete(self._store, error) from error

    def _write_record(self, record: StreamRecord) -> None:
        earlier = stream_names(self._store)
        self._write(f"stream.{self._owner.version()}.json", record.encode())
        self._record = record
        self._discard(earlier)

    def _write_batch(self, number: int, data: bytes, size: int) -> None:
        name = f"{BATCHES}/{number:020}.{self._owner.version()}.jsonl"
        self._write(name, data)
        self._put(Part(number, number, name), size)

    def _put(self, part: Part, size: int) -> None:
        """Note that a file is part of the log; remove those that it replaces."""
        self._sizes[part.name] = size
        self._discard(replaced.name for replaced in self._files.put(part))

    def _write(self, name: str, data: bytes) -> None:
        """Write a file: it is part of the log if this process is the owner afterwards."""
        self._store.write(name, data)
        self._owner.check()

    def _compact(self) -> None:
        """Compact the log if it is time; a failure is left to the next batch."""
        parts = parts_to_compact(self._files, self._sizes, len(self.known))
        if not parts:
            return
        try:
            part, size = compact(self._store, parts, self.known, self._owner.version())
        except (StateError, FileNotFoundError) as error:
            log.warning(
                "The stream's state is not compacted; the next batch tries again: %s", error
            )
            return
        self._put(part, size)

    def _discard(self, names: Iterable[str]) -> None:
        """Remove files that no longer count; those that cannot be removed do no harm."""
        for name in names:
            self._sizes.pop(name, None)
            try:
                self._store.remove(name)
            except StateError as error:
                log.debug("A file that no longer counts stays: %s", error)


def _look_at_stream(store: StateStore, source: str | None) -> StreamRecord:
    """Return whose state it is; a new record if there is none yet."""
    record = looking_again(store, lambda: find_stream(store))
    if record is None:
        if source is None:
            raise StateError(f"There is no stream's state at {store.location}")
        return StreamRecord(secrets.token_hex(8), source)
    if source not in (None, record.source):
        raise StateError(
            f"The stream's state at {store.location} is that of {record.source}, and this query "
            f"reads {source}",
            hint="Give each query a state_location of its own",
        )
    return record
