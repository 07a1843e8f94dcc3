"""A server in memory whose clock stands still."""

from __future__ import annotations

import pytest

from sftp_async.read import selection
from tests.support.listings import NOW
from tests.support.memory_server import (
    MemoryServer,
)


@pytest.fixture
def server() -> MemoryServer:
    server = MemoryServer()
    server.now = NOW
    return server


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection.time, "time", lambda: NOW)
