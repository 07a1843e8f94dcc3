"""The log of a stream: what it holds, over restarts, compaction and changes of the owner."""

from __future__ import annotations

import json

import pytest

from sftp_async.errors import StateError
from sftp_async.read.ingest_log import compaction as log_compaction
from sftp_async.read.ingest_log.contents import IngestState
from sftp_async.read.ingest_log.known_files import GRACE
from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch
from sftp_async.read.listing import FoundFile
from tests.support.state_stores import MemoryStore

pytestmark = pytest.mark.one_python

SOURCE = "me@there:22 /in"
NOW = 1_800_000_000


def batch(number, *names, mtime=NOW, partition_by=()):
    names = names or (f"{number}.csv",)
    partition = ("DE", None)[: len(partition_by)]
    files = tuple(FoundFile(f"/in/{name}", len(name), mtime, partition) for name in names)
    return LoggedBatch(number, files, partition_by)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def often(monkeypatch):
    """Compact with few batches."""
    monkeypatch.setattr(log_compaction, "KEPT", 2)
    monkeypatch.setattr(log_compaction, "DUE", 2)
    monkeypatch.setattr(log_compaction, "FORGOTTEN", 4)


def compacted(store):
    return sorted(name.split(".")[0] for name in store.files if name.startswith("compacted/"))


def batches_of(store):
    return {
        found.number: [f.path for f in found.files] for found in IngestState.load(store).batches()
    }


# What it holds


def test_a_new_log_is_empty_and_has_an_id_of_its_own(store):
    log = IngestLog.open(store, SOURCE)
    assert (log.last_batch, len(log.known), log.schema) == (0, 0, None)
    assert IngestLog.open(store, SOURCE).stream_id == log.stream_id
    assert IngestLog.open(MemoryStore(), SOURCE).stream_id != log.stream_id


def test_a_batch_is_there_after_a_restart_as_it_was(store):
    first = batch(1, "ä.csv", "\udce4.csv", "new\nline.csv", mtime=NOW + 0.5)
    second = batch(2, "b.csv", partition_by=("country", "day"))
    log = IngestLog.open(store, SOURCE)
    log.append(first)
    log.append(second)
    assert log.batch(1) == first
    log = IngestLog.open(store, SOURCE)
    assert (log.batch(1), log.batch(2), log.last_batch) == (first, second, 2)
    assert log.known.version_state("/in/ä.csv", 5, NOW) == "known"
    assert log.known.version_state("/in/b.csv", 6, NOW) == "changed"


def test_the_schema_is_stored_with_the_state_and_can_be_replaced(store):
    log = IngestLog.open(store, SOURCE)
    log.set_schema('{"a": 1}')
    log.append(batch(1))
    assert IngestLog.open(store, SOURCE).schema == '{"a": 1}'
    log = IngestLog.open(store, SOURCE)
    log.set_schema('{"b": 1}')
    assert log.schema == '{"b": 1}'
    assert IngestLog.open(store, SOURCE).schema == '{"b": 1}'


def test_a_batch_that_is_there_is_appended_again_only_with_the_same_files(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "a"))
    log.append(batch(1, "a"))
    with pytest.raises(StateError, match="cannot follow batch 1"):
        log.append(batch(1, "b"))
    with pytest.raises(StateError, match="cannot follow batch 1"):
        log.append(batch(3))
    assert log.last_batch == 1


def test_a_batch_that_is_not_there_is_an_error_that_says_what_is(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1))
    with pytest.raises(StateError, match=r"Batch 2 is not in .* last batch is 1.*restore both"):
        log.batch(2)


def test_files_that_are_gone_for_long_are_forgotten_over_restarts(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "gone", "stays"))
    log.known.missed(["/in/stays"], NOW)
    log.append(batch(2))
    log = IngestLog.open(store, SOURCE)
    log.known.missed(["/in/stays", "/in/2.csv"], NOW + GRACE)
    log.append(batch(3), log.known.forgotten(NOW + GRACE))
    for found in (log, IngestLog.open(store, SOURCE)):
        assert found.known.version("/in/gone") is None
        assert len(found.known) == 3


def test_a_file_that_came_back_is_not_forgotten_after_a_restart(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "a"))
    log.known.missed([], NOW)
    log.append(batch(2))
    log.known.missed(["/in/a", "/in/2.csv"], NOW + 10)
    log.append(batch(3))
    log = IngestLog.open(store, SOURCE)
    assert log.known.forgotten(NOW + 2 * GRACE) == []


def test_a_file_that_a_batch_reads_is_not_forgotten_with_it(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "a"))
    log.known.missed([], NOW)
    forgotten = log.known.forgotten(NOW + GRACE)
    log.append(batch(2, "a", mtime=NOW + GRACE), forgotten)
    assert log.known.version("/in/a") == (1, NOW + GRACE)
    assert IngestLog.open(store, SOURCE).known.forgotten(NOW + 2 * GRACE) == []


# Compaction


@pytest.mark.usefixtures("often")
def test_many_batches_become_few_files_with_all_that_is_known(store):
    log = IngestLog.open(store, SOURCE)
    most = 0
    for number in range(1, 200):
        log.append(batch(number, f"{number}-a", f"{number}-b"))
        most = max(most, len(store.files))
    assert most < 20
    again = IngestLog.open(store, SOURCE)
    assert again.known.to_text() == log.known.to_text()
    assert len(again.known) == 398
    assert list(batches_of(store)) == list(range(1, 200))
    assert again.batch(50) == batch(50, "50-a", "50-b")


@pytest.mark.usefixtures("often")
def test_compacting_rewrites_each_file_a_few_times_in_all(store):
    log = IngestLog.open(store, SOURCE)
    written = 0
    before = set()
    for number in range(1, 300):
        log.append(batch(number))
        now = {name for name in store.files if name.startswith("compacted/")}
        for name in now - before:
            first, last = name.removeprefix("compacted/").split(".")[0].split("-")
            written += int(last) - int(first) + 1
        before = now
    assert written < 299 * 8


@pytest.mark.usefixtures("often")
def test_the_last_batches_are_not_compacted(store):
    log = IngestLog.open(store, SOURCE)
    for number in range(1, 6):
        log.append(batch(number))
    assert compacted(store) == [f"compacted/{1:020}-{2:020}"]


@pytest.mark.usefixtures("often")
def test_compacting_drops_replaced_versions_and_says_which_batch_is_no_longer_whole(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "a", "b"))
    log.append(batch(2, "a", mtime=NOW + 1))
    for number in range(3, 7):
        log.append(batch(number))
    assert compacted(store)
    assert batches_of(store)[1] == ["/in/b"]
    with pytest.raises(StateError, match=r"Batch 1 is too old .* has 1 of its files left"):
        IngestLog.open(store, SOURCE).batch(1)


@pytest.mark.usefixtures("often")
def test_a_state_does_not_grow_with_files_that_are_gone(store):
    log = IngestLog.open(store, SOURCE)
    size = 0
    for number in range(1, 200):
        now = NOW + number * GRACE
        log.known.missed([], now)
        log.append(batch(number, mtime=now), log.known.forgotten(now))
        if number == 50:
            size = sum(map(len, store.files.values()))
    assert sum(map(len, store.files.values())) < 2 * size
    again = IngestLog.open(store, SOURCE)
    assert len(again.known) == len(log.known) <= 3
    assert again.known.to_text() == log.known.to_text()


@pytest.mark.usefixtures("often")
def test_a_log_that_cannot_be_compacted_goes_on_and_is_compacted_later(store, caplog):
    log = IngestLog.open(store, SOURCE)
    write = store._write
    store._write = lambda name, data: 1 / 0 if name.startswith("compacted/") else write(name, data)
    for number in range(1, 9):
        log.append(batch(number))
    assert "is not compacted; the next batch tries again" in caplog.text
    assert log.last_batch == 8
    store._write = write
    log.append(batch(9))
    assert compacted(store)
    assert len(IngestLog.open(store, SOURCE).known) == 9


# Owners


def test_a_second_process_takes_the_state_and_the_first_one_says_so_and_changes_nothing(store):
    first = IngestLog.open(store, SOURCE)
    first.append(batch(1))
    second = IngestLog.open(store, SOURCE)
    files = dict(store.files)
    for step in (
        lambda: first.append(batch(2)),
        lambda: first.append(batch(1)),
        lambda: first.set_schema("{}"),
        lambda: first.forget(["/in/1.csv"]),
    ):
        with pytest.raises(StateError, match=r"Another process has opened .* \(process .* so this"):
            step()
    assert store.files == files
    second.append(batch(2))
    assert first.last_batch == 1


def test_a_state_that_is_removed_while_a_query_runs_is_an_error(store):
    log = IngestLog.open(store, SOURCE)
    store.files.clear()
    with pytest.raises(StateError, match="was removed"):
        log.append(batch(1))


def test_the_state_of_another_source_is_refused_and_its_owner_goes_on(store):
    log = IngestLog.open(store, SOURCE)
    with pytest.raises(
        StateError, match=r"is that of me@there:22 /in, and .* reads you@here:22 /x"
    ):
        IngestLog.open(store, "you@here:22 /x")
    log.append(batch(1))


def test_files_of_other_programs_in_the_state_are_left_alone(store):
    for name in ("notes.txt", "batches/.crc", "batches/7.jsonl", "compacted/x", "owner.txt"):
        store.files[name] = b"theirs"
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1))
    assert IngestLog.open(store, SOURCE).last_batch == 1
    assert sum(data == b"theirs" for data in store.files.values()) == 5


def test_an_incomplete_upload_of_an_earlier_owner_is_removed(store):
    store.files["tmp/stream.0000000001-0123abcd-0000000001.json"] = b"{"
    IngestLog.open(store, SOURCE)
    assert IngestLog.open(store, SOURCE).last_batch == 0
    assert not [name for name in store.files if name.startswith("tmp/")]


# Versions and damages


def rewrite(store, start, change):
    name = max(name for name in store.files if name.startswith(start))
    lines = store.files[name].split(b"\n")
    store.files[name] = change(lines)
    return name


def newer(lines):
    return b"\n".join([json.dumps({**json.loads(lines[0]), "version": 2}).encode(), *lines[1:]])


@pytest.mark.parametrize("part", ["stream.", "batches/"])
def test_a_state_of_an_unknown_version_is_refused_by_what_to_do(store, part):
    IngestLog.open(store, SOURCE).append(batch(1))
    rewrite(store, part, newer)
    with pytest.raises(StateError, match=r"has format version 2, .* reads version 1.*the release"):
        IngestLog.open(store, SOURCE)


def test_the_owner_of_a_newer_state_is_not_stopped(store):
    IngestLog.open(store, SOURCE)
    rewrite(store, "stream.", newer)
    files = dict(store.files)
    with pytest.raises(StateError):
        IngestLog.open(store, SOURCE)
    assert store.files == files


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[0],
        lambda lines: b"\n".join([lines[0], lines[1][:-3]]),
        lambda lines: b"\n".join([lines[0], b"{}", *lines[2:]]),
        lambda lines: b"\n".join([b"\xff" * 9, *lines[1:]]),
        lambda lines: b"\n".join([b"[]", *lines[1:]]),
    ],
)
def test_a_damaged_batch_is_an_error_that_names_it(store, change):
    IngestLog.open(store, SOURCE).append(batch(1))
    name = rewrite(store, "batches/", change)
    with pytest.raises(StateError, match=f"{name} .* is damaged.*Restore it"):
        IngestLog.open(store, SOURCE)


@pytest.mark.parametrize("kept", [-2, 1])
def test_a_batch_that_lacks_lines_is_damaged_when_it_is_read(store, kept):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "a", "b"))
    rewrite(store, "batches/", lambda lines: b"\n".join(lines[:kept]) + b"\n")
    with pytest.raises(StateError, match="is damaged"):
        log.batch(1)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("cut", [5, 60, -9])
def test_a_damaged_compacted_file_is_an_error(store, cut):
    log = IngestLog.open(store, SOURCE)
    for number in range(1, 9):
        log.append(batch(number))
    name = max(name for name in store.files if name.startswith("compacted/"))
    store.files[name] = store.files[name][:cut]
    with pytest.raises(StateError, match="is damaged"):
        list(IngestState.load(store).batches())


def test_a_batch_that_is_missing_is_an_error(store):
    log = IngestLog.open(store, SOURCE)
    for number in range(1, 4):
        log.append(batch(number))
    del store.files[next(name for name in store.files if name.startswith(f"batches/{2:020}"))]
    with pytest.raises(StateError, match="incomplete"):
        log.batch(2)
    with pytest.raises(StateError, match="incomplete: it lacks batch 2"):
        IngestLog.open(store, SOURCE)


# Looking into it


def test_a_look_shows_what_a_stream_has_read_and_leaves_its_owner(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "a"))
    log.append(batch(2, "b", partition_by=("country",)))
    files = dict(store.files)
    state = IngestState.load(store)
    assert (state.record.stream, state.record.source) == (log.stream_id, SOURCE)
    assert list(state.batches()) == [batch(1, "a"), batch(2, "b", partition_by=("country",))]
    assert list(state.batches(first=2)) == [batch(2, "b", partition_by=("country",))]
    assert state.last_batch == 2
    assert store.files == files
    log.append(batch(3))


def test_a_look_where_no_state_is_says_so_and_leaves_nothing(store):
    with pytest.raises(StateError, match="There is no stream's state at memory"):
        IngestState.load(store)
    with pytest.raises(StateError, match="There is no stream's state at memory"):
        IngestLog.open(store, None)
    assert store.files == {}


def test_a_look_at_files_that_are_compacted_meanwhile_says_to_look_again(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1))
    state = IngestState.load(store)
    IngestLog.open(store, SOURCE)
    with pytest.raises(StateError, match="changed while it was read"):
        list(state.batches())


def test_a_file_that_is_forgotten_is_read_again_and_its_batch_stays_as_it_was(store):
    log = IngestLog.open(store, SOURCE)
    log.append(batch(1, "a", "b"))
    log.append(batch(2, "c"))
    assert IngestState.load(store).forget(["/in/a", "/in/c", "/in/none"]) == ["/in/a", "/in/c"]
    with pytest.raises(StateError, match="Another process"):
        log.append(batch(3))
    for _ in range(2):
        log = IngestLog.open(store, SOURCE)
        assert log.known.version_state("/in/a", 1, NOW) == "new"
        assert log.known.version_state("/in/b", 1, NOW) == "known"
        assert log.known.version_state("/in/c", 1, NOW) == "new"
        assert (log.batch(1), log.batch(2)) == (batch(1, "a", "b"), batch(2, "c"))
    log.append(batch(3, "a"))
    assert IngestLog.open(store, SOURCE).known.version_state("/in/a", 1, NOW) == "known"


@pytest.mark.usefixtures("often")
def test_a_file_that_is_forgotten_stays_so_when_the_log_is_compacted(store):
    log = IngestLog.open(store, SOURCE)
    for number in range(1, 12):
        log.append(batch(number))
        if number == 6:
            log.forget(["/in/2.csv"])
    again = IngestLog.open(store, SOURCE)
    assert again.known.version("/in/2.csv") is None
    assert len(again.known) == 10


def test_forgetting_what_is_not_known_changes_nothing(store):
    log = IngestLog.open(store, SOURCE)
    assert log.forget(["/in/a"]) == []
    log.append(batch(1))
    files = dict(store.files)
    assert log.forget(["/in/a"]) == []
    assert store.files == files
