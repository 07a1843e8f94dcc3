"""Sends SFTP write requests without a copy and resolves responses without a task in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asyncssh.constants import FXP_WRITE
from asyncssh.packet import Byte, SSHPacket, String, UInt32, UInt64
from asyncssh.sftp import MAX_SFTP_PACKET_LEN, SFTPClientHandler
from asyncssh.stream import SSHClientStreamSession

from sftp_async.remote.ssh.fast.channel import FastChannel

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    import asyncssh
    from typing_extensions import Buffer

#: Bytes of a response's type and request number: the least that it has.
_SHORTEST_RESPONSE = 5


class FastHandler(SFTPClientHandler):
    """asyncssh's end of an SFTP session; made by `take_over`."""

    _channel: FastChannel
    _partial: bytearray
    _needed: int

    @classmethod
    def take_over(cls, sftp: asyncssh.SFTPClient) -> None:
        """Turn an SFTP session that has just begun, and its channel, into fast ones."""
        inner = cast("Any", sftp)._handler  # noqa: SLF001 - asyncssh's inside, checked to fit
        channel, session = inner._writer.channel, inner._reader._session  # noqa: SLF001
        channel.__class__ = FastChannel
        inner.__class__ = cls
        inner.begin(channel)
        session.__class__ = FastSession
        session.handler = inner

    def begin(self, channel: FastChannel) -> None:
        """Set up what asyncssh's own `__init__` does not know."""
        self._channel = channel
        channel.widen_receive_window()
        self._partial = bytearray()
        self._needed = 0

    # Requests

    async def write(self, handle: bytes, offset: int, data: Buffer | str) -> int:
        """Write `data` at `offset`, and return when the server has acknowledged it.

        Args:
            handle: the open file's.
            offset: in bytes.
            data: any contiguous buffer; it must not change until this returns. asyncssh's own
                files also write text, as UTF-8.

        Raises:
            TypeError: `data` is neither, or is not contiguous. Nothing has been sent.

        """
        if isinstance(data, str):
            data = data.encode()
        view = memoryview(data).cast("B")
        size = UInt32(len(view))
        written = await self._make_request(
            FXP_WRITE, String(handle), UInt64(offset), size, cast("bytes", view)
        )
        return cast("int", written)

    def send_packet(self, pkttype: int, pktid: int | None, *args: bytes) -> None:
        """Send a request; the data of a write request is not copied."""
        if pkttype != FXP_WRITE or self._writer is None or self._channel.is_closing():
            super().send_packet(pkttype, pktid, *args)
            return
        *start, data = args
        head = Byte(pkttype) + b"".join(start)
        self._channel.write_parts(UInt32(len(head) + len(data)) + head, data)

    def _send_request(
        self, pkttype: int | bytes, args: Sequence[bytes], waiter: asyncio.Future[Any]
    ) -> None:
        super()._send_request(pkttype, args, waiter)
        request = self._channel.end_of_request()
        waiter.add_done_callback(lambda _: self._channel.responded(request))

    # Responses

    def receive(self, data: bytes) -> bytes:
        """Resolve the requests whose responses are in the data received.

        Returns:
            Data that asyncssh must process, as it is no response to any open request. Empty if all
            is well; then a response that is not complete yet is kept for the next call.

        """
        self._partial += data
        if len(self._partial) < self._needed:
            return b""
        received, start = bytes(self._partial), 0
        self._partial.clear()
        self._needed = 4
        while len(received) >= (body := start + 4):
            end = body + int.from_bytes(received[start:body], "big")
            if not _SHORTEST_RESPONSE <= end - body <= MAX_SFTP_PACKET_LEN:
                return received[start:]
            if len(received) < end:
                self._needed = end - start
                break
            packet = SSHPacket(received[body:end])
            kind = packet.get_byte()
            waiter = self._requests.pop(packet.get_uint32(), None)
            if waiter is None:
                return received[start:]
            if not waiter.cancelled():
                waiter.set_result((kind, packet))
            start = end
        self._partial += received[start:]
        return b""


class FastSession(SSHClientStreamSession[bytes]):
    """A channel's stream; asyncssh still gets its end, its errors and data that is not in order."""

    handler: FastHandler | None

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Process data from the server."""
        if self.handler is not None and datatype is None:
            data = self.handler.receive(data)
            if not data:
                return
            self.handler = None  # asyncssh reads from here on, and reports the error
        super().data_received(data, datatype)
