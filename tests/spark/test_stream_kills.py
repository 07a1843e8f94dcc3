"""Streams from SFTP to SFTP among faults, killed drivers first of all, while a partner adds files.

Each version of a file that stays is in the target exactly once, with all its rows; of one that was
replaced, all rows are there once, or none.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sftp_async import SFTPDataSource
from tests.spark.stream_kill_probe import read_to_end
from tests.support.cluster import Driver, until
from tests.support.jobs import lines_in
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.one_python, pytest.mark.spark]

#: Seconds in which a version has to stay the same before it is read.
STABLE_FOR = 3.0
#: Bytes that a connection has received from the source, or sent to the target, when the driver
#: stands still to be killed: from its handshake to the next micro-batches.
EARLIEST, LATEST = 200, 12_000
#: Seconds that a driver may take to get somewhere, its start included.
PATIENCE = 400
KILLS = ("source", "target", "log", "offsets", "commits")
#: Connections that are cut before a driver is killed, in the soak.
CUTS_A_DRIVER = 10


@dataclass(frozen=True)
class Version:
    """A version of a file, as the partner made it."""

    file: int
    version: int
    rows: int
    how: str
    slowest: float


class Stream:
    """A query that is killed again and again, and the partner that feeds it.

    Args:
        server: both the source and the target.
        source: the network before it, for the source.
        target: the same, for the target.
        directory: for all files.
        seed: of every choice.
        spark: the driver that is not killed.
        more: options of the source.

    """

    def __init__(
        self,
        server: SSHD,
        source: FaultProxy,
        target: FaultProxy,
        directory: Path,
        seed: int,
        spark: SparkSession,
        **more: str,
    ) -> None:
        self._spark = spark
        self._server, self._lines = server, {"source": source, "target": target}
        self._inbox, self._outbox = directory / "inbox", directory / "outbox"
        self._checkpoint, self._state = directory / "checkpoint", directory / "state"
        self._archive = directory / "archive"
        self._random = random.Random(seed)
        self._more = {
            name: text.format(state=self._state, archive=self._archive)
            for name, text in more.items()
        }
        self.seen: Counter[str] = Counter()
        for path in (self._inbox, self._outbox):
            path.mkdir()
        self._partner = Driver("tests.spark.stream_partner", inbox=str(self._inbox), seed=seed)
        self._versions: list[Version] = []

    def close(self) -> None:
        self._partner.close()

    def run_with_kills(self, kills: list[str]) -> None:
        """Kill a driver at each of these points, then let one read all that is there."""
        for kind in kills:
            with self._driver() as driver:
                self._reach(kind, driver)
                driver.kill()
                for error in driver.last_words():
                    self._note(error)
            self.seen[f"killed at {kind}"] += 1
            for line in self._lines.values():
                line.restore()
        self._read_to_end()

    def run_with_cuts(self, batches: int) -> None:
        """Cut connections until so many micro-batches are through; kill the driver now and then."""
        commits = self._checkpoint / "commits"
        while _newest(commits) < batches - 1:
            with self._driver() as driver:
                for _ in range(CUTS_A_DRIVER):
                    self._until(driver, _grows(commits, self._random.randint(1, 5)))
                    self._cut(self._random.choice(sorted(self._lines)), driver)
                driver.kill()
                for error in driver.last_words():
                    self._note(error)
            self.seen["killed"] += 1
        self._read_to_end()

    def _cut(self, kind: str, driver: Driver) -> None:
        """Reset a connection of the source or the target somewhere in its work."""
        line = self._lines[kind]
        cuts = line.cuts
        line.cut_after(self._random.randint(EARLIEST, LATEST))
        self._until(driver, lambda: line.cuts > cuts)
        self.seen[f"cut at {kind}"] += 1

    def _read_to_end(self) -> None:
        """Let the partner end, and the tests' own driver read all that is there."""
        self._partner.tell(stop=True)
        while (message := self._partner.hear()) != {"done": True}:
            self._versions.append(Version(**message))
        self._partner.finish()
        to_end = threading.Event()
        to_end.set()
        session = self._spark.newSession()
        session.dataSource.register(SFTPDataSource)
        for error in read_to_end(session, self._asked(), to_end):
            self._note({"error": error})

    def check(self) -> None:
        """Compare what is in the target with what the partner made."""
        found: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        for line in lines_in(self._outbox):
            file, version, row = map(int, line.split()[0].split("/"))
            found[file, version][row] += 1
        last = {version.file: version for version in self._versions}
        self.seen["versions"] = len(self._versions)
        self.seen["rows"] = sum(rows.total() for rows in found.values())
        self.seen["micro-batches"] = _newest(self._checkpoint / "commits") + 1
        wrong = []
        for made in self._versions:
            rows = found.pop((made.file, made.version), Counter())
            once = Counter(range(made.rows))
            self.seen[f"made by {made.how}"] += 1
            self.seen["replaced and not read"] += not rows
            if made.slowest > STABLE_FOR - 1:
                self.seen["written too slowly to tell"] += 1
            elif rows != once and (rows or last[made.file] == made):
                wrong.append(f"{made}: {sorted(rows.items())}")
        print(", ".join(f"{what}: {count:,}" for what, count in sorted(self.seen.items())))
        assert wrong == []
        assert not found

    def check_archived(self) -> None:
        """Ensure that the last version of each file is in the archive, or on its way to it.

        The query ends without a wait for its cleaning: files that are set aside have a hidden name.
        """
        last = {f"{version.file:05d}" for version in self._versions}
        names = (path.name for place in (self._archive, self._inbox) for path in place.iterdir())
        assert {name.removeprefix(".")[:5] for name in names if not name.endswith(".draft")} == last

    def _driver(self) -> Driver:
        self.seen["starts"] += 1
        return Driver("tests.spark.stream_kill_probe", **self._asked())

    def _asked(self) -> dict[str, Any]:
        """Return what query it is."""
        options = {}
        for name, line in self._lines.items():
            reached = self._server.options() | {"host": line.host, "port": str(line.port)}
            del reached["known_hosts"]  # it names the server's own port
            reached["host_key_fingerprint"] = self._server.fingerprints["ed25519"]
            options[name] = {**reached, "format": "text"}
        options["source"] |= {
            "stable_for": str(STABLE_FOR),
            "max_files_per_trigger": "10",
            # A version that is planned, and replaced before it is read, is left out.
            "ignore_missing_files": "true",
            **self._more,
        }
        places = {"inbox": self._inbox, "outbox": self._outbox, "checkpoint": self._checkpoint}
        return {**options, **{name: str(path) for name, path in places.items()}}

    def _reach(self, kind: str, driver: Driver) -> None:
        """Wait until the driver is at a point of the given kind, after the stream's first offset.

        Spark refuses a checkpoint whose driver died while it wrote the first offset.
        """
        offsets = self._checkpoint / "offsets"
        self._until(driver, lambda: _newest(offsets) >= 0)
        if kind in self._lines:
            line = self._lines[kind]
            line.freeze_after(self._random.randint(EARLIEST, LATEST))
            self._until(driver, lambda: line.frozen)
            return
        log = {
            "log": self._state / "batches",
            "offsets": offsets,
            "commits": self._checkpoint / "commits",
        }[kind]
        self._until(driver, _grows(log, self._random.randint(1, 3)))

    def _until(self, driver: Driver, condition: Callable[[], bool]) -> None:
        """Wait for a condition, while queries may fail, and are started again."""
        failures = 0
        while not condition():
            until(lambda: condition() or driver.has_spoken, PATIENCE)
            if driver.has_spoken:
                self._note(driver.hear())
                failures += 1
                assert failures < 5

    def _note(self, error: dict[str, Any]) -> None:
        self.seen["queries failed"] += 1
        print(error["error"])


def _newest(log: Path) -> int:
    if not log.exists():
        return -1
    names = (path.name.split(".")[0] for path in log.iterdir())
    return max((int(name) for name in names if name.isdecimal()), default=-1)


def _grows(log: Path, batches: int) -> Callable[[], bool]:
    """Return whether a log has so many more micro-batches than now, as a function."""
    enough = _newest(log) + batches
    return lambda: _newest(log) >= enough


@pytest.fixture
def start(
    spark: SparkSession, sshd: SSHD, proxy: Callable[..., FaultProxy], remote_dir: Path
) -> Iterator[Callable[..., Stream]]:
    """Start a partner, and make a stream from a seed and options."""
    started: list[Stream] = []

    def start(seed: int, **more: str) -> Stream:
        source, target = proxy(sshd, received=True), proxy(sshd)
        started.append(Stream(sshd, source, target, remote_dir, seed, spark, **more))
        return started[-1]

    yield start
    for stream in started:
        stream.close()


@pytest.mark.timeout(600)
def test_three_killed_drivers_lose_no_version_and_read_none_twice(
    start: Callable[..., Stream],
) -> None:
    stream = start(7, state_location="{state}")
    stream.run_with_kills(["source", "log", "target"])
    stream.check()


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    "more",
    [
        {"state_location": "{state}"},
        {},
        {
            "state_location": "{state}",
            "clean_source": "archive",
            "source_archive_dir": "{archive}",
        },
    ],
    ids=["with state", "without state", "archived"],
)
def test_a_hundred_killed_drivers_lose_no_version_and_read_none_twice(
    start: Callable[..., Stream], more: dict[str, str]
) -> None:
    stream = start(2026, **more)
    kinds = [kind for kind in KILLS if kind != "log" or more]
    stream.run_with_kills(random.Random(2026).choices(kinds, k=100))
    stream.check()
    if "clean_source" in more:
        stream.check_archived()


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_three_hundred_micro_batches_among_cut_connections_are_in_the_target_once(
    start: Callable[..., Stream],
) -> None:
    stream = start(300, state_location="{state}")
    stream.run_with_cuts(300)
    stream.check()
    assert stream.seen["micro-batches"] >= 300
