"""`OpenStream`: a stream on the driver, with its state, its looks at a server, its cleaning."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any

from sftp_async.read.cleanup.background import BackgroundCleaning
from sftp_async.read.cleanup.rounds import Cleanup
from sftp_async.read.ingest_log.locations import without_secrets
from sftp_async.read.ingest_log.log import IngestLog
from sftp_async.read.ingest_log.logged_state import LoggedState
from sftp_async.read.ingest_log.state import OffsetState, StreamState
from sftp_async.read.listing import list_files
from sftp_async.read.stream.columns import columns_digest, keep_columns
from sftp_async.read.stream.evolution import SchemaEvolution
from sftp_async.read.stream.planner import StreamPlanner
from sftp_async.read.stream.server_looks import Look, ServerLooks, SystemClock
from sftp_async.remote.operation import run_operation
from sftp_async.remote.pinning import with_pinned_keys
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from concurrent.futures import Future
    from typing import TypeVar

    from sftp_async.read.listing import FoundFile
    from sftp_async.read.stream.batch_scan import StreamTask
    from sftp_async.read.stream.source import StreamSource
    from sftp_async.remote.ssh import Connection

    T = TypeVar("T")

#: The options that pinning sets.
_PINNED = ("known_hosts", "host_key_fingerprint", "proxy_jump_host_key_fingerprint")


class OpenStream:
    """A stream in the process that Spark keeps for it. Makes no connection until it is asked.

    Args:
        source: the stream.

    Raises:
        StateError: the state cannot be used.

    Attributes:
        planner: plans its micro-batches.

    """

    def __init__(self, source: StreamSource) -> None:
        self._source = source
        self._options = source.scan.options
        #: Options with the verified host keys, after the first connection.
        self._pinned: dict[str, Any] | None = None
        self._cleanup: Cleanup | None = None
        clock = SystemClock()
        cleans = self._options.clean_source != "off"
        # A server may allow one connection in all, and the batch needs it. Without a listener, the
        # limit of all connections is this process's share.
        permits = source.scan.listener is not None
        alone = self._options.max_connections == 1 or (
            permits and self._options.max_total_connections == 1
        )
        state = None if source.state is None else IngestLog.open(source.state, source.source)
        evolution = SchemaEvolution.of(source, state)
        self.planner = StreamPlanner(
            source.rules,
            _state_of(source, state),
            ServerLooks(self._begin, clock, looks_ahead=not alone),
            clock,
            BackgroundCleaning(self._clean, clock, waits=alone) if cleans else None,
            None if evolution is None else evolution.check,
        )

    def tasks(self, start: dict[str, Any], end: dict[str, Any]) -> list[StreamTask]:
        """Return the tasks of the micro-batches between two offsets.

        Raises:
            StateError: the state does not have them.
            OptionsError, DecodeError: the options or the columns do not suit the files.
            ConnectError: the server cannot be reached.

        """
        batches = self.planner.batches(start, end)
        if not batches:
            return []
        pinned = self._pinned_keys()
        return [task for batch in batches for task in self._source.scan.tasks(batch, pinned)]

    def _begin(self, delay: float) -> Future[Look]:
        return get_runtime().submit(self._look(delay))

    async def _look(self, delay: float) -> Look:
        await asyncio.sleep(delay)
        began = time.monotonic()

        async def step(connection: Connection) -> Look:
            left_out: list[str] = []
            listing = await list_files(
                connection,
                self._source.paths,
                self._options,
                of_stream=True,
                on_left_out=left_out.append,
            )
            return Look(listing, began, time.monotonic(), left_out)

        return await self._on_connection(step)

    def _clean(self, stream: str, files: Sequence[FoundFile], set_aside: Sequence[str]) -> None:
        if self._cleanup is None:
            self._cleanup = Cleanup(self._options, self._source.paths, stream)
        self._cleanup.clean(files, set_aside)

    # Connections

    async def _on_connection(self, step: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a step; before the first one, check what needs a server."""

        async def checked(connection: Connection) -> T:
            if self._pinned is None:
                if self._options.clean_source != "off":
                    any_stream = uuid.uuid4().hex
                    await Cleanup(self._options, self._source.paths, any_stream).check(connection)
                pinned = with_pinned_keys(self._options, connection)
                self._pinned = {
                    name: getattr(pinned, name)
                    for name in _PINNED
                    if getattr(pinned, name) != getattr(self._options, name)
                }
            return await step(connection)

        pool, retry = get_runtime().pool(self._options), RetryPolicy.of(self._options)
        return await run_operation(pool, retry, checked)

    def _pinned_keys(self) -> Mapping[str, Any]:
        """Return options with the verified host keys: tasks have no file of known hosts."""

        async def nothing(_: Connection) -> None:
            pass

        if self._pinned is None:
            get_runtime().run(self._on_connection(nothing))
        return self._pinned or {}


def _state_of(source: StreamSource, log: IngestLog | None) -> StreamState:
    if source.state is None or log is None:
        digest = None if source.inferred is None else columns_digest(source.inferred)
        return OffsetState(source.scan.options.address, digest, source.source)
    if source.inferred is not None:
        keep_columns(log, source.inferred)
    return LoggedState(log, without_secrets(source.state))
