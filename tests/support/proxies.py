"""Proxies of other makes as children of the tests: tinyproxy, microsocks, and OpenSSH's own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Self

from tests.support.requirements import skip_without
from tests.support.sshd import SSHD
from tests.support.waiting import soon

USERNAME, PASSWORD = "guest", "proxy-hunter2"


class Proxy:
    """A running proxy on a loopback port.

    Args:
        directory: for its configuration and log.
        login: it asks for `USERNAME` and `PASSWORD`.
        only_port: the only port that it connects to; 0 for all.

    """

    scheme = "socks5"
    package = ""

    def __init__(self, directory: Path, *, login: bool = False, only_port: int = 0) -> None:
        self.directory = directory
        self.login = login
        self.only_port = only_port
        self.host = "127.0.0.1"
        with socket.create_server((self.host, 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._log = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return what starts it in the foreground."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """As messages name it."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def options(self) -> dict[str, str]:
        """Return the options that lead through it."""
        if not self.login:
            return {"proxy_url": self.address}
        url = self.address.replace("//", f"//{USERNAME}@")
        return {"proxy_url": url, "proxy_password": PASSWORD}

    def start(self) -> Self:
        """Start it and return once it listens."""
        command = self.command()
        if shutil.which(command[0]) is None:
            skip_without(f"{command[0]} (Debian package {self.package})")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        assert soon(self._listens), f"{command[0]} does not listen; its log:\n{self.log_text()}"
        return self

    def stop(self) -> None:
        """End it and every connection it serves."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log_text(self) -> str:
        """Return its log."""
        return self._log.read_text(errors="replace")

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"it ended; its log:\n{self.log_text()}")
        try:
            socket.create_connection((self.host, self.port), 1).close()
        except OSError:
            return False
        return True


class TinyProxy(Proxy):
    """An HTTP proxy that knows CONNECT."""

    scheme = "http"
    package = "tinyproxy-bin"

    def command(self) -> list[str]:
        config = self.directory / "tinyproxy.conf"
        lines = [f"Port {self.port}", f"Listen {self.host}", f"Allow {self.host}", "Timeout 600"]
        lines += [f"BasicAuth {USERNAME} {PASSWORD}"] * self.login
        lines += [f"ConnectPort {self.only_port}"] * bool(self.only_port)
        config.write_text("".join(f"{line}\n" for line in [*lines, "LogLevel Connect"]))
        return ["tinyproxy", "-d", "-c", str(config)]


class MicroSocks(Proxy):
    """A SOCKS5 proxy."""

    package = "microsocks"

    def command(self) -> list[str]:
        login = ["-u", USERNAME, "-P", PASSWORD] if self.login else []
        return ["microsocks", "-i", self.host, "-p", str(self.port), *login]


class DynamicForward(Proxy):
    """OpenSSH's client as a SOCKS5 proxy, `ssh -D`, over an sshd."""

    package = "openssh-client"

    def __init__(self, directory: Path, server: SSHD) -> None:
        super().__init__(directory)
        self._server = server

    def command(self) -> list[str]:
        known = self.directory / "known_hosts"
        known.write_text(self._server.known_hosts)
        settings = (
            f"UserKnownHostsFile={known}",
            "ExitOnForwardFailure=yes",
            "BatchMode=yes",
            "IdentitiesOnly=yes",
        )
        return [
            *("ssh", "-F", "none", "-N", "-D", f"{self.host}:{self.port}"),
            *(word for setting in settings for word in ("-o", setting)),
            *("-i", str(self._server.user_keys.path("ed25519"))),
            *("-p", str(self._server.port), f"{self._server.username}@{self._server.host}"),
        ]
