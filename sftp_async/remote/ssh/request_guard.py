"""`RequestGuard`: runs every request of one SSH connection, watched for silence, errors mapped."""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.constants import DISC_BY_APPLICATION, MSG_DISCONNECT
from asyncssh.packet import String, UInt32

from sftp_async.errors import (
    ConnectionGivenUpError,
    ConnectionLostError,
    RemoteProtocolError,
    StalledError,
)
from sftp_async.remote.ssh.error_mapping import REFUSED_OR_LOST, request_error
from sftp_async.remote.ssh.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sftp_async.options import ConnectionOptions

#: Seconds that an orderly disconnect may take.
CLOSE_TIMEOUT = 5.0


class RequestGuard:
    """The SSH connection, whether it can still be used, and the rules for a request on it.

    Attributes:
        round_trip: seconds that the quickest answer has taken, and so no less than a round trip;
            infinite before the first.

    """

    def __init__(
        self,
        ssh: asyncssh.SSHClientConnection,
        options: ConnectionOptions,
        bastions: Sequence[asyncssh.SSHClientConnection] = (),
    ) -> None:
        self.address = options.address
        self.stall_timeout = options.stall_timeout
        self.round_trip = math.inf
        self._operation_timeout = options.operation_timeout
        self._ssh = ssh
        # They end with the connection, by its `Login`.
        self._bastions = bastions
        self._stalled_for: float | None = None
        self._broken = False
        self._given_up = False
        self._watchdog = Watchdog(self._on_silence)

    @property
    def usable(self) -> bool:
        """Whether requests can still be sent."""
        return not self._broken and not self._ssh.is_closed()

    @property
    def quiet_for(self) -> float:
        """Seconds since the last answer; 0 while one is due."""
        return self._watchdog.quiet_for

    def give_up(self) -> None:
        """Refuse further requests with `ConnectionGivenUpError`; to be closed then."""
        self._broken = self._given_up = True

    def abort(self) -> None:
        """Cut the connection at once, without a disconnect message; for everything unexpected."""
        self._broken = True
        self._watchdog.close()
        self._ssh.abort()

    async def close(self) -> None:
        """Disconnect and wait for the socket to close, for a few seconds at most."""
        self._broken = True
        self._watchdog.close()
        self._ssh.close()
        try:
            with suppress(TimeoutError, OSError, asyncssh.Error):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    for ssh in (self._ssh, *reversed(self._bastions)):
                        await ssh.wait_closed()
        finally:
            for ssh in (self._ssh, *self._bastions):
                ssh.abort()  # no more than a formality on a closed one

    async def close_and_wait(self) -> bool:
        """Disconnect, and wait until the server has ended the connection, too.

        Returns:
            False if it has not after a few seconds.

        """
        self._broken = True
        self._watchdog.close()
        try:
            # asyncssh's own disconnect does not wait for the server's end of the connection.
            self._ssh.send_packet(
                MSG_DISCONNECT, UInt32(DISC_BY_APPLICATION), String("Disconnected"), String("")
            )
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._ssh.wait_closed()
        except (TimeoutError, OSError, asyncssh.Error):
            return False
        finally:
            for ssh in (self._ssh, *self._bastions):
                ssh.abort()
        return True

    def heard(self) -> None:
        """Note that part of an answer came: a long request continues."""
        self._watchdog.heard()

    @asynccontextmanager
    async def request(
        self, what: str, path: str, patience: float | None = None
    ) -> AsyncIterator[None]:
        """Run one request: watched for silence, its errors mapped.

        Args:
            what: the operation, as in "rename".
            path: the remote path it is about.
            patience: seconds of silence to tolerate; `operation_timeout` if not given.

        Raises:
            StalledError, ConnectionLostError: the outcome is unknown and the connection is of no
                more use.
            TransferError: or another subclass: the server refused.

        """
        if not self.usable:
            lost = ConnectionGivenUpError if self._given_up else ConnectionLostError
            raise lost(f"Cannot {what}: the connection is closed", host=self.address, path=path)
        started = time.monotonic()
        try:
            with self._watchdog.expecting(patience or self._operation_timeout):
                yield
            self.round_trip = min(self.round_trip, time.monotonic() - started)
        except REFUSED_OR_LOST as error:
            if self._stalled_for is not None:
                raise StalledError(
                    f"Cannot {what}: no answer from the server for {self._stalled_for:.3g} seconds",
                    host=self.address,
                    path=path,
                    hint="Check the server and the network; on a very slow network set "
                    "chunk_size=32KiB, or raise stall_timeout, operation_timeout and "
                    "keepalive_interval",
                ) from error
            mapped = request_error(error, what, self.address, path)
            if isinstance(mapped, ConnectionLostError | RemoteProtocolError):
                self.abort()
            raise mapped from error
        except asyncio.CancelledError:
            # asyncssh leaves a cancelled request running: this connection must not be used again.
            self.abort()
            raise

    def _on_silence(self, seconds: float) -> None:
        self._stalled_for = seconds
        self.abort()
