"""The round trips that planning a read of OpenSSH takes, counted at the client's own requests."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asyncssh.sftp import SFTPClientHandler

from sftp_async.options import SFTPOptions
from sftp_async.read.scan import plan_scan
from sftp_async.remote.runtime import get_runtime
from tests.support.documents import REPOSITORY
from tests.support.round_trips import AnsweredTogether
from tests.support.sshd import SSHD

pytestmark = [pytest.mark.one_python, pytest.mark.usefixtures("runtime")]

COLUMNS = pa.schema([("value", pa.string()), ("day", pa.int32())])
#: Names of one inode: file systems have limits of 32,000 and more.
LINKS = 20_000
PAGE = REPOSITORY / "docs" / "reference" / "reading-files.md"


def make_tree(root: Path, directories: int, files: int) -> None:
    """Fill directories with files of one byte, which are links to a few: they take no space."""
    number = 0
    for day in range(directories):
        (root / f"day={day}").mkdir(parents=True)
        for file in range(files):
            source = root.with_name(f"content-{number // LINKS}")
            if number % LINKS == 0:
                source.write_bytes(b"x")
            os.link(source, root / f"day={day}" / f"part-{file:05}-0123456789abcdef-c000.txt")
            number += 1


def planned(
    server: SSHD, monkeypatch: pytest.MonkeyPatch, path: Path, **options: Any
) -> tuple[AnsweredTogether, int]:
    """Return the round trips of a plan, behind the login, and the number of its files."""
    given = SFTPOptions(**server.options(), path=str(path), format="text", **options)

    async def log_in() -> None:
        async with get_runtime().pool(given.resolve()).lease():
            pass

    get_runtime().run(log_in())
    trips = AnsweredTogether()
    original = SFTPClientHandler._make_request

    async def make_request(handler: SFTPClientHandler, *args: Any) -> Any:
        return await trips.counting(original)(handler, *args)

    with monkeypatch.context() as patched:
        patched.setattr(SFTPClientHandler, "_make_request", make_request)
        _, tasks, _ = plan_scan(given, COLUMNS)
    return trips, sum(len(task.splits) for task in tasks)


@pytest.mark.timeout(300)
def test_a_hundred_thousand_files_are_planned_in_the_round_trips_that_the_page_states(
    sshd: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(remote_dir / "in", 1000, 100)
    trips, files = planned(sshd, monkeypatch, remote_dir / "in")
    stated = re.search(
        r"100,000 files in 1,000 directories take (\d+)\sround\strips",
        PAGE.read_text(encoding="utf-8"),
    )
    assert stated is not None
    assert (files, trips.count) == (100_000, int(stated[1]))


def test_a_file_is_planned_in_one_round_trip_and_a_small_directory_in_four(
    sshd: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(remote_dir / "in", 1, 50)
    directory = remote_dir / "in" / "day=0"
    for path, expected, files in ((next(directory.iterdir()), 1, 1), (directory, 4, 50)):
        trips, found = planned(sshd, monkeypatch, path, base_path=str(remote_dir / "in"))
        assert (found, trips.count) == (files, expected)
