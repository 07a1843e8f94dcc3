"""`PermitServer`: hands out the driver's permits for connections, over TCP.

A permit lives as long as its TCP connection: a process that is killed holds none any more.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from contextlib import suppress

from sftp_async.progress.permit_desk import Claim, PermitDesk
from sftp_async.progress.permit_messages import (
    PermitChallenge,
    PermitRequest,
    PermitStatus,
    PermitUse,
    Standing,
    end_conversation,
    frame,
    notice_dead_peers,
    read_frame,
)

log = logging.getLogger("sftp_async.progress.permit_server")

#: Seconds that a client may take to ask.
ASK_TIMEOUT = 10.0
#: Connections that wait to be accepted: a stage's tasks begin together.
BACKLOG = 512
#: Seconds of silence, and between probes, after which a holder's machine counts as gone. The holder
#: notices earlier (`sftp_async.progress.permits`), and closes its connection before that.
IDLE, INTERVAL = 30, 10


class PermitServer:
    """Serves permits on a thread and an event loop of its own, until it is closed.

    Args:
        sock: listens at the listener's address; closed by the server.
        key: of the listener.

    """

    def __init__(self, sock: socket.socket, key: bytes) -> None:
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._desk = PermitDesk(self._loop.call_later)
        self._socket = sock
        self._closing = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="sftp_async-permits", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> str:
        """How many wait for a connection, in words; empty if none does."""
        return self._desk.waiting

    def close(self) -> None:
        """Stop; every permit is lost."""
        with suppress(RuntimeError):  # closed before
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve_all())
        except Exception:
            log.exception("no permits are handed out any more")
        finally:
            self._socket.close()
            self._loop.close()

    async def _serve_all(self) -> None:
        server = await asyncio.start_server(self._serve, sock=self._socket, backlog=BACKLOG)
        await self._closing.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes their sockets

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            notice_dead_peers(writer, idle=IDLE, interval=INTERVAL)
            nonce = secrets.token_hex(16)
            writer.write(frame(self._key, PermitChallenge("challenge", nonce)))
            async with asyncio.timeout(ASK_TIMEOUT):
                request = await read_frame(reader, self._key, PermitRequest)
            if request is not None and request.nonce == nonce:
                await self._hold(request, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # by `close`: asyncio logs a conversation that was cancelled as an error
        finally:
            end_conversation(writer)

    async def _hold(
        self, request: PermitRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        def notify(standing: Standing) -> None:
            status = PermitStatus("status", request.own_nonce, standing)
            writer.write(frame(self._key, status))

        claim = Claim(
            request.account,
            request.connections,
            request.bandwidth,
            request.holder,
            request.urgent,
            notify,
        )
        closed = False
        self._desk.ask(claim, wait=request.wait)
        try:
            while (use := await read_frame(reader, self._key, PermitUse)) is not None:
                if use.nonce != request.nonce:
                    return
                if use.state == "closed":
                    closed = True
                    return
                self._desk.use(claim, use.state == "busy")
        finally:
            self._desk.end(claim, closed=closed)


def bound_sockets(host: str, tries: int = 16) -> tuple[socket.socket, socket.socket]:
    """Return a UDP socket and a TCP socket that listens, on one free port of an address.

    Args:
        host: name or address of this machine.
        tries: a port that is free for UDP may be taken for TCP.

    Raises:
        OSError: the name is unknown, or is not this machine's.

    """
    found = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_DGRAM)
    family, _, _, _, place = found[0]
    for attempt in range(tries):
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        streams = socket.socket(family, socket.SOCK_STREAM)
        try:
            datagrams.bind(place)
            streams.bind(datagrams.getsockname())
            # At once, as the address is given away before the server's thread has begun.
            streams.listen(BACKLOG)
        except OSError:
            datagrams.close()
            streams.close()
            if attempt == tries - 1:
                raise
        else:
            return datagrams, streams
    raise AssertionError("unreachable")
