"""Finds the files that make up a stream's log, among those that no longer count.

`stream.*.json` says whose state it is, a file in `batches/` holds one batch, one in `compacted/` a
range of them. A file counts unless there is one of the same content by an owner of a higher rank,
or a compacted one that covers it: so an owner that stops between two steps leaves a log that is
complete, with some files too many.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.known_files import KnownFiles
from sftp_async.read.ingest_log.log_format import (
    DAMAGES,
    VERSION,
    BatchHead,
    LogFile,
    check_version,
    decode,
    found_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeVar

    from sftp_async.read.ingest_log.stores import StateStore
    from sftp_async.read.listing import FoundFile

    Result = TypeVar("Result")

BATCHES = "batches"
COMPACTED = "compacted"

STREAM = re.compile(r"stream\.(\d{10}-[0-9a-f]{8}-\d{10})\.json")
BATCH = re.compile(r"(\d{20})\.(\d{10}-[0-9a-f]{8}-\d{10})\.jsonl")
RANGE = re.compile(r"(\d{20})-(\d{20})\.(\d{10}-[0-9a-f]{8}-\d{10})\.jsonl\.gz")

#: Files of the log that are read at once: object stores take a round trip for each.
READS = 16
RESTORE = (
    "Restore it from a backup. Without one, start the query with a new checkpoint and "
    "state_location: it reads all files again"
)
#: How often the files are looked for again while another process replaces them.
LOOKS = 10


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """Whose state it is.

    Attributes:
        stream: identifies the stream in its offsets, in hex.
        source: address and paths that it reads.
        schema: JSON of its columns, once they are inferred; None before.

    """

    stream: str
    source: str
    schema: str | None = None

    def encode(self) -> bytes:
        """Return the record as a file."""
        return json.dumps({"version": VERSION, **asdict(self)}).encode()


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the log: one batch, or all that the log holds of a range of batches."""

    first: int
    last: int
    name: str

    @property
    def compacted(self) -> bool:
        """Whether it is the result of compacting."""
        return self.name.startswith(COMPACTED)


class LogFiles:
    """The files that make up a log.

    Args:
        parts: one after the other, from batch 1: compacted ones, then batches.
        outdated: names of files that do not count.

    """

    def __init__(self, parts: Iterable[Part] = (), outdated: Iterable[str] = ()) -> None:
        self.parts = list(parts)
        self.outdated = list(outdated)

    @property
    def last_batch(self) -> int:
        """Number of the last batch; 0: there is none."""
        return self.parts[-1].last if self.parts else 0

    def part_of(self, number: int) -> Part | None:
        """Return the file that has a batch; None: there is none."""
        return next((part for part in self.parts if part.first <= number <= part.last), None)

    def put(self, new: Part) -> list[Part]:
        """Add a file; return those that it replaces: all that have the same batches."""
        others = [part for part in self.parts if part.last < new.first or new.last < part.first]
        replaced = [part for part in self.parts if part not in others]
        self.parts = sorted([*others, new], key=lambda part: part.first)
        return replaced


def find_log(store: StateStore) -> LogFiles:
    """Return the files of the log, as they are at this moment.

    Raises:
        FileNotFoundError: one is missing: see `looking_again`.
        StateError: the store does not answer, or refuses.

    """
    # In this order: compacting writes a range before it removes the batches.
    singles = [
        Part(int(match[1]), int(match[1]), f"{BATCHES}/{name}")
        for name in store.names(BATCHES)
        if (match := BATCH.fullmatch(name))
    ]
    ranges = [
        Part(int(match[1]), int(match[2]), f"{COMPACTED}/{name}")
        for name in store.names(COMPACTED)
        if (match := RANGE.fullmatch(name))
    ]
    single_of = {part.first: part for part in sorted(singles, key=lambda part: part.name)}
    parts: list[Part] = []
    following = 1
    while True:
        covering = [part for part in ranges if part.first <= following <= part.last]
        single = single_of.get(following)
        if covering:
            parts.append(max(covering, key=lambda part: (part.last, part.name)))
        elif single:
            parts.append(single)
        else:
            break
        following = parts[-1].last + 1
    if any(part.last >= following for part in (*singles, *ranges)):
        raise FileNotFoundError(f"it lacks batch {following:,}")
    return LogFiles(parts, {part.name for part in (*singles, *ranges)} - {p.name for p in parts})


def looking_again(store: StateStore, look: Callable[[], Result]) -> Result:
    """Return what a look at the log finds; look again if another process compacts it meanwhile.

    Raises:
        StateError: a file is missing for good.

    """
    for remaining in reversed(range(LOOKS)):
        try:
            return look()
        except FileNotFoundError as error:
            if not remaining:
                raise incomplete(store, error) from error
    raise AssertionError("the last look returns or raises")


def incomplete(store: StateStore, error: FileNotFoundError) -> StateError:
    """Return the error of a log that lacks a file."""
    return StateError(
        f"The stream's state at {store.location} is incomplete: {error}", hint=RESTORE
    )


@contextlib.contextmanager
def opened(store: StateStore, name: str) -> Iterator[LogFile]:
    """Open a file of the log.

    Raises:
        FileNotFoundError: it is not there.
        StateError: it is damaged, of an unknown version, or the store refuses; also while its lines
            are read.

    """
    with store.open(name) as stream:
        with _reading(store, name):
            file = decode(stream, name, store.location)
        yield replace(file, lines=_lines(store, name, file))


def _lines(store: StateStore, name: str, file: LogFile) -> Iterator[bytes]:
    with _reading(store, name):
        count = 0
        for line in file.lines:
            count += 1
            yield line
        if count != file.files:
            raise ValueError("the lines are not those of the heads")


def load_known(store: StateStore, log: LogFiles) -> tuple[KnownFiles, dict[str, int]]:
    """Return what the stream knows after the last batch, and how many files each file lists.

    Raises:
        FileNotFoundError: a file is not there.
        StateError: one is damaged, or the store does not answer, or refuses.

    """
    known = KnownFiles()
    sizes = {}
    names = [part.name for part in log.parts]
    with ThreadPoolExecutor(READS) as pool:
        for start in range(0, len(names), READS):
            some = names[start : start + READS]
            for name, file in zip(some, pool.map(lambda n: _head(store, n), some), strict=True):
                file.apply(known)
                sizes[name] = file.files
    known.forget_changes()
    return known, sizes


def _head(store: StateStore, name: str) -> LogFile:
    with opened(store, name) as file:
        return replace(file, lines=())


def batches_of(store: StateStore, name: str) -> Iterator[tuple[BatchHead, list[FoundFile]]]:
    """Return the batches of a file of the log, with those of their files that it still holds.

    Raises:
        FileNotFoundError: it is not there.
        StateError: it is damaged, of an unknown version, or the store refuses.

    """
    with opened(store, name) as file, _reading(store, name):
        for head in file.heads:
            yield head, [found_file(line) for line in itertools.islice(file.lines, head.lines)]


@contextlib.contextmanager
def _reading(store: StateStore, name: str) -> Iterator[None]:
    try:
        yield
    except DAMAGES as error:
        raise StateError(
            f"{name} in the stream's state at {store.location} is damaged",
            hint=RESTORE,
        ) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StateError(
            f"Reading {name} in the stream's state at {store.location} failed: {error}",
            hint="Start the query again: it continues where it was",
        ) from error


def find_stream(store: StateStore) -> StreamRecord | None:
    """Return whose state it is; None if it is not one yet.

    Raises:
        FileNotFoundError: another process replaces the record: see `looking_again`.
        StateError: the record is damaged, or of an unknown version.

    """
    name = max(stream_names(store), default=None)
    if name is None:
        return None
    with store.open(name) as file, _reading(store, name):
        value: Any = json.loads(file.read())
        check_version(value, store.location)
        return StreamRecord(value["stream"], value["source"], value["schema"])


def stream_names(store: StateStore) -> list[str]:
    """Return the files that say whose state it is; the last one counts."""
    return sorted(name for name in store.names() if STREAM.fullmatch(name))
