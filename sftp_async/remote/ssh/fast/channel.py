"""Channels that send what was written without copying it before encryption."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn, cast

import asyncssh
from asyncssh.channel import SSHChannel, SSHTCPChannel
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import String, UInt32

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sftp_async.remote.ssh.fast.link import PacketLink
    from sftp_async.remote.ssh.fast.packets import Message

#: Most bytes that are encrypted for one send. It holds a whole write request of OpenSSH's largest
#: size; more would leave the processor's cache before it is sent, and the transport's buffer
#: holds up to this when the socket is full.
BATCH = 256 * 1024
#: Most bytes that a nearby server has not responded to yet, if its window allows more. OpenSSH's
#: whole window of 2 MiB outgrows the cache of the server's core: with half of it, sshd took 1.48
#: CPU seconds a GiB instead of 1.70, and 429 MiB/s instead of 363 (loopback, two cores, medians).
NEARBY_AHEAD = 1024 * 1024
#: Bytes that the server may send before we acknowledge them: a channel carries no more than that in
#: a round trip. asyncssh's own 2 MiB made 18 MiB/s at 50 ms, 16 MiB made 100. It is acknowledged by
#: halves, so twice of what a task asks for by default never holds the server up. Memory is bounded
#: by what is asked for, not by this.
RECEIVE_WINDOW = 64 * 1024 * 1024
#: A server is nearby if its quickest response took less than this many seconds: then
#: `NEARBY_AHEAD` is enough for 500 MiB/s.
NEARBY = 0.002


class BatchedChannel(SSHChannel[bytes]):
    """A channel of a `FastConnection`, whose data is encrypted a batch at a time."""

    #: Bytes sent since the channel became one of these.
    _sent = 0
    #: Bytes of the largest single write.
    _largest = 0

    # Sending

    def write_parts(self, *parts: Buffer) -> None:
        """Queue the parts of one write without a copy, and send what may be sent now.

        Every part is checked before the first one is queued, so a write that fails here leaves
        nothing behind.

        Args:
            parts: contiguous buffers; they must not change until the peer has received them.

        Raises:
            BrokenPipeError: the channel is closed.
            TypeError: a part is no buffer, or is not contiguous.

        """
        if self._send_state != "open":
            raise BrokenPipeError("Channel not open for sending")
        views = [memoryview(part).cast("B") for part in parts]
        size = sum(map(len, views))
        self._largest = max(self._largest, size)
        # asyncssh only slices and measures what it finds there.
        self._send_buf += [(cast("bytearray", view), None) for view in views if view]
        self._send_buf_len += size
        self._flush_send_buf()

    def resume_sending(self) -> None:
        """Send the data that is still queued."""
        if self._send_buf:
            self._flush_send_buf()

    def _flush_send_buf(self) -> None:
        connection = cast("PacketLink", self._conn)
        while self._send_buf and (sendable := self._sendable(connection)) > 0:
            if connection.must_wait:
                connection.hold_back(self)
                break
            size, most = min(self._send_buf_len, sendable, BATCH), min(self._send_pktsize, BATCH)
            if size <= 0:
                self._fail_without_progress(connection)
            if connection.may_seal() and self._send_chan is not None:
                size = connection.send_data(self._send_chan, size, most, self._fill)
            else:
                # asyncssh starts the key exchange that is due, or keeps the packet until the
                # current one is done.
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

    def _fail_without_progress(self, connection: PacketLink) -> NoReturn:
        """Close the connection, as the queue's length is wrong and the loop would never end."""
        try:
            raise RuntimeError(
                f"Cannot send the {len(self._send_buf)} queued parts of channel {self._send_chan}: "
                f"their length is recorded as {self._send_buf_len} bytes"
            )
        except RuntimeError:
            connection.internal_error()
            raise

    def _sendable(self, connection: PacketLink) -> int:
        """Return how many bytes may be sent now."""
        return self._send_window

    def _fill(self, target: memoryview) -> None:
        """Move the next bytes of the queue into `target`."""
        start, end = 0, len(target)
        while start < end:
            part, kind = self._send_buf[0]
            view = memoryview(part)
            size = min(len(view), end - start)
            target[start : start + size] = view[:size]
            start += size
            if size == len(view):
                del self._send_buf[0]
            else:
                self._send_buf[0] = (cast("bytearray", view[size:]), kind)

    # Receiving

    def accepts(self, message: Message) -> bool:
        """Whether a message is in order; asyncssh answers the ones that are not."""
        return self._recv_state == "open" and len(message.data) <= self._recv_window

    def receive(self, message: Message) -> None:
        """Process a message from the server, while the connection reads."""
        if message.data:
            self._accept_view(message.data)
            return
        self._send_window += message.window
        if self._send_buf:
            cast("PacketLink", self._conn).hold_back(self)

    def _accept_view(self, data: memoryview) -> None:
        self._accept_data(bytes(data))


class FastTunnel(BatchedChannel, SSHTCPChannel[bytes]):
    """The transport of a connection that a bastion forwards; made by `speed_up`."""

    def write(self, data: bytes, datatype: int | None = None) -> None:
        """Write packets of the forwarded connection, which never change.

        Raises:
            BrokenPipeError: the channel is closed.
            OSError: `datatype` is given; only sessions know extended data.

        """
        if datatype is not None:
            raise OSError("Invalid extended data type")
        self.write_parts(data)


class FastChannel(BatchedChannel, asyncssh.SSHClientChannel[bytes]):
    """An SFTP channel that keeps views of the data it sends; made by `FastHandler.take_over`."""

    #: Bytes sent up to the end of the last request that the server has responded to.
    _answered = 0

    # Requests

    def write(self, data: bytes, datatype: int | None = None) -> None:
        """Write a request that asyncssh has put together."""
        self._largest = max(self._largest, len(data))
        super().write(data, datatype)

    def end_of_request(self) -> tuple[int, float]:
        """Return where the last request ends, and when it was written, for `responded`."""
        return self._sent + self._send_buf_len, time.monotonic()

    def responded(self, request: tuple[int, float]) -> None:
        """Record that the server has responded to a request, and send what waited for that."""
        end, written = request
        self._answered = max(self._answered, end)
        if self._conn:
            cast("PacketLink", self._conn).record_response(time.monotonic() - written)
            self.resume_sending()

    # Receiving

    def _accept_view(self, data: memoryview) -> None:
        # `FastSession` takes it as it is.
        self._accept_data(cast("bytes", data))

    def widen_receive_window(self) -> None:
        """Let the server send `RECEIVE_WINDOW` ahead, from now on."""
        more = RECEIVE_WINDOW - self._init_recv_window
        if more > 0 and self._send_state == "open":
            self._init_recv_window += more
            self._recv_window += more
            self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(more))

    # Sending

    def _sendable(self, connection: PacketLink) -> int:
        """Return how many bytes may be sent now."""
        if connection.quickest >= NEARBY:
            return self._send_window
        # Twice the largest request holds a whole one wherever it begins: there is always one that
        # the server responds to, and that response allows more to be sent.
        ahead = max(NEARBY_AHEAD, 2 * self._largest)
        return min(self._send_window, ahead - (self._sent - self._answered))
