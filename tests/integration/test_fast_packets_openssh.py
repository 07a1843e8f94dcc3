"""The fast path against OpenSSH: every byte, key changes by the server, CBC."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sftp_async.remote.ssh import Connection
from sftp_async.remote.ssh.fast.channel import RECEIVE_WINDOW
from sftp_async.remote.ssh.fast.connection import FastConnection
from tests.functional.remote.ssh.connections import connected
from tests.functional.remote.ssh.fast_path import RANDOM, inside
from tests.support.sshd import SSHD

Start = Callable[..., SSHD]

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
)
SIZES = (1, 32_739, 32_740, 261_120, 261_121, 1_048_576, 5_000_011)


async def write_and_compare(connection: Connection, folder: Path, sizes: tuple[int, ...]) -> None:
    async def write(number: int, size: int) -> None:
        data, path = RANDOM.randbytes(size), folder / f"{number}.bin"
        file = await connection.open_new(str(path))
        await file.write(data, 0)
        await file.close()
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()

    await asyncio.gather(*(write(number, size) for number, size in enumerate(sizes)))


@pytest.mark.asyncio
@pytest.mark.parametrize("cipher", CIPHERS)
async def test_every_byte_arrives_with_every_cipher(
    sshd: SSHD, remote_dir: Path, implementation: str, cipher: str
) -> None:
    sizes = (*SIZES, *(RANDOM.randrange(1, 2_000_000) for _ in range(5)))

    async with connected({**sshd.options(), "ciphers": cipher}) as connection:
        assert isinstance(inside(connection), FastConnection) == (implementation == "fast")
        assert inside(connection).get_extra_info("send_cipher") == cipher
        await write_and_compare(connection, remote_dir, sizes)


@pytest.mark.asyncio
@pytest.mark.parametrize("cipher", CIPHERS)
async def test_every_byte_is_read_with_every_cipher(
    sshd: SSHD, remote_dir: Path, implementation: str, cipher: str
) -> None:
    content = RANDOM.randbytes(5_000_011)
    (remote_dir / "a").write_bytes(content)

    async with connected({**sshd.options(), "ciphers": cipher}) as connection:
        assert isinstance(inside(connection), FastConnection) == (implementation == "fast")
        file = await connection.open_read(str(remote_dir / "a"))
        for size in (40_000, 261_120, 1_000_000):
            pieces = await asyncio.gather(
                *(file.read(size, start) for start in range(0, len(content), size))
            )
            assert b"".join(pieces) == content


@pytest.mark.asyncio
@pytest.mark.parametrize("mac", ["hmac-sha2-256", "hmac-sha2-256-etm@openssh.com"])
async def test_counter_mode_works_with_both_orders_of_its_mac(
    start_sshd: Start, remote_dir: Path, mac: str
) -> None:
    server = start_sshd(MACs=mac)

    async with connected({**server.options(), "ciphers": "aes128-ctr"}) as connection:
        assert inside(connection).get_extra_info("send_mac") == mac
        await write_and_compare(connection, remote_dir, SIZES)


@pytest.mark.asyncio
@pytest.mark.parametrize("cipher", CIPHERS[::2])
async def test_the_server_may_ask_for_new_keys_in_the_middle_of_an_upload(
    start_sshd: Start, remote_dir: Path, cipher: str
) -> None:
    server = start_sshd(RekeyLimit="1M")
    keys = set()

    async with connected({**server.options(), "ciphers": cipher}) as connection:
        ssh = inside(connection)
        send = ssh._send

        def watch(data: bytes) -> None:
            keys.add(ssh._send_encryption)
            send(data)

        ssh._send = watch
        await write_and_compare(connection, remote_dir, (8_000_000, 3_000_000))
    assert len(keys) > 3


@pytest.mark.asyncio
@pytest.mark.filterwarnings("ignore:legacy_algorithms=true")
async def test_ciphers_that_chain_their_packets_are_sent_by_asyncssh(
    start_sshd: Start, remote_dir: Path
) -> None:
    server = start_sshd(Ciphers="aes128-cbc")

    async with connected({**server.options(), "legacy_algorithms": "true"}) as connection:
        ssh = inside(connection)
        assert isinstance(ssh, FastConnection)
        assert not ssh.may_seal()
        await write_and_compare(connection, remote_dir, SIZES)


@pytest.mark.asyncio
async def test_several_channels_upload_at_once(
    sshd: SSHD, remote_dir: Path, implementation: str
) -> None:
    data = [RANDOM.randbytes(3_000_000 + number) for number in range(4)]

    async with connected(sshd.options()) as connection:
        channels = [await inside(connection).start_sftp_client() for _ in data]
        files = [
            await sftp.open(f"{remote_dir}/{number}", "wb") for number, sftp in enumerate(channels)
        ]
        await asyncio.gather(
            *(file.write(content) for file, content in zip(files, data, strict=True))
        )
        for number, file in enumerate(files):
            await file.close()
            assert (remote_dir / f"{number}").read_bytes() == data[number]


@pytest.mark.asyncio
async def test_a_large_file_is_read_whole(
    sshd: SSHD, remote_dir: Path, implementation: str
) -> None:
    content = RANDOM.randbytes(3_000_000)
    (remote_dir / "a").write_bytes(content)

    async with connected(sshd.options()) as connection:
        assert await connection.read_file(f"{remote_dir}/a", len(content)) == content


@pytest.mark.asyncio
async def test_the_server_may_send_more_than_one_window_of_asyncsshs_ahead(
    sshd: SSHD, remote_dir: Path, implementation: str
) -> None:
    block, count = 255 * 1024, 100
    content = RANDOM.randbytes(block) * count
    (remote_dir / "a").write_bytes(content)

    async with connected(sshd.options()) as connection:
        ahead = connection._channels.open[0].sftp._handler._writer.channel.get_recv_window()
        assert (ahead == RECEIVE_WINDOW) == (implementation == "fast")
        file = await connection.open_read(f"{remote_dir}/a")
        offsets = range(0, len(content), block)
        pieces = await asyncio.gather(*(file.read(block, offset) for offset in offsets))
        await file.close()
    assert b"".join(pieces) == content
