"""A channel's way out: what was written leaves without a copy before it is sealed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import asyncssh
from asyncssh.channel import SSHChannel, SSHTCPChannel
from asyncssh.constants import MSG_CHANNEL_DATA
from asyncssh.packet import String

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sftp_async.remote.ssh.fast.connection import FastConnection
    from sftp_async.remote.ssh.fast.packets import Message

#: Most bytes that are sealed for one send. It holds a whole write request of OpenSSH's largest
#: size; more would leave the processor's cache before it is sent, and the transport's buffer
#: holds up to this when the socket is full.
BATCH = 256 * 1024
#: Most bytes that a server nearby has to answer for, if its window allows more. OpenSSH's whole
#: window of 2 MiB outgrows the cache of the server's core: with half of it, sshd took 1.48 CPU
#: seconds a GiB instead of 1.70, and 429 MiB/s instead of 363 (loopback, two cores, medians).
NEARBY_AHEAD = 1024 * 1024
#: A server is nearby if its quickest answer took less than this many seconds: then the bytes
#: ahead are enough for 500 MiB/s.
NEARBY = 0.002


class BatchedChannel(SSHChannel[bytes]):
    """A channel of a `FastConnection`, whose data is sealed a batch at a time."""

    #: Bytes that were sent since it became one.
    _sent = 0

    # Sending

    def go_on(self) -> None:
        """Send what was held back, if it is still wanted."""
        if self._send_buf:
            self._flush_send_buf()

    def _flush_send_buf(self) -> None:
        connection = cast("FastConnection", self._conn)
        while self._send_buf and (room := self._room(connection)) > 0:
            if connection.must_wait:
                connection.hold_back(self)
                break
            size, most = min(self._send_buf_len, room, BATCH), min(self._send_pktsize, BATCH)
            if connection.may_seal() and self._send_chan is not None:
                size = connection.send_data(self._send_chan, size, most, self._fill)
            else:
                # asyncssh's way: it starts the key exchange that is due, or keeps the packet
                # until the one that goes on is done.
                size = min(size, most)
                data = bytearray(size)
                self._fill(memoryview(data))
                self.send_packet(MSG_CHANNEL_DATA, String(bytes(data)))
            self._send_window -= size
            self._send_buf_len -= size
            self._sent += size
        if self._send_buf:
            self._pause_resume_writing()
        else:
            super()._flush_send_buf()  # which now does what follows the last byte

    def _room(self, connection: FastConnection) -> int:
        """Return how many bytes may be sent now."""
        return self._send_window

    def _fill(self, room: memoryview) -> None:
        """Move the next bytes of the send buffer into `room`."""
        start, end = 0, len(room)
        while start < end:
            part, kind = self._send_buf[0]
            view = memoryview(part)
            size = min(len(view), end - start)
            room[start : start + size] = view[:size]
            start += size
            if size == len(view):
                del self._send_buf[0]
            else:
                self._send_buf[0] = (cast("bytearray", view[size:]), kind)

    # Receiving

    def takes(self, message: Message) -> bool:
        """Whether a message is in order; what is not, asyncssh knows the answer to."""
        return self._recv_state == "open" and len(message.data) <= self._recv_window

    def take(self, message: Message) -> None:
        """Take a message from the server, while the connection reads."""
        if message.data:
            self._accept_data(message.data)
            return
        self._send_window += message.window
        if self._send_buf:
            cast("FastConnection", self._conn).hold_back(self)


class FastTunnel(BatchedChannel, SSHTCPChannel[bytes]):
    """What a bastion forwards: the transport of the connection behind it; made by `speed_up`."""

    def write(self, data: bytes, datatype: int | None = None) -> None:
        """Write packets of that connection, which never change.

        Raises:
            BrokenPipeError: the channel is closed.

        """
        if self._send_state != "open":
            raise BrokenPipeError("Channel not open for sending")
        self._send_buf.append((cast("bytearray", memoryview(data)), datatype))
        self._send_buf_len += len(data)
        self._flush_send_buf()


class FastChannel(BatchedChannel, asyncssh.SSHClientChannel[bytes]):
    """An SFTP channel that keeps views of what it sends; made by `FastHandler.take_over`."""

    #: Bytes of requests since then: handed over, and up to the end of the last one that the server
    #: has answered; and those of the largest request.
    _handed = 0
    _answered = 0
    _largest = 0

    # Requests

    def write(self, data: bytes, datatype: int | None = None) -> None:
        """Write a request of asyncssh's own."""
        self._count(len(data))
        super().write(data, datatype)

    def write_parts(self, *parts: Buffer) -> None:
        """Write one request in parts; they must not change until the server has answered.

        Raises:
            BrokenPipeError: the channel is closed.

        """
        if self._send_state != "open":
            raise BrokenPipeError("Channel not open for sending")
        size = 0
        for part in parts:
            view = memoryview(part).cast("B")
            if view:
                self._send_buf.append((cast("bytearray", view), None))
                size += len(view)
        self._count(size)
        self._send_buf_len += size
        self._flush_send_buf()

    def _count(self, size: int) -> None:
        self._handed += size
        self._largest = max(self._largest, size)

    def end_of_request(self) -> tuple[int, float]:
        """Return what `answered` wants to know about the request written last."""
        return self._handed, time.monotonic()

    def answered(self, request: tuple[int, float]) -> None:
        """Hear that the server has answered a request."""
        end, written = request
        self._answered = max(self._answered, end)
        if self._conn:
            cast("FastConnection", self._conn).timed(time.monotonic() - written)
            self.go_on()

    # Sending

    def _room(self, connection: FastConnection) -> int:
        """Return how many bytes may be sent now."""
        if connection.quickest >= NEARBY:
            return self._send_window
        # Twice the largest request holds a whole one wherever it begins: there is always one that
        # the server will answer, and that answer makes new room.
        ahead = max(NEARBY_AHEAD, 2 * self._largest)
        return min(self._send_window, ahead - (self._sent - self._answered))
