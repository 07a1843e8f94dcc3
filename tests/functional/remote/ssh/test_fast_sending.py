"""The fast path: what is sealed, and when sending waits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncssh.constants import MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.encryption import get_encryption
from asyncssh.packet import UInt32

from sftp_async.remote.ssh.fast.channel import BATCH, NEARBY, NEARBY_AHEAD
from sftp_async.remote.ssh.fast.connection import FastConnection
from sftp_async.remote.ssh.fast.packets import sealer_for
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.functional.remote.ssh.connections import connected
from tests.functional.remote.ssh.fast_path import (
    RANDOM,
    inside,
    on_both_loops,
)


def test_a_packet_is_sealed_as_asyncssh_opens_it() -> None:
    for name, key, iv, block in ((b"aes128-gcm@openssh.com", bytes(16), b"\xff" * 12, 16),):
        sender, receiver = (get_encryption(name, key, iv) for _ in range(2))
        sealer = sealer_for(sender, name.decode(), block, 0)
        assert sealer is not None
        data = iter([b"a" * 40, b"b" * 5])

        def fill(space: memoryview, data: Iterator[bytes] = data) -> None:
            space[:] = next(data)

        sealed = bytes(sealer.seal(7, 3, [40, 5], fill))
        for wanted in (b"a" * 40, b"b" * 5):
            length = int.from_bytes(sealed[:4], "big")
            body, tag = sealed[4 : 4 + length], sealed[4 + length : 20 + length]
            clear = receiver.decrypt_packet(7, sealed[:4], body, 4, tag)
            assert clear is not None
            assert length % block == 0
            assert clear[0] >= 4
            assert clear[1 : -clear[0]] == b"\x5e" + UInt32(3) + UInt32(len(wanted)) + wanted
            sealed = sealed[20 + length :]
        assert sealed == b""


def test_no_nonce_is_used_again_after_a_failure() -> None:
    encryption: Any = get_encryption(b"aes128-gcm@openssh.com", bytes(16), bytes(12))
    sealer = sealer_for(encryption, "aes128-gcm@openssh.com", 16, 0)
    assert sealer is not None
    used = []
    real = sealer._aes  # type: ignore[attr-defined]

    class Failing:
        def encrypt_into(self, nonce: bytes, *rest: Any) -> None:
            used.append(nonce)
            if len(used) == 2:
                raise MemoryError
            real.encrypt_into(nonce, *rest)

    sealer._aes = Failing()  # type: ignore[attr-defined]
    with pytest.raises(MemoryError):
        sealer.seal(0, 0, [10, 10, 10], lambda space: None)
    sealer.seal(0, 0, [10], lambda space: None)
    encryption.encrypt_packet(0, bytes(4), bytes(16))
    assert len(set(used)) == 3
    assert encryption._cipher._iv == bytes(11) + b"\x04"


@pytest.mark.asyncio
async def test_a_connection_ends_when_sealing_fails(embedded_server: EmbeddedServer) -> None:
    async with connected(embedded_server.options()) as connection:
        file = await connection.open_new("/a")
        sealer = inside(connection)._current_sealer()

        class Failing:
            def encrypt_into(self, *_args: Any) -> None:
                raise MemoryError("no room")

        sealer._aes = Failing()
        with pytest.raises(MemoryError):
            await file.write(bytes(100), 0)
        await asyncio.sleep(0)  # asyncssh closes in the loop's next turn
        assert not connection.usable


def test_ciphers_that_chain_their_packets_are_left_to_asyncssh() -> None:
    cbc = get_encryption(b"aes128-cbc", bytes(16), bytes(16), b"hmac-sha2-256", bytes(32))
    assert sealer_for(cbc, "aes128-cbc", 16, 4) is None
    assert sealer_for(None, "None", 8, 4) is None


@on_both_loops
async def test_a_full_socket_holds_every_channel_back(
    embedded_server: EmbeddedServer,
    proxy: Any,
) -> None:
    link = proxy(embedded_server)
    data = {f"{number}": RANDOM.randbytes(3_000_000) for number in range(5)}
    most = []

    async with connected({**embedded_server.options(), "port": link.port}) as connection:
        ssh = inside(connection)
        ssh.quickest = 1.0  # far away: all that the windows allow
        ssh.record_response = lambda seconds: None
        channels = [await ssh.start_sftp_client() for _ in data]
        files = [await sftp.open(f"/{name}", "wb") for sftp, name in zip(channels, data)]  # noqa: B905
        transport, send = ssh._transport, ssh._send

        def watch(data: bytes) -> None:
            send(data)
            most.append(transport.get_write_buffer_size())

        ssh._send = watch
        link.freeze()
        writes = [
            asyncio.ensure_future(file.write(content))
            for file, content in zip(files, data.values(), strict=True)
        ]
        _, high = transport.get_write_buffer_limits()
        while not ssh._full:
            await asyncio.sleep(0)
        held = sum(channel._send_buf_len for channel in ssh._channels.values())
        assert held > 1_000_000
        link.restore()
        await asyncio.gather(*writes)
        for file in files:
            await file.close()
        # One batch may come on top of what the transport calls full; its packets have headers.
        assert high < max(most) < high + BATCH + 8 * 64
    for name, content in data.items():
        assert (embedded_server.root / name).read_bytes() == content


class Withholding(FolderServer):
    """Answers no write before it is released."""

    released: asyncio.Event

    async def write(  # type: ignore[override]
        self, file_obj: object, offset: int, data: bytes
    ) -> int:
        await self.released.wait()
        return super().write(file_obj, offset, data)


@pytest.mark.asyncio
@pytest.mark.parametrize(("quickest", "near"), [(0.0, True), (NEARBY, False)])
async def test_a_server_nearby_is_sent_no_more_ahead_than_its_cache_holds(
    tmp_path: Path, quickest: float, near: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = RANDOM.randbytes(6_000_000)
    with EmbeddedServer(tmp_path / "served", sftp_factory=Withholding) as server:
        Withholding.released = asyncio.Event()
        monkeypatch.setattr(FastConnection, "record_response", lambda *_: None)

        async with connected(server.options()) as connection:
            inside(connection).quickest = quickest
            file = await connection.open_new("/a")
            (channel,) = inside(connection)._channels.values()
            enough, send = asyncio.Event(), channel._fill

            def watch(space: memoryview) -> None:
                send(space)
                asyncio.get_running_loop().call_soon(look)

            def look() -> None:
                ahead = channel._sent - channel._answered
                if ahead == NEARBY_AHEAD if near else ahead > NEARBY_AHEAD:
                    enough.set()
                assert ahead <= NEARBY_AHEAD or not near

            channel._fill = watch
            writing = asyncio.ensure_future(file.write(data, 0))
            await enough.wait()
            assert server._loop is not None
            server._loop.call_soon_threadsafe(Withholding.released.set)
            await writing
    assert (tmp_path / "served" / "a").read_bytes() == data


@pytest.mark.asyncio
async def test_a_request_larger_than_what_may_be_ahead_gets_through(
    embedded_server: EmbeddedServer,
) -> None:
    data = RANDOM.randbytes(3 * NEARBY_AHEAD)

    async with connected(embedded_server.options()) as connection:
        inside(connection).quickest = 0.0
        sftp = await inside(connection).start_sftp_client()
        file = await sftp.open("/a", "wb", block_size=0)
        await file.write(data)
        await file.close()
    assert (embedded_server.root / "a").read_bytes() == data


@pytest.mark.asyncio
async def test_window_that_comes_in_one_read_is_used_in_one_send(
    embedded_server: EmbeddedServer,
) -> None:
    async with connected(embedded_server.options()) as connection:
        file = await connection.open_new("/a")
        ssh, sent = inside(connection), []
        (channel,) = ssh._channels.values()
        (server_side,) = embedded_server.connections
        window, channel._send_window = channel._send_window, 0
        writing = asyncio.ensure_future(file.write(bytes(50_000), 0))
        send = ssh._send

        def watch(data: bytes) -> None:
            sent.append(len(data))
            send(data)

        ssh._send = watch

        async def open_the_window() -> None:  # on the server's loop
            server: Any = server_side
            (other_end,) = server._channels.values()
            packets: list[bytes] = []
            server._send = packets.append
            for size in (10_000, 20_000, window):
                other_end.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(size))
            del server._send
            server._send(b"".join(packets))

        embedded_server._call(open_the_window())
        await writing
        assert [size > 50_000 for size in sent] == [True]
