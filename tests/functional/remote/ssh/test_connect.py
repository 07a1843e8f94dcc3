"""Getting connected: hosts that are not there, and servers that are none."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sftp_async.errors import (
    AlgorithmsError,
    ConnectError,
    OptionsError,
    ServerBusyError,
)
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import CREDENTIALS, connected, login, refused

# The same in every run.
NOISE = random.Random(1).randbytes(64)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@contextlib.contextmanager
def listener(talk: Talk) -> Iterator[dict[str, Any]]:
    """Options for a server that is none: `talk` answers each connection."""
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await talk(reader, writer)
        writer.close()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(serve, "127.0.0.1", 0), loop
    ).result()
    try:
        port = server.sockets[0].getsockname()[1]
        yield {"host": "127.0.0.1", "port": port, **CREDENTIALS}
    finally:

        async def end() -> None:
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that no server can listen on: bound, never listening."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_closed_port_is_a_refused_connection(closed_port: int, host: str) -> None:
    error = await refused(
        {"host": host, "port": closed_port, **CREDENTIALS},
        ConnectError,
        "refused|cannot be reached",
    )
    assert error.retryable


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["nonexistent.invalid", "a..b", "x" * 70])
async def test_an_unknown_name_is_distinguished_from_an_unreachable_host(host: str) -> None:
    error = await refused(
        {"host": host, **CREDENTIALS}, ConnectError, "host name cannot be resolved"
    )
    assert "Check the option host" in str(error)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


@pytest.mark.asyncio
async def test_a_server_that_never_answers_is_given_up_after_connect_timeout() -> None:
    with listener(silent) as options:
        # Long enough for a busy machine to notice that the connection was accepted.
        error = await refused(
            {**options, "connect_timeout": "3"}, ConnectError, "did not finish the login"
        )
    assert "within 3 seconds" in str(error)
    assert error.retryable


@pytest.mark.asyncio
async def test_a_login_that_drags_on_is_given_up_after_login_timeout() -> None:
    with listener(silent) as options:
        error = await refused({**options, "login_timeout": "0.5"}, ConnectError, "not done in time")
    assert "Raise login_timeout" in str(error)
    assert error.retryable


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"Exceeded MaxStartups\r\n",
        b"",
    ],
)
async def test_a_server_that_hangs_up_at_once_may_be_busy_or_no_ssh_server(greeting: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()

    with listener(talk) as options:
        error = await refused(options, ServerBusyError, "closed the connection before the login")
    assert "lower max_connections" in str(error)
    assert "no SSH server" in str(error)
    assert error.retryable


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "words", [b"x" * 20_000, b"hello\r\n" * 5000, b"SSH-1.5-ancient\r\n", b"SSH-9\r\n"]
)
async def test_what_does_not_speak_ssh_is_called_no_ssh_server(words: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read(-1)

    with listener(talk) as options:
        error = await refused(options, ConnectError, "no SSH server")
    assert not error.retryable


@pytest.mark.asyncio
@pytest.mark.parametrize("noise", [bytes(300), b"\x00\x00\x00\x0c\x01" + bytes(11), NOISE], ids=len)
async def test_noise_after_a_proper_greeting_is_an_error_of_ours(noise: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-noise\r\n" + noise)
        writer.write_eof()
        await reader.read(-1)

    with listener(talk) as options, pytest.raises(ConnectError):
        await login(options)


@pytest.mark.asyncio
async def test_an_unknown_cipher_is_an_option_mistake_and_makes_no_connection(
    embedded_server: EmbeddedServer,
) -> None:
    with pytest.raises(OptionsError, match="ciphers: rot13 is not a valid encryption algorithm"):
        await login({**embedded_server.options(), "ciphers": "rot13"})
    assert embedded_server.logins == 0


def opening_of(server: EmbeddedServer) -> bytes:
    """Return what a server says to a client that has only greeted: its name, its algorithms."""
    with (
        socket.create_connection((server.host, server.port)) as sock,
        sock.makefile("rb") as stream,
    ):
        sock.sendall(b"SSH-2.0-test\r\n")
        name = stream.readline()
        length = stream.read(4)
        return name + length + stream.read(int.from_bytes(length, "big"))


@pytest.mark.asyncio
async def test_a_missing_common_cipher_is_named(embedded_server: EmbeddedServer) -> None:
    opening = opening_of(embedded_server)

    # A server that finds out as well disconnects at once, which may undo what it sent before.
    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(opening)
        await reader.read()

    with listener(patient) as options:
        error = await refused(
            {**options, "ciphers": "aes192-ctr"}, AlgorithmsError, "share no algorithm"
        )
    assert not error.retryable


@pytest.mark.asyncio
async def test_the_fastest_cipher_is_chosen(embedded_server: EmbeddedServer) -> None:
    async with connected(embedded_server.options()):
        (seen,) = embedded_server.connections
        assert seen.get_extra_info("recv_cipher") == "aes128-gcm@openssh.com"
