"""Sends SFTP write requests without a copy and resolves responses without a task in between."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, cast

from asyncssh.constants import FXP_DATA, FXP_STATUS, FXP_WRITE
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
#: How a response with a file's bytes starts: type, request number, and how many bytes follow.
_DATA_START = Struct(">BII")


class FastHandler(SFTPClientHandler):
    """asyncssh's end of an SFTP session; made by `take_over`."""

    # A response is bytes of its length, and then as many bytes.
    _channel: FastChannel
    _length: bytearray
    _parts: list[memoryview]
    _missing: int

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
        self._length = bytearray()
        self._parts = []
        self._missing = 0

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

    def receive(self, data: memoryview) -> bytes:
        """Resolve the requests whose responses are in the data received.

        Args:
            data: bytes that are never changed: a response that is not complete yet keeps them.

        Returns:
            Data that asyncssh must process, as it is no response to any open request. Empty if all
            is well.

        """
        while data:
            if not self._missing:
                more = data[: 4 - len(self._length)]
                self._length += more
                data = data[len(more) :]
                if len(self._length) < 4:
                    break
                self._missing = int.from_bytes(self._length, "big")
                if not _SHORTEST_RESPONSE <= self._missing <= MAX_SFTP_PACKET_LEN:
                    return self._give_up(data)
            part = data[: self._missing]
            self._parts.append(part)
            self._missing -= len(part)
            data = data[len(part) :]
            if not self._missing:
                if not self._respond():
                    return self._give_up(data)
                self._length.clear()
                self._parts.clear()
        return b""

    def _give_up(self, data: memoryview) -> bytes:
        """Return what asyncssh must process, from the current response on."""
        return b"".join([self._length, *self._parts, data])

    def _respond(self) -> bool:
        """Resolve the request of a complete response; return False if there is none."""
        parts = self._parts
        if len(parts[0]) < _DATA_START.size:
            parts = [memoryview(b"".join(parts))]
        kind, number, size = FXP_STATUS, 0, -1
        if len(parts[0]) >= _DATA_START.size:
            kind, number, size = _DATA_START.unpack_from(parts[0])
        response: bytes | SSHPacket
        if kind == FXP_DATA and size == sum(map(len, parts)) - _DATA_START.size:
            # The only copy of a file's bytes between their decryption and their consumer.
            response = b"".join([parts[0][_DATA_START.size :], *parts[1:]])
        else:
            response = SSHPacket(b"".join(parts))
            kind, number = response.get_byte(), response.get_uint32()
        waiter = self._requests.pop(number, None)
        if waiter is None:
            return False
        if not waiter.cancelled():
            waiter.set_result((kind, cast("SSHPacket", response)))
        return True

    def _process_data(self, packet: bytes | SSHPacket) -> tuple[bytes, bool]:
        """Return the bytes of a file, and whether the response marks them as its last ones."""
        if isinstance(packet, SSHPacket):
            return super()._process_data(packet)
        return packet, False

    # asyncssh calls what stands here for the type of a response.
    _packet_handlers = {  # noqa: RUF012
        **SFTPClientHandler._packet_handlers,  # noqa: SLF001
        FXP_DATA: cast("Any", _process_data),
    }


class FastSession(SSHClientStreamSession[bytes]):
    """A channel's stream; asyncssh still gets its end, its errors and data that is not in order."""

    handler: FastHandler | None

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Process data from the server."""
        if self.handler is not None and datatype is None:
            data = self.handler.receive(memoryview(data))
            if not data:
                return
            self.handler = None  # asyncssh reads from here on, and reports the error
        super().data_received(bytes(data), datatype)
