"""The fast path: the same bytes arrive, over every cipher and key change."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_IGNORE

from sftp_async.errors import SFTPAsyncError
from sftp_async.remote.ssh.fast.connection import FastConnection
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import connected
from tests.functional.remote.ssh.fast_path import (
    CIPHERS,
    RANDOM,
    digest,
    digests_in,
    inside,
    on_both_loops,
    write_all,
)

#: Around the sizes of a channel packet and of a request, and a few of no importance.
SIZES = (1, 32_739, 32_740, 32_768, 261_119, 261_120, 261_121, 1_048_583, 3_000_001)


@on_both_loops
@pytest.mark.parametrize("cipher", CIPHERS)
async def test_every_byte_arrives_with_every_cipher(
    embedded_server: EmbeddedServer,
    implementation: str,
    cipher: str,
) -> None:
    sizes = (*SIZES, *(RANDOM.randrange(1, 600_000) for _ in range(5)))

    async with connected({**embedded_server.options(), "ciphers": cipher}) as connection:
        assert isinstance(inside(connection), FastConnection) == (implementation == "fast")
        assert inside(connection).get_extra_info("send_cipher") == cipher
        written = await write_all(connection, sizes)
        assert digests_in(embedded_server.root) == written
        for name, sha in written.items():
            assert digest(await connection.read_file(f"/{name}", max(sizes))) == sha


@pytest.mark.asyncio
@pytest.mark.parametrize("cipher", CIPHERS)
async def test_keys_change_in_the_middle_of_an_upload(
    embedded_server: EmbeddedServer, cipher: str, implementation: str
) -> None:
    keys = set()

    async with connected({**embedded_server.options(), "ciphers": cipher}) as connection:
        ssh = inside(connection)
        ssh._rekey_bytes = 700_000
        send = ssh._send

        def watch(data: bytes) -> None:
            keys.add(ssh._send_encryption)
            send(data)

        ssh._send = watch
        written = await write_all(connection, (5_000_000, 1_000_000))
        assert digests_in(embedded_server.root) == written
    assert len(keys) >= 6_000_000 // 700_000


@pytest.mark.asyncio
@pytest.mark.parametrize("cipher", CIPHERS)
async def test_keys_change_in_the_middle_of_a_download(
    embedded_server: EmbeddedServer, cipher: str, implementation: str
) -> None:
    content = RANDOM.randbytes(5_000_000)
    (embedded_server.root / "a").write_bytes(content)
    keys = set()

    async with connected({**embedded_server.options(), "ciphers": cipher}) as connection:
        (server_side,) = embedded_server.connections
        server: Any = server_side
        client = inside(connection)
        receive = client._recv_data

        def watch() -> None:
            keys.add(client._recv_encryption)
            receive()

        client._recv_data = watch

        async def limit() -> None:
            server._rekey_bytes = 700_000

        embedded_server._call(limit())
        file = await connection.open_read("/a")
        pieces = await asyncio.gather(
            *(file.read(200_000, start) for start in range(0, len(content), 200_000))
        )
        assert digest(b"".join(pieces)) == digest(content)
    assert len(keys) >= len(content) // 1_500_000


@pytest.mark.asyncio
@pytest.mark.parametrize("cut", [1, 3, 4, 5, 100, 32_768, 70_000])
async def test_packets_are_taken_however_the_network_cuts_them(
    embedded_server: EmbeddedServer, cut: int
) -> None:
    size = 20_000 if cut < 100 else 1_000_000
    content = RANDOM.randbytes(size)
    (embedded_server.root / "a").write_bytes(content)

    async with connected(embedded_server.options()) as connection:
        client = inside(connection)
        assert isinstance(client, FastConnection)
        receive = client.data_received

        def in_pieces(data: bytes, datatype: None = None) -> None:
            for start in range(0, len(data), cut):
                receive(data[start : start + cut])

        client.data_received = in_pieces  # type: ignore[method-assign]
        file = await connection.open_read("/a")
        pieces = await asyncio.gather(*(file.read(9_999, start) for start in range(0, size, 9_999)))
        assert b"".join(pieces) == content
        # A request for new keys is no message of a transfer: asyncssh gets it, in pieces as well.
        client._rekey_bytes = 1
        first = client._recv_encryption
        await connection.stat("/a")
        await connection.stat("/a")
        assert client._recv_encryption is not first


@pytest.mark.asyncio
@pytest.mark.parametrize("cut", [1, 4, 5, 40])
async def test_a_packet_that_is_too_long_ends_the_connection_before_it_is_kept(
    embedded_server: EmbeddedServer, cut: int
) -> None:
    async with connected(embedded_server.options()) as connection:
        client = inside(connection)
        assert isinstance(client, FastConnection)
        await connection.stat("/")
        packet = (1 << 30).to_bytes(4, "big") + bytes(36)
        for start in range(0, len(packet), cut):
            client.data_received(packet[start : start + cut])
        # 16 bytes are what asyncssh reads before it looks at the length.
        await client.wait_closed()
        with pytest.raises(SFTPAsyncError):
            await connection.stat("/")


@pytest.mark.asyncio
async def test_keys_change_when_it_is_time(embedded_server: EmbeddedServer) -> None:
    async with connected(embedded_server.options()) as connection:
        ssh = inside(connection)
        first = ssh._send_encryption
        ssh._rekey_seconds, ssh._rekey_time = 3600.0, 1.0  # long ago
        assert await write_all(connection, (500_000,)) == digests_in(embedded_server.root)
        assert ssh._send_encryption is not first
        assert isinstance(ssh, FastConnection)


@pytest.mark.asyncio
async def test_no_more_is_sent_with_a_key_than_it_is_good_for(
    embedded_server: EmbeddedServer,
) -> None:
    async with connected(embedded_server.options()) as connection:
        ssh, sent = inside(connection), []
        ssh._rekey_bytes = 300_000
        start = ssh._send_kexinit

        def watch() -> None:
            sent.append(ssh._rekey_bytes_sent)
            start()

        ssh._send_kexinit = watch
        await write_all(connection, (3_000_000,))
        # asyncssh, too, looks before each packet: one more packet is what it can come to.
        assert sent
        assert max(sent) < 300_000 + 40_000


@pytest.mark.asyncio
@pytest.mark.parametrize("cipher", CIPHERS)
async def test_packet_numbers_begin_again_after_the_last_one(
    embedded_server: EmbeddedServer, cipher: str, implementation: str
) -> None:
    async with connected({**embedded_server.options(), "ciphers": cipher}) as connection:
        (server_side,) = embedded_server.connections
        await connection.stat("/")
        client: Any = inside(connection)
        server: Any = server_side

        async def near_the_end() -> None:  # on the server's loop, between two packets
            server._recv_seq = server._send_seq = 0xFFFFFFFA

        embedded_server._call(near_the_end())
        client._send_seq = client._recv_seq = 0xFFFFFFFA
        written = await write_all(connection, (2_000_000,))
        assert digests_in(embedded_server.root) == written
        assert client._send_seq < 1000
        assert client._recv_seq < 1000


@pytest.mark.asyncio
async def test_channels_of_one_connection_do_not_get_into_each_others_way(
    embedded_server: EmbeddedServer, implementation: str
) -> None:
    async with connected(embedded_server.options()) as connection:
        data = {f"{number}": RANDOM.randbytes(1_500_000 + number) for number in range(4)}
        channels = [await inside(connection).start_sftp_client() for _ in data]

        async def write(sftp: asyncssh.SFTPClient, name: str) -> None:
            async with sftp.open(f"/{name}", "wb", block_size=100_000) as file:
                await file.write(data[name])

        await asyncio.gather(*map(write, channels, data))
        for name, content in data.items():
            assert (embedded_server.root / name).read_bytes() == content
        # Each can be closed by itself.
        channels[0].exit()
        await channels[0].wait_closed()
        await write(channels[1], "1")


@pytest.mark.asyncio
@pytest.mark.parametrize("cipher", CIPHERS)
async def test_no_empty_packets_are_sent_before_the_others(
    embedded_server: EmbeddedServer,
    cipher: str,
    implementation: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds: Counter[int] = Counter()

    def watch(self: Any, pkttype: int, *_args: Any) -> None:
        kinds[pkttype] += 1

    async with connected({**embedded_server.options(), "ciphers": cipher}) as connection:
        for kind in (asyncssh.SSHServerConnection, asyncssh.SSHServerChannel):
            monkeypatch.setattr(kind, "log_received_packet", watch)
        await write_all(connection, (1_000_000,))
    assert kinds[MSG_CHANNEL_DATA] >= 1_000_000 // 32_768
    assert (kinds[MSG_IGNORE] == 0) == (implementation == "fast")
