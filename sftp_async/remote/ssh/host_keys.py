"""Who is the server: which host keys are trusted, and the words for one that is not."""

from __future__ import annotations

import base64
import hashlib
import logging
import os.path
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh

from sftp_async.errors import HostKeyError, OptionsError
from sftp_async.options.connection import wording_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.options import ConnectionOptions

log = logging.getLogger("sftp_async.remote.ssh")

#: Where OpenSSH looks (ssh_config(5): UserKnownHostsFile, GlobalKnownHostsFile).
DEFAULT_KNOWN_HOSTS = (
    "~/.ssh/known_hosts",
    "~/.ssh/known_hosts2",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssh/ssh_known_hosts2",
)
#: Host key algorithms in OpenSSH's order (ssh_config(5): HostKeyAlgorithms), so that a server shows
#: the key whose fingerprint `ssh` shows; asyncssh's own order starts with RSA. `ssh-rsa` signs with
#: SHA-1: the last resort for old servers.
ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
)
CERTIFICATES = tuple(f"{name}-cert-v01@openssh.com" for name in ALGORITHMS)


def fingerprint_of(key: asyncssh.SSHKey) -> str:
    """Return the `SHA256:…` fingerprint as OpenSSH prints it."""
    digest = hashlib.sha256(key.public_data).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def known_hosts_line(host: str, port: int, key: asyncssh.SSHKey) -> str:
    """Return the known_hosts line that trusts `key` for this host and port."""
    name = lookup_name(host)
    if port != asyncssh.DEFAULT_PORT:
        name = f"[{name}]:{port}"
    return f"{name} {public_key_line(key)}"


def public_key_line(key: asyncssh.SSHKey) -> str:
    """Return the key as a line of OpenSSH's: `ssh-ed25519 AAAA…`."""
    return f"{key.algorithm.decode()} {base64.b64encode(key.public_data).decode()}"


def lookup_name(host: str) -> str:
    """Return the host as known_hosts spells it: in lower case, which asyncssh leaves to us."""
    return host.lower()


class HostKeyPolicy:
    """What the user trusts, and what the server then presented.

    Args:
        options: `host_key_fingerprint`, `known_hosts` or, with neither, the user's own known_hosts
            files.
        direct: we connect to the server's own address, so that entries for it count.

    Raises:
        OptionsError: the known_hosts text or a public key cannot be read.

    """

    def __init__(self, options: ConnectionOptions, *, direct: bool) -> None:
        self._options = options
        self._direct = direct
        self._presented: asyncssh.SSHKey | None = None
        self._fingerprints: set[str] = set()
        self._known = asyncssh.SSHKnownHosts()
        self._take_certificates = True
        self._insecure = options.host_key_policy == "insecure"
        if self._insecure:
            return
        if options.host_key_fingerprint:
            self._trust(options.host_key_fingerprint)
        elif options.known_hosts is not None:
            unreadable = self._load(options.known_hosts.splitlines())
            if unreadable:
                # Not the line itself: who knows what was pasted there.
                raise OptionsError(
                    f"known_hosts: line {unreadable[0]} is not in OpenSSH's known_hosts format "
                    "(host, key type and key)"
                )
        else:
            self._load_own_files()

    def connect_arguments(self) -> dict[str, Any]:
        """Return what asyncssh.connect needs to know of host keys."""
        if self._insecure:
            return {"known_hosts": None, "server_host_key_algs": ALGORITHMS}
        keys, authorities = self._matches()
        known = {algorithm.decode() for key in keys for algorithm in key.sig_algorithms}
        # Ask first for the key types we know, but take any: a key of another type must end in an
        # error that shows its fingerprint, not in a failed negotiation. Certificates only where an
        # authority is known: without one there is nothing to check them by, and a server that has
        # one would show it instead of its key.
        certificates = CERTIFICATES if authorities and self._take_certificates else ()
        algorithms = sorted(ALGORITHMS, key=lambda name: name not in known)
        return {
            # Behind a proxy, the address would be the proxy's, whose key says nothing.
            "known_hosts": self._known
            if self._direct
            else lambda host, _address, port: self._known.match(host, "", port),
            "host_key_alias": lookup_name(self._options.host),
            "server_host_key_algs": [*certificates, *algorithms],
        }

    def accepts(self, key: asyncssh.SSHKey) -> bool:
        """Decide on a key that no known_hosts entry vouches for, and remember it for the error."""
        self._presented = key
        return fingerprint_of(key) in self._fingerprints

    def without_certificates(self, reason: str) -> bool:
        """Accept no certificate from now on, if the refused one leaves the plain key to be checked.

        So does OpenSSH ("No matching CA found. Retry with plain key", sshconnect.c): a line of an
        authority for another server, such as `@cert-authority * …`, must not hide the line of the
        host's own key. A revoked certificate is refused for good.

        Args:
            reason: asyncssh's, for which the key or the certificate was refused.

        Returns:
            Whether another attempt may succeed.

        """
        keys, authorities = self._matches()
        refused_certificate = self._presented is None and "revoked" not in reason
        if not (keys and authorities and refused_certificate and self._take_certificates):
            return False
        self._take_certificates = False
        return True

    def refusal(self, reason: str) -> HostKeyError:
        """Return the error for a server whose key is not trusted; `reason` is asyncssh's."""
        host, who = self._options.address, wording_of(self._options).role
        if self._presented is None:
            return HostKeyError(
                f"The {who}'s host key was refused ({reason})",
                host=host,
                hint=f"Check known_hosts for a revoked key, and the {who} for an expired host "
                "certificate",
            )
        fingerprint = fingerprint_of(self._presented)
        shown = f"{self._presented.algorithm.decode()} {fingerprint}"
        remedy = (
            f"set {wording_of(self._options).prefix}host_key_fingerprint to {fingerprint} "
            "(or known_hosts to the line of that key)"
        )
        if self._fingerprints or any(self._matches()):
            message = f"The {who}'s host key is not the expected one: it presented {shown}"
            hint = (
                "The key was changed, the expected one is of another type, or an attacker sits in "
                f"between. Only if the {who}'s operator confirms this fingerprint, {remedy}"
            )
        else:
            message = f"The {who}'s host key is unknown: it presented {shown}"
            hint = f"If the {who}'s operator confirms this fingerprint, {remedy}"
        return HostKeyError.showing(message, fingerprint=fingerprint, host=host, hint=hint)

    def _matches(self) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey]]:
        """Return the host keys and the certificate authorities known for this host."""
        port = None if self._options.port == asyncssh.DEFAULT_PORT else self._options.port
        # The address is not known before the connection; entries by address then still count, only
        # the preference for their key types is missed.
        keys, authorities, *_ = self._known.match(lookup_name(self._options.host), "", port)
        return list(keys), list(authorities)

    def _trust(self, entries: Iterable[str]) -> None:
        for entry in entries:
            if " " not in entry.strip():
                bare = entry.strip().removeprefix("SHA256:").rstrip("=")
                self._fingerprints.add(f"SHA256:{bare}")
                continue
            try:
                key = asyncssh.import_public_key(entry)
            except (asyncssh.KeyImportError, ValueError):
                raise OptionsError(
                    "host_key_fingerprint: neither a SHA256:… fingerprint nor a public key line"
                ) from None
            self._load([known_hosts_line(self._options.host, self._options.port, key)])

    def _load_own_files(self) -> None:
        for name in DEFAULT_KNOWN_HOSTS:
            # os.path: Path.expanduser raises for a user without a home, as containers have.
            file = Path(os.path.expanduser(name))  # noqa: PTH111
            try:
                lines = file.read_text("utf-8", "replace").splitlines()
            except OSError:
                continue
            for number in self._load(lines):
                log.warning("%s: line %d cannot be read and is left out", file, number)

    def _load(self, lines: Iterable[str]) -> list[int]:
        """Take in known_hosts lines; return the numbers of those that cannot be read."""
        unreadable = []
        for number, line in enumerate(lines, 1):
            try:
                self._known.load(line)
            except ValueError:
                unreadable.append(number)
        return unreadable
