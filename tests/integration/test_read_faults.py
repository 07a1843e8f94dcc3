"""Reads from a real OpenSSH over a network that is cut, frozen and slowed at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async.errors import SFTPAsyncError
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import plan_scan
from sftp_async.read.task import ReadCounters, read_task
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("runtime"),
]

Link = Callable[..., FaultProxy]
LINES = 40_000
SCHEMA = pa.schema([("value", pa.string())])
#: A network that is frozen stays so: an error is due soon.
IMPATIENT = {
    "max_retries": "1",
    "retry_delay": "10ms",
    "connect_timeout": "2",
    "operation_timeout": "1",
    "stall_timeout": "1",
}


def text_of(number: int) -> list[str]:
    """The lines of a file, each one different from all others."""
    return [f"{number}:{place}:{'x' * (place % 70)}" for place in range(LINES)]


def scan(server: SSHD, link: FaultProxy, directory: Path, **options: str) -> SFTPOptions:
    """Options of a read over the link."""
    given: dict[str, Any] = {**server.options(), "retry_delay": "10ms", **options}
    known = given.pop("known_hosts").replace(str(server.port), str(link.port))
    return SFTPOptions(**{**given, "port": link.port, "known_hosts": known, "path": str(directory)})


def read(options: SFTPOptions) -> tuple[list[str], ReadCounters]:
    """Return all lines, in the order of the tasks."""
    planned, tasks, _ = plan_scan(options, SCHEMA)
    counters = ReadCounters()
    rows = [
        row
        for task in tasks
        for batch in read_task(planned, task, counters)
        for row in batch.column(0).to_pylist()
    ]
    return rows, counters


def disturb(link: FaultProxy, choice: random.Random, reach: int) -> str:
    """Break the network somewhere within the next bytes; return how."""
    after = choice.randrange(1, reach)
    how = choice.choice(["cut", "cuts", "freeze", "slow"])
    match how:
        case "cut":
            link.cut_after(after)
        case "cuts":
            link.cut_after(after, times=choice.randrange(2, 5))
        case "freeze":
            link.freeze_after(after)
        case "slow":
            link.throttle(choice.uniform(2e6, 2e7))
    return f"{how} after {after}"


def rounds(server: SSHD, proxy: Link, directory: Path, count: int, seed: int) -> dict[str, int]:
    """Read over and over; return how many reads gave exact rows, and how many an error.

    Rows that are not exact fail the test, and so does an error where the network came back.
    """
    expected = sorted(line for number in range(3) for line in text_of(number))
    for number in range(3):
        (directory / f"{number}.txt").write_text("\n".join(text_of(number)) + "\n")
    size = sum(path.stat().st_size for path in directory.iterdir())
    choice, outcomes = random.Random(seed), {"exact": 0, "error": 0}
    link = proxy(server, received=True)
    for _ in range(count):
        how = disturb(link, choice, size)
        hurry = IMPATIENT if how.startswith("freeze") else {}
        split = {"max_partition_bytes": "1MiB", "open_cost_bytes": "0"}
        try:
            rows, _ = read(scan(server, link, directory, **hurry, **split))
        except SFTPAsyncError:
            assert hurry, how
            outcomes["error"] += 1
        else:
            assert sorted(rows) == expected, how
            outcomes["exact"] += 1
        link.restore()
    return outcomes


def test_a_disturbed_read_gives_exact_rows_or_a_typed_error(
    sshd: SSHD, proxy: Link, remote_dir: Path
) -> None:
    assert sum(rounds(sshd, proxy, remote_dir, 12, seed=17).values()) == 12


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_disturbed_reads_never_give_a_wrong_row(
    sshd: SSHD, proxy: Link, remote_dir: Path
) -> None:
    outcomes = rounds(sshd, proxy, remote_dir, 200, seed=2026)
    print(outcomes)
    assert sum(outcomes.values()) == 200


def test_a_cut_in_the_middle_resumes_and_fetches_little_twice(
    sshd: SSHD, proxy: Link, remote_dir: Path
) -> None:
    (remote_dir / "a.txt").write_text("\n".join(text_of(0)) + "\n")
    size = (remote_dir / "a.txt").stat().st_size
    link = proxy(sshd, received=True)
    options = scan(sshd, link, remote_dir / "a.txt")
    assert read(options)[0] == text_of(0)
    before = link.forwarded
    link.cut_after(size // 2)
    rows, counters = read(options)
    assert rows == text_of(0)
    assert link.cuts == 1
    assert counters.bytes == size
    assert link.forwarded - before < 2 * size
