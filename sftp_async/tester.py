"""Tries a connection before a job does: `SFTPConnectionTester`, and the report of its `check()`."""

from __future__ import annotations

import posixpath
import statistics
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    HostKeyError,
    OptionsError,
    RemoteNotFoundError,
    RemotePermissionError,
    SFTPAsyncError,
    TransferError,
)
from sftp_async.options import SFTPOptions
from sftp_async.report_html import steps_table
from sftp_async.runtime import get_runtime
from sftp_async.transport import connect

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from sftp_async.transport import Capabilities, Connection

__all__ = ["CheckReport", "CheckStep", "SFTPConnectionTester"]

#: What `check()` does, in this order.
STEPS: Final = ("Options", "Connection", "Host key", "Login", "Server", "Round trip", "Write")
#: Stats whose median is the round-trip time.
ROUND_TRIPS: Final = 5
_PROBE: Final = b"sftp_async was here to see whether it may write; this file can be removed.\n"

#: Which step an error of `connect` belongs to; all steps before it went well. First match wins.
_FAILED_STEP: Final[tuple[tuple[type[SFTPAsyncError], str], ...]] = (
    (OptionsError, "Options"),
    (HostKeyError, "Host key"),
    (AuthenticationError, "Login"),
    (SFTPAsyncError, "Connection"),
)
_WENT_WELL: Final = {
    "Options": "complete",
    "Connection": "the server answers",
    "Host key": "trusted",
    "Login": "accepted",
}


@dataclass(frozen=True)
class CheckStep:
    """One step of a check.

    Args:
        name: one of `STEPS`.
        ok: whether it went well; None if an earlier step failed and this one was not run.
        detail: what was found.
        advice: what to do next, where there is something to do.

    """

    name: str
    ok: bool | None = None
    detail: str = ""
    advice: str = ""


@dataclass(frozen=True)
class CheckReport:
    """What a check found; `print` it, or let a notebook show it as a table.

    Args:
        address: `user@host:port`.
        path: the remote directory that was tried.
        steps: all of `STEPS`, in order.
        host_key_fingerprint: `SHA256:…` of the key the server showed, if it got that far.
        capabilities: what the server offers, if it got that far.
        round_trip_ms: median time of one request in milliseconds, if it got that far.

    """

    address: str
    path: str
    steps: tuple[CheckStep, ...]
    host_key_fingerprint: str | None = None
    capabilities: Capabilities | None = None
    round_trip_ms: float | None = None

    @property
    def ok(self) -> bool:
        """Whether every step went well."""
        return all(step.ok for step in self.steps)

    def __str__(self) -> str:
        lines = [f"SFTP check of {self.address}, path {self.path}: {_verdict(self.ok)}"]
        for step in self.steps:
            lines.append(f"  {_verdict(step.ok):8} {step.name:11} {step.detail}".rstrip())
            if step.advice:
                lines.append(f"{'':22} -> {step.advice}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        title = f"SFTP check of {self.address}, path {self.path}: {_verdict(self.ok)}"
        return steps_table(
            title, ((_verdict(s.ok), s.name, s.detail, s.advice) for s in self.steps)
        )

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # IPython's plain text
        printer.text(str(self))


def _verdict(ok: bool | None) -> str:
    return {True: "ok", False: "FAILED", None: "not run"}[ok]


@dataclass
class _Progress:
    """A report in the making."""

    found: dict[str, CheckStep] = field(default_factory=dict)
    host_key_fingerprint: str | None = None
    capabilities: Capabilities | None = None
    round_trip_ms: float | None = None

    def passed(self, name: str, detail: str, advice: str = "") -> None:
        self.found[name] = CheckStep(name, True, _printable(detail), _printable(advice))

    def failed(self, name: str, error: SFTPAsyncError, advice: str | None = None) -> None:
        problems = getattr(error, "problems", None)
        detail = " ".join(problems) if problems else error.message
        where = f" ({error.path})" if error.path else ""
        hint = _printable(advice or error.hint or "")
        self.found[name] = CheckStep(name, False, _printable(detail + where), hint)

    def connect_failed(self, error: SFTPAsyncError) -> None:
        failed = next(name for kind, name in _FAILED_STEP if isinstance(error, kind))
        for name in STEPS[: STEPS.index(failed)]:
            self.passed(name, _WENT_WELL[name])
        if isinstance(error, HostKeyError):
            self.host_key_fingerprint = error.fingerprint
        self.failed(failed, error)

    def report(self, address: str, path: str) -> CheckReport:
        return CheckReport(
            address=address,
            path=path,
            steps=tuple(self.found.get(name, CheckStep(name)) for name in STEPS),
            host_key_fingerprint=self.host_key_fingerprint,
            capabilities=self.capabilities,
            round_trip_ms=self.round_trip_ms,
        )


class SFTPConnectionTester:
    """Connects to an SFTP server outside of any Spark job: to look around, or to find a fault.

        with SFTPConnectionTester("sftp.example.com", "me", "~/.ssh/id_ed25519") as tester:
            print(tester.list_files("/out"))

        print(SFTPConnectionTester("sftp.example.com", "me", password="env:PW").check("/out"))

    It works in notebooks, whose own event loop runs in the same thread. Use it from one thread.

    Args:
        host: host name or address.
        username: user to log in as.
        private_key_path: private key file.
        password: password, or a reference such as `env:NAME`.
        port: TCP port.
        options: any other option of `SFTPOptions`.

    Raises:
        OptionsError: lists all mistakes.

    """

    _connection: Connection | None = None

    def __init__(
        self,
        host: str,
        username: str,
        private_key_path: str | os.PathLike[str] | None = None,
        password: str | None = None,
        port: int = 22,
        **options: Any,
    ) -> None:
        self.options = SFTPOptions(
            host=host,
            username=username,
            private_key_path=private_key_path,
            password=password,
            port=port,
            **options,
        )

    @classmethod
    def from_options(cls, options: SFTPOptions) -> Self:
        """Build from the options that a write would use."""
        tester = cls.__new__(cls)
        tester.options = options
        return tester

    def __repr__(self) -> str:
        state = "connected" if self._connection is not None else "not connected"
        return f"<{type(self).__name__} {self.options.address} {state}>"

    def connect(self) -> Self:
        """Connect and log in unless that is done; one attempt, no retries. Return `self`.

        Raises:
            OptionsError: a key or a reference cannot be used.
            ConnectError: no connection; `HostKeyError` and `AuthenticationError` are its kinds.

        """
        if self._connection is None or not self._connection.usable:
            self._connection = get_runtime().run(connect(self.options.resolve()))
        return self

    def disconnect(self) -> None:
        """Close the connection; does nothing if there is none."""
        connection, self._connection = self._connection, None
        if connection is not None:
            get_runtime().run(connection.close())

    def __enter__(self) -> Self:
        return self.connect()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.disconnect()

    def list_files(self, remote_dir: str = ".") -> list[str]:
        """Return the names in a remote directory, sorted, without `.` and `..`.

        Raises:
            ConnectError: not connected.
            TransferError: the directory cannot be listed, or the connection broke.

        """
        if self._connection is None:
            raise ConnectError(
                "Not connected",
                host=self.options.address,
                hint="Call connect() first, or use the tester in a with statement",
                retryable=False,
            )
        entries = get_runtime().run(self._connection.listdir(remote_dir))
        return sorted(entry.name for entry in entries)

    def check(self, path: str = ".") -> CheckReport:
        """Try all that a write needs, over a connection of its own, and report what fails.

        Creates a small file of a unique name in `path` and removes it.

        Args:
            path: remote directory that a job would write to.

        """
        progress = _Progress()
        try:
            resolved = self.options.resolve()
        except OptionsError as error:
            progress.connect_failed(error)
        else:
            get_runtime().run(_check(resolved, path, progress))
        return progress.report(self.options.address, path)


async def _check(options: SFTPOptions, path: str, progress: _Progress) -> None:
    try:
        connection = await connect(options)
    except SFTPAsyncError as error:
        progress.connect_failed(error)
        return
    try:
        _describe(connection, options, progress)
        if await _measure(connection, progress):
            await _try_writing(connection, path, progress)
    finally:
        await connection.close()


def _describe(connection: Connection, options: SFTPOptions, progress: _Progress) -> None:
    """Report what connecting has shown."""
    for name in ("Options", "Connection", "Login"):
        progress.passed(name, _WENT_WELL[name])
    fingerprint = connection.host_key_fingerprint
    progress.host_key_fingerprint = fingerprint
    if options.host_key_policy == "insecure":
        found = f"{fingerprint}, NOT checked (host_key_policy=insecure)"
        advice = "Once the server's operator confirms it, set host_key_fingerprint to it"
        progress.passed("Host key", found, advice)
    else:
        progress.passed("Host key", f"{fingerprint}, trusted")
    offers = connection.capabilities
    progress.capabilities = offers
    known = {
        "posix-rename": offers.posix_rename,
        "copy-data": offers.copy_data,
        "statvfs": offers.statvfs,
        "fsync": offers.fsync,
        "limits": offers.limits,
    }
    words = {True: "yes", False: "no", None: "unknown"}
    extensions = ", ".join(f"{name} {words[there]}" for name, there in known.items())
    progress.passed(
        "Server",
        f"{offers.server_version}; {offers.max_write // 1024} KiB a request; {extensions}",
    )


async def _measure(connection: Connection, progress: _Progress) -> bool:
    times = []
    try:
        for _ in range(ROUND_TRIPS):
            start = time.perf_counter()
            await connection.stat(".")
            times.append(time.perf_counter() - start)
    except TransferError as error:
        progress.failed("Round trip", error)
        return False
    progress.round_trip_ms = statistics.median(times) * 1000
    progress.passed("Round trip", f"{progress.round_trip_ms:.1f} ms")
    return True


async def _try_writing(connection: Connection, path: str, progress: _Progress) -> None:
    probe = posixpath.join(path, f".sftp_async-check-{uuid.uuid4().hex}")
    created = False
    try:
        file = await connection.open_new(probe)
        created = True
        await file.write(_PROBE, 0)
        await file.close()
        size = (await connection.stat(probe)).size
        if size != len(_PROBE):
            raise TransferError(
                f"A file of {len(_PROBE)} bytes arrived with {size} bytes",
                path=probe,
                hint="The server alters or loses data: do not write to it before that is explained",
            )
        created = False
        await connection.remove(probe)
    except TransferError as error:
        progress.failed("Write", error, _write_advice(error, path))
        if created:
            await _remove_probe(connection, probe)
    else:
        progress.passed("Write", f"may create and remove files in {path}")


async def _remove_probe(connection: Connection, probe: str) -> None:
    try:
        await connection.remove(probe)
    except TransferError:
        return  # the report tells of the first failure, which names the file


def _write_advice(error: TransferError, path: str) -> str | None:
    if error.hint is None and isinstance(error, RemoteNotFoundError):
        return f"Create {path}, or check it for a typing error (a job makes it if create_dirs=true)"
    if error.hint is None and isinstance(error, RemotePermissionError):
        return "Ask the server's operator for permission, or choose another path"
    return None


def _printable(text: str) -> str:
    """Disarm control characters: a server chooses some of the words shown in a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text.replace("\n", " "))
