"""Fixtures of the commit's tests: servers in memory with an empty target, `/out`."""

from __future__ import annotations

import pytest

from tests.support.memory_server import MemoryServer


@pytest.fixture
def server() -> MemoryServer:
    server = MemoryServer()
    server.make("/out")
    return server


@pytest.fixture
def bare() -> MemoryServer:
    """A server that cannot rename."""
    server = MemoryServer(rename=False, posix_rename=False)
    server.make("/out")
    return server
