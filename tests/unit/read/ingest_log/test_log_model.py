"""A stream's log when processes stop at any step, its store fails, or two queries share it.

What a query may have given to Spark must be in the log of each later start, unchanged. The controls
show that the model notices a log that lacks one of its rules.
"""

from __future__ import annotations

import itertools

import pytest

from sftp_async.errors import StateError
from sftp_async.read.ingest_log import compaction as log_compaction
from sftp_async.read.ingest_log import files as log_files
from sftp_async.read.ingest_log import log as ingest_log
from sftp_async.read.ingest_log.log import IngestLog
from sftp_async.read.ingest_log.log_format import encode, file_of_batch
from sftp_async.read.ingest_log.owner import StateOwner
from tests.support.state_processes import SOURCE, History, Interleaved, planned, query
from tests.support.state_stores import MemoryStore, StepCounter, SteppingStore, StoppedError

pytestmark = pytest.mark.once

BATCHES = 7


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    """Compact with few batches, and read one file at a time, so that steps have an order."""
    monkeypatch.setattr(log_compaction, "KEPT", 1)
    monkeypatch.setattr(log_compaction, "DUE", 2)
    monkeypatch.setattr(log_files, "READS", 1)


def life(store, history, name):
    """Open the state, plan batches, forget a file and set the schema, as far as it goes."""
    log = history.open(store)
    while log.last_batch < BATCHES:
        batch = planned(log.last_batch + 1, name)
        log.append(batch)
        history.offered(batch)
        if log.last_batch == 2:
            log.set_schema("two")


def steps_of(function):
    counter = StepCounter()
    function(counter)
    return counter.steps


def stopped(store, history, name, counter):
    """Live until the counter says stop; return whether it did."""
    try:
        life(SteppingStore(store, counter), history, name)
    except (StoppedError, StateError):
        return True
    return False


def outcome(store, history):
    """Live to the end after all stops; return the rules that were broken."""
    life(store, history, "last")
    log = history.open(store)
    if not set(range(1, BATCHES + 1)) <= set(history.batches):
        history.broken.append("batches are missing")
    if log.schema != "two" and 2 not in history.batches:
        history.broken.append("the schema is lost")
    leftovers = [name for name in store.files if name.startswith(("owner.", "stream.", "tmp/"))]
    if len(leftovers) != 2:
        history.broken.append(f"{leftovers} are left")
    return history.broken


def errors_of(kind):
    return StoppedError() if kind == "stop" else OSError("the store is away")


@pytest.mark.parametrize("kind", ["stop", "failure"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_ends_at_any_step_leaves_a_log_that_the_next_one_continues(kind, moment):
    steps = steps_of(lambda counter: life(SteppingStore(MemoryStore(), counter), History(), "a"))
    assert steps > 50
    for at in range(1, steps + 1):
        store, history = MemoryStore(), History()
        stopped(store, history, "a", StepCounter(at, moment, errors_of(kind)))
        assert outcome(store, history) == [], f"{kind} {moment} step {at}"


def stop_twice(firsts, seconds):
    for first, second, moment in itertools.product(firsts, seconds, ("before", "after")):
        store, history = MemoryStore(), History()
        stopped(store, history, "a", StepCounter(first, "after"))
        stopped(store, history, "b", StepCounter(second, moment))
        assert outcome(store, history) == [], f"steps {first}, {second} {moment}"


def test_a_process_that_is_stopped_while_it_takes_over_leaves_a_log_too():
    stop_twice(range(8, 60, 9), range(2, 30, 3))


@pytest.mark.soak
def test_a_process_is_stopped_at_any_step_after_one_that_was_stopped_at_any_step():
    stop_twice(range(1, 60), range(1, 60))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_query_whose_state_is_taken_at_any_step_offers_nothing_afterwards(moment):
    steps = steps_of(lambda counter: life(SteppingStore(MemoryStore(), counter), History(), "a"))
    for at in range(1, steps + 1):
        store, history = MemoryStore(), History()
        counter = StepCounter()

        def take(operation, when, at=at, store=store, history=history, counter=counter):
            counter(operation, when)
            if counter.steps == at and when == moment:
                query(store, history, "thief", 1)
                counter.steps += 1

        stopped(store, history, "a", take)
        assert outcome(store, history) == [], f"{moment} step {at}"


def interleave(runs, processes, *, starts=2, batches=4, stops=0, seed=0):
    for number in range(seed, seed + runs):
        broken = Interleaved(number, stops).run(processes, starts, batches)
        if broken:
            return f"seed {number}: {broken}"
    return None


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("stops", [0, 20])
def test_queries_that_share_a_state_in_any_order_of_steps_never_offer_two_batches_of_a_number(
    processes, stops
):
    assert interleave(40, processes, stops=stops) is None


@pytest.mark.soak
@pytest.mark.parametrize("processes", [2, 3, 4])
@pytest.mark.parametrize("stops", [0, 5, 20])
def test_queries_share_a_state_in_many_orders_of_steps(processes, stops):
    assert interleave(2000, processes, starts=3, stops=stops, seed=1000) is None


# Controls


def test_the_model_notices_an_owner_that_does_not_check_after_it_wrote(monkeypatch):
    monkeypatch.setattr(IngestLog, "_write", lambda self, name, data: self._store.write(name, data))
    assert interleave(200, 2)


def write_late(log, batch):
    """Write a batch as an owner does that was replaced between its check and this write."""
    name = f"batches/{batch.number:020}.{log._owner.version()}.jsonl"
    log._store.write(name, encode(file_of_batch(batch), compressed=False))


def offered_after_late_writes():
    """Return the batch that a query offers, and the one that is there after two late writes."""
    store = MemoryStore()
    first, second = IngestLog.open(store, SOURCE), IngestLog.open(store, SOURCE)
    write_late(first, planned(1, "first"))
    offered = IngestLog.open(store, SOURCE).batch(1)
    write_late(second, planned(1, "second"))
    return offered, IngestLog.open(store, SOURCE).batch(1)


def test_a_batch_that_a_query_found_stays_when_a_former_owner_writes_another_one_late():
    offered, there = offered_after_late_writes()
    assert there == offered == planned(1, "first")


def test_the_test_notices_a_takeover_that_does_not_write_the_last_batch_as_its_own(monkeypatch):
    def load_only(self):
        self._files = ingest_log.find_log(self._store)
        self.known, self._sizes = ingest_log.load_known(self._store, self._files)

    monkeypatch.setattr(IngestLog, "_load", load_only)
    offered, there = offered_after_late_writes()
    assert there != offered


def test_the_model_notices_an_owner_that_looks_for_none_above_it(monkeypatch):
    monkeypatch.setattr(StateOwner, "check", lambda self: None)
    assert interleave(200, 2)


def test_the_model_notices_compaction_that_removes_before_it_writes(monkeypatch):
    compact = ingest_log.compact

    def early(store, parts, known, version):
        data = {}
        keep = store.write
        store.write = lambda name, content: data.update({name: content})
        try:
            result = compact(store, parts, known, version)
        finally:
            store.write = keep
        for part in parts:
            store.remove(part.name)
        for name, content in data.items():
            store.write(name, content)
        return result

    monkeypatch.setattr(ingest_log, "compact", early)
    with pytest.raises((AssertionError, StateError)):
        test_a_process_that_ends_at_any_step_leaves_a_log_that_the_next_one_continues(
            "stop", "before"
        )
