"""A streaming query as Spark runs it, against a server and a clock in memory."""

from __future__ import annotations

import json
from typing import Any

from sftp_async.read.cleanup.background import Cleaning
from sftp_async.read.ingest_log.log import IngestLog
from sftp_async.read.ingest_log.logged_state import LoggedState
from sftp_async.read.ingest_log.state import OffsetState, StreamState
from sftp_async.read.stream.admission import Limits
from sftp_async.read.stream.planner import StreamPlanner, StreamRules
from sftp_async.read.stream.server_looks import ServerLooks
from tests.support.ingest_server import IngestServer


class Query:
    """A query as Spark 4.2 runs it: each batch is planned, read and done.

    Attributes:
        offset: the end of the last batch.
        batches: the paths of each batch.
        source: what it reads.

    """

    source = "server: /in"

    def __init__(
        self,
        server: IngestServer,
        place: str | None = None,
        cleaning: Cleaning | None = None,
        **rules: Any,
    ) -> None:
        self.server = server
        self._cleaning = cleaning
        self.place = place
        self.offset: dict[str, Any] | None = None
        self.batches: list[list[str]] = []
        self._rules = StreamRules(self.source, **rules)
        self.start()

    def start(self) -> None:
        """Start the process again."""
        looks = ServerLooks(self.server.begin, self.server.clock)
        state: StreamState = OffsetState("server", source=self.source)
        if self.place is not None:
            state = LoggedState(IngestLog.open(self.place, self.source), self.place)
        self.planner = StreamPlanner(self._rules, state, looks, self.server.clock, self._cleaning)
        self.offset = self.offset or self.planner.initial()

    def trigger(self, limits: Limits | None = None) -> list[str]:
        """Run a batch; return its paths, none if there is nothing to read."""
        assert self.offset is not None
        before = json.loads(json.dumps(self.offset))
        end = json.loads(json.dumps(self.planner.latest(before, limits)))
        if json.dumps(end) == json.dumps(before):
            return []
        [batch] = self.planner.batches(before, end)
        self.offset = end
        self.batches.append([file.path for file in batch.files])
        return self.batches[-1]
