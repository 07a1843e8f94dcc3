"""The planner of streams: what is new, complete and next, and what Spark gets to see of it."""

from __future__ import annotations

import logging

import pytest

from sftp_async.errors import RemoteChangedError, TransferError
from sftp_async.read.ingest_log.known_files import GRACE
from sftp_async.read.listing import NOT_IN_PARTITION
from sftp_async.read.stream.admission import Limits
from sftp_async.read.stream.server_looks import INTERVAL
from tests.support.ingest_query import Query
from tests.support.ingest_server import IngestServer


def test_a_file_is_in_the_first_batch_after_it_came_and_in_no_other(
    server: IngestServer, place: str | None
) -> None:
    query = Query(server, place)
    assert query.trigger() == []
    server.put("/in/a")
    assert query.trigger() == ["/in/a"]
    server.put("/in/b")
    assert query.trigger() == ["/in/b"]
    query.start()
    assert query.trigger() == []


def test_files_come_by_age_up_to_a_number_and_to_bytes(server: IngestServer) -> None:
    for name, size, mtime in (("a", 5, 3), ("b", 5, 1), ("c", 1, 2), ("d", 50, 4)):
        server.put(f"/in/{name}", size, mtime)
    query = Query(server, limits=Limits(2, 10))
    assert query.trigger() == ["/in/b", "/in/c"]
    assert query.planner.backlog() == {"files_waiting": 2, "bytes_waiting": 55}
    assert query.trigger() == ["/in/a"]
    assert query.trigger() == ["/in/d"]
    assert query.trigger() == []
    assert query.planner.backlog() == {"files_waiting": 0, "bytes_waiting": 0}


def test_the_newest_first_leaves_no_older_one_unread(server: IngestServer) -> None:
    query = Query(server, limits=Limits(1), latest_first=True)
    server.put("/in/old", mtime=1)
    server.put("/in/new", mtime=9)
    assert query.trigger() == ["/in/new"]
    server.put("/in/newer", mtime=10)
    server.clock.sleep(INTERVAL)
    assert query.trigger() + query.trigger() == ["/in/newer", "/in/old"]


def test_spark_may_ask_for_all_that_is_there(server: IngestServer) -> None:
    for number in range(3):
        server.put(f"/in/{number}")
    query = Query(server, limits=Limits(1))
    assert query.trigger(Limits()) == ["/in/0", "/in/1", "/in/2"]


@pytest.mark.parametrize("mtime", [1, 0, 2], ids=["same second", "back-dated", "later"])
def test_a_file_that_was_rewritten_is_read_again(server: IngestServer, mtime: int) -> None:
    server.put("/in/a", 1, 1)
    query = Query(server)
    query.trigger()
    server.put("/in/a", 2, mtime)
    server.clock.sleep(INTERVAL)
    assert query.trigger() == ["/in/a"]
    assert query.trigger() == []


def test_a_file_that_was_rewritten_is_not_read_again_if_that_is_asked_for(
    server: IngestServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.put("/in/a", 1, 1)
    query = Query(server, on_change="ignore")
    query.trigger()
    server.put("/in/a", 2, 1)
    server.clock.sleep(INTERVAL)
    assert query.trigger() == []
    assert "1 changed since they were read (on_change=ignore)" in caplog.text


def test_a_file_that_was_rewritten_ends_the_query_with_both_versions(server: IngestServer) -> None:
    server.put("/in/a", 10, 86400)
    query = Query(server, on_change="fail")
    query.trigger()
    server.put("/in/a", 20, 86401)
    server.clock.sleep(INTERVAL)
    with pytest.raises(RemoteChangedError, match=r"10 bytes.*00:00:00.*20 bytes.*00:00:01.*/in/a"):
        query.trigger()


def test_a_file_waits_until_two_looks_have_seen_the_same_of_it(server: IngestServer) -> None:
    query = Query(server, stable_for=5.0)
    assert query.trigger() == []
    server.put("/in/a", 1)
    assert query.trigger() == []
    server.clock.sleep(4.9)
    server.put("/in/a", 2)
    assert query.trigger() == []
    server.clock.sleep(4.9)
    assert query.trigger() == []
    server.clock.sleep(0.2)
    assert query.trigger() == ["/in/a"]


def test_the_first_trigger_waits_until_files_are_stable_since_it_may_be_the_only_one(
    server: IngestServer,
) -> None:
    server.put("/in/a")
    query = Query(server, stable_for=5.0)
    began = server.clock.now
    assert query.trigger() == ["/in/a"]
    assert (server.clock.now - began, server.looks) == (5.0, 2)


def test_a_trigger_of_what_is_available_waits_for_it_and_for_nothing_newer(
    server: IngestServer,
) -> None:
    server.put("/in/a", mtime=1)
    server.put("/in/b", mtime=2)
    server.put("/in/c", mtime=3)
    query = Query(server, stable_for=5.0, limits=Limits(1))
    query.planner.prepare_available_now()
    server.put("/in/late", mtime=0)
    server.put("/in/c", mtime=4)
    assert query.trigger() == ["/in/a"]
    server.put("/in/later", mtime=0)
    assert query.trigger() == ["/in/b"]
    assert query.trigger() == []
    query.start()
    query.planner.prepare_available_now()
    assert query.trigger() + query.trigger() + query.trigger() + query.trigger() == [
        *("/in/late", "/in/later", "/in/c"),
    ]


def test_a_look_that_was_begun_while_a_batch_ran_serves_the_next_one(server: IngestServer) -> None:
    server.put("/in/a")
    query = Query(server)
    query.trigger()
    server.put("/in/b")
    server.clock.sleep(INTERVAL)
    server.put("/in/c")
    looks = server.looks
    assert query.trigger() == ["/in/b"]
    assert server.looks == looks
    del server.files["/in/c"]
    server.clock.sleep(INTERVAL)
    server.put("/in/d")
    assert query.trigger() == ["/in/d"]  # which the look ahead did not see


def test_no_two_looks_begin_within_a_second(server: IngestServer) -> None:
    query = Query(server)
    began = server.clock.now
    for _ in range(10):
        query.trigger()
    assert server.clock.now - began == 9 * INTERVAL


def test_what_is_left_of_a_look_needs_no_other_one(server: IngestServer) -> None:
    for number in range(3):
        server.put(f"/in/{number}")
    query = Query(server, limits=Limits(1))
    began = server.clock.now
    query.trigger()
    query.trigger()
    query.trigger()
    assert server.clock.now - began <= INTERVAL


def test_a_listing_that_fails_is_an_error_and_forgets_nothing(server: IngestServer) -> None:
    server.put("/in/a")
    query = Query(server)
    query.trigger()
    server.clock.sleep(2 * GRACE)
    query.planner.latest(query.offset)
    server.clock.sleep(INTERVAL)
    server.error = TransferError("no listing")
    with pytest.raises(TransferError):
        query.trigger()
    query.start()
    assert query.trigger() == []


def test_a_look_in_the_background_that_fails_is_done_once_more(server: IngestServer) -> None:
    server.put("/in/a")
    query = Query(server)
    query.trigger()
    server.error = TransferError("no connection is left")
    server.put("/in/b")
    server.clock.sleep(INTERVAL)
    assert query.trigger() == ["/in/b"]


def test_a_file_that_is_gone_is_remembered_for_a_week(
    server: IngestServer, place: str | None
) -> None:
    server.put("/in/a")
    query = Query(server, place)
    query.trigger()
    del server.files["/in/a"]
    server.put("/in/b")
    server.clock.sleep(INTERVAL)
    query.trigger()
    server.clock.sleep(GRACE - 2)
    server.put("/in/c")
    query.trigger()
    server.put("/in/a")
    assert query.trigger() == []
    del server.files["/in/a"]
    server.clock.sleep(INTERVAL)
    query.trigger()
    server.clock.sleep(GRACE)
    server.put("/in/d")
    query.trigger()
    server.put("/in/a")
    assert query.trigger() == ["/in/a"]


def test_a_file_that_is_there_and_not_to_be_read_now_is_never_forgotten(
    server: IngestServer,
) -> None:
    server.put("/in/a")
    query = Query(server)
    query.trigger()
    server.left_out.add("/in/a")
    for name in "bc":
        server.clock.sleep(2 * GRACE)
        server.put(f"/in/{name}")
        query.trigger()
    server.left_out.clear()
    server.clock.sleep(INTERVAL)
    assert query.trigger() == []


def test_what_waits_is_logged_when_it_changes(
    server: IngestServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    query = Query(server, stable_for=5.0)
    query.trigger()
    server.put("/in/a")
    server.left_out.add("/in/b")
    for _ in range(3):
        query.trigger()
    [line] = [line for line in caplog.messages if "not read now" in line]
    assert line == (
        "server: /in: files that are not read now: 1 not stable yet (stable_for); 1 left out (1: "
        "it is not done)"
    )


def test_plain_files_next_to_partition_directories_are_a_warning(
    server: IngestServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put("/in/a")
    server.left_out.add("/in/a")
    server.reason = NOT_IN_PARTITION
    Query(server).trigger()
    [record] = [each for each in caplog.records if "not read now" in each.message]
    assert record.levelno == logging.WARNING
    assert "1 left out (1: it is in no partition directory" in record.message


def test_a_spark_that_does_not_say_where_it_stands_gets_each_file_once(
    server: IngestServer, place: str | None
) -> None:
    """4.0 and 4.1: the planner's own account, which begins with partitions(x, x) at a restart."""
    query = Query(server, place, limits=Limits(1))
    server.put("/in/a", mtime=1)
    server.put("/in/b", mtime=2)
    first = query.planner.latest(None)
    assert [file.path for file in query.planner.batches({"version": 1, "batch": 0}, first)[0].files]
    second = query.planner.latest(None)
    assert [batch.files[0].path for batch in query.planner.batches(first, second)] == ["/in/b"]
    query.start()
    assert query.planner.batches(second, second) == ()
    assert [batch.files[0].path for batch in query.planner.batches(first, second)] == ["/in/b"]
    assert query.planner.latest(None) == second


def test_a_replayed_batch_has_the_same_files_whatever_is_there_now(
    server: IngestServer, place: str | None
) -> None:
    server.put("/in/a", 3, 4)
    query = Query(server, place)
    query.trigger()
    del server.files["/in/a"]
    query.start()
    assert query.offset is not None
    [batch] = query.planner.batches(query.planner.initial(), query.offset)
    assert [(file.path, file.size, file.mtime) for file in batch.files] == [("/in/a", 3, 4)]
