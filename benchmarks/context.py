"""The context of a workload: a server, a relay, Spark, and the size of the pass."""

from __future__ import annotations

import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import in_memory
from benchmarks.latency_relay import LatencyRelay
from benchmarks.process_usage import UsageMeter
from benchmarks.relay_check import RelayCheck, check_relay
from benchmarks.servers import start_server
from benchmarks.sizes import size_of
from benchmarks.spark import start_spark, stop_spark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from benchmarks.servers import Server


class Context:
    """One run of the suite.

    Args:
        server: where everything is written to.
        scratch: a local directory of the suite's own, on the same disk as the server's.
        data_dir: where made data is kept from run to run.
        full: the whole table; else a quick pass.
        rounds: counted runs of each contender.
        say: prints one line of progress.

    Attributes:
        workload: the name of the one that runs.
        rtt_ms: of the relay that is open; 0 without one.
        ciphers: what each contender negotiated when it was last seen to connect.
        checks: one for each round trip that a relay was asked for.
        cuts: what a quick pass leaves out, in sentences.

    """

    def __init__(
        self,
        server: Server,
        scratch: Path,
        data_dir: Path,
        *,
        full: bool = False,
        rounds: int = 1,
        say: Callable[[str], None] = print,
    ) -> None:
        self.server = server
        self.scratch = scratch
        self._locals = scratch / "local"
        self.data_dir = data_dir
        self.full = full
        self.rounds = rounds
        self.say = say
        self.workload = ""
        self.rtt_ms = 0.0
        self.ciphers: dict[str, str] = {}
        self.checks: dict[float, RelayCheck] = {}
        self.cuts: list[str] = []
        self._relay: LatencyRelay | None = None
        self._memory: Path | None = None
        self._spark: SparkSession | None = None
        self._other_server: Server | None = None
        self.meter = UsageMeter(
            server=self._server_pids,
            relay=lambda: [] if self._relay is None else [self._relay.pid],
            server_is_visible=server.visible,
        )

    @property
    def spark(self) -> SparkSession:
        """The session, started when it is first asked for; both data sources are registered."""
        if self._spark is None:
            self._spark = start_spark(self.scratch)
        return self._spark

    def fresh_spark(self) -> SparkSession:
        """Return a session whose Python workers are new: DataFrames of the old one are gone."""
        self.close()
        return self.spark

    def close(self) -> None:
        """End Spark."""
        if self._spark is not None:
            stop_spark(self._spark)
            self._spark = None

    @contextmanager
    def relay(self, rtt_ms: float) -> Iterator[Server]:
        """Put a distance before the server; 0 gives the server itself.

        The first relay of each round trip is checked before it is used: see `checks`.

        Args:
            rtt_ms: milliseconds there and back.

        """
        if not rtt_ms:
            yield self.server
            return
        if rtt_ms not in self.checks:
            self.checks[rtt_ms] = check = check_relay(rtt_ms)
            self.say(check.summary())
        with LatencyRelay(self.server.host, self.server.port, rtt_ms) as relay:
            self._relay, self.rtt_ms = relay, rtt_ms
            try:
                yield self.server.through(relay.host, relay.port, self.scratch)
            finally:
                self._relay, self.rtt_ms = None, 0.0

    def _server_pids(self) -> list[int]:
        other = [] if self._other_server is None else self._other_server.pids()
        return [*self.server.pids(), *other]

    @contextmanager
    def second_server(self) -> Iterator[None]:
        """Start another server of the same kind; `server` is that one in the block.

        Targets lie on it, and the CPU seconds of both are the server's.
        """
        first = self.server
        directory = self.scratch / "second"
        directory.mkdir()
        try:
            with start_server(first.kind, directory) as second:
                self.server, self._other_server = second, first
                try:
                    yield
                finally:
                    self.server, self._other_server = first, None
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def network_bytes(self) -> int:
        """Return the bytes that have passed the open relay, both ways; 0 without one."""
        return 0 if self._relay is None else sum(self._relay.passed())

    @contextmanager
    def memory(self, size: int) -> Iterator[None]:
        """Let local targets lie in memory, if it has space for `size` bytes, twice over."""
        with in_memory(size) as directory:
            self._memory = directory
            try:
                yield
            finally:
                self._memory = None

    def new_local(self) -> str:
        """Return a fresh local path that does not exist yet: a `target` for a local contender."""
        self._locals.mkdir(exist_ok=True)
        return str((self._memory or self._locals) / uuid.uuid4().hex)

    def local(self, target: str) -> Path:
        """Where a target lies on this machine, be it a path on the server or a local one."""
        path = Path(target)
        return path if self._is_local(path) else self.server.local(target)

    def _is_local(self, path: Path) -> bool:
        places = [place for place in (self._locals, self._memory) if place is not None]
        return any(path.is_relative_to(place) for place in places)

    def size(self, target: str) -> int:
        """Bytes of data at a target; 0 where nothing is."""
        return size_of(self.local(target))

    def remove(self, target: str) -> None:
        """Remove a target and all in it; it may not exist."""
        path = Path(target)
        if not self._is_local(path):
            self.server.remove(target)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def calm(self) -> None:
        """End what a failed run may have left running in Spark."""
        if self._spark is not None:
            self._spark.sparkContext.cancelAllJobs()
