"""Holds the state that checks share: the options, the connection, and the results so far."""

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
    SessionRefusedError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.humanize import printable
from sftp_async.layout.hidden_names import hidden_name
from sftp_async.options.jump_hosts import route_to
from sftp_async.remote.ssh import connect

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.listing import FoundFile
    from sftp_async.remote.ssh import Capabilities, Connection
    from sftp_async.tools.doctor.report import Status

#: The check that an error of `connect` belongs to; the checks before it succeeded. First match
#: wins.
_STAGES: tuple[tuple[Any, str], ...] = (
    (AlgorithmsError, "Algorithms"),
    (HostKeyError, "Host key"),
    ((NoSFTPError, SessionRefusedError), "SFTP"),
    (SFTPAsyncError, "Login"),
)

#: The advice for an error without a hint of its own. First match wins.
_REMEDIES: tuple[tuple[Any, str], ...] = (
    (RemotePermissionError, "Ask the server's operator for permission, or choose another path"),
    (
        UNKNOWN_OUTCOME,
        "Try again; if the error persists, ask the server's operator to look into its log",
    ),
    (
        TransferError,
        "Ask the server's operator to look into its log: the directory may be read-only",
    ),
)


@dataclass(frozen=True)
class Finding:
    """The result of one check, in text that is safe to show."""

    status: Status
    detail: str
    advice: str = ""

    @classmethod
    def ok(cls, detail: str, advice: str = "") -> Finding:
        """Return a success."""
        return cls("ok", _one_line(detail), _one_line(advice))

    @classmethod
    def warning(cls, detail: str, advice: str) -> Finding:
        """Return a warning: a job works, but not as well as it could."""
        return cls("warning", _one_line(detail), _one_line(advice))

    @classmethod
    def failed(cls, error: SFTPAsyncError, advice: str = "", *, place: str = "") -> Finding:
        """Return a failure with an error's cause and remedy; `place` is the proxy or bastion."""
        problems = getattr(error, "problems", None)
        detail = " ".join(problems) if problems else error.message
        where = f" ({error.path or place})" if error.path or place else ""
        usual = next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), "")
        return cls("failed", _one_line(detail + where), _one_line(error.hint or advice or usual))


@dataclass
class CheckContext:
    """What the checks of one server share.

    Args:
        given: the options as the user gave them.
        path: the remote path that a job would write to, or read.

    Attributes:
        options: the options with resolved references; set by the first check.
        directory: the directory for probe files; set by the check of the target.
        removes: whether the server removes files; set by the check of that.
        reads: whether the job is a read.
        listed: the files of the read; set by the check of the listing.
        ranges: whether the server reads from the middle of a file.
        probes: the paths of probe files that may exist on the server.

    """

    given: SFTPOptions
    path: str
    reads: bool = False
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
    removes: bool = True
    listed: Sequence[FoundFile] = ()
    ranges: bool = True
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def __post_init__(self) -> None:
        self.options = self.given
        self._connection: Connection | None = None
        self._refusal: SFTPAsyncError | None = None
        self._mark = uuid.uuid4().hex
        self.probes: set[str] = set()

    @property
    def connection(self) -> Connection:
        """The connection; only for checks that need an established one."""
        assert self._connection is not None
        return self._connection

    @property
    def route(self) -> tuple[str, ...]:
        """The addresses of the proxy and the bastions before the server."""
        return route_to(self.options)

    @property
    def lost(self) -> bool:
        """Whether there was a connection that cannot be used any more."""
        return self._connection is not None and not self._connection.usable

    async def reach(self, stage: str) -> bool:
        """Connect at the first call; return whether connecting succeeded.

        Connecting is one operation, and each check reports one stage of it. False means that
        connecting failed at a later stage than `stage`, which itself succeeded.

        Raises:
            SFTPAsyncError: connecting failed at this stage.

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
        """Return the proxy or bastion that an error is about; empty if it is the server."""
        return "" if error.host in (None, self.options.address) else str(error.host)

    def _stage_of(self, error: SFTPAsyncError) -> str:
        if self.place_of(error):
            return "TCP"  # the server was not reached
        return next(name for kind, name in _STAGES if isinstance(error, kind))

    def probe_path(self, suffix: str = "") -> str:
        """Return the path of a hidden probe file with a unique name."""
        return posixpath.join(self.directory, self.hidden(suffix))

    def hidden(self, suffix: str = "") -> str:
        """Return a hidden name that no other check has."""
        return hidden_name("check", self._mark, suffix)

    async def close(self) -> None:
        """Remove all probe files and close the connection."""
        if self.streams is not None:
            self.streams[1].close()
        if self._connection is None:
            return
        try:
            if self.probes:
                await self._remove_probes()
        finally:
            await self._connection.close()

    async def _remove_probes(self) -> None:
        if self.lost:
            with suppress(SFTPAsyncError):
                self._connection = await connect(self.options)
        for path in sorted(self.probes):
            # The check "Remove" reports files that cannot be removed.
            with suppress(SFTPAsyncError):
                with suppress(RemoteNotFoundError):
                    await self.connection.remove(path)
                self.probes.discard(path)


def _one_line(text: str) -> str:
    return printable(text.replace("\n", " "))
