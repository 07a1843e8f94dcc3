"""The model of a commit under faults: plays a job with faults, and says what rules it broke."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Any

from sftp_async.errors import SFTPAsyncError
from sftp_async.layout.claim_names import is_claim_directory
from sftp_async.layout.hive import with_parents
from sftp_async.layout.part_names import is_data
from sftp_async.write.commit.committer import JobCommitter
from tests.support.exploration import explore_faults
from tests.support.jobs import MemoryJob
from tests.support.memory_server import (
    READS,
    Crash,
    Fault,
    MemoryServer,
    Operation,
    denied,
    name_of,
)

#: What no job may touch: another's data file, another's directory, another program's staging.
FOREIGN = {
    "/out/foreign.csv": b"foreign",
    "/out/part-00000-0000000000000000-c000.csv/inside.csv": b"foreign",
    "/out/_temporary/0/task.csv": b"foreign",
}
#: The same in a target with the partition column `c`: a file in a partition, a directory that looks
#: like one of another column.
FOREIGN_PARTITIONED = {
    "/out/c=1/foreign.csv": b"foreign",
    "/out/d=1/part-00000-0dd0dd000dd0dd00-c000.csv": b"foreign",
}
OLD_PARTS = {
    "part-00000-0dd0dd000dd0dd00-c000.csv": b"old 0",
    "part-00001-0dd0dd000dd0dd00-c000.csv": b"old 1",
}
NEW = (b"new 0", b"new 1")


@dataclass(frozen=True)
class Scenario:
    """One kind of job.

    Args:
        path: `/out`, or an exact file in it.
        overwrite: replace what is there.
        old: files in `/out` before, besides the foreign ones.
        refused: final names that the server refuses (a part's partition), until the job is over.
        options: write options.
        server: the server's kind.
        new: what the job writes, a part each.
        directories: the partitions of column `c` that these parts belong to.
        drop_box: the account may not list `/out`.

    """

    path: str = "/out"
    overwrite: bool = False
    old: dict[str, bytes] = field(default_factory=dict)
    refused: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)
    new: tuple[bytes, ...] = NEW
    directories: tuple[str, ...] = ()
    drop_box: bool = False

    @property
    def foreign(self) -> dict[str, bytes]:
        """Files that no job may touch."""
        return FOREIGN | FOREIGN_PARTITIONED if self.directories else FOREIGN

    @property
    def kept(self) -> dict[str, bytes]:
        """Old data that stays next to the new."""
        if not self.overwrite:
            return self.old
        if self.options.get("partition_overwrite_mode") != "dynamic":
            return {}
        touched = set(self.directories)
        return {n: data for n, data in self.old.items() if posixpath.dirname(n) not in touched}


class Play:
    """One run of a scenario with faults.

    Args:
        scenario: what is done.
        faults: by number of the request, counted over all processes.
        committer: the class under test.

    """

    def __init__(
        self,
        scenario: Scenario,
        faults: dict[int, Fault],
        committer: type[JobCommitter] = JobCommitter,
    ) -> None:
        self.scenario = scenario
        self.committer = committer
        self.server = server = MemoryServer(**scenario.server)
        server.shared = False
        server.make("/out")
        for path, data in scenario.foreign.items():
            server.put(path, data)
        for name, data in scenario.old.items():
            server.put(f"/out/{name}", data)
        server.faults = dict(faults)
        server.watch = self._watch
        server.refuse = self._refuse if scenario.refused else self._refuse_listing
        self.has_sidecars = bool(scenario.options.get("manifest"))
        self.job = self._job(overwrite=scenario.overwrite)
        self.exact = self.job.layout.file_name
        document = f"/out/_temporary/{self.job.layout.paths.document_id}"
        self._documents = {
            state: f"{document}.{state}.json" for state in ("intent", "visible", "withdrawn")
        }
        self.new: dict[str, bytes] = {}
        self.before = dict(scenario.old)
        self.states: set[str] = set()
        self.broken: list[str] = []
        #: Requests that a fault may befall: what is done to look at the end is none of them.
        self.requests = 0

    def _job(self, *, overwrite: bool, following: bool = False) -> MemoryJob:
        options = dict(self.scenario.options)
        if following:
            # The intent alone says which partitions there are.
            options.pop("partition_by", None)
        self.last = MemoryJob(
            self.server,
            self.scenario.path,
            overwrite=overwrite,
            committer=self.committer,
            **options,
        )
        return self.last

    def situation(self) -> object:
        """Return what the rest depends on, except for the server; what is refused among it."""
        has_crashed = self.last is not self.job
        return has_crashed, self.last.memory, self.new, self.before, self.states, self.broken

    async def run(self) -> list[str]:
        """Play it.

        Returns:
            The rules that were broken, each as a sentence.

        """
        try:
            ending = await self._life()
        except Crash:
            ending = "crashed"
            self.server.refuse = self._refuse_listing
            while True:
                try:
                    await self._next_job()
                    break
                except Crash:
                    continue
        self.requests = len(self.server.log)
        self._judge(ending)
        if any(map(is_claim_directory, self._staging())):
            # The last step of all was lost: any next job does it.
            self.server.faults.clear()
            await self._next_job()
            if any(map(is_claim_directory, self._staging())) and not self._has_dead_attempt():
                self.broken.append("a claim is left that no job holds")
        if self._staging():
            # Processes that died before an intent leave a directory; it is swept when it is old.
            self.server.faults.clear()
            self.server.now += 8 * 86400
            await self._next_job()
            if self._staging():
                self.broken.append(f"{sorted(self._staging())} is never swept")
        return self.broken

    async def _next_job(self) -> None:
        following = self._job(overwrite=True, following=True)
        try:
            await following.prepare()
            await following.abort()
        except SFTPAsyncError as error:
            self.broken.append(f"the next job cannot be done: {error}")

    async def _life(self) -> str:
        await self.job.prepare()
        parts = self.job.stage(*self.scenario.new, directories=self.scenario.directories)
        names = self.job.layout.names
        if self.exact:
            self.new = {self.exact: b"".join(self.scenario.new)}
        elif names is not None:
            self.new = {
                names.render(index, index + 1, "", ""): data
                for index, data in enumerate(self.scenario.new)
            }
        else:
            self.new = {
                part.final: data for part, data in zip(parts, self.scenario.new, strict=True)
            }
        if self.job.layout.direct:
            self.before = self.before | self.new
        try:
            await self.job.commit(parts)
            return "committed"
        except SFTPAsyncError as error:
            if not self.scenario.refused:
                self.broken.append(f"the commit failed: {error}")
            await self.job.abort()
            return "aborted"

    def _refuse_listing(self, operation: Operation) -> None:
        if self.scenario.drop_box and (operation.name, operation.path) == ("listdir", "/out"):
            raise denied(operation.path)

    def _refuse(self, operation: Operation) -> None:
        name = operation.target.rpartition("/")[2]
        if operation.target.startswith("/out/") and name.startswith(self.scenario.refused):
            # What was set aside may come back.
            staged = operation.path.startswith(self.job.layout.staging + "/")
            if (
                operation.name in ("rename", "replace")
                and staged
                and not operation.path.startswith(self._asides())
            ):
                raise denied(operation.target)

    def _visible(self) -> dict[str, bytes]:
        """What readers take for data, with the old sidecar files of a job that writes none."""
        if self.scenario.directories:
            tree = self.server.tree("/out")
            foreign = {path.removeprefix("/out/") for path in self.scenario.foreign}
            files = {n: d for n, d in tree.items() if d is not None and n not in foreign}
        else:
            files = self.server.files("/out")
            files.pop("foreign.csv", None)
        if self.has_sidecars:
            files = {name: data for name, data in files.items() if is_data(name_of(name))}
        return files

    def _partitions(self) -> set[str]:
        """The partition directories that are there."""
        return {n for n, data in self.server.tree("/out").items() if data is None and "=" in n}

    def _watch_sidecars(self, files: dict[str, bytes]) -> None:
        """Ensure that sidecar files of old data never coexist with new data, nor the reverse."""
        there = self.server.files("/out")
        old = {name: data for name, data in self.scenario.old.items() if is_data(name)}
        for name in ("_SUCCESS", "_manifest.json"):
            if name not in there:
                continue
            if there[name] == self.scenario.old.get(name):
                if files != old and self.scenario.overwrite:
                    self.broken.append(f"{name} describes old data: {sorted(files)} is there")
            elif not _holds(files, self.new):
                self.broken.append(f"{name} describes {sorted(self.new)}, which is incomplete")

    def _watch(self) -> None:
        if self.server.log[-1].name in READS:
            return
        files = self._visible()
        for state, path in self._documents.items():
            # Without rename it grows in place; it counts when it is whole.
            if path in self.server.nodes and self.server.read(path).endswith(b"}"):
                self.states.add(state)
        for name, data in files.items():
            if data not in (self.new.get(name), self.scenario.old.get(name)):
                self.broken.append(f"{name} is visible with {data!r}")
        if self.has_sidecars:
            self._watch_sidecars(files)
        old = {name: data for name, data in self.scenario.old.items() if is_data(name)}
        new = self.new
        if self.scenario.overwrite:
            kept = _holds(files, old) or (new and _holds(files, new))
            if not kept and not self._is_replaced_one_by_one(files):
                self.broken.append("neither all old nor all new data is there")
        elif not _holds(files, old):
            self.broken.append("old data is gone")

    def _is_replaced_one_by_one(self, files: dict[str, bytes]) -> bool:
        """Whether each old file is there, or set aside, or its name has new data.

        Files of names that were asked for are replaced one by one.
        """
        if not self.job.layout.named:
            return False
        taken = {name: data for name, data in self.new.items() if files.get(name) == data}
        return _holds(self._displaced() | files, self.scenario.old | taken)

    def _displaced(self) -> dict[str, bytes]:
        """What was set aside, by the name that it had."""
        nodes, asides = self.server.nodes.items(), self._asides()
        aside = [bytes(node.data) for path, node in nodes if path.startswith(asides)]
        return {name: data for name, data in self.scenario.old.items() if data in aside}

    def _asides(self) -> tuple[str, ...]:
        """How paths in staging begin of what may come back."""
        return tuple(f"{self.job.layout.staging}/{kind}-" for kind in ("displaced", "aside"))

    def _judge(self, ending: str) -> None:
        files = self._visible()
        old = {
            n: data for n, data in self.scenario.old.items() if is_data(n) or not self.has_sidecars
        }
        kept = {n: d for n, d in self.scenario.kept.items() if n in old}
        complete = {**kept, **self.new}
        if self.job.layout.direct and ending == "aborted":
            untouched = old
        else:
            untouched = {
                n: data for n, data in self.before.items() if is_data(n) or not self.has_sidecars
            }
        expected = {
            "committed": complete,
            "aborted": untouched,
            "crashed": complete if self._must_be_complete() else untouched,
        }[ending]
        if files != expected:
            self.broken.append(f"{ending}: {sorted(files)} is there instead of {sorted(expected)}")
        if self.has_sidecars:
            self._judge_sidecars(files == complete)
        if self.scenario.directories:
            there = {path.removeprefix("/out/") for path in self.scenario.foreign}
            within = {posixpath.dirname(name) for name in [*expected, *there] if "=" in name}
            if self._partitions() != {name for level in with_parents(within) for name in level}:
                self.broken.append(f"{ending}: {self._partitions()} are the partitions")
        for path, data in self.scenario.foreign.items():
            if path not in self.server.nodes or self.server.read(path) != data:
                self.broken.append(f"{path} is not what it was")
        ids = (self.job.layout.job_id, self.job.layout.paths.document_id)
        mine = {name for name in self._staging() if name.startswith(ids)}
        if mine and (ending != "crashed" or self.states):
            self.broken.append(f"{ending}: {sorted(mine)} is left in staging")

    def _judge_sidecars(self, complete: bool) -> None:
        there = self.server.files("/out")
        for name in ("_SUCCESS", "_manifest.json"):
            if complete and there.get(name) in (None, self.scenario.old.get(name)):
                self.broken.append(f"complete, and no {name} says so")
            elif not complete and there.get(name) != self.scenario.old.get(name):
                self.broken.append(f"rolled back, and {name} is not what it was")

    def _has_dead_attempt(self) -> bool:
        """Whether the job died before its intent: its staging directory and claim get old."""
        return self.job.layout.job_id in self._staging()

    def _staging(self) -> set[str]:
        return self.server.names("/out/_temporary") - {"0"}

    def _must_be_complete(self) -> bool:
        return bool(self.states) and "withdrawn" not in self.states


def _holds(files: dict[str, bytes], wanted: dict[str, bytes]) -> bool:
    return all(files.get(name) == data for name, data in wanted.items())


async def play(
    scenario: Scenario, faults: dict[int, Fault], committer: type[JobCommitter] = JobCommitter
) -> Play:
    """Play once."""
    run = Play(scenario, faults, committer)
    await run.run()
    return run


async def explore(
    scenario: Scenario,
    depth: int,
    committer: type[JobCommitter] = JobCommitter,
    *,
    in_full: bool = False,
) -> tuple[int, list[tuple[dict[int, str], list[str]]]]:
    """Play with every sequence of up to `depth` faults, at every request.

    Returns:
        How many sequences were played, and those that broke a rule.

    """
    return await explore_faults(
        lambda faults: Play(scenario, faults, committer), depth, in_full=in_full
    )
