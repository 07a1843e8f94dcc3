"""Messages about permits between a process and its driver, sealed, on one TCP connection each.

The listener sends a challenge first. Each side repeats the other side's nonce, so that no recorded
conversation can be replayed.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from sftp_async.progress.messages import SEAL, seal, unseal

#: Bytes of the longest message.
LONGEST_FRAME = 4096
#: Probes of a silent connection without an answer that end it.
PROBES = 3
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class PermitChallenge:
    """The listener's nonce."""

    kind: Literal["challenge"]
    nonce: str


@dataclass(frozen=True)
class PermitRequest:
    """Asks for a permit; the TCP connection is the permit's life.

    `nonce` is the listener's, `own_nonce` the sender's; `holder` is the process that asks; the rest
    is that of `sftp_async.remote.permits`.
    """

    kind: Literal["request"]
    nonce: str
    own_nonce: str
    account: str
    connections: int | None
    bandwidth: int | None
    holder: str
    wait: bool
    urgent: bool


@dataclass(frozen=True)
class Standing:
    """How a request stands.

    `in_use` of `limit` connections are open, `waiting` others wait; `rate` is the bytes a second
    that this connection may take. 0 is no limit.
    """

    state: Literal["held", "waiting", "refused"]
    in_use: int = 0
    limit: int = 0
    waiting: int = 0
    rate: float = 0.0


@dataclass(frozen=True)
class PermitStatus:
    """Reports how a request stands, whenever that changes; `nonce` is the sender's of it."""

    kind: Literal["status"]
    nonce: str
    standing: Standing


@dataclass(frozen=True)
class PermitUse:
    """The connection is in use or idle, or the server has ended it: then the permit is free."""

    kind: Literal["use"]
    nonce: str
    state: Literal["busy", "idle", "closed"]


PermitMessage = PermitChallenge | PermitRequest | PermitStatus | PermitUse
_Message = TypeVar("_Message", bound=PermitMessage)


def frame(key: bytes, message: PermitMessage) -> bytes:
    """Return a message as it is sent."""
    sealed = seal(key, message)
    return _LENGTH.pack(len(sealed)) + sealed


async def read_frame(
    reader: asyncio.StreamReader, key: bytes, kind: type[_Message]
) -> _Message | None:
    """Return the next message; None: the other side has ended, or is not authentic.

    Args:
        reader: of the connection.
        key: of the listener.
        kind: the message that is expected.

    """
    with suppress(OSError, asyncio.IncompleteReadError, ValidationError, json.JSONDecodeError):
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if not SEAL < length <= LONGEST_FRAME:
            return None
        content = unseal(key, await reader.readexactly(length))
        if content is not None:
            found: _Message = TypeAdapter(kind).validate_json(content)
            return found
    return None


def notice_dead_peers(writer: asyncio.StreamWriter, *, idle: int, interval: int) -> None:
    """Let the kernel end a connection whose other machine is gone.

    Args:
        writer: of the connection.
        idle: seconds of silence before the first probe.
        interval: seconds between two probes; `PROBES` without an answer end the connection.

    """
    sock = writer.get_extra_info("socket")
    with suppress(OSError, AttributeError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
        # Linux sends no probe while sent bytes are not acknowledged, and repeats those for a
        # quarter of an hour.
        patience = 1000 * (idle + PROBES * interval)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)


def end_conversation(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and end it at once where a forked process has its socket, too."""
    with suppress(OSError, RuntimeError):  # the other side was faster
        if writer.can_write_eof():
            writer.write_eof()
    writer.close()
