"""The model of a micro-batch under faults: attempts and replays until it is done, and rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sftp_async.errors import SFTPAsyncError
from sftp_async.layout.job_layout import Layout
from sftp_async.layout.once import IdempotencyKey
from sftp_async.layout.part_names import PartFile, is_data
from tests.support.commit_model import FOREIGN
from tests.support.exploration import explore_faults
from tests.support.jobs import MemoryJob
from tests.support.memory_server import READS, Crash, Fault, MemoryServer, Operation, denied

QUERY = "11111111-2222-3333-4444-555555555555"
BATCH = 1
MARKER = f"/out/_sftp_async/{QUERY}/{BATCH}.committed"
OLD = {"part-00000-0dd0dd000dd0dd00-c000.csv": b"batch 0"}
#: Rows of the batch; each attempt cuts them otherwise.
ROWS = (b"a", b"b", b"c")
PARTITIONINGS = ((b"ab", b"c"), (b"a", b"bc"), (b"abc",))
#: A batch that takes more attempts than this will never be done.
ATTEMPTS = 10


@dataclass(frozen=True)
class StreamScenario:
    """One kind of query.

    Args:
        overwrite: output mode `complete`.
        refused: attempts whose renames into the target the server refuses half-way.
        replays_when_done: the driver dies after the commit, before Spark notes it.
        options: write options.
        server: the server's kind.

    """

    overwrite: bool = False
    refused: int = 0
    replays_when_done: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)

    @property
    def partitioned(self) -> bool:
        """Whether each part goes to a partition of its own."""
        return "partition_by" in self.options


class StreamPlay:
    """One micro-batch with faults, by number of the request over all processes."""

    def __init__(self, scenario: StreamScenario, faults: dict[int, Fault]) -> None:
        self.scenario = scenario
        self.server = server = MemoryServer(**scenario.server)
        server.shared = False
        server.make("/out")
        for path, data in FOREIGN.items():
            server.put(path, data)
        for name, data in OLD.items():
            server.put(f"/out/{name}", data)
        server.put(f"/out/_sftp_async/{QUERY}/0.committed", b"{}")
        server.faults = dict(faults)
        server.watch = self._watch
        self.sets: list[dict[str, bytes]] = []
        self.broken: list[str] = []
        #: Requests that a fault may befall.
        self.requests = 0
        #: How often the batch is to be done yet.
        self.wanted = 2 if scenario.replays_when_done else 1

    def situation(self) -> object:
        """Return what the rest depends on, except for the server."""
        return self.wanted, self.last.memory, self.sets, self.broken

    async def run(self) -> list[str]:
        """Play it; returns the rules that were broken, each as a sentence."""
        while self.wanted:
            if len(self.sets) == ATTEMPTS:
                self.broken.append("the batch is never done")
                break
            try:
                self.wanted -= await self._attempt(len(self.sets))
            except Crash:
                continue
            except SFTPAsyncError as error:
                self.broken.append(f"a replay cannot be done: {error}")
                break
        self.requests = len(self.server.log)
        self._judge()
        return self.broken

    def _job(self) -> MemoryJob:
        """What `streamWriter()` makes in each process."""
        job = MemoryJob(
            self.server,
            overwrite=self.scenario.overwrite,
            write_empty=False,
            **self.scenario.options,
        )
        overwrite = self.scenario.overwrite
        self.last = job
        job.layout = Layout.new(job.options, "csv", overwrite=overwrite, lineage="query")
        return job

    async def _attempt(self, number: int) -> bool:
        contents = PARTITIONINGS[number % len(PARTITIONINGS)]
        self.sets.append({})
        refused = number < self.scenario.refused
        self.server.refuse = self._refuse if refused else lambda operation: None
        tasks = self._job()
        await tasks.prepare()
        within = [f"c={i}" for i in range(len(contents))] if self.scenario.partitioned else []
        parts = tasks.stage(*contents, directories=within)
        self.sets[number] = {part.final: data for part, data in zip(parts, contents, strict=True)}
        ending = self._job()
        once = IdempotencyKey.of_batch(QUERY, BATCH)
        ending.layout = ending.layout.of_attempt(tasks.layout.job_id, once)
        return await self._end(ending, parts)

    async def _end(self, job: MemoryJob, parts: list[PartFile]) -> bool:
        try:
            await job.commit(parts)
        except SFTPAsyncError as error:
            if not self.scenario.refused:
                self.broken.append(f"the commit failed: {error}")
            await job.abandon()
            return False
        return True

    def _refuse(self, operation: Operation) -> None:
        if operation.name == "rename" and "/part-00001" in operation.target:
            raise denied(operation.target)

    def _visible(self) -> dict[str, bytes]:
        if self.scenario.partitioned:
            tree = self.server.tree("/out")
            foreign = {path.removeprefix("/out/") for path in FOREIGN}
            return {n: d for n, d in tree.items() if d is not None and n not in foreign}
        files = self.server.files("/out")
        files.pop("foreign.csv", None)
        return {name: data for name, data in files.items() if is_data(name)}

    def _watch(self) -> None:
        if self.server.log[-1].name in READS:
            return
        files = self._visible()
        new = {name: data for name, data in files.items() if name not in OLD}
        owners = [
            number for number, names in enumerate(self.sets) if new and new.items() <= names.items()
        ]
        if new and not owners and "commit_mode" not in self.scenario.options:
            self.broken.append(f"{sorted(new)} is visible, of no single attempt")
        whole = any(names and names.items() <= files.items() for names in self.sets)
        if MARKER in self.server.nodes and not whole:
            self.broken.append("the batch is marked as committed, and is not complete")
        if not OLD.items() <= files.items() and not (self.scenario.overwrite and whole):
            self.broken.append("old data is gone")

    def _judge(self) -> None:
        new = {name: data for name, data in self._visible().items() if name not in OLD}
        if new not in self.sets:
            self.broken.append(f"in the end {sorted(new)} is there: no attempt's set")
        if b"".join(new[name] for name in sorted(new)) != b"".join(ROWS):
            self.broken.append("rows are lost, or twice")
        if MARKER not in self.server.nodes:
            self.broken.append("the batch is not marked as committed")
        if (OLD.items() <= self._visible().items()) == self.scenario.overwrite:
            self.broken.append("what was there before is not what it should be")
        if self.scenario.partitioned:
            there = {n for n, data in self.server.tree("/out").items() if data is None and "=" in n}
            if there != {name.partition("/")[0] for name in new}:
                self.broken.append(f"{sorted(there)} are the partitions")
        left = self.server.names("/out/_temporary") - {"0"}
        if left:
            self.broken.append(f"{sorted(left)} is left in staging")
        for path, data in FOREIGN.items():
            if path not in self.server.nodes or self.server.read(path) != data:
                self.broken.append(f"{path} is not what it was")


async def explore_stream(
    scenario: StreamScenario, depth: int, *, in_full: bool = False
) -> tuple[int, list[tuple[dict[int, str], list[str]]]]:
    """Play with every sequence of up to `depth` faults, at every request.

    Returns:
        How many sequences were played, and those that broke a rule.

    """
    return await explore_faults(lambda faults: StreamPlay(scenario, faults), depth, in_full=in_full)
