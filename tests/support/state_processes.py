"""Processes that share a stream's state, interleaved step by step, stopped and started again."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.known_files import KnownFiles
from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch
from sftp_async.read.ingest_log.stores import StateStore
from sftp_async.read.listing import FoundFile
from tests.support.state_stores import MemoryStore, Moment, SteppingStore, StoppedError

SOURCE = "me@there:22 /in"


def planned(number: int, by: str) -> LoggedBatch:
    """Return a batch that no other process plans: one new file, and a new version of another."""
    size = sum(by.encode()) * 1000 + number
    files = FoundFile(f"/in/{number}-{by}", 1, number), FoundFile(f"/in/{number % 3}", size, 5)
    return LoggedBatch(number, files)


@dataclass
class History:
    """The batches that a query may have given to Spark: none of them may change, or get lost."""

    batches: dict[int, LoggedBatch] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def offered(self, batch: LoggedBatch) -> None:
        """Note a batch that is durable; say so if another one of its number was."""
        if self.batches.setdefault(batch.number, batch) != batch:
            self.broken.append(f"batch {batch.number} is another one than before")

    def open(self, store: StateStore) -> IngestLog:
        """Open a log, and ensure that it has all that was offered before."""
        before = max(self.batches, default=0)
        log = IngestLog.open(store, SOURCE)
        if log.last_batch < before:
            self.broken.append(f"batch {before} is lost, {log.last_batch} is the last")
            return log
        if log.last_batch:
            self.offered(log.batch(log.last_batch))
        known = KnownFiles()
        for number in range(1, log.last_batch + 1):
            for file in self.batches[number].files:
                known.add(file.path, file.size, file.mtime)
        if known.to_text() != log.known.to_text():
            self.broken.append(f"after batch {log.last_batch} other files are known")
        return log


def query(store: StateStore, history: History, name: str, batches: int) -> None:
    """Open the state and plan some batches, as a stream does between a start and its end."""
    log = history.open(store)
    for _ in range(batches):
        batch = planned(log.last_batch + 1, name)
        log.append(batch)
        history.offered(batch)


class Interleaved:
    """Several processes of which one runs at a time, from step to step, in a random order.

    Args:
        seed: of the order.
        stops: how often a process is stopped, of 1000 steps.

    """

    def __init__(self, seed: int, stops: int) -> None:
        self.store = MemoryStore()
        self.history = History()
        self._random = random.Random(seed)
        self._stops = stops
        self._turn = threading.Semaphore(0)
        self._waiting: dict[str, threading.Semaphore] = {}
        self._running = 0
        self._over = False

    def run(self, processes: int, starts: int, batches: int) -> list[str]:
        """Run processes that open the state some times each; return the rules that were broken."""
        threads = [
            threading.Thread(target=self._process, args=(f"p{number}", starts, batches))
            for number in range(processes)
        ]
        self._running = len(threads)
        for thread in threads:
            thread.start()
            self._turn.acquire()
        while self._running:
            # A few steps of one process in a row: a change at each step would let none get far.
            name = self._random.choice(sorted(self._waiting))
            for _ in range(self._random.choice((1, 1, 2, 5, 20))):
                if name not in self._waiting:
                    break
                self._waiting.pop(name).release()
                self._turn.acquire()
        for thread in threads:
            thread.join()
        try:
            self.history.open(self.store)
        except StateError as error:
            self.history.broken.append(str(error))
        return self.history.broken

    def _process(self, name: str, starts: int, batches: int) -> None:
        mine = threading.Semaphore(0)
        store = SteppingStore(self.store, self._stepper(name, mine))
        try:
            for start in range(starts):
                with contextlib.suppress(StateError, StoppedError):
                    query(store, self.history, f"{name}.{start}", batches)
        except Exception as error:  # noqa: BLE001
            self.history.broken.append(f"{name}: {error!r}")
        finally:
            self._running -= 1
            self._turn.release()

    def _stepper(self, name: str, mine: threading.Semaphore) -> Callable[[str, Moment], None]:
        def step(operation: str, moment: Moment) -> None:
            if moment == "before":
                self._waiting[name] = mine
                self._turn.release()
                mine.acquire()
            if self._random.randrange(1000) < self._stops:
                raise StoppedError

        return step
