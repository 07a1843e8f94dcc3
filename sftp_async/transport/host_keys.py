"""Who is the server: which host keys are trusted, and the words for one that is not."""

from __future__ import annotations

import base64
import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh

from sftp_async.errors import HostKeyError, OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.options import ConnectionOptions

log = logging.getLogger("sftp_async.transport")

#: Where OpenSSH looks (ssh_config(5): UserKnownHostsFile, GlobalKnownHostsFile).
DEFAULT_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2", "/etc/ssh/ssh_known_hosts")


def fingerprint_of(key: asyncssh.SSHKey) -> str:
    """Return the `SHA256:…` fingerprint as OpenSSH prints it."""
    digest = hashlib.sha256(key.public_data).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def public_line(key: asyncssh.SSHKey) -> str:
    """Return the key as `type base64`, without a comment."""
    return " ".join(key.export_public_key("openssh").decode().split()[:2])


def known_hosts_line(host: str, port: int, key: asyncssh.SSHKey) -> str:
    """Return the known_hosts line that trusts `key` for this host and port."""
    name = host if port == asyncssh.DEFAULT_PORT else f"[{host}]:{port}"
    return f"{name} {public_line(key)}"


class HostKeyPolicy:
    """What the user trusts, and what the server then presented.

    Args:
        options: `host_key_fingerprint`, `known_hosts` or, with neither, the user's own known_hosts
            files.

    Raises:
        OptionsError: the known_hosts text cannot be parsed.

    """

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self.presented: asyncssh.SSHKey | None = None
        self._fingerprints: set[str] = set()
        self._insecure = options.host_key_policy == "insecure"
        if self._insecure:
            self._trusted: Iterable[asyncssh.SSHKey] = []
            return
        self._known = asyncssh.import_known_hosts(self._known_hosts_text())
        matched = asyncssh.match_known_hosts(
            self._known, options.host, "", _match_port(options.port)
        )
        self._trusted = list(matched[0])

    def _known_hosts_text(self) -> str:
        lines: list[str] = []
        for entry in self._options.host_key_fingerprint:
            if " " in entry.strip():
                try:
                    key = asyncssh.import_public_key(entry)
                except asyncssh.KeyImportError:
                    raise OptionsError(
                        "host_key_fingerprint: neither a SHA256:… fingerprint nor a public key line"
                    ) from None
                lines.append(known_hosts_line(self._options.host, self._options.port, key))
            else:
                self._fingerprints.add("SHA256:" + entry.removeprefix("SHA256:").rstrip("="))
        if self._options.host_key_fingerprint:
            return "\n".join(lines)
        text = self._options.known_hosts
        if text is not None:
            try:
                asyncssh.import_known_hosts(text)
            except ValueError as error:
                raise OptionsError(
                    f"known_hosts is not in OpenSSH's known_hosts format: {error}"
                ) from None
            return text
        files = [Path(name).expanduser() for name in DEFAULT_KNOWN_HOSTS]
        return "\n".join(file.read_text("utf-8", "replace") for file in files if file.is_file())

    def connect_arguments(self) -> dict[str, object]:
        """Return what asyncssh.connect needs to know of host keys."""
        if self._insecure:
            return {"known_hosts": None}
        arguments: dict[str, object] = {"known_hosts": self._known}
        algorithms = list(dict.fromkeys(a for key in self._trusted for a in key.sig_algorithms))
        if algorithms:
            # Ask first for the key types we know, but take any: a key of another type must end in
            # an error that shows its fingerprint, not in a failed negotiation.
            arguments["server_host_key_algs"] = "^" + ",".join(a.decode() for a in algorithms)
        return arguments

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        """Decide on a key that no known_hosts entry vouches for, and remember it for the error."""
        self.presented = key
        return fingerprint_of(key) in self._fingerprints

    def refusal(self, reason: str) -> HostKeyError:
        """Return the error for a server whose key is not trusted."""
        host = self._options.address
        if self.presented is None:
            return HostKeyError(
                f"The server's host key was refused: {reason}",
                host=host,
                hint="Check known_hosts for a revoked key or an expired host certificate",
            )
        shown = f"{self.presented.algorithm.decode()} {fingerprint_of(self.presented)}"
        remedy = (
            f"set host_key_fingerprint to {fingerprint_of(self.presented)} "
            "(or known_hosts to the server's known_hosts line)"
        )
        if self._fingerprints or self._trusted:
            message = f"The server's host key is not the expected one: it presented {shown}"
            hint = f"Someone may be listening in. If the server's operator confirms the new key, {remedy}"
        else:
            message = f"The server's host key is unknown: it presented {shown}"
            hint = f"If the server's operator confirms this fingerprint, {remedy}"
        return HostKeyError.showing(
            message, fingerprint=fingerprint_of(self.presented), host=host, hint=hint
        )


def _match_port(port: int) -> int | None:
    return None if port == asyncssh.DEFAULT_PORT else port
