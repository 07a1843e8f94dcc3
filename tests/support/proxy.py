"""A network between client and server that fails on command: cut, refused, frozen, slow, gone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# On, zero seconds: closing sends a reset instead of an orderly end.
RESET = struct.pack("ii", 1, 0)
#: Bytes that a slow line takes at a time: small, so that it flows and does not stutter.
SIP = 4096


class FaultProxy:
    """Forwards TCP connections on a loopback port of its own to a server.

    Commands take effect before they return. Bytes are those that clients send, or receive; a
    command counts them for each connection from the moment it is given.

    Args:
        host, port: of the server.
        received: count, and slow down, what clients receive.

    """

    def __init__(self, host: str, port: int, *, received: bool = False) -> None:
        self._counts_received = received
        self.target = (host, port)
        self.host = "127.0.0.1"
        self.port = 0
        self.connections = 0  # accepted until now
        self.cuts = 0  # connections reset until now
        self.forwarded = 0  # bytes that count, and were handed over until now
        self._links: set[_Link] = set()
        self._cut_after: int | None = None
        self._cuts_left: int | None = None
        self._freeze_after: int | None = None
        self._before_request: Callable[[], bool] | None = None
        self._before_reply: Callable[[], bool] | None = None
        self._rate: float | None = None
        self._busy_until = 0.0
        self._happened = threading.Condition()
        self._frozen = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return len(self._links)

    @property
    def frozen(self) -> bool:
        """Whether nothing is forwarded now."""
        return self._frozen

    def cut_after(self, count: int, *, times: int | None = 1) -> None:
        """Reset a connection after `count` bytes; the first `times` of them, or all."""

        async def arm() -> None:
            self._cut_after, self._cuts_left = count, times
            for link in self._links:
                link.counted = 0

        self._do(arm())

    def cut_before_request(self, when: Callable[[], bool]) -> None:
        """Reset a connection instead of handing its next bytes to the server, once `when()` holds.

        One connection only; `when` is asked whenever a client has sent something.
        """

        async def arm() -> None:
            self._before_request = when

        self._do(arm())

    def cut_before_reply(self, when: Callable[[], bool]) -> None:
        """Reset a connection instead of handing its next bytes to the client, once `when()` holds.

        A server replies after it has done what it was asked for. So, if `when` sees on the server
        that a request was carried out, it is that request's reply that is lost. One connection
        only; `when` is asked whenever the server has sent something.
        """

        async def arm() -> None:
            self._before_reply = when

        self._do(arm())

    def cut(self) -> None:
        """Reset every open connection now."""

        async def cut_all() -> None:
            for link in list(self._links):
                self._cut(link)

        self._do(cut_all())

    def refuse(self) -> None:
        """Refuse new connections; open ones live on."""
        self._do(self._close_listener())

    def freeze(self) -> None:
        """Forward nothing, and keep every connection open; new ones are accepted, and silent."""

        async def freeze_all() -> None:
            self._freeze()

        self._do(freeze_all())

    def freeze_after(self, count: int) -> None:
        """Freeze as `freeze` does, after `count` bytes of a connection."""

        async def arm() -> None:
            self._freeze_after = count
            for link in self._links:
                link.counted = 0

        self._do(arm())

    def vanish(self) -> None:
        """Leave every connection half open: gone at the server, and silent for the client.

        As if the network had gone: nothing is read, nothing is closed, and new connections are
        silent, too. `restore` resets what was half open.
        """

        async def leave() -> None:
            self._freeze()
            for link in self._links:
                link.vanish()

        self._do(leave())

    def throttle(self, rate: float) -> None:
        """Let through only so many of the bytes that count a second, over all connections."""

        async def narrow() -> None:
            self._rate = rate

        self._do(narrow())

    def restore(self) -> None:
        """Cancel every command; what was frozen flows on."""

        async def repair() -> None:
            self._cut_after = self._cuts_left = self._freeze_after = self._rate = None
            self._before_request = self._before_reply = None
            for link in self._links:
                if link.is_half_open:
                    link.reset()
            self._frozen = False
            self._flowing.set()
            await self._listen()

        self._do(repair())

    def wait_for_cut(self, count: int = 1, seconds: float = 30) -> None:
        """Wait until `count` connections have been reset in all."""
        with self._happened:
            done = self._happened.wait_for(lambda: self.cuts >= count, seconds)
        assert done, f"{self.cuts} of {count} connections were cut within {seconds} s"

    def wait_for_freeze(self, seconds: float = 30) -> None:
        """Wait until nothing flows any more."""
        with self._happened:
            done = self._happened.wait_for(lambda: self._frozen, seconds)
        assert done, f"the proxy was not frozen within {seconds} s"

    def start(self) -> FaultProxy:
        """Listen on a free port."""
        self._thread.start()

        async def begin() -> None:
            self._flowing = asyncio.Event()
            self._flowing.set()
            await self._listen()

        self._do(begin())
        return self

    def stop(self) -> None:
        """Reset everything and end."""

        async def end() -> None:
            await self._close_listener()
            for link in list(self._links):
                link.reset()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, command: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(command, self._loop).result()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self.host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close_listener(self) -> None:
        if self._server is not None:
            self._server.close()  # not wait_closed: that waits for open connections too
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        link = _Link([writer])
        self._links.add(link)
        try:
            await self._flowing.wait()
            server_reader, server_writer = await asyncio.open_connection(*self.target)
            link.writers.append(server_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._upstream(link, reader, server_writer))
                group.create_task(self._downstream(link, server_reader, writer))
        except* OSError:
            link.reset()
        finally:
            self._links.discard(link)
            link.close()

    async def _upstream(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(self._sip(not self._counts_received)):
            await self._flowing.wait()
            if self._before_request is not None and self._before_request():
                self._before_request = None
                self._cut(link)
                return
            if not await self._hand_over(link, writer, data, counted=not self._counts_received):
                return
        await self._flowing.wait()
        await _end(writer)

    async def _downstream(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(self._sip(self._counts_received)):
            await self._flowing.wait()
            if self._before_reply is not None and self._before_reply():
                self._before_reply = None
                self._cut(link)
                return
            if not await self._hand_over(link, writer, data, counted=self._counts_received):
                return
        await self._flowing.wait()
        await _end(writer)

    def _sip(self, counted: bool) -> int:
        """Return how many bytes to take at once."""
        return SIP if counted and self._rate is not None else 1 << 16

    async def _hand_over(
        self, link: _Link, writer: asyncio.StreamWriter, data: bytes, *, counted: bool
    ) -> bool:
        """Write bytes, up to where a command breaks the connection; return whether it lives."""
        if counted:
            await self._pace(len(data))
            await self._flowing.wait()
            for limit, act in (
                (self._cut_after, lambda: self._cut(link)),
                (self._freeze_after, self._freeze),
            ):
                if limit is not None and link.counted + len(data) >= limit:
                    passed = max(0, limit - link.counted)
                    await self._write(link, writer, data[:passed])
                    data = data[passed:]
                    act()
                    if link.is_reset:
                        return False
                    await self._flowing.wait()
            await self._write(link, writer, data)
        else:
            writer.write(data)
            await writer.drain()
        return True

    async def _write(self, link: _Link, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        link.counted += len(data)
        self.forwarded += len(data)
        await writer.drain()

    async def _pace(self, count: int) -> None:
        """Wait as long as bytes take on a slow line, behind those before them."""
        if self._rate is not None:
            now = self._loop.time()
            self._busy_until = max(now, self._busy_until) + count / self._rate
            await asyncio.sleep(self._busy_until - now)

    def _cut(self, link: _Link) -> None:
        if self._cuts_left is not None:
            self._cuts_left -= 1
            if self._cuts_left <= 0:
                self._cut_after = self._cuts_left = None
        link.reset()
        with self._happened:
            self.cuts += 1
            self._happened.notify_all()

    def _freeze(self) -> None:
        self._flowing.clear()
        self._freeze_after = None
        with self._happened:
            self._frozen = True
            self._happened.notify_all()


class _Link:
    """One client's connection and its counterpart to the server."""

    def __init__(self, writers: list[asyncio.StreamWriter]) -> None:
        self.writers = writers  # the client's, then the server's
        self.counted = 0  # bytes since the last command that counts them
        self.is_reset = False
        self.is_half_open = False

    def reset(self) -> None:
        self.is_reset = True
        for writer in self.writers:
            _reset(writer)

    def vanish(self) -> None:
        self.is_half_open = True
        for writer in self.writers[1:]:
            _reset(writer)

    def close(self) -> None:
        for writer in self.writers:
            writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def _end(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.write_eof()
