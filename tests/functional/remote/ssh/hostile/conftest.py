"""Fixtures of the tests with a hostile server: on the fast path and on asyncssh's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sftp_async.tools.testing import embedded_server as server_module
from sftp_async.tools.testing.embedded_server import FolderServer
from tests.support.hostile_server import Hostile, HostileServer, HostileSession


@pytest.fixture(autouse=True)
def _both_implementations(implementation: str) -> None:
    """Every test here runs on the fast path and on asyncssh's."""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """Start a server that lies, as soon as `lies` says so; it serves `tmp_path/served`."""
    started: list[HostileServer] = []

    def start(folder: Any = FolderServer) -> HostileServer:
        server = HostileServer(tmp_path / "served", sftp_factory=folder)
        monkeypatch.setattr(server_module, "_Handler", partial(HostileSession, server))
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
