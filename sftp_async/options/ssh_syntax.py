"""Parses the notations of SSH itself: private keys, host keys, known_hosts files and ciphers."""

from __future__ import annotations

import os
import re
from typing import Final

from sftp_async.options.parsing import parse_name, parse_text, split

_CIPHER: Final = re.compile(r"[A-Za-z0-9@.+_-]+")
_FINGERPRINT: Final = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")
_PUBLIC_KEY: Final = re.compile(
    r"((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+)\s+(AAAA[A-Za-z0-9+/]+=*)(\s.*)?"
)


def parse_local_path(value: object) -> str:
    """Take the path of a local file, `os.PathLike` too."""
    return parse_name(os.fspath(value) if isinstance(value, os.PathLike) else value)


def parse_key_path(value: object) -> str:
    """Take the path of a private key file; refuse the key itself."""
    if isinstance(value, str) and is_key_text(value):
        raise ValueError(
            "is the text of a key, not a path; the option for the text is private_key_content"
        )
    return parse_local_path(value)


def parse_known_hosts(value: object) -> str:
    """Take the text or the path of an OpenSSH known_hosts file."""
    text = parse_text(os.fspath(value) if isinstance(value, os.PathLike) else value)
    if "\0" in text:
        raise ValueError("must be the text or the path of a known_hosts file")
    return text


def parse_ciphers(value: object) -> tuple[str, ...]:
    """Read a comma-separated list of cipher names."""
    names = split(value, "must be a comma-separated list of cipher names")
    if not all(_CIPHER.fullmatch(name) for name in names):
        raise ValueError("must be a comma-separated list of cipher names")
    return names


def parse_host_keys(value: object) -> tuple[str, ...]:
    """Read fingerprints and public key lines as `read_host_keys` does, each of them once."""
    return tuple(dict.fromkeys(read_host_keys(value)))


def read_host_keys(value: object) -> tuple[str, ...]:
    """Read `SHA256:…` fingerprints and public key lines, separated by commas or line breaks."""
    form = (
        "must be SHA256:… (43 characters, as ssh-keygen -l prints it) "
        "or a public key line ssh-ed25519 AAAA…"
    )
    keys = []
    for entry in split(value, form):
        if match := _FINGERPRINT.fullmatch(entry):
            keys.append(f"SHA256:{match[1]}")
        elif match := _PUBLIC_KEY.fullmatch(entry):
            keys.append(f"{match[1]} {match[2]}")  # without the comment
        else:
            raise ValueError(form)
    return tuple(keys)


def is_key_text(text: str) -> bool:
    """Whether `text` is a private key itself rather than the path of a key file."""
    return (
        text.lstrip().startswith(("-----BEGIN", "PuTTY-User-Key-File"))
        or "PRIVATE KEY" in text
        or "\n" in text
    )


def is_reference(text: str) -> bool:
    """Whether `text` is a reference to a secret: `env:NAME`, `file:/path` or `keyring:NAME`."""
    return text.startswith(("env:", "file:", "keyring:"))


def looks_like_path(text: str) -> bool:
    """Whether `text`, given as the text of a key, is more likely the path of a key file."""
    return not is_key_text(text) and (
        text.startswith(("/", "~", "./", "../"))
        or text.endswith((".pem", ".key", ".ppk", ".asc", ".gpg", ".pgp"))
    )
