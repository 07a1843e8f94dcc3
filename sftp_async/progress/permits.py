"""Takes permits for connections from the driver: `DriverPermits`, on a process's event loop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections import Counter
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectError, PoolTimeout
from sftp_async.options.address import authority
from sftp_async.options.limits import needs_permits
from sftp_async.progress.permit_messages import (
    PermitChallenge,
    PermitMessage,
    PermitRequest,
    PermitStatus,
    PermitUse,
    Standing,
    end_conversation,
    frame,
    notice_dead_peers,
    read_frame,
)
from sftp_async.remote.permits import Permit, PermitSource
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.token_bucket import TokenBucket

if TYPE_CHECKING:
    from sftp_async.options import ConnectionOptions
    from sftp_async.progress.messages import Address
    from sftp_async.remote.permits import PermitHolder, Terms
    from sftp_async.remote.runtime import Runtime

log = logging.getLogger("sftp_async.progress.permits")

#: Seconds that the driver may take to answer at all.
ANSWER_TIMEOUT = 10.0
#: Seconds of a wait before it is logged, and between further lines.
FIRST_NOTE, NEXT_NOTE = 10.0, 60.0
#: Seconds of silence, and between probes, after which the driver counts as gone: earlier than the
#: driver gives up this process, so that its permit is no other's while a connection is open.
IDLE, INTERVAL = 10, 5
#: Seconds without a lease after which a connection counts as not in use. Between the small files
#: of a task it keeps its share of the bandwidth: if others got it meanwhile, each of many
#: connections could use all of it, in turns.
IDLE_AFTER = 1.0


def join_driver(options: ConnectionOptions, listener: Address | None, *, in_task: bool) -> Runtime:
    """Return this process's runtime, whose connections count at this driver from now on.

    Args:
        options: of the job; nothing changes if they set no limit of the whole job.
        listener: of the driver; None: there is none, and limits are this process's own.
        in_task: whether a task of Spark's runs; if not, it is a step of the driver.

    """
    runtime = get_runtime()
    if not needs_permits(options) and not options.connection_ramp_up:
        return runtime
    runtime.in_task = in_task
    now = runtime.permits
    if listener is None:
        runtime.permits = None
    elif not isinstance(now, DriverPermits) or now.address != listener:
        runtime.permits = DriverPermits(listener)
    return runtime


class DriverPermits(PermitSource):
    """The permits of one driver, as one process takes them.

    Args:
        address: of the driver's listener.

    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._holder = uuid.uuid4().hex
        self._held: Counter[PermitHolder] = Counter()

    async def take(
        self, terms: Terms, holder: PermitHolder, *, wait: bool, urgent: bool
    ) -> Permit | None:
        """Return a permit; see `PermitSource.take`."""
        permit = _DriverPermit(self.address, terms, holder, self._held)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await permit.ask(self._holder, wait=wait, urgent=urgent)
                status = await permit.first_status()
            if status.state == "waiting":
                status = await permit.granted(terms.wait or None)
        except (OSError, TimeoutError) as error:
            permit.end()
            raise ConnectError(
                "The driver's listener hands out no permit for a connection "
                f"({str(error) or 'no answer'}), which the job's limits need",
                host=authority(self.address.host, self.address.port),
                hint="Ensure that executors reach the driver at this address over TCP, or see "
                "docs/how-to/limits.md for limits without it",
            ) from error
        except BaseException:
            permit.end()
            raise
        if status.state == "refused":
            permit.end()
            return None
        return permit


class _DriverPermit(Permit):
    """A permit, and the TCP connection that it lives as long as."""

    def __init__(
        self, address: Address, terms: Terms, holder: PermitHolder, held: Counter[PermitHolder]
    ) -> None:
        self._address = address
        self._terms = terms
        self._holder = holder
        self._held = held
        self._own_nonce = secrets.token_hex(16)
        self._nonce = ""
        self._busy = True
        self._idle: asyncio.TimerHandle | None = None
        self._status: Standing | None = None
        self._changed = asyncio.Event()
        self._ended = False
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    # Asking

    async def ask(self, process: str, *, wait: bool, urgent: bool) -> None:
        """Send the request; raises `OSError`."""
        reader, self._writer = await asyncio.open_connection(self._address.host, self._address.port)
        notice_dead_peers(self._writer, idle=IDLE, interval=INTERVAL)
        challenge = await read_frame(reader, self._address.key, PermitChallenge)
        if challenge is None:
            raise ConnectionRefusedError("not the listener of this driver")
        self._nonce = challenge.nonce
        terms = self._terms
        self._send(
            PermitRequest(
                "request",
                self._nonce,
                self._own_nonce,
                terms.account,
                terms.connections,
                terms.bandwidth,
                process,
                wait,
                urgent,
            )
        )
        self._listening = asyncio.create_task(self._listen(reader))

    async def first_status(self) -> Standing:
        """Return how the request stands at first; raises `OSError`."""
        await self._changed.wait()
        return self._now()

    async def granted(self, seconds: float | None) -> Standing:
        """Wait until the permit is held.

        Raises:
            PoolTimeout: that took longer than `seconds`.
            OSError: the driver is gone.

        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        note_at = began + FIRST_NOTE
        give_up_at = None if seconds is None else began + seconds
        while (status := self._now()).state == "waiting":
            self._changed.clear()
            until = note_at if give_up_at is None else min(note_at, give_up_at)
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
                continue
            except TimeoutError:
                pass
            words = (
                f"{self._terms.account}: waiting for a connection for {loop.time() - began:.0f} s: "
                f"{status.in_use} of {status.limit} in use"
            )
            if give_up_at is not None and loop.time() >= give_up_at:
                raise PoolTimeout(
                    f"No connection was free within {seconds:g} seconds: {status.in_use} of "
                    f"{status.limit} are in use (max_total_connections)",
                    host=self._terms.account,
                    hint="Run fewer tasks at once, or raise max_connection_wait",
                    retryable=False,
                )
            log.warning("%s (max_total_connections)", words)
            note_at = loop.time() + NEXT_NOTE
        return status

    def _now(self) -> Standing:
        if self._status is None or self._ended:
            raise ConnectionResetError("the listener has ended the conversation")
        return self._status

    # Holding

    def use(self, busy: bool) -> None:
        """Report whether the connection is in use, where bandwidth is shared."""
        if self._terms.bandwidth is None or self._ended:
            return
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if not busy:
            self._idle = asyncio.get_running_loop().call_later(IDLE_AFTER, self._report, False)
        elif not self._busy:
            self._report(True)

    def _report(self, busy: bool) -> None:
        self._busy = busy
        if self.bucket is not None:
            self.bucket.fills = busy
        self._send(PermitUse("use", self._nonce, "busy" if busy else "idle"))

    def release(self, *, closed: bool) -> None:
        """Return the permit, once the bytes that have passed are paid for.

        The connection that comes next begins without them.
        """
        owed = 0.0 if self.bucket is None or self._ended else self.bucket.owed
        if owed:
            self.use(True)
            asyncio.get_running_loop().call_later(owed, self._return, closed)
        else:
            self._return(closed)

    def _return(self, closed: bool) -> None:
        if closed and not self._ended:
            self._send(PermitUse("use", self._nonce, "closed"))
        self.end()

    def end(self) -> None:
        """End the conversation, and with it the permit."""
        if self._ended:
            return
        self._ended = True
        if self._idle is not None:
            self._idle.cancel()
        if self._status is not None and self._status.state == "held":
            self._held[self._holder] -= 1
            if not self._held[self._holder]:
                del self._held[self._holder]
                self._holder.others_wait(False)
        if self._writer is not None:
            end_conversation(self._writer)
        if self._listening is not None:
            self._listening.cancel()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            await self._follow(reader)
        except asyncio.CancelledError:
            self.end()
            raise
        lost = not self._ended and self._status is not None and self._status.state == "held"
        self.end()
        self._changed.set()
        if lost:
            self.lost = True
            self._holder.permit_lost(self)

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        """Take note of each status, until the driver ends the conversation."""
        while (message := await read_frame(reader, self._address.key, PermitStatus)) is not None:
            if message.nonce != self._own_nonce:
                break
            status = message.standing
            before, self._status = self._status, status
            if status.rate and self.bucket is None:
                self.bucket = TokenBucket(status.rate)
            elif self.bucket is not None and status.rate:
                self.bucket.rate = status.rate
            self._changed.set()
            if status.state == "held":
                if before is None or before.state != "held":
                    self._held[self._holder] += 1
                self._holder.others_wait(status.waiting > 0)

    def _send(self, message: PermitMessage) -> None:
        if self._writer is not None and not self._ended:
            self._writer.write(frame(self._address.key, message))
