"""Encrypts and opens the frequent packets of a connection, and applies backpressure."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.encryption import GCMEncryption
from asyncssh.misc import async_context_manager

from sftp_async.remote.ssh.fast.channel import BatchedChannel
from sftp_async.remote.ssh.fast.compatibility import sftp_fits
from sftp_async.remote.ssh.fast.packets import GcmOpener, sealer_for
from sftp_async.remote.ssh.fast.sftp_handler import FastHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncssh.encryption import Encryption
    from asyncssh.packet import SSHPacketLogger

    from sftp_async.remote.ssh.fast.link import Resumable
    from sftp_async.remote.ssh.fast.packets import Sealer

#: The content of an empty MSG_IGNORE: a string of no bytes.
_NOTHING = bytes(4)


class FastConnection(asyncssh.SSHClientConnection):
    """An asyncssh connection that is logged in; made by `take_over`.

    Attributes:
        quickest: seconds that the quickest response took so far; infinite before the first.

    """

    quickest: float
    _sealer: Sealer | None
    _sealer_of: Encryption | None
    _opener: GcmOpener | None
    _opener_of: Encryption | None
    _incomplete: bytearray
    _full: bool
    _receiving: bool
    _held_back: deque[Resumable]

    @classmethod
    def take_over(cls, ssh: asyncssh.SSHClientConnection) -> None:
        """Turn a connection of asyncssh's into a fast one."""
        ssh.__class__ = cls
        assert isinstance(ssh, cls)
        ssh.begin()

    def begin(self) -> None:
        """Set up what asyncssh's own `__init__` does not know."""
        self.quickest = math.inf
        self._sealer = self._sealer_of = self._opener = self._opener_of = None
        self._full = self._receiving = False
        self._incomplete = bytearray()
        self._held_back = deque()

    @async_context_manager
    async def start_sftp_client(self, *args: Any, **kwargs: Any) -> asyncssh.SFTPClient:
        """Open an SFTP session on a fast channel."""
        sftp = await super().start_sftp_client(*args, **kwargs)
        if sftp_fits(sftp):
            FastHandler.take_over(sftp)
        return sftp

    def record_response(self, seconds: float) -> None:
        """Record how long a response took: none can be quicker than a round trip."""
        self.quickest = min(self.quickest, seconds)

    # Sending

    def send_packet(
        self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None
    ) -> None:
        """Send a packet, but no empty MSG_IGNORE where the cipher does not need it."""
        if pkttype == MSG_IGNORE and args == (_NOTHING,) and self._current_sealer():
            return
        super().send_packet(pkttype, *args, handler=handler)

    def may_seal(self) -> bool:
        """Whether `send_data` may be called now: no key exchange is due or running."""
        return (
            self._kex_complete
            and self._compressor is None
            and self._rekey_bytes_sent < self._rekey_bytes
            and not (self._rekey_seconds and time.monotonic() >= self._rekey_time)
            and self._current_sealer() is not None
        )

    def send_data(
        self, channel: int, size: int, most: int, fill: Callable[[memoryview], None]
    ) -> int:
        """Send channel data: up to `size` bytes, in packets of up to `most` bytes.

        Args:
            channel: the server's number of the channel.
            size: bytes that are queued.
            most: most bytes of data in a packet.
            fill: copies the next bytes of data into the buffer that it is given.

        Returns:
            How many bytes were sent: fewer when a key exchange is due before the end.

        """
        size = min(size, self._rekey_bytes - self._rekey_bytes_sent)
        full, rest = divmod(size, most)
        sizes = [most] * full + [rest] * bool(rest)
        sealer = self._current_sealer()
        assert sealer is not None  # may_seal
        try:
            sealed = sealer.seal(self._send_seq, channel, sizes, fill)
        except BaseException:
            # Out of memory, say. Data that left the queue is lost: nothing may follow it.
            self.internal_error()
            raise
        self._send_seq = (self._send_seq + len(sizes)) & 0xFFFFFFFF
        self._rekey_bytes_sent += len(sealed)
        self._send(cast("bytes", sealed))  # a transport takes any buffer
        return size

    def _current_sealer(self) -> Sealer | None:
        encryption = self._send_encryption
        if encryption is not self._sealer_of:  # the first time, and after each key exchange
            self._sealer_of = encryption
            self._sealer = sealer_for(
                encryption,
                str(self.get_extra_info("send_cipher")),
                self._send_blocksize,
                self._send_enchdrlen - 1,
            )
        return self._sealer

    # Backpressure. asyncssh itself hands all that the channel window allows to the transport.

    @property
    def must_wait(self) -> bool:
        """Whether nothing may be sent now: the socket is full, or a read is being processed."""
        return self._full or self._receiving

    def hold_back(self, channel: Resumable) -> None:
        """Resume the channel, in its turn, as soon as nothing must wait any more."""
        if channel not in self._held_back:
            self._held_back.append(channel)

    def pause_writing(self) -> None:
        """Stop sending: the transport's buffer is full."""
        self._full = True

    def resume_writing(self) -> None:
        """Resume sending: the transport's buffer has drained."""
        self._full = False
        self._resume_channels()

    def _resume_channels(self) -> None:
        try:
            while self._held_back and not self.must_wait:
                self._held_back.popleft().resume_sending()
        except Exception:  # noqa: BLE001 - asyncssh treats all errors in its callbacks so
            self.internal_error()

    # Receiving

    def _recv_data(self) -> None:
        # The server grows the window by a few packets at a time: wait for all of a read, and use
        # the whole new window in one send.
        self._receiving = True
        try:
            super()._recv_data()
        finally:
            self._receiving = False
        self._resume_channels()

    def _recv_pkthdr(self) -> bool:
        # asyncssh calls this with all that was received, where it expects a packet.
        if self._current_opener() is not None:
            received, self._inpbuf = self._inpbuf, b""
            self._inpbuf = self._take_messages(memoryview(received))
            if not self._inpbuf:
                return False
        return super()._recv_pkthdr()

    def _take_messages(self, received: memoryview) -> bytes:
        """Process the packets received, as long as they are of frequent kinds.

        No packet is copied, but one that came in pieces. The beginning of one that has not come
        to its end is kept for the next call.

        Returns:
            What begins with a packet that asyncssh must process; empty if there is none.

        """
        start = 0
        if first := self._incomplete:
            while len(first) < (size := _size_of(first)):
                if size > self._max_recv_pktlen:
                    self._incomplete = bytearray()
                    return bytes(first) + received[start:]  # asyncssh decides if it is too long
                if start == len(received):
                    return b""
                more = received[start : start + size - len(first)]
                first += more
                start += len(more)
            self._incomplete = bytearray()
            if not self._take_message(memoryview(first)):
                return bytes(first) + received[start:]
        while len(received) - start >= 4:
            end = start + _size_of(received[start:])
            if end - start > self._max_recv_pktlen:
                return bytes(received[start:])
            if end > len(received):
                break
            if not self._take_message(received[start:end]):
                return bytes(received[start:])
            start = end
        self._incomplete += received[start:]
        return b""

    def _take_message(self, packet: memoryview) -> bool:
        """Process a packet of a frequent kind; return False to leave it to asyncssh."""
        opener = self._current_opener()
        message = None if opener is None else opener.peek(packet)
        if opener is None or message is None:
            return False
        channel = self._channels.get(message.channel)
        if not isinstance(channel, BatchedChannel) or not channel.accepts(message):
            return False
        opener.next()
        self._recv_seq = (self._recv_seq + 1) & 0xFFFFFFFF
        channel.receive(message)
        return True

    def _current_opener(self) -> GcmOpener | None:
        encryption = self._recv_encryption
        if encryption is not self._opener_of:
            self._opener_of = encryption
            self._opener = None
            if isinstance(encryption, GCMEncryption) and self._decompressor is None:
                self._opener = GcmOpener(encryption)
        return self._opener


def _size_of(packet: bytearray | memoryview) -> int:
    """Return the bytes of a packet that has begun: at first of its length field."""
    return GcmOpener.size_of(packet[:4]) if len(packet) >= 4 else 4
