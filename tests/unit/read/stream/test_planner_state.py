"""The planner and the state of a stream: what is refused, moved, and found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import SFTPAsyncError, StateError
from sftp_async.read.ingest_log import state as stream_state
from sftp_async.read.stream.admission import Limits
from sftp_async.read.stream.server_looks import INTERVAL
from tests.support.ingest_query import Query
from tests.support.ingest_server import IngestServer


def test_more_files_than_a_checkpoint_can_hold_are_an_error_that_says_what_to_do(
    server: IngestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_state, "MOST_KNOWN", 3)
    query = Query(server, limits=Limits(2))
    for number in range(4):
        server.put(f"/in/{number}")
    query.trigger()
    with pytest.raises(SFTPAsyncError, match=r"has read 3 files.*Set state_location"):
        query.trigger()


def test_an_offset_of_batches_that_are_not_in_the_checkpoint_is_an_error(
    server: IngestServer,
) -> None:
    query = Query(server, limits=Limits(1))
    for name in "ab":
        server.put(f"/in/{name}")
    query.trigger()
    query.trigger()
    assert query.offset is not None
    with pytest.raises(SFTPAsyncError, match="micro-batches 1 to 2 at once"):
        query.planner.batches(query.planner.initial(), query.offset)


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        ({"version": 2, "batch": 1}, "version 2, and version 1 is known"),
        ({"offset": 7}, "version None, and version 1 is known"),
        ({"version": 1}, "damaged"),
        ({"version": 1, "batch": 1, "known": "x"}, "damaged"),
        ({"version": 1, "batch": 1, "stream": "0a"}, "Set state_location as it was"),
    ],
    ids=["newer", "foreign", "no batch", "no files", "elsewhere"],
)
def test_an_offset_that_cannot_be_used_is_an_error_that_says_what_to_do(
    server: IngestServer, offset: dict[str, Any], message: str
) -> None:
    with pytest.raises(SFTPAsyncError, match=message):
        Query(server).planner.latest(offset)


# With a place for the state


def test_an_offset_with_a_log_is_small_whatever_the_number_of_files(
    server: IngestServer, log: str
) -> None:
    query = Query(server, log, limits=Limits(500))
    for number in range(1000):
        server.put(f"/in/a rather long name of a file, number {number}")
    assert len(query.trigger()) == 500
    assert len(query.trigger()) == 500
    assert len(json.dumps(query.offset)) < 100


def test_a_batch_that_spark_did_not_keep_is_offered_again(
    server: IngestServer, log: str, caplog: pytest.LogCaptureFixture
) -> None:
    query = Query(server, log)
    server.put("/in/a")
    assert query.offset is not None
    first = query.planner.latest(query.offset)
    query.start()
    server.put("/in/b")
    assert query.planner.latest(query.offset) == first
    # From here, it might also be the checkpoint of another query.
    [warning] = caplog.messages
    assert "has a first micro-batch, which is read now, perhaps again" in warning
    assert query.trigger() == ["/in/a"]
    assert query.trigger() == ["/in/b"]


def test_several_batches_may_be_asked_for_at_once(server: IngestServer, log: str) -> None:
    query = Query(server, log, limits=Limits(1))
    for name in "abc":
        server.put(f"/in/{name}")
    ends = []
    while query.trigger():
        ends.append(query.offset)
    batches = query.planner.batches(ends[0], ends[2])
    assert [file.path for batch in batches for file in batch.files] == ["/in/b", "/in/c"]


def test_a_query_that_begins_does_not_take_the_state_of_another_one(
    server: IngestServer, log: str
) -> None:
    query = Query(server, log, limits=Limits(1))
    for name in "ab":
        server.put(f"/in/{name}")
    query.trigger()
    query.trigger()
    with pytest.raises(StateError, match=r"has read 2 micro-batches, and this query begins"):
        Query(server, log).trigger()


def test_a_second_query_with_the_same_state_ends_the_first_one(
    server: IngestServer, log: str
) -> None:
    query = Query(server, log)
    server.put("/in/a")
    query.trigger()
    other = Query(server, log)
    other.offset = query.offset
    server.put("/in/b")
    server.clock.sleep(INTERVAL)
    with pytest.raises(StateError, match="Another process has opened"):
        query.trigger()
    assert other.trigger() == ["/in/b"]


def test_a_state_that_is_older_than_the_checkpoint_is_an_error(
    server: IngestServer, log: str
) -> None:
    query = Query(server, log)
    server.put("/in/a")
    query.trigger()
    assert query.offset is not None
    query.offset["batch"] = 3
    with pytest.raises(StateError, match=r"read micro-batch 3, and the last one .* is 1"):
        query.trigger()


def test_the_state_of_another_stream_is_an_error(
    server: IngestServer, log: str, tmp_path: Path
) -> None:
    server.put("/in/a")
    query, other = Query(server, log), Query(server, str(tmp_path / "other"))
    query.trigger()
    other.trigger()
    other.offset = query.offset
    with pytest.raises(StateError, match="of another stream"):
        other.trigger()


def moved(query: Query, log: str) -> None:
    """Give a query a place for its state, and start it again."""
    query.place = log
    query.start()


@pytest.mark.parametrize("moves", [False, True])
def test_a_checkpoint_of_another_path_is_an_error(
    server: IngestServer, tmp_path: Path, *, moves: bool
) -> None:
    server.put("/in/a")
    query = Query(server)
    query.trigger()
    query.source = "server: /out"
    if moves:
        query.place = str(tmp_path / "state")
    query.start()
    with pytest.raises(
        StateError, match=r"a query that reads server: /in, and this .* /out"
    ) as info:
        query.trigger()
    assert "checkpointLocation of its own" in str(info.value)


def test_a_query_that_gets_a_place_for_its_state_goes_on_from_where_it_is(
    server: IngestServer, log: str
) -> None:
    for name in "abc":
        server.put(f"/in/{name}")
    query = Query(server)
    query.trigger()
    del server.files["/in/b"]
    server.left_out.add("/in/c")
    moved(query, log)
    assert query.trigger() == []
    server.put("/in/d")
    before = query.offset
    assert before is not None
    first = query.planner.latest(before)
    query.start()  # before Spark keeps the offset
    assert query.planner.latest(before) == first
    assert query.trigger() == ["/in/d"]
    assert len(json.dumps(query.offset)) < 100
    [replayed] = query.planner.batches(before, first)
    assert [file.path for file in replayed.files] == ["/in/d"]
    server.left_out.clear()
    server.put("/in/e")
    server.clock.sleep(INTERVAL)
    assert query.trigger() == ["/in/e"]
    query.start()
    assert query.trigger() == []


def test_a_query_does_not_move_into_a_state_that_is_not_its_own(
    server: IngestServer, log: str
) -> None:
    server.put("/in/a")
    query = Query(server)
    query.trigger()
    moved(query, log)
    server.put("/in/b")
    assert query.offset is not None
    query.planner.latest(query.offset)  # which is lost
    query.place = None
    query.start()
    assert query.trigger() == ["/in/b"]
    moved(query, log)
    with pytest.raises(StateError, match="is not that of this query"):
        query.trigger()
