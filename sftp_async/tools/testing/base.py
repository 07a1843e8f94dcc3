"""Defines the base of the test servers: address, login, and options for Spark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self


class LocalServer(ABC):
    """A server with its address and login; a context manager starts and stops it.

    Attributes:
        host, port: the address.
        username: the only user.
        password: the user's password; None if only keys are accepted.
        root: the served folder.
        host_key: a known_hosts line.
        fingerprint: `SHA256:…` of the host key, as `ssh-keygen -l` prints it.

    """

    host: str
    port: int
    username: str
    password: str | None
    root: Path
    host_key: str
    fingerprint: str

    def options(self) -> dict[str, str]:
        """Return the options that `df.write.format("sftp").options(**...)` needs to reach it."""
        options = {"host": self.host, "port": str(self.port), "username": self.username}
        options["host_key_fingerprint"] = self.fingerprint
        if self.password is not None:
            options["password"] = self.password
        return options

    @abstractmethod
    def start(self) -> Self:
        """Start the server, and return when it accepts connections."""

    @abstractmethod
    def stop(self) -> None:
        """Drop all connections, and stop the server."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.username}@{self.host}:{self.port} {self.root}>"
