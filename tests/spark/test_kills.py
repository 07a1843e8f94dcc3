"""Real kills: whatever process dies, and whenever, each row is in the target exactly once.

Workers, executors and sshd die in the middle of an upload, which the network's stillness shows. A
driver dies at a step of its commit: the server halts at the request in question, and answers
nothing more until the driver is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest

from sftp_async import SFTPOptions, recover
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.spark.commit_probe import MODES, PARTITIONS, ROWS, write
from tests.spark.soak_probe import put, start_query
from tests.support import jobs
from tests.support.cluster import Driver, connected, until
from tests.support.jobs import lines_in
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD, descendants

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.one_python, pytest.mark.spark]

Proxy = Callable[..., FaultProxy]

TASKS = 2
UPLOADED = 40_000
#: Bytes after which the first connection, and with it everything, comes to a standstill: about a
#: sixth of what a task has to send, so that no task is at its end by then.
MIDWAY = 500_000
#: A speculative attempt begins when this part of a write's tasks has ended: all, which is never.
#: The probe asks for half of them where a test wants one.
SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.multiplier": "1.0",
    "spark.speculation.quantile": "1.0",
    "spark.speculation.efficiency.enabled": "false",
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Driver]:
    with Driver("tests.spark.kill_probe", conf=SPECULATION) as driver:
        yield driver
        driver.finish()


def through(line: FaultProxy, server: SSHD) -> dict[str, str]:
    """Return the options to reach a server over a line."""
    options = server.options() | {"host": line.host, "port": str(line.port), "chunk_size": "64k"}
    del options["known_hosts"]  # it names the server's own port
    return options | {"host_key_fingerprint": server.fingerprints["ed25519"]}


def upload(driver: Driver, options: dict[str, str], target: Path, **more: str) -> None:
    driver.tell(options=options, target=str(target), rows=UPLOADED, partitions=TASKS, **more)


def standstill(line: FaultProxy, driver: Driver) -> None:
    """Wait until tasks are in the middle of their uploads, and nothing moves."""
    until(lambda: line.frozen or driver.has_spoken, 150)
    assert line.frozen, driver.hear()


def check_uploaded(target: Path) -> None:
    files = list(target.iterdir())
    assert len(files) == TASKS  # nothing else is there, neither `_temporary` nor another copy
    ids = sorted(int(line.split(",")[0]) for file in files for line in file.open())
    assert ids == list(range(UPLOADED))


@pytest.mark.parametrize("which", [0, 1], ids=["executor", "Python worker"])
def test_a_process_killed_while_it_uploads_costs_one_attempt_and_no_row(
    cluster: Driver, sshd: SSHD, remote_dir: Path, proxy: Proxy, which: int
) -> None:
    line = proxy(sshd)
    line.freeze_after(MIDWAY)
    upload(cluster, through(line, sshd), remote_dir)
    standstill(line, cluster)
    os.kill(uploading(cluster, line)[0][which], signal.SIGKILL)
    line.restore()
    assert cluster.hear() == {"failed": 1}
    check_uploaded(remote_dir)


def uploading(driver: Driver, line: FaultProxy) -> list[tuple[int, int]]:
    """Return the executors that upload now, each with the Python worker that does it."""
    return [
        (executor, worker)
        for executor in driver.executors
        for worker in connected(descendants(executor), line.port)
    ]


def test_an_sshd_killed_with_its_sessions_and_started_again_costs_no_attempt(
    cluster: Driver, start_sshd: Callable[..., SSHD], remote_dir: Path, proxy: Proxy
) -> None:
    server = start_sshd()
    line = proxy(server)
    line.freeze_after(MIDWAY)
    upload(cluster, through(line, server), remote_dir)
    standstill(line, cluster)
    server.stop()
    before = line.connections
    line.restore()
    until(lambda: line.connections > before)  # a client reconnects, and no server is there
    server.start()
    assert cluster.hear() == {"failed": 0}
    check_uploaded(remote_dir)


def test_a_speculative_attempt_leaves_one_copy(
    cluster: Driver, sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    attempts = tmp_path / "attempts"
    attempts.mkdir()
    upload(cluster, sshd.options(), remote_dir, attempts=str(attempts))
    assert cluster.hear() == {"failed": 0}
    assert {"0-0", "0-1", "1-0"} <= {attempt.name for attempt in attempts.iterdir()}
    check_uploaded(remote_dir)


# Drivers


@dataclass(frozen=True)
class Step:
    """A step of a commit, by the request at which the driver dies.

    Args:
        name: of the step.
        request: what the server is asked for; a pattern.
        nth: of the requests that match.
        carried_out: the request is, though the driver never learns of it.
        promised: whether the next attempt has to complete this one.
        unfinished: whether there is an intent that says so.

    """

    name: str
    request: str
    nth: int = 1
    carried_out: bool = False
    promised: bool = True
    unfinished: bool = True


_INTENT = r"rename .*\.intent\.json"
STEPS = (
    Step("before the intent is published", _INTENT, promised=False, unfinished=False),
    Step("when the intent is published", _INTENT, carried_out=True),
    Step("after one rename of three", r"rename /\w+/part-[^/]+", nth=2),
    # An overwrite says first that all is visible.
    Step("after all renames", r"rename .*\.visible\.json|rmdir .*/_temporary/\w+"),
    Step("after the marker", r"remove .*\.json"),
)
#: Of every other kind of step there is one above.
MORE_STEPS = (
    Step("before the marker", r"write .*\.committed"),
    Step("after the intent is removed", r"rmdir .*/_temporary", unfinished=False),
)


class Halt:
    """Where the server stops answering about one target."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.armed = False
        self.reached = threading.Event()
        self.gone: Future[None] = Future()
        self._matches = 0

    def is_here(self, request: str) -> bool:
        if self.armed and re.fullmatch(self.step.request, request):
            self._matches += 1
        return self._matches >= self.step.nth


class HaltingServer(FolderServer):
    """Halts at a request; what it has not carried out by then, it never does."""

    def __init__(self, chan: Any, root: bytes, halts: Mapping[str, Halt]) -> None:
        super().__init__(chan, root)
        self._halts = halts

    async def _unless_halted(self, request: str, path: bytes, carry_out: Callable[[], Any]) -> Any:
        halt = self._halts.get(path.decode().split("/")[1])
        if halt is None or not halt.is_here(f"{request} {path.decode()}"):
            return carry_out()
        if halt.step.carried_out and not halt.reached.is_set():
            carry_out()
        halt.reached.set()
        await asyncio.wrap_future(halt.gone)
        raise asyncssh.SFTPConnectionLost("The driver is dead")

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._unless_halted("rename", newpath, partial(super().rename, oldpath, newpath))

    async def remove(self, path: bytes) -> None:
        await self._unless_halted("remove", path, partial(super().remove, path))

    async def rmdir(self, path: bytes) -> None:
        await self._unless_halted("rmdir", path, partial(super().rmdir, path))

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        request = "write" if pflags & asyncssh.FXF_WRITE else "read"
        return await self._unless_halted(request, path, partial(super().open, path, pflags, attrs))


@dataclass(frozen=True)
class Remains:
    """What a driver left that was killed at a step of three commits: two batches, one stream.

    `directory` holds the served files, and the stream's input and checkpoint, which know their
    paths: `as_left` puts all of it back there.
    """

    step: Step
    directory: Path

    @property
    def stream(self) -> dict[str, Any]:
        """What query it was, apart from `options`."""
        names = {name: str(self.directory / name) for name in ("inbox", "checkpoint")}
        return {**names, "target": "/stream"}

    def keep(self) -> None:
        shutil.copytree(self.directory, self._kept)

    def as_left(self) -> None:
        shutil.rmtree(self.directory)
        shutil.copytree(self._kept, self.directory)

    @property
    def _kept(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}-kept")


FIRST, SECOND = range(100), range(100, ROWS)


def lines(ids: range) -> list[str]:
    return [f"{id_},row {id_}" for id_ in ids]


@pytest.fixture(scope="module")
def killed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[Step, Remains]:
    """Kill a driver that is at each of the steps that tests ask for, each of another server."""
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    steps = dict.fromkeys(
        call.params["remains"] for call in calls if call and "remains" in call.params
    )
    left = {step: Remains(step, tmp_path_factory.mktemp("killed")) for step in steps}
    kill(list(left.values()))
    return left


@pytest.fixture(
    scope="module",
    params=[*STEPS, *(pytest.param(step, marks=pytest.mark.soak) for step in MORE_STEPS)],
    ids=lambda step: step.name.replace(" ", "-"),
)
def remains(request: pytest.FixtureRequest, killed: Mapping[Step, Remains]) -> Remains:
    """What is left of a driver that was killed in the midst of its commits."""
    return killed[request.param]


def kill(planned: list[Remains]) -> None:
    """Kill one driver in all its commits, those to one server at one step."""
    asked: list[dict[str, Any]] = []
    halts: list[Halt] = []
    with contextlib.ExitStack() as servers:
        for left in planned:
            (left.directory / "inbox").mkdir()
            put(left.directory / "inbox", 0, lines(FIRST))
            here = {target: Halt(left.step) for target in (*MODES, "stream")}
            halting = partial(HaltingServer, halts=here)
            server = EmbeddedServer(left.directory / "served", sftp_factory=halting)
            servers.enter_context(server)
            jobs.write(server.options(), "/overwrite", ["old"])
            options = server.options() | {"operation_timeout": "5min"}
            asked.append({"options": options, **left.stream})
            halts += here.values()
        with Driver("tests.spark.commit_probe", servers=asked) as driver:
            driver.hear(300)
            for left in planned:
                put(left.directory / "inbox", 1, lines(SECOND))
            for halt in halts:
                halt.armed = True
            driver.tell(go=True)
            until(lambda: driver.has_spoken or all(h.reached.is_set() for h in halts), 300)
            assert not driver.has_spoken, driver.hear()
            driver.kill()
        for halt in halts:
            halt.gone.set_result(None)
    # As old as it has to be for the batches to count as abandoned.
    long_ago = time.time() - 30 * 86400
    for left in planned:
        for mode in MODES:
            for staging in (left.directory / "served" / mode / "_temporary").glob("*/"):
                os.utime(staging, times=(long_ago, long_ago))
        left.keep()


@pytest.fixture
def server(remains: Remains) -> Iterator[EmbeddedServer]:
    """Serve what is left."""
    remains.as_left()
    with EmbeddedServer(remains.directory / "served") as server:
        yield server


def check_batch(server: EmbeddedServer, mode: str, step: Step) -> None:
    """Check that it is there once: by the attempt that was promised, else by the second one."""
    target = server.root / mode
    assert lines_in(target) == sorted(lines(range(ROWS)))
    assert len(list(target.glob("part-*"))) == (PARTITIONS if step.promised else 2)
    assert not (target / "_temporary").exists()


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_whose_driver_was_killed_is_there_once_after_a_rerun(
    mode: str, remains: Remains, server: EmbeddedServer, spark: SparkSession
) -> None:
    if mode == "overwrite":  # and never was neither the old nor the new there
        found = lines_in(server.root / mode)
        assert "old" in found or set(lines(range(ROWS))) <= set(found)
    write(spark, server.options(), mode, 2)
    check_batch(server, mode, remains.step)


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_whose_driver_was_killed_is_there_once_or_not_at_all_after_recovery(
    mode: str, remains: Remains, server: EmbeddedServer, spark: SparkSession
) -> None:
    step = remains.step
    recovered = recover(SFTPOptions(**server.options()), f"/{mode}")
    assert recovered.finished == step.unfinished
    assert recovered.swept == (not step.promised)
    assert not (server.root / mode / "_temporary").exists()
    if step.promised:
        check_batch(server, mode, step)
    else:
        assert lines_in(server.root / mode) == (["old"] if mode == "overwrite" else [])
    write(spark, server.options(), mode, 2)
    check_batch(server, mode, step)


def replay(spark: SparkSession, remains: Remains, server: EmbeddedServer) -> None:
    """Start the query again, with another partitioning, and check that each batch is there once."""
    asked = {"options": server.options(), **remains.stream}
    start_query(spark, asked, 2).awaitTermination()
    target = server.root / "stream"
    assert lines_in(target) == sorted(lines(range(ROWS)))
    files = PARTITIONS + (PARTITIONS if remains.step.promised else 2)
    assert len(list(target.glob("part-*"))) == files
    assert not (target / "_temporary").exists()


def test_a_stream_whose_driver_was_killed_has_each_row_once_after_its_restart(
    remains: Remains, server: EmbeddedServer, spark: SparkSession
) -> None:
    replay(spark, remains, server)


def test_a_stream_whose_driver_was_killed_has_each_row_once_after_recovery_and_restart(
    remains: Remains, server: EmbeddedServer, spark: SparkSession
) -> None:
    recovered = recover(SFTPOptions(**server.options()), "/stream")
    assert recovered.finished == remains.step.unfinished
    rows = range(ROWS) if remains.step.promised else FIRST
    assert lines_in(server.root / "stream") == sorted(lines(rows))
    replay(spark, remains, server)
