"""Fixtures of the tests with a server that lies: on our way to the wire, and on asyncssh's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sftp_async.remote.ssh.fast import STOCK_VARIABLE
from sftp_async.tools.testing import embedded_server as server_module
from sftp_async.tools.testing.embedded_server import FolderServer
from tests.support.hostile import Hostile, HostileServer, Liar


@pytest.fixture(autouse=True, params=["fast", "stock"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Our way to the wire, and asyncssh's."""
    if request.param == "stock":
        monkeypatch.setenv(STOCK_VARIABLE, "1")
    return str(request.param)


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """Start a server that lies, as soon as `lies` says so; it serves `tmp_path/served`."""
    started: list[HostileServer] = []

    def start(folder: Any = FolderServer) -> HostileServer:
        server = HostileServer(tmp_path / "served", sftp_factory=folder)
        monkeypatch.setattr(server_module, "_Handler", partial(Liar, server))
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
