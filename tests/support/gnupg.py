"""GnuPG as partners have it: keys in a home of its own, encryption and decryption by its command.

The home directory is short, since the socket of its agent is in it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.requirements import skip_without

_QUIETLY = ("--batch", "--quiet", "--no-tty", "--yes", "--pinentry-mode", "loopback")
#: Of keys that are made with one.
PASSPHRASE = "correct horse"


#: Owners whose keys are made when they are first asked for -> arguments of `GnuPG.key`.
KINDS: dict[str, dict[str, Any]] = {
    "rsa": {"algorithm": "rsa2048"},
    "ecc": {},
    "locked": {"passphrase": PASSPHRASE},
    "expired": {"made": "20200101T000000", "expire": "1y"},
    "signs-only": {"encrypts": False},
    "revoked": {},
}


@dataclass(frozen=True)
class Opened:
    """A message as GnuPG opened it.

    Attributes:
        content: of the message.
        status: the lines of `--status-fd`, such as `GOODSIG …`.

    """

    content: bytes
    status: str


class GnuPG:
    """A home directory with keys.

    Args:
        home: is there, and is empty.

    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._made: dict[str, str] = {}

    def key(
        self,
        name: str,
        algorithm: str = "ed25519",
        *,
        passphrase: str = "",
        expire: str = "never",
        made: str | None = None,
        encrypts: bool = True,
        more: Sequence[str] = (),
    ) -> str:
        """Make a key, and one for encryption below it; return its fingerprint.

        Args:
            name: of the owner.
            algorithm: `rsa2048`, or `ed25519`, to which `cv25519` belongs.
            passphrase: of both.
            expire: as `--quick-generate-key` takes it.
            made: the time on the clock, as `20200101T000000`.
            encrypts: whether there is a key for encryption.
            more: further options of GnuPG.

        """
        given = (*_clock(made), *more, "--passphrase", passphrase)
        self._run(*given, "--quick-generate-key", owner(name), algorithm, "sign", expire)
        lines = self._run("--with-colons", "--list-keys", f"={owner(name)}").decode().splitlines()
        fingerprint = next(line.split(":")[9] for line in lines if line.startswith("fpr"))
        self._made[name] = fingerprint
        if encrypts:
            below = "cv25519" if algorithm == "ed25519" else algorithm
            self.add(name, below, passphrase=passphrase, expire=expire, made=made)
        return fingerprint

    def add(
        self,
        name: str,
        algorithm: str,
        *,
        passphrase: str = "",
        expire: str = "never",
        made: str | None = None,
    ) -> None:
        """Add a key for encryption to the key of an owner; see `key`."""
        given = (*_clock(made), "--passphrase", passphrase)
        self._run(*given, "--quick-add-key", self.fingerprint(name), algorithm, "encr", expire)

    def fingerprint(self, name: str) -> str:
        """Return the fingerprint of an owner's key; one of `KINDS` is made if it is not there."""
        if name not in self._made:
            self.key(name, **KINDS[name])
            if name == "revoked":
                self.revoke(name)
        return self._made[name]

    def public(self, *names: str, armor: bool = True) -> bytes:
        """Return public keys."""
        given = ["--armor"] if armor else []
        return self._run(*given, "--export", *map(self.fingerprint, names))

    def private(self, name: str, *, passphrase: str = "", armor: bool = True) -> bytes:
        """Return a private key, which keeps its passphrase."""
        given = [*(["--armor"] if armor else []), "--passphrase", passphrase]
        return self._run(*given, "--export-secret-keys", self.fingerprint(name))

    def revoke(self, name: str) -> None:
        """Revoke a key, by the certificate that was made with it."""
        fingerprint = self.fingerprint(name)
        text = (self._home / "openpgp-revocs.d" / f"{fingerprint}.rev").read_text()
        self._run("--import", content=text.replace(":-----BEGIN", "-----BEGIN").encode())

    def encrypt(
        self,
        content: bytes,
        *names: str,
        signer: str | None = None,
        passphrase: str = "",
        more: Sequence[str] = (),
    ) -> bytes:
        """Return a message for the owners of keys."""
        given = [part for name in names for part in ("--recipient", self.fingerprint(name))]
        if signer is not None:
            given += ["--sign", "--local-user", self.fingerprint(signer)]
        trusted = ["--trust-model", "always", "--passphrase", passphrase]
        return self._run(*trusted, *given, *more, "--encrypt", content=content)

    def encrypt_symmetric(self, content: bytes, passphrase: str) -> bytes:
        """Return a message for those who know a passphrase."""
        return self._run("--passphrase", passphrase, "--symmetric", content=content)

    def decrypt(self, message: bytes, *, passphrase: str = "") -> Opened:
        """Open a message with the keys that are there."""
        with tempfile.TemporaryFile() as status:
            number = status.fileno()
            content = self._run(
                *("--passphrase", passphrase, "--status-fd", str(number), "--decrypt"),
                content=message,
                keep=number,
            )
            status.seek(0)
            return Opened(content, status.read().decode("utf-8", "replace"))

    def _run(self, *given: str, content: bytes = b"", keep: int | None = None) -> bytes:
        done = subprocess.run(
            ["gpg", "--homedir", self._home, *_QUIETLY, *given],
            input=content,
            capture_output=True,
            check=False,
            pass_fds=() if keep is None else (keep,),
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout


def _clock(made: str | None) -> tuple[str, ...]:
    # `!` holds the clock still.
    return ("--faked-system-time", f"{made}!", "--ignore-time-conflict") if made else ()


def owner(name: str) -> str:
    """Return the user ID of a name."""
    return f"{name} <{name}@example.com>"


@contextmanager
def gnupg_home() -> Iterator[GnuPG]:
    """Yield GnuPG with an empty home; its agent ends with the block."""
    if shutil.which("gpg") is None:
        skip_without("gpg")
    home = Path(tempfile.mkdtemp(prefix="gpg-"))
    # Its passphrases keep no secret: guessing them need not be slow, and neither their use.
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")
    try:
        yield GnuPG(home)
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)
