"""The server that all write to: OpenSSH in a container, else a local sshd, else the embedded one.

All of them serve a directory of this machine (the container has it mounted), so that every
contender writes to the same disk and its output can be read without SFTP.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.backends import BACKENDS, Backend, NoServerError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

KINDS = tuple(BACKENDS)
CONNECT_SECONDS = 5.0
#: A line of sshd's log at level DEBUG1.
NEGOTIATED = re.compile(r"kex: client->server cipher: (\S+)")


@dataclass(frozen=True)
class Server:
    """An address, who gets in there, and the same files as seen from here.

    Args:
        kind: one of `KINDS`.
        description: what it calls itself in SSH's first line.
        passed_over: why each better kind was not taken.
        host, port: where it listens.
        username: the only user.
        key_file: that user's private key, in OpenSSH's format.
        known_hosts_file: with the host keys under this very host and port.
        host_keys: `ssh-ed25519 AAAA…`, one of each kind.
        directory: a directory on the server that the user may write to.
        served: the same directory on this machine.
        visible: whether its processes are in this machine's /proc.
        backend: the server itself.

    """

    kind: str
    description: str
    passed_over: tuple[str, ...]
    host: str
    port: int
    username: str
    key_file: Path
    known_hosts_file: Path
    host_keys: tuple[str, ...]
    directory: str
    served: Path
    visible: bool
    backend: Backend
    _cipher_log: _CipherLog = field(repr=False)

    def options(self) -> dict[str, str]:
        """Return the options that `df.write.format("sftp").options(**...)` needs to reach it."""
        return {
            "host": self.host,
            "port": str(self.port),
            "username": self.username,
            "private_key_path": str(self.key_file),
            "known_hosts": self.known_hosts_file.read_text(),
        }

    def new_target(self) -> str:
        """Return a fresh path on the server that does not exist yet; its parent does."""
        return f"{self.directory.rstrip('/')}/{uuid.uuid4().hex}"

    def local(self, path: str) -> Path:
        """Where a path on the server lies on this machine."""
        return self.served / Path(path).relative_to(self.directory)

    def remove(self, path: str) -> None:
        """Remove a path on the server and all in it; it may not exist."""
        local = self.local(path)
        try:
            if local.is_dir():
                shutil.rmtree(local)
            else:
                local.unlink(missing_ok=True)
        except PermissionError:
            # In a container the files belong to another user.
            self.backend.remove(path)

    def pids(self) -> Collection[int]:
        """Process ids of the server's roots, for the meter."""
        return self.backend.pids()

    def ciphers(self) -> list[str]:
        """Return what was negotiated for data to the server since the last call, by its log.

        The embedded server keeps none.
        """
        return self._cipher_log.new()

    def through(self, host: str, port: int, scratch: Path) -> Server:
        """Return the same server at another address, such as a relay's.

        Args:
            host, port: of the relay.
            scratch: where its known_hosts file is written.

        """
        known_hosts = scratch / f"known_hosts-{port}"
        known_hosts.write_text(known_hosts_lines(host, port, self.host_keys))
        return replace(self, host=host, port=port, known_hosts_file=known_hosts)


class _CipherLog:
    """Reads on in a server's log."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._read = 0

    def new(self) -> list[str]:
        found = NEGOTIATED.findall(self._backend.log_text())
        new, self._read = found[self._read :], len(found)
        return new


@contextmanager
def start_server(wanted: str, scratch: Path) -> Iterator[Server]:
    """Start a server; it ends with the block.

    Args:
        wanted: one of `KINDS`, or `auto` for the first of them that can run here.
        scratch: a directory of the suite's own.

    Raises:
        NoServerError: it cannot run here; says why.

    """
    passed_over: list[str] = []
    for kind in KINDS if wanted == "auto" else [wanted]:
        directory = scratch / kind
        directory.mkdir()
        backend = BACKENDS[kind](directory)
        with contextlib.ExitStack() as ending:
            try:
                ending.callback(backend.stop)
                backend.start()
                server = _describe(kind, backend, directory, tuple(passed_over))
            except NoServerError as reason:
                passed_over.append(f"{kind}: {reason}")
                continue
            yield server
            return
    raise NoServerError("; ".join(passed_over))


def _describe(kind: str, backend: Backend, directory: Path, passed_over: tuple[str, ...]) -> Server:
    known_hosts = directory / "known_hosts"
    known_hosts.write_text(known_hosts_lines(backend.host, backend.port, backend.host_keys))
    return Server(
        kind=kind,
        description=_first_line(backend.host, backend.port),
        passed_over=passed_over,
        host=backend.host,
        port=backend.port,
        username=backend.username,
        key_file=backend.key_file,
        known_hosts_file=known_hosts,
        host_keys=tuple(backend.host_keys),
        directory=backend.directory,
        served=backend.served,
        visible=backend.visible,
        backend=backend,
        _cipher_log=_CipherLog(backend),
    )


def _first_line(host: str, port: int) -> str:
    """Return what the server sends first, RFC 4253, 4.2: `SSH-2.0-OpenSSH_9.2p1 Debian-2`."""
    try:
        with (
            socket.create_connection((host, port), CONNECT_SECONDS) as probe,
            probe.makefile("rb") as lines,
        ):
            return lines.readline(256).decode(errors="replace").strip().removeprefix("SSH-2.0-")
    except OSError as error:
        raise NoServerError(f"started, but does not answer at {host}:{port} ({error})") from error


def known_hosts_lines(host: str, port: int, keys: Sequence[str]) -> str:
    """Return known_hosts lines; port 22 is written without brackets, see sshd(8)."""
    name = host if port == 22 else f"[{host}]:{port}"
    return "".join(f"{name} {key}\n" for key in keys)
