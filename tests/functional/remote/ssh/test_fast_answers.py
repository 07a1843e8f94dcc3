"""The fast path: answers are assigned to their requests, errors are those of asyncssh."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asyncssh.constants import FXP_DATA
from asyncssh.encryption import get_encryption
from asyncssh.packet import SSHPacket, String, UInt32
from asyncssh.sftp import SFTPServerHandler
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import SFTPAsyncError
from sftp_async.remote.ssh import Connection
from sftp_async.remote.ssh.fast import STOCK_VARIABLE
from sftp_async.remote.ssh.fast.channel import RECEIVE_WINDOW, FastChannel
from sftp_async.remote.ssh.fast.packets import GcmOpener
from sftp_async.remote.ssh.fast.sftp_handler import FastHandler
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.functional.remote.ssh.connections import connected


async def outcome_of(
    options: dict[str, Any], request: Callable[[Connection], Awaitable[None]]
) -> Any:
    """How a request ends: the error, its first words, and whether the connection stays usable."""
    async with connected(options) as connection:
        with pytest.raises(SFTPAsyncError) as raised:
            await request(connection)
        words = raised.value.message.partition("(")[0]
        return type(raised.value), words, connection.usable


@pytest.mark.asyncio
async def test_a_connection_cut_in_the_middle_of_a_send_fails_as_with_asyncssh(
    embedded_server: EmbeddedServer, proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = proxy(embedded_server)
    names = iter("abcdef")

    async def request(connection: Connection) -> None:
        file = await connection.open_new(f"/{next(names)}")
        link.cut_after(1_234_567)
        await file.write(bytes(8_000_000), 0)

    options = {**embedded_server.options(), "port": link.port}
    fast = await outcome_of(options, request)
    monkeypatch.setenv(STOCK_VARIABLE, "1")
    assert await outcome_of(options, request) == fast


@pytest.mark.asyncio
@pytest.mark.parametrize("nonsense", ["unknown number", "too long", "too short", "half of one"])
async def test_answers_that_make_no_sense_fail_as_with_asyncssh(
    embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, nonsense: str
) -> None:
    def send_packet(self: Any, pkttype: int, pktid: int, *args: bytes) -> None:
        answers = {
            "unknown number": UInt32(13) + b"\x65" + UInt32(pktid + 1000) + bytes(8),
            "too long": UInt32(1 << 30) + b"\x65" + UInt32(pktid),
            "too short": UInt32(2) + b"\x65\x00",
            "half of one": UInt32(100) + b"\x65" + UInt32(pktid),
        }
        self._writer.write(answers[nonsense])
        if nonsense == "half of one":
            self._writer.close()

    async def request(connection: Connection) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(SFTPServerHandler, "send_packet", send_packet)
            await connection.stat("/")

    fast = await outcome_of(embedded_server.options(), request)
    monkeypatch.setenv(STOCK_VARIABLE, "1")
    assert await outcome_of(embedded_server.options(), request) == fast


def requests(count: int) -> tuple[FastHandler, dict[int, asyncio.Future[Any]]]:
    """Return a handler with open requests, and what waits for each answer."""
    handler, channel = FastHandler.__new__(FastHandler), FastChannel.__new__(FastChannel)
    channel._init_recv_window = RECEIVE_WINDOW
    handler.begin(channel)
    waiters = {number: asyncio.get_running_loop().create_future() for number in range(count)}
    handler._requests = dict(waiters)
    return handler, waiters


def receive(handler: FastHandler, stream: bytes, cuts: list[int]) -> None:
    """Let the bytes of answers come in pieces of these sizes, over and over."""
    position = step = 0
    while position < len(stream):
        size = cuts[step % len(cuts)]
        assert handler.receive(memoryview(stream)[position : position + size]) == b""
        position, step = position + size, step + 1


@pytest.mark.asyncio
@given(
    st.lists(st.binary(min_size=0, max_size=60), min_size=1, max_size=12),
    st.lists(st.integers(min_value=1, max_value=30), min_size=1),
)
async def test_answers_reach_their_requests_however_they_are_cut(
    answers: list[bytes], cuts: list[int]
) -> None:
    handler, waiters = requests(len(answers))
    stream = b"".join(
        UInt32(5 + len(answer)) + b"\x65" + UInt32(number) + answer
        for number, answer in enumerate(answers)
    )
    receive(handler, stream, cuts)
    for number, answer in enumerate(answers):
        kind, packet = waiters[number].result()
        assert (kind, packet.get_remaining_payload()) == (0x65, answer)


@pytest.mark.asyncio
@given(
    st.lists(st.binary(min_size=0, max_size=60), min_size=1, max_size=12),
    st.lists(st.integers(min_value=1, max_value=30), min_size=1),
    st.sampled_from([b"", b"\x01", b"trailing"]),
)
async def test_bytes_of_a_file_reach_their_requests_however_they_are_cut(
    contents: list[bytes], cuts: list[int], behind: bytes
) -> None:
    handler, waiters = requests(len(contents))
    answers = [
        b"\x67" + UInt32(number) + String(content) + behind
        for number, content in enumerate(contents)
    ]
    stream = b"".join(map(String, answers))
    receive(handler, stream, cuts)
    for number, content in enumerate(contents):
        kind, answer = waiters[number].result()
        assert kind == FXP_DATA
        if behind:  # SFTP 6 has a byte there; asyncssh knows what to make of it
            assert isinstance(answer, SSHPacket)
            assert answer.get_string() == content
        else:
            assert answer == content


@given(st.binary(max_size=80))
def test_packets_that_are_no_messages_are_left_to_asyncssh(received: bytes) -> None:
    encryption: Any = get_encryption(b"aes128-gcm@openssh.com", bytes(16), bytes(12))
    assert GcmOpener(encryption).peek(received) is None
    assert encryption._cipher._iv == bytes(12)
