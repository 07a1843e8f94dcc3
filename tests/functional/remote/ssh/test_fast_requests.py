"""The fast path checks a request before it queues any part of it, and never loops in vain."""

from __future__ import annotations

import array
import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncssh
import numpy as np
import pytest
import pytest_asyncio

from sftp_async.remote.ssh import Connection
from sftp_async.remote.ssh.fast import speed_up
from sftp_async.remote.ssh.fast.channel import FastChannel, FastTunnel
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import connected
from tests.functional.remote.ssh.fast_path import inside

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]

#: A sealer of the project's own, and asyncssh's encryption: an empty batch failed in the one and
#: looped in the other.
CIPHERS = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com")
NO_BUFFERS: dict[str, Any] = {
    "a list": [b"ab"],
    "a number": 5,
    "nothing": None,
    "every second byte": memoryview(b"abcdef")[::2],
    "a transposed matrix": np.arange(6).reshape(2, 3).T,
}
BUFFERS: dict[str, tuple[Any, bytes]] = {
    "text": ("grün", "grün".encode()),
    "numbers of four bytes": (array.array("I", [1, 2, 3]), array.array("I", [1, 2, 3]).tobytes()),
    "a view of them": (memoryview(array.array("d", [0.5])), array.array("d", [0.5]).tobytes()),
    "a matrix": (np.arange(6, dtype="u2").reshape(2, 3), np.arange(6, dtype="u2").tobytes()),
    "one number": (memoryview(np.array(7, "u4")), np.array(7, "u4").tobytes()),
    "no text": ("", b""),
    "no bytes": (b"", b""),
    "no numbers": (array.array("I"), b""),
    "a view of nothing": (memoryview(b"abc")[3:], b""),
}


@pytest_asyncio.fixture(params=CIPHERS)
async def connection(
    request: pytest.FixtureRequest, embedded_server: EmbeddedServer
) -> AsyncIterator[Connection]:
    """A connection on the fast path, with either kind of sealer."""
    options = {**embedded_server.options(), "ciphers": request.param}
    async with connected(options) as connection:
        yield connection


async def raw_file(connection: Connection, path: str) -> Any:
    """Open a file of asyncssh's own on a fast channel, where one write is one request."""
    sftp = await inside(connection).start_sftp_client(sftp_version=6)
    file = await sftp.open(path, "wb", block_size=0)
    assert isinstance(channel_of(file), FastChannel)
    return file


def channel_of(file: Any) -> Any:
    return file._handler._channel


@pytest.mark.parametrize("data", NO_BUFFERS.values(), ids=NO_BUFFERS)
async def test_data_that_is_no_contiguous_buffer_is_refused_before_anything_is_sent(
    embedded_server: EmbeddedServer, connection: Connection, data: Any
) -> None:
    file = await raw_file(connection, "/a")
    channel = channel_of(file)
    sent, requests = channel._sent, len(file._handler._requests)
    with pytest.raises(TypeError):
        await file._handler.write(file._handle, 0, data)
    assert (channel._send_buf, channel._send_buf_len) == ([], 0)
    assert (channel._sent, len(file._handler._requests)) == (sent, requests)
    await file.write(b"intact")
    await file.close()
    assert (embedded_server.root / "a").read_bytes() == b"intact"


@pytest.mark.parametrize(("data", "content"), BUFFERS.values(), ids=BUFFERS)
async def test_a_buffer_of_any_item_size_is_written_byte_by_byte(
    embedded_server: EmbeddedServer, connection: Connection, data: Any, content: bytes
) -> None:
    file = await raw_file(connection, "/a")
    assert await file._handler.write(file._handle, 0, data) is None
    await file.close()
    assert (embedded_server.root / "a").read_bytes() == content


@pytest.mark.parametrize("parts", [(b"head", "no buffer"), (b"head", b"", None)])
async def test_no_part_of_a_write_is_queued_if_one_of_them_is_no_buffer(
    embedded_server: EmbeddedServer, connection: Connection, parts: tuple[Any, ...]
) -> None:
    file = await raw_file(connection, "/a")
    channel = channel_of(file)
    with pytest.raises(TypeError):
        channel.write_parts(*parts)
    assert (channel._send_buf, channel._send_buf_len) == ([], 0)
    await file.write(b"intact")
    await file.close()
    assert (embedded_server.root / "a").read_bytes() == b"intact"


async def test_a_request_of_asyncssh_that_fails_does_not_count_as_sent(
    connection: Connection,
) -> None:
    file = await raw_file(connection, "/a")
    channel = channel_of(file)
    end, _ = channel.end_of_request()
    with pytest.raises(TypeError):
        channel.write("text, which a channel without an encoding does not take")
    assert channel.end_of_request()[0] == end
    await file.close()


async def test_parts_without_bytes_are_not_queued(connection: Connection) -> None:
    file = await raw_file(connection, "/a")
    channel = channel_of(file)
    channel.write_parts(b"", memoryview(b""), array.array("I"))
    assert channel._send_buf == []
    await file.close()


async def test_a_queue_whose_recorded_length_is_wrong_ends_the_connection(
    connection: Connection,
) -> None:
    file = await raw_file(connection, "/a")
    channel = channel_of(file)
    channel._send_buf.append((memoryview(b""), None))
    with pytest.raises(RuntimeError, match="recorded as 0 bytes"):
        channel.resume_sending()
    await inside(connection).wait_closed()
    assert not connection.usable


class Bastion(asyncssh.SSHServer):
    """Accepts every login and forwards every connection."""

    def begin_auth(self, username: str) -> bool:
        return False

    def connection_requested(self, *_: object) -> bool:
        return True


async def test_a_tunnel_takes_packets_of_any_length_and_nothing_else(
    embedded_server: EmbeddedServer,
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen("127.0.0.1", 0, server_factory=Bastion, server_host_keys=[key])
    options: dict[str, Any] = {"known_hosts": None, "config": None, "client_keys": None}
    async with (
        server,
        asyncssh.connect("127.0.0.1", server.get_port(), **options) as bastion,
    ):
        speed_up(bastion)
        async with asyncssh.connect(
            embedded_server.host,
            embedded_server.port,
            tunnel=bastion,
            username=embedded_server.username,
            password=embedded_server.password,
            **options,
        ) as ssh:
            speed_up(ssh)
            tunnel: Any = ssh._transport
            assert isinstance(tunnel, FastTunnel)
            tunnel.write(b"")
            for refused, error in (("text", TypeError), (memoryview(b"abcd")[::2], TypeError)):
                with pytest.raises(error):
                    tunnel.write(refused)
            with pytest.raises(OSError, match="extended data"):
                tunnel.write(b"to stderr", 1)
            assert (tunnel._send_buf, tunnel._send_buf_len) == ([], 0)
            sftp = await ssh.start_sftp_client()
            await asyncio.gather(*(sftp.mkdir(f"/{number}") for number in range(10)))
    assert len(list(embedded_server.root.iterdir())) == 10
