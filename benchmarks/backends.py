"""Starts a server of each kind, and knows its processes, its log and its files."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import socket
import stat
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncssh
import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.container import ContainerServer
from tests.support.keys import KINDS, KeySet
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[1]
KIND = "ed25519"
MOUNT = "/bench"
SSH_PORT = 22
REACH_SECONDS = 2.0
IMAGE_CONFIG = REPOSITORY / "tests" / "integration" / "image" / "sshd_config"
# Names the ciphers; some sixty lines a connection, none a request.
LOG_LEVEL = "DEBUG1"
# linux/prctl.h; the attribute survives execve: see PR_SET_CHILD_SUBREAPER in prctl(2).
PR_SET_CHILD_SUBREAPER = 36
# What tests.support says where something is missing; both end a test, neither is an Exception.
MISSING = (pytest.skip.Exception, pytest.fail.Exception)


class NoServerError(Exception):
    """This kind of server cannot run here; says why."""


class Backend(ABC):
    """A server to start.

    Args:
        scratch: a directory of its own, on this machine.

    Attributes, once started:
        host, port, username: where to connect, as whom.
        key_file: the user's private key.
        host_keys: `ssh-ed25519 AAAA…`, one of each kind.
        directory, served: what the user may write to: its path there, and here.
        visible: whether its processes are in this machine's /proc.

    """

    host: str
    port: int
    username: str
    key_file: Path
    host_keys: Sequence[str]
    directory: str
    visible = True

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.served = scratch / "served"
        self.served.mkdir()

    @abstractmethod
    def start(self) -> None:
        """Return once it listens.

        Raises:
            NoServerError: it cannot run here.

        """

    @abstractmethod
    def stop(self) -> None:
        """End it, if it was started."""

    @abstractmethod
    def pids(self) -> Collection[int]:
        """Process ids of its roots."""

    def log_text(self) -> str:
        """Everything it logged until now."""
        return ""

    def remove(self, path: str) -> None:
        """Remove a remote path that this user may not remove here."""
        raise PermissionError(f"{path} cannot be removed")


class Container(Backend):
    """OpenSSH in a container, from the project's own image, with `served` mounted."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        # Another user writes there; the directories above admit no other user.
        self.served.chmod(0o777)
        self.directory = MOUNT
        self._server: _MountedServer | None = None

    def start(self) -> None:
        """Take the container's own address where it can be reached, else the published port.

        Docker forwards the latter through a process of its own (docker-proxy) that copies every
        byte: a cost that no server has, and that the meter would not see.
        """
        config = self.scratch / "sshd_config"
        lines = IMAGE_CONFIG.read_text().splitlines()
        # `ssh cat` is one of the contenders, so the account may run commands, too.
        kept = [line for line in lines if not line.startswith(("ForceCommand", "LogLevel"))]
        config.write_text("\n".join([*kept, f"LogLevel {LOG_LEVEL}", ""]))
        keys = _in_own_words(lambda: KeySet(_made(self.scratch / "keys")))
        server = _in_own_words(lambda: _MountedServer(keys, self.served, config))
        self._server = server
        _in_own_words(server.start)
        server.run("usermod", "--shell", "/bin/sh", server.username)
        self.username, self.key_file = server.username, keys.path(KIND)
        self.host_keys = [line.split(" ", 1)[1] for line in server.known_hosts.splitlines()]
        self.host, self.port = server.host, server.port
        if server.address and _answers(server.address, SSH_PORT):
            self.host, self.port = server.address, SSH_PORT
        self.visible = _is_sshd(server.init_pid)

    def stop(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def pids(self) -> Collection[int]:
        """Return the id of the first process, which reaps all the others."""
        return [self._server.init_pid] if self._server is not None and self.visible else []

    def log_text(self) -> str:
        """Return all that it has logged."""
        return self._server.log_text() if self._server is not None else ""

    def remove(self, path: str) -> None:
        """Remove a path, as root in the container."""
        assert self._server is not None
        self._server.run("rm", "-rf", path)


class _MountedServer(ContainerServer):
    """The tests' container, with a directory of this machine and a configuration of the suite's."""

    def __init__(self, user_keys: KeySet, served: Path, config: Path) -> None:
        self._mounts = {served: (MOUNT, "rw"), config: ("/etc/ssh/sshd_config_sftp", "ro")}
        super().__init__(user_keys)

    def start(self) -> _MountedServer:
        super().start()
        daemon = self._container.get_docker_client().client
        state = daemon.api.inspect_container(self._container.get_container_id())
        self.init_pid = int(state["State"]["Pid"])
        self.address = str(state["NetworkSettings"].get("IPAddress") or "")
        return self

    def run(self, *command: str) -> None:
        """Run a command in it, as root."""
        self.execute(*command)

    def _make(self) -> DockerContainer:
        container = super()._make()
        for here, (there, mode) in self._mounts.items():
            container.with_volume_mapping(str(here), there, mode)
        return container


class LocalSSHD(Backend):
    """The machine's own sshd, as this user, on a loopback port."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self.directory = str(self.served)
        self._server: _ReapingSSHD | None = None

    def start(self) -> None:
        """Start it; see `Backend`."""
        user_keys = _in_own_words(lambda: KeySet(_made(self.scratch / "user-keys")))
        host_keys = _in_own_words(lambda: KeySet(_made(self.scratch / "host-keys")))
        made = _in_own_words(lambda: _ReapingSSHD(self.scratch, host_keys, user_keys))
        self._server = made
        _in_own_words(made.start)
        self.host, self.port, self.username = made.host, made.port, made.username
        self.key_file = user_keys.path(KIND)
        self.host_keys = [host_keys.public(kind) for kind in KINDS]

    def stop(self) -> None:
        """End it."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def pids(self) -> Collection[int]:
        """Return its process id."""
        return [] if self._server is None else [self._server.pid]

    def log_text(self) -> str:
        """Return all that it has logged."""
        return "" if self._server is None else self._server.log_text()


class _ReapingSSHD(SSHD):
    """The tests' sshd, made the one that reaps whatever its sessions leave behind.

    A session that ends before its sftp-server would hand that process to init, and its CPU seconds
    would be lost to the meter. In a container sshd is init and reaps them anyway.
    """

    def __init__(self, directory: Path, host_keys: KeySet, user_keys: KeySet) -> None:
        super().__init__(directory, host_keys, user_keys, LogLevel=LOG_LEVEL)
        reap = (
            "import ctypes, os, sys; "
            f"ctypes.CDLL(None).prctl({PR_SET_CHILD_SUBREAPER}, 1, 0, 0, 0); "
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        words = shlex.join([sys.executable, "-c", reap, self._binary])
        wrapper = directory / "sshd-that-reaps"
        wrapper.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        self._wrapper = wrapper

    def start(self) -> SSHD:
        self._binary, binary = str(self._wrapper), self._binary
        try:
            return super().start()
        finally:
            self._binary = binary

    @property
    def pid(self) -> int:
        """Of the listener."""
        assert self._process is not None
        return self._process.pid


class Embedded(Backend):
    """The project's own server, in a process of its own. Keys alone get in, as with the others."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        self.directory = "/"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it; see `Backend`."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.key_file = self.scratch / "id_ed25519"
        self.key_file.touch(mode=0o600)
        key.write_private_key(self.key_file)
        public = key.export_public_key("openssh").decode().strip()
        path = os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.backends", str(self.served), public],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NoServerError(f"its process ended with status {self._process.wait()}")
        address = json.loads(line)
        self.host, self.port, self.username = address["host"], address["port"], address["username"]
        self.host_keys = [address["host_key"].split(" ", 1)[1]]

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate()  # closes its standard input, which ends it
            self._process = None

    def pids(self) -> Collection[int]:
        """Return its process id."""
        return [] if self._process is None else [self._process.pid]


#: From the best to the one that always works.
BACKENDS: dict[str, type[Backend]] = {
    "container": Container,
    "sshd": LocalSSHD,
    "embedded": Embedded,
}


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _in_own_words(make: Callable[[], T]) -> T:
    """Turn what tests.support raises on a machine that lacks something into `NoServerError`."""
    try:
        return make()
    except MISSING as reason:
        raise NoServerError(str(reason)) from None
    except Exception as error:
        # Docker, testcontainers and sshd fail in many ways; each is a reason to take the next kind.
        raise NoServerError(f"{type(error).__name__}: {error}") from error


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), REACH_SECONDS):
            return True
    except OSError:
        return False


def _is_sshd(pid: int) -> bool:
    """Whether a container's process id means the same process here: not with a remote Docker."""
    try:
        return b"sshd" in Path("/proc", str(pid), "cmdline").read_bytes()
    except OSError:
        return False


def main() -> None:
    """Serve a folder to the owner of a key until standard input closes; print where, as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("root")
    parser.add_argument("public_key")
    given = parser.parse_args()
    with EmbeddedServer(given.root, authorized_keys=[given.public_key]) as server:
        words = ("host", "port", "username", "host_key")
        print(json.dumps({word: getattr(server, word) for word in words}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
