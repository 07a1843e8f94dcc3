"""Host keys: unknown, changed, pinned, and not checked."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.errors import (
    HostKeyError,
    SFTPAsyncWarning,
)
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import login, refused


@pytest.mark.asyncio
async def test_an_unknown_host_is_an_error_that_shows_its_fingerprint(
    embedded_server: EmbeddedServer, proxy: Any, attempts: list[str]
) -> None:
    link = proxy(embedded_server)
    options = {**embedded_server.options(), "port": link.port}
    del options["host_key_fingerprint"]
    error = await refused(
        options, HostKeyError, "host key is unknown: it presented ssh-ed25519 SHA256:"
    )
    assert isinstance(error, HostKeyError)
    assert error.fingerprint == embedded_server.fingerprint
    assert f"set host_key_fingerprint to {embedded_server.fingerprint}" in str(error)
    assert link.connections == 1
    assert attempts == []
    # Doing as the message says helps.
    await login({**options, "host_key_fingerprint": error.fingerprint})


@pytest.mark.asyncio
async def test_a_changed_key_is_reported_as_changed(embedded_server: EmbeddedServer) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    line = other.export_public_key("openssh").decode()
    where = f"[127.0.0.1]:{embedded_server.port}"
    for trusted in (
        {"host_key_fingerprint": other.get_fingerprint()},
        {"host_key_fingerprint": line},
        {"host_key_fingerprint": "", "known_hosts": f"{where} {line}"},
    ):
        error = await refused(
            {**embedded_server.options(), **trusted}, HostKeyError, "is not the expected one"
        )
        assert isinstance(error, HostKeyError)
        assert error.fingerprint == embedded_server.fingerprint
        assert "The key was changed" in str(error)


@pytest.mark.asyncio
async def test_a_fingerprint_counts_in_every_spelling(embedded_server: EmbeddedServer) -> None:
    good = embedded_server.fingerprint
    line = embedded_server.host_key.split(" ", 1)[1]
    for text in (good, f"{good}=", f"SHA256:{'A' * 43}, {good}", line, f"{line} comment"):
        await login({**embedded_server.options(), "host_key_fingerprint": text})


@pytest.mark.asyncio
async def test_insecure_takes_any_key_and_warns(embedded_server: EmbeddedServer) -> None:
    options = {**embedded_server.options(), "host_key_policy": "insecure"}
    del options["host_key_fingerprint"]
    with pytest.warns(SFTPAsyncWarning, match="host_key_policy=insecure"):
        await login(options)


@pytest.mark.asyncio
@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
async def test_the_verified_key_of_an_ipv6_host_verifies_it_again(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "six", host="::1")
    try:
        server.start()
    except OSError as error:
        pytest.skip(f"needs the IPv6 loopback address ({error})")
    with server:
        line = await login(server.options())
        assert line is not None
        assert line.startswith(f"[::1]:{server.port} ssh-ed25519 ")
        await login({**server.options(), "host_key_fingerprint": "", "known_hosts": line})


@pytest.mark.asyncio
async def test_the_verified_key_of_a_name_in_capitals_verifies_it_again(
    embedded_server: EmbeddedServer,
) -> None:
    options = {**embedded_server.options(), "host": "LocalHost"}
    line = await login(options)
    assert line is not None
    assert line.startswith(f"[localhost]:{embedded_server.port} ")
    await login({**options, "host_key_fingerprint": "", "known_hosts": line})
