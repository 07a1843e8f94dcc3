"""Fixtures of the command's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import AtServer
from tests.support.connections import connections

__all__ = ["connections"]


@pytest.fixture
def at(embedded_server: EmbeddedServer, tmp_path: Path) -> AtServer:
    """The command against the embedded server."""
    return AtServer(embedded_server, tmp_path)
