"""A streaming query among random faults and restarts: each row is in the target exactly once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.spark.soak_probe import put
from tests.support.cluster import Driver, until
from tests.support.jobs import lines_in
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD

pytestmark = [pytest.mark.one_python, pytest.mark.spark]

ROWS = 200  # of a micro-batch; about 17 KB
FAULTS = ("connection cut", "sshd restarted", "driver killed", "query stopped")
NO_FAULT = "none"
#: Bytes that a connection has sent when the fault comes: from its handshake to the next batches.
EARLIEST, LATEST = 200, 6_000


class Soak:
    """A query that is started again and again, and what befalls it.

    Args:
        server: that it writes to.
        line: the network before the server.
        directory: for the input and the checkpoint.
        target: that it writes to.
        seed: of every choice.

    """

    def __init__(
        self, server: SSHD, line: FaultProxy, directory: Path, target: Path, seed: int
    ) -> None:
        self._server = server
        self._line = line
        self._inbox, self._checkpoint = directory / "inbox", directory / "checkpoint"
        self._target = target
        self._random = random.Random(seed)
        self._driver: Driver | None = None
        self._batches = 0
        self._expected: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self._inbox.mkdir()

    def run(self, batches: int, faults: Iterable[str], at_once: int) -> None:
        """Go on until as many micro-batches are through.

        Args:
            batches: how many.
            faults: one for each start of the query.
            at_once: micro-batches that a start finds at most, apart from what is left.

        """
        begun = time.monotonic()
        try:
            for fault in faults:
                self._feed(min(self._random.randint(2, at_once), batches - self._batches))
                self.seen["starts"] += 1
                if self._live(fault) and self._batches == batches:
                    break
                if self._random.random() < 0.5:
                    self._forget_last_batch()
        finally:
            if self._driver is not None:
                self._driver.close()
        self.seen["seconds"] = round(time.monotonic() - begun)

    def check(self) -> None:
        """Compare what is there with what was given."""
        found = Counter(lines_in(self._target))
        self.seen["rows in"] = self._expected.total()
        self.seen["rows out"] = found.total()
        self.seen["lost"] = (self._expected - found).total()
        self.seen["twice"] = (found - self._expected).total()
        self.seen["micro-batches"] = self._batches
        print(", ".join(f"{what}: {count:,}" for what, count in sorted(self.seen.items())))
        assert (self.seen["lost"], self.seen["twice"]) == (0, 0)
        markers = [int(file.stem) for file in self._target.glob("_sftp_async/*/*.committed")]
        assert max(markers) == self._batches - 1
        assert [entry.name for entry in self._target.iterdir() if entry.is_dir()] == ["_sftp_async"]

    def _feed(self, batches: int) -> None:
        for number in range(self._batches, self._batches + batches):
            ids = range(number * ROWS, (number + 1) * ROWS)
            lines = [f"{id_},{self._random.randbytes(40).hex()}" for id_ in ids]
            put(self._inbox, number, lines)
            self._expected.update(lines)
        self._batches += batches

    def _live(self, fault: str) -> bool:
        """Run the query while the fault befalls it; returns whether it took all of its input."""
        cuts, after = self._line.cuts, self._random.randint(EARLIEST, LATEST)
        driver = self._driver = self._driver or self._new_driver()
        if fault == "connection cut":
            self._line.cut_after(after)
        elif fault != NO_FAULT:
            self._line.freeze_after(after)
        driver.tell(do="run", partitions=self._random.randint(1, 4))
        until(lambda: self._line.frozen or driver.has_spoken, 240)
        struck = self._line.frozen or self._line.cuts > cuts
        if struck:
            self.seen[fault] += 1
        if struck and fault == "driver killed":
            driver.close()
            self._driver = None
            self._line.restore()
            return False
        if struck and fault == "sshd restarted":
            self._server.stop()
            self._server.start()
        if struck and fault == "query stopped":
            driver.tell(do="stop")
        self._line.restore()
        error = driver.hear(240)["error"]
        if error is not None:
            self.seen["queries failed"] += 1
            print(f"{fault} after {after} bytes: {error}")
        return error is None and not (struck and fault == "query stopped")

    def _new_driver(self) -> Driver:
        options = self._server.options() | {"host": self._line.host, "port": str(self._line.port)}
        del options["known_hosts"]  # it names the server's own port
        return Driver(
            "tests.spark.soak_probe",
            options=options | {"host_key_fingerprint": self._server.fingerprints["ed25519"]},
            inbox=str(self._inbox),
            checkpoint=str(self._checkpoint),
            target=str(self._target),
        )

    def _forget_last_batch(self) -> None:
        """Make the checkpoint what it is if a driver dies before it notes its last commit."""
        commits = self._checkpoint / "commits"
        newest = _newest(commits)
        if newest is None or newest != _newest(self._checkpoint / "offsets"):
            return  # another batch has begun: Spark would never look back
        (commits / str(newest)).unlink()
        (commits / f".{newest}.crc").unlink(missing_ok=True)
        self.seen["commits forgotten"] += 1


def _newest(log: Path) -> int | None:
    names = [entry.name for entry in log.iterdir()] if log.exists() else []
    return max((int(name) for name in names if name.isdecimal()), default=None)


@pytest.fixture
def soak(
    start_sshd: Callable[..., SSHD],
    proxy: Callable[..., FaultProxy],
    tmp_path: Path,
    remote_dir: Path,
) -> Callable[[int], Soak]:
    """Make a soak from a seed."""
    server = start_sshd()
    line = proxy(server)
    return lambda seed: Soak(server, line, tmp_path, remote_dir, seed)


@pytest.mark.timeout(600)
def test_ten_micro_batches_among_one_fault_of_each_kind_are_there_once(
    soak: Callable[[int], Soak],
) -> None:
    short = soak(4)
    short.run(10, chain(FAULTS, repeat(NO_FAULT, 10)), at_once=4)
    short.check()
    assert [short.seen[fault] for fault in FAULTS] == [1, 1, 1, 1]


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_micro_batches_among_random_faults_and_restarts_are_there_once(
    soak: Callable[[int], Soak],
) -> None:
    long = soak(2026)
    long.run(200, _at_random(2026), at_once=10)
    long.check()
    assert all(long.seen[fault] for fault in FAULTS)


def _at_random(seed: int) -> Iterator[str]:
    choose = random.Random(seed)
    for _ in range(200):  # four times as many as it takes
        yield choose.choice(FAULTS)
    yield from repeat(NO_FAULT, 200)
