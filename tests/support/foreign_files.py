"""Files of other programs in a target or next to it, and whether a job left them unchanged."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import CommitError
from sftp_async.write.job import Job
from tests.support.jobs import real_job, upload
from tests.support.sshd import SSHD

JOB = "0123456789abcdef" * 2
PART = "part-00000-0123456789abcdef-c000.csv"


def names(directory: Path) -> set[bytes]:
    return {os.fsencode(path.name) for path in directory.iterdir()}


def put(directory: Path, *files: bytes, content: str = "foreign") -> None:
    for name in files:
        (directory / os.fsdecode(name)).write_text(content)


def age(path: Path, seconds: float = 3600) -> None:
    """Make a file, directory or link look old, the link itself and not what is behind it."""
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def state_of(directory: Path) -> dict[str, object]:
    """Return everything below a directory that a write could change."""
    found: dict[str, object] = {}
    for path in [directory, *directory.rglob("*")]:
        seen = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
        found[str(path)] = (seen.st_mode, seen.st_mtime_ns, seen.st_nlink, content)
    return found


class ForeignDirectory:
    """A directory of another program, with names that a job could take for its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for directory in (path, path / JOB, path / "sub"):
            directory.mkdir()
            put(directory, b"kept.csv", b"_SUCCESS", PART.encode(), content="precious")
            age(directory)
        put(path, f"{'f' * 32}.intent.json".encode(), content='{"version": 1}')
        self._before = state_of(path)

    def untouched(self) -> bool:
        return state_of(self.path) == self._before


def interrupted(server: SSHD, target: Path, **options: Any) -> Job:
    """Leave an overwrite of two parts half way: its intent is published, one part cannot move."""
    job = real_job(server.options(), str(target), overwrite=True, **options).prepare()
    parts = upload(job, ["a"], ["b"])
    blocker = target / parts[1].final
    blocker.mkdir()
    with pytest.raises(CommitError):
        job.commit(parts)
    blocker.rmdir()
    return job
