"""A hostile server: it executes what is requested, and sends whatever response a test chooses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import FXP_EXTENDED, FXP_INIT, FXP_VERSION
from asyncssh.packet import Byte, SSHPacket, String, UInt32

from sftp_async.errors import SFTPAsyncError
from sftp_async.options import SFTPOptions
from sftp_async.remote.ssh import Connection, connect
from sftp_async.remote.ssh.request_guard import RequestGuard
from sftp_async.tools.testing import embedded_server as server_module
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.network_faults import BOUND

#: A kind of request: its number, or the name of an extension.
Kind = int | bytes
#: Gives the response to a request, from the request's kind and number.
Lie = Callable[["HostileSession", Kind, int], None]
#: Starts a server that lies.
Hostile = Callable[..., "HostileServer"]
#: Makes a request.
Ask = Callable[[Connection], Awaitable[Any]]


class HostileServer(EmbeddedServer):
    """An embedded server whose answers come from `lies`, by the kind of the request."""

    lies: dict[Kind, Lie]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lies = {}


class HostileSession(server_module._Handler):
    """One SFTP session of a hostile server."""

    def __init__(self, hostile: HostileServer, *args: Any) -> None:
        super().__init__(*args)
        self._hostile = hostile
        self._asked: dict[int, Kind] = {}

    def say(self, data: bytes) -> None:
        """Send bytes on the channel, in place of an SFTP packet."""
        if self._writer is not None:
            self._writer.write(data)

    def answer(self, kind: int, number: int, body: bytes = b"") -> None:
        """Send an SFTP packet."""
        self.say(String(Byte(kind) + UInt32(number) + body))

    def hang_up(self) -> None:
        """Close the channel; the connection lives on."""
        if self._writer is not None:
            self._writer.close()

    def say_below(self, data: bytes) -> None:
        """Send bytes on the TCP connection, in place of an SSH packet."""
        ssh: Any = self._server.connection
        ssh._transport.write(data)

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        extended = pkttype == FXP_EXTENDED
        rest = SSHPacket(packet.get_remaining_payload())
        self._asked[pktid] = rest.get_string() if extended else pkttype
        await super()._process_packet(pkttype, pktid, packet)

    def send_packet(self, pkttype: int, pktid: int | None, *args: bytes) -> None:
        number = pktid or 0
        asked = FXP_INIT if pkttype == FXP_VERSION else self._asked.pop(number)
        lie = self._hostile.lies.get(asked)
        if lie is None:
            super().send_packet(pkttype, pktid, *args)
        else:
            lie(self, asked, number)


@contextmanager
def impatient_with(what: str) -> Iterator[None]:
    """Bear half a second of silence in requests that errors call `what`; in others as ever.

    For answers that never come: a short timeout for all requests would be at the mercy of the
    machine wherever another one must succeed first.
    """
    request = RequestGuard.request

    def hasty(
        line: RequestGuard, asked: str, path: str, patience: float | None = None
    ) -> AbstractAsyncContextManager[None]:
        return request(line, asked, path, 0.5 if asked == what else patience)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestGuard, "request", hasty)
        yield


async def error_of(server: HostileServer, ask: Ask) -> SFTPAsyncError:
    """Make a request that fails: in time, with an error of ours, and the connection is gone."""
    connection = await connect(SFTPOptions(**server.options()))
    try:
        async with asyncio.timeout(BOUND):
            with pytest.raises(SFTPAsyncError) as caught:
                await ask(connection)
        assert not connection.usable
        await nothing_left(server)
    finally:
        connection.abort()
    return caught.value


async def nothing_left(server: HostileServer) -> None:
    """Wait until the server has seen the end, and nothing runs here."""
    async with asyncio.timeout(BOUND):
        while server.connections or asyncio.all_tasks() != {asyncio.current_task()}:
            await asyncio.sleep(0.01)


def entry(name: bytes) -> asyncssh.SFTPName:
    """An entry of a listing: an old file."""
    attrs = asyncssh.SFTPAttrs(size=1, permissions=0o100644, atime=1, mtime=1)
    return asyncssh.SFTPName(name, name, attrs)
