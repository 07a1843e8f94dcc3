"""The relay: bytes pass whole and late, and a relay that is not what it says is found out."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from benchmarks.latency_relay import END, HOST, LEAST_BOUND, MIB, LatencyRelay, _Direction
from benchmarks.relay_check import HEADROOM, RelayCheck, check_relay

SECONDS = 30


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(SECONDS)

        def run() -> None:
            line, _ = listener.accept()
            with line:
                line.settimeout(SECONDS)
                serve(line)

        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def read_all(line: socket.socket) -> bytes:
    return b"".join(iter(lambda: line.recv(MIB), b""))


def test_bytes_pass_whole_both_ways_and_one_end_may_close_first() -> None:
    data = os.urandom(3 * MIB)

    def reverse(line: socket.socket) -> None:
        line.sendall(read_all(line)[::-1])

    with (
        serving(reverse) as port,
        LatencyRelay(HOST, port, 10) as relay,
        socket.create_connection((relay.host, relay.port), SECONDS) as line,
    ):
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        assert read_all(line) == data[::-1]


def test_the_bytes_that_pass_are_counted_each_way() -> None:
    def answer(line: socket.socket) -> None:
        line.sendall(bytes(3 * len(read_all(line))))

    with serving(answer) as port, LatencyRelay(HOST, port, 5) as relay:
        assert relay.passed() == (0, 0)
        with socket.create_connection((relay.host, relay.port), SECONDS) as line:
            line.sendall(bytes(200_000))
            line.shutdown(socket.SHUT_WR)
            assert len(read_all(line)) == 600_000
        assert relay.passed() == (200_000, 600_000)
    with pytest.raises(RuntimeError, match="counts no more"):
        relay.passed()


def test_what_was_sent_before_a_close_still_arrives() -> None:
    got: list[bytes] = []
    ended = threading.Event()

    def take(line: socket.socket) -> None:
        got.append(read_all(line))
        ended.set()

    with serving(take) as port, LatencyRelay(HOST, port, 20) as relay:
        with socket.create_connection((relay.host, relay.port), SECONDS) as line:
            line.sendall(b"x" * 100_000)
        assert ended.wait(SECONDS)
    assert got == [b"x" * 100_000]


def test_a_server_that_is_not_there_ends_the_connection() -> None:
    with socket.create_server((HOST, 0)) as closed:
        port = closed.getsockname()[1]
    with (
        LatencyRelay(HOST, port, 2) as relay,
        socket.create_connection((relay.host, relay.port), SECONDS) as line,
        suppress(ConnectionResetError),  # as good as an orderly end
    ):
        assert line.recv(1) == b""


def test_no_answer_comes_sooner_than_the_distance_allows() -> None:
    check = check_relay(20, load=MIB)
    assert check.shortest_ms >= 19
    assert check.first_ms >= 39  # the handshake's round trip, and the echo's
    assert check.throughput > 0


def test_the_check_finds_a_relay_that_does_not_delay() -> None:
    check = check_relay(
        2000, start=lambda host, port, rtt_ms: LatencyRelay(host, port, 0), load=MIB
    )
    assert not check.delays
    assert "NOT THE DELAY WANTED" in check.summary()


@pytest.mark.parametrize(
    ("delivered", "first", "sound"),
    [(50, 100, True), (54, 104, True), (46, 100, False), (60, 110, False), (50, 50, False)],
)
def test_the_check_judges_the_round_trip_and_the_handshake(
    delivered: float, first: float, sound: bool
) -> None:
    assert RelayCheck(50, delivered, delivered, delivered, first, 1e9).delays is sound


def test_a_relay_needs_headroom_over_the_fastest_contender() -> None:
    check = RelayCheck(50, 50, 50, 50, 100, throughput=300e6)
    assert check.carries(300e6 / HEADROOM)
    assert not check.carries(301e6 / HEADROOM)


class Stop:
    """An end of a connection that follows instructions."""

    def __init__(self) -> None:
        self.ready = False
        self.reading = True
        self.sent: list[bytes] = []

    def read(self, on: bool) -> None:
        self.reading = on

    def send(self, data: bytes) -> None:
        self.sent.append(data)


@pytest.mark.asyncio
async def test_a_slow_receiver_stops_the_sender_at_the_bound_and_lets_it_go_on() -> None:
    way, source, sink = _Direction(delay=0), Stop(), Stop()
    way.source, way.sink = source, sink  # type: ignore[assignment]
    blocks = [bytes([n]) * MIB for n in range(LEAST_BOUND // MIB)]
    for block in blocks:
        way.arrive(block)
    assert source.reading
    way.arrive(b"!")
    assert not source.reading
    way.arrive(END)
    sink.ready = True
    way.forward()
    assert source.reading
    assert sink.sent == [*blocks, b"!", END]
