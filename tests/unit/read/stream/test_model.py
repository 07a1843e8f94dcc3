"""Streams that are read, with events at every moment: files change, processes stop, requests fail.

Each history is played to its end: then each version that stays has been read once, and none twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from sftp_async.read.ingest_log.known_files import KnownFiles
from sftp_async.read.ingest_log.log_format import LoggedBatch
from sftp_async.read.ingest_log.offset import StreamOffset
from sftp_async.read.ingest_log.state import StreamState
from sftp_async.read.stream.planner import StreamPlanner
from sftp_async.read.stream.server_looks import Look
from tests.support.ingest_model import (
    IngestPlay,
    IngestScenario,
    WatchedState,
    explore,
    explore_at_random,
)

pytestmark = pytest.mark.once

PLAIN = IngestScenario()
STABLE = IngestScenario(stable_for=3.0)
LOGGED = IngestScenario(logged=True)
SCENARIOS = {
    "checkpoint": PLAIN,
    "stable": STABLE,
    "log": LOGGED,
    "cleaned": IngestScenario(cleans=True),
    "cleaned log": IngestScenario(cleans=True, logged=True, stable_for=3.0),
    "available": IngestScenario(available_now=True, stable_for=3.0),
    "available log": IngestScenario(available_now=True, logged=True, cleans=True),
    "moved": IngestScenario(moves=True),
    "moved and cleaned": IngestScenario(moves=True, cleans=True, stable_for=3.0),
    "newest first": IngestScenario(rules={"latest_first": True}),
    "changes ignored": IngestScenario(rules={"on_change": "ignore"}),
}
SCENARIOS |= {
    f"{name}, Spark 4.0": replace(scenario, old_spark=True)
    for name, scenario in SCENARIOS.items()
    if not scenario.available_now  # Spark 4.0 makes one batch, as for any other trigger
}
every_kind = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The planner logs each look of thousands of plays."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@every_kind
def test_one_event_at_any_moment_breaks_no_rule(scenario: IngestScenario) -> None:
    played, bad = explore(scenario, depth=1)
    assert bad == []
    assert played > 80


@pytest.mark.parametrize("name", ["stable", "cleaned, Spark 4.0"])
def test_two_events_at_any_moments_break_no_rule(name: str) -> None:
    played, bad = explore(SCENARIOS[name], depth=2)
    assert bad == []
    assert played > 4000


@every_kind
def test_long_histories_break_no_rule(scenario: IngestScenario) -> None:
    assert explore_at_random(scenario, plays=60, seed=1) == []


@pytest.mark.soak
@every_kind
def test_any_two_events_in_any_kind_of_query_break_no_rule(scenario: IngestScenario) -> None:
    assert explore(scenario, depth=2)[1] == []


@pytest.mark.soak
def test_three_events_break_no_rule() -> None:
    assert explore(STABLE, depth=3)[1] == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@every_kind
def test_many_long_histories_break_no_rule(scenario: IngestScenario) -> None:
    assert explore_at_random(scenario, plays=5000, seed=2) == []


# Negative controls: what breaks a rule on purpose is found out.


class ForgetsAllButTheLastBatch(WatchedState):
    def __init__(self, state: StreamState) -> None:
        super().__init__(state, lambda batch: None)

    def known(self, start: StreamOffset) -> KnownFiles:
        known = KnownFiles()
        for file in start.files:
            known.add(file.path, file.size, file.mtime)
        return known


class OffersBeforeTheLogHasIt(WatchedState):
    def __init__(self, state: StreamState) -> None:
        super().__init__(state, lambda batch: None)
        self._kept: tuple[StreamOffset, LoggedBatch, list[str], float] | None = None

    def plan(
        self, start: StreamOffset, batch: LoggedBatch, listed: Iterable[str], now: float
    ) -> StreamOffset:
        self._kept = start, batch, [*listed], now
        return StreamOffset(start.batch + 1, self._state._log.stream_id)

    def batches(self, start: StreamOffset, end: StreamOffset) -> Sequence[LoggedBatch]:
        if self._kept is not None:
            super().plan(*self._kept)
            self._kept = None
        return super().batches(start, end)


class Impatient(StreamPlanner):
    def __init__(self, rules, *rest) -> None:
        super().__init__(replace(rules, stable_for=1.0), *rest)


class TakesFilesAfterTheLastOne(StreamPlanner):
    def _sorted(self, look: Look, known: KnownFiles):
        files = look.listing.files
        newest = max((file.mtime for file in files if known.version(file.path)), default=0)
        files = [file for file in files if file.mtime >= newest]
        return super()._sorted(replace(look, listing=replace(look.listing, files=files)), known)


class ForgetsWhatItDoesNotRead(StreamPlanner):
    def _sorted(self, look: Look, known: KnownFiles):
        return super()._sorted(replace(look, left_out=()), known)


class StandsWhereItBegan(StreamPlanner):
    def batches(self, start, end):
        position = self._position
        found = super().batches(start, end)
        self._position = position
        return found


class CleansWhatItPlans(StreamPlanner):
    def latest(self, start, limits=None):
        end = super().latest(start, limits)
        if self._findings is not None and self._findings.ready:
            self._cleaning.begin("0a", self._findings.look, self._findings.ready[:1])
        return end


class TakesWhatComesLater(StreamPlanner):
    def prepare_available_now(self) -> None:
        pass


CONTROLS = {
    "forgets": (replace(PLAIN, state=ForgetsAllButTheLastBatch), "is in 30 batches"),
    "not durable": (replace(LOGGED, state=OffersBeforeTheLogHasIt), "the query ended"),
    "impatient": (replace(STABLE, planner=Impatient), "s after it appeared"),
    "by time": (replace(PLAIN, planner=TakesFilesAfterTheLastOne), "is in no batch"),
    "lost position": (
        replace(PLAIN, old_spark=True, planner=StandsWhereItBegan),
        "the query ended",
    ),
    "cleans early": (
        replace(PLAIN, cleans=True, planner=CleansWhatItPlans),
        "and its batch is not done",
    ),
    "takes later ones": (
        replace(PLAIN, available_now=True, planner=TakesWhatComesLater),
        "was not available",
    ),
}


@pytest.mark.parametrize(("scenario", "rule"), CONTROLS.values(), ids=CONTROLS)
def test_a_stream_that_breaks_a_rule_is_found_out(scenario: IngestScenario, rule: str) -> None:
    _, bad = explore(scenario, depth=1, enough=1)
    assert rule in str(bad)


def test_a_stream_that_forgets_a_file_that_is_there_is_found_out() -> None:
    # What a look sees, and a new batch makes durable.
    found = [
        at
        for at in range(20)
        if IngestPlay(replace(PLAIN, planner=ForgetsWhatItDoesNotRead), events_from(at)).run()
    ]
    assert found
    assert [at for at in found if IngestPlay(PLAIN, events_from(at)).run()] == []


def events_from(moment: int) -> dict[int, str]:
    """A file is hidden for a month, in which another one comes, and shown again."""
    return dict(zip(range(moment, moment + 8, 2), ("hide", "month", "put", "show"), strict=True))
