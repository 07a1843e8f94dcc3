"""Key pairs of every kind, made by OpenSSH's own ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import asyncssh

from tests.support.requirements import skip_without

KINDS = ("ed25519", "ecdsa", "rsa")
PASSPHRASE = "correct horse battery staple"


class KeySet:
    """One key pair of each kind in `KINDS`, plain and encrypted with `PASSPHRASE`.

    The encrypted key of a kind is the same key: `public(kind)` serves both.
    """

    def __init__(self, directory: Path) -> None:
        if shutil.which("ssh-keygen") is None:
            skip_without("ssh-keygen (Debian package openssh-client)")
        self.directory = directory
        for kind in KINDS:
            self._keygen("-t", kind, "-N", "", "-C", "", "-f", str(self.path(kind)))
            locked = self.path(kind, encrypted=True)
            shutil.copy(self.path(kind), locked)
            self._keygen("-p", "-P", "", "-N", PASSPHRASE, "-f", str(locked))

    def path(self, kind: str, *, encrypted: bool = False) -> Path:
        """Where the private key lies, in OpenSSH's format, mode 0600."""
        return self.directory / f"id_{kind}{'_encrypted' if encrypted else ''}"

    def private(self, kind: str, *, encrypted: bool = False) -> str:
        """The private key's text in OpenSSH's format."""
        return self.path(kind, encrypted=encrypted).read_text()

    def public(self, kind: str) -> str:
        """The public key line, without a comment: `ssh-ed25519 AAAA…`."""
        return self.path(kind).with_suffix(".pub").read_text().strip()

    def fingerprint(self, kind: str) -> str:
        """`SHA256:…` as OpenSSH computes it."""
        listing = self._keygen("-l", "-f", str(self.path(kind).with_suffix(".pub")))
        return listing.split()[1]

    def export(self, kind: str, form: str, *, encrypted: bool = False) -> str:
        """The private key in another form: `pkcs1-pem`, `pkcs8-pem` or `openssh`."""
        key = asyncssh.read_private_key(self.path(kind))
        return key.export_private_key(form, PASSPHRASE if encrypted else None).decode()

    def _keygen(self, *arguments: str) -> str:
        done = subprocess.run(
            ["ssh-keygen", "-q", *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout
