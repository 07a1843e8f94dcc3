"""Checks a relay: the round trip that it delivers, and the bytes a second that it lets through."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.latency_relay import HOST, MIB, LatencyRelay

#: Round trips measured, each with one byte.
ECHOES = 15
#: Bytes sent through to see how many a second pass, after as many round trips.
LOAD = 192 * MIB
#: A round trip is the one wanted within these shares, and a tick of the event loop's clock a way.
SHORTEST, LONGEST, TICKS_MS = 0.98, 1.10, 2.0
#: The relay must let through this many times what the fastest contender sent.
HEADROOM = 1.5
PATIENCE = 60.0


@dataclass(frozen=True)
class RelayCheck:
    """What was seen.

    Args:
        rtt_ms: the round trip wanted, in milliseconds.
        delivered_ms: median of those measured.
        shortest_ms, longest_ms: the extremes.
        first_ms: from the call to the first answer; a handshake and an echo make two round trips.
        throughput: bytes a second, one direction, one connection, with sender and receiver on the
            same cores: the relay alone can do more.

    """

    rtt_ms: float
    delivered_ms: float
    shortest_ms: float
    longest_ms: float
    first_ms: float
    throughput: float

    @property
    def delays(self) -> bool:
        """Whether it delivers the round trip, also as TCP's handshake."""
        return _near(self.delivered_ms, self.rtt_ms) and _near(self.first_ms, 2 * self.rtt_ms)

    def carries(self, needed: float) -> bool:
        """Whether it lets enough through not to be what a contender waits for.

        Args:
            needed: bytes a second that the fastest contender sent.

        """
        return self.throughput >= HEADROOM * needed

    def summary(self) -> str:
        """Return it in a line."""
        return (
            f"relay at {self.rtt_ms:g} ms: delivers {self.delivered_ms:.1f} ms "
            f"({self.shortest_ms:.1f} to {self.longest_ms:.1f}), {self.first_ms:.1f} ms from call "
            f"to first answer, {self.throughput / MIB:,.0f} MiB/s"
            f"{'' if self.delays else ': NOT THE DELAY WANTED'}"
        )


def _near(seen: float, wanted: float) -> bool:
    return SHORTEST * wanted - TICKS_MS / 2 <= seen <= LONGEST * wanted + TICKS_MS


def check_relay(
    rtt_ms: float, start: Callable[[str, int, float], LatencyRelay] = LatencyRelay, load: int = LOAD
) -> RelayCheck:
    """Measure a relay with an echo and a sink behind it.

    Args:
        rtt_ms: the round trip wanted.
        start: makes the relay to a host and port for a round trip.
        load: bytes to send.

    """
    with _behind(_echo) as port, start(HOST, port, rtt_ms) as relay:
        began = time.perf_counter()
        with socket.create_connection((relay.host, relay.port), PATIENCE) as line:
            trips = []
            for _ in range(ECHOES + 1):
                line.sendall(b"?")
                if not line.recv(1):
                    raise ConnectionError("The relay closed the connection of its check")
                trips.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
    first, *rest = trips
    with _behind(_sink) as port, start(HOST, port, rtt_ms) as relay:
        throughput = _throughput(relay, load)
    return RelayCheck(rtt_ms, statistics.median(rest), min(rest), max(rest), first, throughput)


def _throughput(relay: LatencyRelay, load: int) -> float:
    """Send `load` bytes; the sink answers with a byte once it has as many."""
    block = memoryview(bytes(MIB))
    with socket.create_connection((relay.host, relay.port), PATIENCE) as line:
        line.sendall(load.to_bytes(8, "big"))
        line.recv(1)  # it knows how many to expect, and the handshake is over
        began = time.perf_counter()
        for start in range(0, load, MIB):
            line.sendall(block[: min(MIB, load - start)])
        line.recv(1)
        # The answer is a round trip late; that is distance, not throughput.
        seconds = time.perf_counter() - began - relay.rtt_ms / 1000
    return load / max(seconds, 1e-6)


@contextmanager
def _behind(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection on a thread; yields the port."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(PATIENCE)

        def run() -> None:
            try:
                line, _ = listener.accept()
            except OSError:
                return  # no client came; the check says why
            with line:
                line.settimeout(PATIENCE)
                serve(line)

        thread = threading.Thread(target=run, name="relay-check", daemon=True)
        thread.start()
        yield listener.getsockname()[1]
    thread.join(PATIENCE)


def _echo(line: socket.socket) -> None:
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := line.recv(64):
        line.sendall(data)


def _sink(line: socket.socket) -> None:
    left = int.from_bytes(line.recv(8, socket.MSG_WAITALL), "big")
    line.sendall(b"!")
    buffer = bytearray(MIB)
    while left > 0 and (size := line.recv_into(buffer)):
        left -= size
    line.sendall(b"!")
