"""The model of a stream that is read: a server, a store and Spark, with events at any moment.

A play runs one query until nothing is left to read. At each of its moments one of the events may
happen that suit it: files change, the process stops, a request fails. The rules are what a user may
rely on, whatever happens.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sftp_async.errors import SFTPAsyncError, StateError, TransferError
from sftp_async.read.ingest_log.known_files import GRACE, KnownFiles
from sftp_async.read.ingest_log.log import IngestLog
from sftp_async.read.ingest_log.log_format import LoggedBatch
from sftp_async.read.ingest_log.logged_state import LoggedState
from sftp_async.read.ingest_log.offset import StreamOffset
from sftp_async.read.ingest_log.state import OffsetState, StreamState
from sftp_async.read.listing import FoundFile
from sftp_async.read.stream.admission import Limits
from sftp_async.read.stream.planner import StreamPlanner, StreamRules
from sftp_async.read.stream.server_looks import Look, ServerLooks
from tests.support.ingest_server import IngestServer
from tests.support.state_stores import MemoryStore, SteppingStore, StoppedError

#: Path, size, time.
Version = tuple[str, int, int]
Offset = dict[str, Any]

#: What others do to the directory.
CHANGES = (*("put", "back-date", "grow", "rewrite", "vanish", "return", "hide", "show", "month"),)
#: Seconds between two moments.
PACE = 0.25
#: A query that needs more processes, or triggers in one, is never done.
PROCESSES, TRIGGERS = 100, 60
#: Triggers in a row without anything to read, after which nothing comes any more.
QUIET = 3
INJECTED = "injected"
_NONE: dict[int, str] = {}


@dataclass(frozen=True)
class IngestScenario:
    """One kind of query.

    Args:
        old_spark: calls come as from Spark 4.0 and 4.1, which do not say where they stand.
        logged: the state has a place.
        moves: the state gets a place with the second process.
        stable_for: seconds.
        cleans: what was read is removed.
        available_now: each process reads what is there at its start.
        rules: further ones.
        planner: makes the planner of a process, for those that break rules on purpose.
        state: the same for its state.

    """

    old_spark: bool = False
    logged: bool = False
    moves: bool = False
    stable_for: float = 0.0
    cleans: bool = False
    available_now: bool = False
    rules: dict[str, Any] = field(default_factory=dict)
    planner: Callable[..., StreamPlanner] = StreamPlanner
    state: Callable[[StreamState], StreamState] = lambda state: state


class IngestPlay:
    """One query with events by number of the moment, over all processes.

    Attributes:
        moments: what each moment was at which something may happen, by number.
        broken: the rules that were broken, each as a sentence.

    """

    def __init__(self, scenario: IngestScenario, events: dict[int, str]) -> None:
        self.scenario = scenario
        self.moments: list[str] = []
        self.broken: list[str] = []
        self._events = dict(events)
        self.server = server = IngestServer()
        server.before_look = lambda: self._moment("look")
        self._store = SteppingStore(MemoryStore(), self._store_step)
        self._numbers = 100
        #: The versions that have vanished, and when.
        self._gone: dict[Version, float] = {}
        #: Those that came back after such a time that they may be forgotten.
        self._forgettable: set[Version] = set()
        #: When each version appeared first.
        self._born: dict[Version, float] = {}
        server.put("/in/a", 10, 5)
        server.put("/in/b", 10, 6)
        self._note_births()
        self._started = 0.0
        # What is durable in Spark's checkpoint and in the sink.
        self._offsets: list[str] = []
        self._commits = 0
        self._sink: list[list[Version]] = []
        #: The files of each batch, as its first attempt was given them.
        self._given: dict[int, list[Version]] = {}
        #: Versions that a batch left out, since they were not there when it was read.
        self._left_out: set[Version] = set()

    def run(self) -> list[str]:
        """Play it; returns the rules that were broken."""
        for number in range(PROCESSES):
            try:
                self._process(number)
            except StoppedError:
                continue
            except SFTPAsyncError as error:
                if INJECTED not in str(error):
                    self.broken.append(f"the query ended: {error}")
                    break
                continue
            if self._events is _NONE or self.broken:
                break
            # Another one, without events, reads what the last one has left.
            self._events = _NONE
        else:
            self.broken.append("the query is never done")
        self._judge()
        return self.broken

    # Moments

    def _moment(self, name: str) -> None:
        event = self._events.get(len(self.moments))
        if self._events is not _NONE:
            self.moments.append(name)
        if event == "stop":
            raise StoppedError
        if event == "fail":
            self._fail(name)
        elif event is not None:
            self._change(event)
        self.server.clock.sleep(PACE)

    def _fail(self, name: str) -> None:
        if name == "look":
            self.server.error = TransferError(INJECTED)
        elif name.startswith("store"):
            raise StateError(INJECTED)
        else:
            raise TransferError(INJECTED)

    def _store_step(self, operation: str, when: str) -> None:
        # What is read has no effect, so that before and after are the same.
        if when == "before" or operation in ("write", "remove"):
            self._moment(f"store {operation} {when}")

    def _change(self, event: str) -> None:
        files, gone = self.server.files, self._gone
        self._numbers += 1
        last = max(files, default=None)
        match event:
            case "put":
                self.server.put(f"/in/{self._numbers}", 10, self._numbers)
            case "back-date":
                self.server.put(f"/in/{self._numbers}", 10, 1)
            case "grow" if last is not None:
                files[last] = (files[last][0] + 1, files[last][1])
            case "rewrite" if last is not None:
                files[last] = (files[last][0], self._numbers)
            case "vanish" if last is not None:
                gone[last, *files.pop(last)] = self.server.clock.now
            case "return":
                for (path, *version), since in gone.items():
                    if path not in files:
                        self.server.put(path, *version)
                    if self.server.clock.now - since >= GRACE:
                        self._forgettable.add((path, *version))
                gone.clear()
            case "hide" if last is not None:
                self.server.left_out.add(last)
            case "show":
                self.server.left_out.clear()
            case "month":
                self.server.clock.sleep(5 * GRACE)
        self._note_births()

    def _note_births(self) -> None:
        for path, version in self.server.files.items():
            self._born.setdefault((path, *version), self.server.clock.now)

    # Spark

    def _process(self, number: int) -> None:
        """Run the query in one process until nothing is left to read."""
        self.server.clock.forget()
        planner = self._planner(number)
        self._started = self.server.clock.now
        initial = _kept(planner.initial())
        if self.scenario.old_spark:
            if self._offsets:
                last = self._end_of(len(self._offsets) - 1, initial)
                planner.batches(last, last)
        elif self.scenario.available_now:
            planner.prepare_available_now()
        if self._commits < len(self._offsets):
            self._batch(planner, self._commits, initial)
        quiet = 0
        for _ in range(TRIGGERS):
            start = self._end_of(len(self._offsets) - 1, initial)
            end = _kept(planner.latest(None if self.scenario.old_spark else start))
            self._moment("planned")
            if json.dumps(start) == json.dumps(end):
                quiet += 1
                if quiet == QUIET or self.scenario.available_now:
                    return
                continue
            quiet = 0
            self._offsets.append(json.dumps(end))
            self._moment("offset kept")
            self._batch(planner, len(self._offsets) - 1, initial)
        self.broken.append("there is always something to read")

    def _batch(self, planner: StreamPlanner, number: int, initial: Offset) -> None:
        """Read a batch, for the first time or once more."""
        start, end = self._end_of(number - 1, initial), self._end_of(number, initial)
        batches = planner.batches(start, end)
        files = [_version(file) for batch in batches for file in batch.files]
        if self._given.setdefault(number, files) != files:
            self.broken.append(f"the replay of batch {number} has other files")
        self._moment("read")
        there = {(path, *version) for path, version in self.server.files.items()}
        self._left_out |= {file for file in files if file not in there}
        if number == len(self._sink):  # which ignores a batch that it has
            self._sink.append([file for file in files if file in there])
        self._moment("written")
        self._commits = number + 1
        self._moment("committed")

    def _end_of(self, number: int, initial: Offset) -> Offset:
        """Return the end of a batch, as Spark's checkpoint has it; batch -1 is before all."""
        return json.loads(self._offsets[number]) if number >= 0 else initial

    def _planner(self, process: int) -> StreamPlanner:
        scenario = self.scenario
        rules = StreamRules("model", Limits(1), stable_for=scenario.stable_for, **scenario.rules)
        state: StreamState = OffsetState("model")
        if scenario.logged or (scenario.moves and process):
            state = LoggedState(IngestLog.open(self._store, "model"), "memory")
        looks = ServerLooks(self.server.begin, self.server.clock)
        state = WatchedState(scenario.state(state), self._check_age)
        cleaning = self if scenario.cleans else None
        return scenario.planner(rules, state, looks, self.server.clock, cleaning)

    # Cleaning; see `Cleaning`

    def begin(self, stream: str, look: Look, read: Sequence[FoundFile]) -> None:
        """Remove files at once, if they are still as they were read."""
        done = {version for batch in self._sink[: self._commits] for version in batch}
        for file in read:
            version = _version(file)
            if version not in done | self._left_out:
                self.broken.append(f"{version} is cleaned, and its batch is not done")
            if self.server.files.get(file.path) == version[1:]:
                del self.server.files[file.path]

    def finish(self) -> None:
        """Do nothing: all is done at once."""

    # Rules

    def _check_age(self, batch: LoggedBatch) -> None:
        for file in batch.files:
            age = self.server.clock.now - self._born[_version(file)]
            if age < self.scenario.stable_for:
                self.broken.append(f"{_version(file)} is planned {age} s after it appeared")
            if self.scenario.available_now and self._born[_version(file)] > self._started:
                self.broken.append(f"{_version(file)} is planned, and was not available")

    def _judge(self) -> None:
        read = Counter(version for batch in self._sink for version in batch)
        for version, times in read.items():
            if times > 1 and version not in self._forgettable:
                self.broken.append(f"{version} is in {times} batches")
        for path, (size, mtime) in self.server.files.items():
            version = (path, size, mtime)
            if path in self.server.left_out or version in self._left_out or read[version]:
                continue
            earlier = any(other[0] == path for other in (*read, *self._left_out))
            if not (earlier and self.scenario.rules.get("on_change") == "ignore"):
                self.broken.append(f"{version} is in no batch")
        if self.scenario.logged and any(len(offset) > 1000 for offset in self._offsets):
            self.broken.append("an offset has more than 1,000 characters")


class WatchedState(StreamState):
    """Another state; a function is called with each plan."""

    def __init__(self, state: StreamState, watch: Callable[[LoggedBatch], None]) -> None:
        self._state = state
        self._watch = watch

    def known(self, start: StreamOffset) -> KnownFiles:
        return self._state.known(start)

    def planned(self, start: StreamOffset) -> StreamOffset | None:
        return self._state.planned(start)

    def plan(
        self, start: StreamOffset, batch: LoggedBatch, listed: Iterable[str], now: float
    ) -> StreamOffset:
        self._watch(batch)
        return self._state.plan(start, batch, listed, now)

    def batches(self, start: StreamOffset, end: StreamOffset) -> Sequence[LoggedBatch]:
        return self._state.batches(start, end)


def _kept(offset: Offset) -> Offset:
    """Return an offset as Spark has it: from JSON."""
    return json.loads(json.dumps(offset))


def _version(file: FoundFile) -> Version:
    return file.path, file.size, int(file.mtime)


def events_at(moment: str) -> Iterator[str]:
    """Yield what may happen at a moment: what makes no difference to another one is left out."""
    if moment in ("look", "read"):
        yield from CHANGES
    if moment != "look":
        yield "stop"
    if moment in ("look", "read") or moment.startswith("store"):
        yield "fail"


Bad = list[tuple[dict[int, str], list[str]]]


def explore(scenario: IngestScenario, depth: int, enough: int | None = None) -> tuple[int, Bad]:
    """Play with every sequence of up to `depth` events, at every moment.

    Args:
        scenario: the kind of query.
        depth: number of events.
        enough: end with so many that broke a rule.

    Returns:
        How many sequences were played, and those that broke a rule.

    """
    played, bad = 0, Bad()
    pending: list[dict[int, str]] = [{}]
    while pending and len(bad) != enough:
        events = pending.pop()
        play = IngestPlay(scenario, events)
        if broken := play.run():
            shown = {n: f"{event} at {play.moments[n]}" for n, event in events.items()}
            bad.append((shown, broken))
        played += 1
        if len(events) < depth:
            first = max(events, default=-1) + 1
            pending += [
                events | {number: event}
                for number in range(first, len(play.moments))
                for event in events_at(play.moments[number])
            ]
    return played, bad


def explore_at_random(scenario: IngestScenario, plays: int, seed: int) -> Bad:
    """Play long histories with many events; returns those that broke a rule."""
    bad = Bad()
    for number in range(plays):
        chance = random.Random(f"{seed} {number}")
        kinds = [*CHANGES, "stop", "fail"]
        share = chance.choice((0.05, 0.2))
        events = {moment: chance.choice(kinds) for moment in range(400) if chance.random() < share}
        play = IngestPlay(scenario, events)
        if broken := play.run():
            bad.append((events, broken))
    return bad
