"""Which files the planner of a stream hands over to be archived or deleted, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sftp_async.errors import RemoteChangedError
from sftp_async.read.ingest_log.known_files import GRACE
from sftp_async.read.listing import FoundFile
from sftp_async.read.stream.admission import Limits
from sftp_async.read.stream.server_looks import INTERVAL, Look
from tests.support.ingest_query import Query
from tests.support.ingest_server import IngestServer


class Cleaner:
    """Notes what it is to clean, and removes it from the server when it is finished."""

    def __init__(self, server: IngestServer) -> None:
        self.rounds: list[list[str]] = []
        self._server = server

    def begin(self, stream: str, look: Look, read: Sequence[FoundFile]) -> None:
        assert stream
        self.rounds.append([file.path for file in read])

    def finish(self) -> None:
        for path in self.rounds[-1] if self.rounds else ():
            self._server.files.pop(path, None)


def test_only_files_of_batches_that_are_done_are_cleaned(
    server: IngestServer, place: str | None
) -> None:
    cleaner = Cleaner(server)
    query = Query(server, place, cleaning=cleaner, limits=Limits(1))
    for name in "abc":
        server.put(f"/in/{name}")
    for _ in range(4):
        query.trigger()
    assert cleaner.rounds == [["/in/a"], ["/in/a", "/in/b"], ["/in/a", "/in/b", "/in/c"]]
    server.put("/in/a", 7)
    server.clock.sleep(INTERVAL)
    query.trigger()
    assert cleaner.rounds[-1] == ["/in/b", "/in/c"]


def test_a_batch_that_is_planned_again_is_not_cleaned(server: IngestServer, log: str) -> None:
    cleaner = Cleaner(server)
    query = Query(server, log, cleaning=cleaner)
    server.put("/in/a")
    assert query.offset is not None
    query.planner.latest(query.offset)
    query.start()
    query.planner.latest(query.offset)
    assert cleaner.rounds == []


def test_a_manifest_may_name_what_the_stream_has_cleaned_and_nothing_else_that_is_not_there(
    server: IngestServer, place: str | None
) -> None:
    server.promised.add("/in/a")
    server.put("/in/a")
    query = Query(server, place)
    query.trigger()
    del server.files["/in/a"]
    for name in "bc":
        server.clock.sleep(2 * GRACE)
        server.put(f"/in/{name}")
        assert query.trigger() == [f"/in/{name}"]
    server.promised.add("/in/lost")
    server.clock.sleep(INTERVAL)
    with pytest.raises(RemoteChangedError, match="/in/lost"):
        query.trigger()


def test_the_last_batch_of_what_is_available_is_cleaned_before_the_query_ends(
    server: IngestServer, place: str | None
) -> None:
    for name in "abc":
        server.put(f"/in/{name}")
    query = Query(server, place, cleaning=Cleaner(server), limits=Limits(1))
    query.planner.prepare_available_now()
    while query.trigger():
        pass
    assert server.files == {}
