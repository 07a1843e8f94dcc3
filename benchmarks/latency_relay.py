"""Simulates latency on loopback: a TCP relay, in its own process, that delays what passes.

Each direction of a connection is a queue of what was read and when it is due, half a round trip
later. Bytes are delayed, not slowed: any amount may be in flight, up to a bound well above what
fits into the distance at a gigabyte a second.

A connection costs one round trip before anything moves, as TCP's handshake does: what the client
sends at once waits a round trip longer, and the server is called when the handshake would have
reached it, one and a half round trips after the client called.

What is not modelled: TCP's slow start, loss, and any limit of bandwidth. Both hops are loopback, so
no contender pays for a window that grows from 14 KiB. That holds for all of them; it flatters most
the one that opens the most connections.

The kernel's own way, netem, is often absent and needs root; this needs neither.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self, cast

REPOSITORY = Path(__file__).parents[1]
HOST = "127.0.0.1"
MIB = 1 << 20
#: Bytes a second that fit into the distance before the relay stops reading.
CAPACITY = 1 << 30
LEAST_BOUND = 16 * MIB
#: Bytes that may wait for a slow receiver's kernel, besides those in flight.
WRITE_BUFFER = 4 * MIB
BACKLOG = 1024
#: Timers of event loops have a millisecond's resolution (uvloop's exactly): what is due within half
#: of that goes now, so that the delay is neither longer nor shorter on average.
TICK = 0.001
#: Marks in a queue, distinguished from data by identity: the sender has no more, or has closed.
END, GONE = bytes(bytearray(b"end")), bytes(bytearray(b"gone"))


class LatencyRelay:
    """A relay to a server; a context manager.

    Args:
        to_host, to_port: the server.
        rtt_ms: milliseconds there and back.

    Attributes, once started:
        host, port: where to connect instead.
        pid: of its process, which ends with this one at the latest.

    """

    def __init__(self, to_host: str, to_port: int, rtt_ms: float) -> None:
        self._words = [to_host, str(to_port), str(rtt_ms)]
        self.rtt_ms = rtt_ms
        self.host = HOST
        self.port = 0
        self.pid = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Return once it listens.

        Raises:
            RuntimeError: its process ended at once.

        """
        path = os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.latency_relay", *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The relay ended with status {self._process.wait()} at once")
        self.port, self.pid = json.loads(line)["port"], self._process.pid
        return self

    def passed(self) -> tuple[int, int]:
        """Return the bytes that clients have sent through it so far, and those that servers have.

        Raises:
            RuntimeError: it has ended.

        """
        process = self._process
        if process is None or process.poll() is not None:
            raise RuntimeError("The relay has ended: it counts no more")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("passed\n")
        process.stdin.flush()
        counts = json.loads(process.stdout.readline())
        return counts["to_server"], counts["to_client"]

    def stop(self) -> None:
        """End it and every connection through it."""
        if self._process is not None:
            self._process.communicate()  # closes its standard input
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


class _Direction:
    """One direction of a connection: from the end that reads to the end that sends on.

    Args:
        delay: seconds from reading to sending.
        count: called with the number of bytes that were read.

    """

    def __init__(self, delay: float, count: Callable[[int], None] = lambda size: None) -> None:
        self._delay = delay
        self._count = count
        self._bound = max(LEAST_BOUND, int(2 * CAPACITY * delay))
        self._queue: deque[tuple[float, bytes]] = deque()
        self._held = 0
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self.source: _End
        self.sink: _End

    def arrive(self, data: bytes) -> None:
        """Take what was read, or `END`, or `GONE`."""
        self._queue.append((time.monotonic() + self._delay, data))
        self._held += len(data)
        if data is not END and data is not GONE:
            self._count(len(data))
        if self._held > self._bound and not self._paused:
            self._paused = True
            self.source.read(False)
        if self._timer is None:
            self.forward()

    def forward(self) -> None:
        """Send what is due, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        soon = time.monotonic() + TICK / 2
        while self._queue and self._queue[0][0] <= soon and self.sink.ready:
            data = self._queue.popleft()[1]
            self._held -= len(data)
            self.sink.send(data)
        if self._paused and self._held <= self._bound // 2:
            self._paused = False
            self.source.read(True)
        if self._queue and self.sink.ready:
            ticks = round((self._queue[0][0] - time.monotonic()) / TICK)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0, ticks) * TICK, self.forward)


class _End(asyncio.Protocol):
    """One end of a connection: a socket of the relay.

    Args:
        away: where what it reads goes.
        back: where what it sends comes from.

    """

    def __init__(self, away: _Direction, back: _Direction) -> None:
        self._away, self._back = away, back
        away.source = back.sink = self
        self._transport: asyncio.Transport | None = None
        self._lost = False
        self._all_read = self._all_sent = False
        #: Whether `send` may be called; what comes when all is over is dropped there.
        self.ready = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: what has waited for this end may come."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._away.arrive(data)

    def eof_received(self) -> bool:
        """Pass it on; the other direction goes on until its own end."""
        self._all_read = True
        self._away.arrive(END)
        return not self._all_sent

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the other end know, later."""
        self._lost = True
        self._away.arrive(GONE)
        self.resume_writing()  # to drop what comes

    def pause_writing(self) -> None:
        """Hear that the receiver is slow."""
        self.ready = False

    def resume_writing(self) -> None:
        """Hear that it takes more."""
        self.ready = True
        self._back.forward()

    def read(self, on: bool) -> None:
        """Stop or go on reading."""
        if self._transport is None or self._lost or self._all_read:
            return
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def send(self, data: bytes) -> None:
        """Send data, or the end of it, or close."""
        if self._transport is None or self._lost:
            return
        if data is GONE:
            self._transport.close()
        elif data is END:
            self._all_sent = True
            if self._all_read:
                self._transport.close()
            else:
                with suppress(OSError):  # the receiver is gone; that is on its way, too
                    self._transport.write_eof()
        else:
            self._transport.write(data)

    def refuse(self) -> None:
        """End the connection: no server answers behind the relay."""
        if self._transport is not None:
            self._transport.abort()


class _Listener:
    """Accepts connections and calls the server for each.

    Args:
        host, port: the server.
        rtt: seconds there and back.

    """

    def __init__(self, host: str, port: int, rtt: float) -> None:
        self._address = (host, port)
        self._rtt = rtt
        self.to_server = self.to_client = 0
        self._calls: set[asyncio.Task[None]] = set()

    def accept(self) -> _End:
        """Return the client's end of a new connection, and call the server in due time."""
        up = _Direction(self._rtt / 2, self._count_up)
        down = _Direction(self._rtt / 2, self._count_down)
        near, far = _End(away=up, back=down), _End(away=down, back=up)
        call = asyncio.get_running_loop().create_task(self._call(near, far))
        self._calls.add(call)  # a loop holds its tasks weakly
        call.add_done_callback(self._calls.discard)
        return near

    def _count_up(self, size: int) -> None:
        self.to_server += size

    def _count_down(self, size: int) -> None:
        self.to_client += size

    async def _call(self, near: _End, far: _End) -> None:
        # Till then what the client sends waits: it would not have been sent before the handshake.
        await asyncio.sleep(1.5 * self._rtt)
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, *self._address)
        except OSError:
            near.refuse()


async def _serve(host: str, port: int, rtt: float) -> None:
    loop = asyncio.get_running_loop()
    listener = _Listener(host, port, rtt)
    server = await loop.create_server(listener.accept, HOST, 0, backlog=BACKLOG)
    ended = asyncio.Event()

    def wait_for_the_end() -> None:
        # A line asks for the counts. This thread prints them: an integer is read in one piece.
        for _ in sys.stdin:
            counts = {"to_server": listener.to_server, "to_client": listener.to_client}
            print(json.dumps(counts), flush=True)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await ended.wait()


def main() -> None:
    """LatencyRelay until standard input closes; print the port, as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("rtt_ms", type=float)
    given = parser.parse_args()
    served = _serve(given.host, given.port, given.rtt_ms / 1000)
    try:
        import uvloop
    except ImportError:
        asyncio.run(served)
    else:
        uvloop.run(served)


if __name__ == "__main__":
    main()
