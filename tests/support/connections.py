"""A file of connections for a test's own server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer


def write_connections(path: Path, server: EmbeddedServer, name: str = "partner") -> None:
    """Write one connection, with its password as text, to a file for this user alone."""
    path.touch(0o600)
    values = {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "password": str(server.password),
        "host_key_fingerprint": server.fingerprint,
    }
    lines = [f"{option} = {json.dumps(value)}" for option, value in values.items()]
    path.write_text("\n".join([f"[{name}]", *lines, ""]))


@pytest.fixture
def connections(
    embedded_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The file of connections, with the embedded server as `partner`."""
    path = tmp_path / "conf" / "connections.toml"
    path.parent.mkdir()
    write_connections(path, embedded_server)
    monkeypatch.setenv("SFTP_ASYNC_CONNECTIONS", str(path))
    return path
