"""Fixtures of the channels' tests: servers that count, and servers with a high latency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.channels import CountingServer
from tests.support.delay import DelayProxy

FAR_AWAY = 0.1  # seconds of round trip: far more than a loaded machine needs to answer


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Start an embedded server that counts; `kind` is its sftp_factory."""
    CountingServer.all.clear()
    started: list[EmbeddedServer] = []

    def start(kind: type[CountingServer] = CountingServer) -> EmbeddedServer:
        server = EmbeddedServer(tmp_path / "served", sftp_factory=kind).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def far() -> Iterator[Callable[..., DelayProxy]]:
    """Put a server behind a high latency: `far(server)`."""
    started: list[DelayProxy] = []

    def start(server: Any, round_trip: float = FAR_AWAY) -> DelayProxy:
        started.append(DelayProxy(server.host, server.port, round_trip))
        return started[-1].start()

    yield start
    for link in started:
        link.stop()
