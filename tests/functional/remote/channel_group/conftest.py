"""Fixtures of the lanes' tests: servers that count, and servers far away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.delay import DelayProxy
from tests.support.lanes import Lines

FAR_AWAY = 0.1  # seconds of round trip: far more than a loaded machine needs to answer


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Start an embedded server that counts; `kind` is its sftp_factory."""
    Lines.all.clear()
    started: list[EmbeddedServer] = []

    def start(kind: type[Lines] = Lines) -> EmbeddedServer:
        server = EmbeddedServer(tmp_path / "served", sftp_factory=kind).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def far() -> Iterator[Callable[..., DelayProxy]]:
    """Put a server far away: `far(server)`."""
    started: list[DelayProxy] = []

    def start(server: Any, round_trip: float = FAR_AWAY) -> DelayProxy:
        started.append(DelayProxy(server.host, server.port, round_trip))
        return started[-1].start()

    yield start
    for link in started:
        link.stop()
