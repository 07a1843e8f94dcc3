"""Fixtures of the tests against OpenSSH: a runtime that must end empty, homes, and targets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sftp_async import SFTPOptions, recover
from sftp_async.remote import runtime as runtime_module
from sftp_async.remote.runtime import Runtime
from tests.support.foreign_files import ForeignDirectory
from tests.support.leaks import tasks_of
from tests.support.sshd import SSHD
from tests.support.waiting import soon


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A runtime of the test's own; when its pools are closed, nothing runs on it any more."""
    mine = Runtime()
    monkeypatch.setattr(runtime_module, "_current", mine)
    yield mine

    async def close_pools() -> None:
        await asyncio.gather(*(pool.close() for pool in mine._pools.values()))

    mine.run(close_pools())
    left = soon(lambda: not tasks_of(mine)) or tasks_of(mine)
    mine.close()
    assert left is True


@pytest.fixture
def out(remote_dir: Path) -> Path:
    """The target of the test's job."""
    return remote_dir / "out"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything in it."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def outside(tmp_path: Path) -> ForeignDirectory:
    """A directory next to the target, of another program."""
    return ForeignDirectory(tmp_path / "outside")


@pytest.fixture
def recover_here(sshd: SSHD, remote_dir: Path) -> Callable[..., Any]:
    """Recover the target: `recover_here(staging_ttl=1)`."""

    def run(**more: Any) -> Any:
        return recover(SFTPOptions(**sshd.options(), **more), str(remote_dir))

    return run
