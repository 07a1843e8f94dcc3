"""Who is examined: the options, the connection, and what was found out on the way."""

from __future__ import annotations

import posixpath
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sftp_async.errors import (
    UNKNOWN_OUTCOME,
    AlgorithmsError,
    HostKeyError,
    NoSFTPError,
    RemoteNotFoundError,
    RemotePermissionError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.options.jump_hosts import route_to
from sftp_async.remote.ssh import connect
from sftp_async.tools.doctor.report import printable

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.ssh import Capabilities, Connection
    from sftp_async.tools.doctor.report import Status

#: Which check an error of `connect` belongs to; those before it went well. First match wins.
_STAGES = (
    (AlgorithmsError, "Algorithms"),
    (HostKeyError, "Host key"),
    (NoSFTPError, "SFTP"),
    (SFTPAsyncError, "Login"),
)

#: What to do about an error that does not say it itself. First match wins.
_REMEDIES: tuple[tuple[Any, str], ...] = (
    (RemotePermissionError, "Ask the server's operator for permission, or choose another path"),
    (UNKNOWN_OUTCOME, "Try again; if it lasts, ask the server's operator what its log says"),
    (TransferError, "Ask the server's operator what its log says: it may be read-only there"),
)


@dataclass(frozen=True)
class Finding:
    """What one check found, in words that are safe to show."""

    status: Status
    detail: str
    advice: str = ""

    @classmethod
    def ok(cls, detail: str, advice: str = "") -> Finding:
        """Return that all is well."""
        return cls("ok", printable(detail), printable(advice))

    @classmethod
    def warning(cls, detail: str, advice: str) -> Finding:
        """Return that a job would work, but not as well as it could."""
        return cls("warning", printable(detail), printable(advice))

    @classmethod
    def failed(cls, error: SFTPAsyncError, advice: str = "", *, place: str = "") -> Finding:
        """Return an error's cause and remedy; `place` is where it was, if not at the server."""
        problems = getattr(error, "problems", None)
        detail = " ".join(problems) if problems else error.message
        where = f" ({error.path or place})" if error.path or place else ""
        usual = next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), "")
        return cls("failed", printable(detail + where), printable(error.hint or advice or usual))


@dataclass
class CheckContext:
    """A server, as one set of options reaches it.

    Args:
        given: the options as the user gave them.
        path: remote path that a job would write to.

    Attributes:
        options: resolved; set by the first check.
        directory: where probes go; set by the check of the target.

    """

    given: SFTPOptions
    path: str
    host_key_fingerprint: str | None = None
    algorithms: Mapping[str, str] = field(default_factory=dict)
    capabilities: Capabilities | None = None
    server: str | None = None
    round_trip_ms: float | None = None
    sessions: int | None = None
    connections: int | None = None
    free_bytes: int | None = None
    megabytes_per_second: float | None = None
    directory: str = "."
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def __post_init__(self) -> None:
        self.options = self.given
        self._connection: Connection | None = None
        self._refusal: SFTPAsyncError | None = None
        self._mark = uuid.uuid4().hex
        #: What was put on the server and is there, as far as is known.
        self.probes: set[str] = set()

    @property
    def connection(self) -> Connection:
        """The connection; only for checks that need one."""
        assert self._connection is not None
        return self._connection

    @property
    def way(self) -> tuple[str, ...]:
        """The proxy and the bastions that are passed on the way."""
        return route_to(self.options)

    @property
    def lost(self) -> bool:
        """Whether there was a connection, which is of no more use."""
        return self._connection is not None and not self._connection.usable

    async def reach(self, stage: str) -> bool:
        """Connect, at the first call; return whether more than `stage` is known to have gone well.

        Raises:
            SFTPAsyncError: connecting failed at this very stage.

        """
        if self._connection is None and self._refusal is None:
            try:
                self._connection = await connect(self.options)
            except SFTPAsyncError as error:
                self._refusal = error
                if isinstance(error, HostKeyError) and self._stage_of(error) == "Host key":
                    self.host_key_fingerprint = error.fingerprint
            else:
                self.host_key_fingerprint = self._connection.host_key_fingerprint
                self.algorithms = self._connection.algorithms
        if self._refusal is None:
            return True
        if self._stage_of(self._refusal) == stage:
            raise self._refusal
        return False

    def place_of(self, error: SFTPAsyncError) -> str:
        """Return the proxy or the bastion that an error is about; empty if it is the server."""
        return "" if error.host in (None, self.options.address) else str(error.host)

    def _stage_of(self, error: SFTPAsyncError) -> str:
        if self.place_of(error):
            return "TCP"  # it is no further
        return next(name for kind, name in _STAGES if isinstance(error, kind))

    def probe(self, suffix: str = "") -> str:
        """Return the path of a hidden file of our own."""
        return posixpath.join(self.directory, f".sftp_async-check-{self._mark}{suffix}")

    async def end(self) -> None:
        """Leave nothing behind: no file, no connection."""
        if self.streams is not None:
            self.streams[1].close()
        if self._connection is None:
            return
        try:
            if self.probes:
                await self._clear()
        finally:
            await self._connection.close()

    async def _clear(self) -> None:
        if self.lost:
            with suppress(SFTPAsyncError):
                self._connection = await connect(self.options)
        for path in sorted(self.probes):
            # A check has told of what cannot be removed.
            with suppress(SFTPAsyncError):
                with suppress(RemoteNotFoundError):
                    await self.connection.remove(path)
                self.probes.discard(path)
