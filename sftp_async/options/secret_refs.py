"""Resolves references in options: `env:NAME`, `file:/path`, `keyring:NAME`, and paths of files."""

from __future__ import annotations

import base64
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sftp_async.options.reference_policy import ReferencePolicy
from sftp_async.options.ssh_syntax import is_reference, looks_like_path

#: `host ssh-ed25519 AAAA…`, with or without a marker such as `@cert-authority`.
_KNOWN_HOST = re.compile(r"\s*(@\S+\s+)?\S+\s+(ssh-|ecdsa-|sk-)\S+\s+AAAA")

_ARMOR = re.compile(r"-----BEGIN PGP .*?-----END PGP [^\n]*?-----", re.DOTALL)
#: Tags of the packets that begin a private key (RFC 9580, 5.5.1.3).
_SECRET_KEY: Final = 5

#: The service in the keyring, for a reference that names none.
KEYRING_SERVICE: Final = "sftp-async"


class Unresolved(Exception):  # noqa: N818 - becomes part of an OptionsError
    """A reference cannot be resolved. The text names the option and the source, never content."""


def fetch_secret(option: str, text: str, policy: ReferencePolicy | None = None) -> str:
    """Return the secret that `text` refers to, or `text` itself if it is not a reference.

    Line breaks at the end of a file are not part of the secret: editors add them.

    Args:
        option: the option's name, for the error.
        text: the option's value.
        policy: what may be looked up; if None, what the environment of this process allows.

    Raises:
        Unresolved: the driver's policy does not allow it, the variable is not set, the file cannot
            be read, the keyring has no such entry, or it is empty.

    """
    if text.startswith("env:"):
        return fetch_variable(option, text.removeprefix("env:"), policy)
    if text.startswith("file:"):
        return fetch_file(option, text, policy).rstrip("\r\n")
    if text.startswith("keyring:"):
        return fetch_from_keyring(option, text.removeprefix("keyring:"), policy)
    return text


def fetch_variable(option: str, name: str, policy: ReferencePolicy | None = None) -> str:
    """Return the value of an environment variable of this process."""
    policy = policy or ReferencePolicy.of_environment()
    if not policy.allows_variable(name):
        raise Unresolved(f"{option} refers to the environment variable {name!r}, {policy.refusal}.")
    value = os.environ.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        raise Unresolved(
            f"{option} refers to the environment variable {name!r}, which is {state} on the driver."
        )
    return value


def fetch_file(option: str, location: str, policy: ReferencePolicy | None = None) -> str:
    """Return the text of a local file, given as a path, `file:/path` or `file:///path`."""
    return _fetch(option, location, policy, lambda path: path.read_text(encoding="utf-8"))


def _fetch(
    option: str,
    location: str,
    policy: ReferencePolicy | None,
    read: Callable[[Path], str],
) -> str:
    policy = policy or ReferencePolicy.of_environment()
    try:
        given = Path(re.sub(r"^file:(//(?=/))?", "", location)).expanduser()
        path = policy.readable_path(given)
        if path is None:
            raise Unresolved(f"{option} refers to the file {location!r}, {policy.refusal}.")
        text = read(path)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
    except UnicodeDecodeError:
        reason = "not a text file"
    except (RuntimeError, ValueError):  # no home directory; a NUL in the path
        reason = "not a usable path"
    else:
        if text.strip():
            return text
        reason = "the file is empty"
    raise Unresolved(
        f"{option} refers to the file {location!r}, which the driver cannot read: {reason}."
    )


def fetch_from_keyring(option: str, entry: str, policy: ReferencePolicy | None = None) -> str:
    """Return a password from the keyring of this user; the entry is `[service/]username`."""
    policy = policy or ReferencePolicy.of_environment()
    service, _, username = entry.rpartition("/")
    service = service or KEYRING_SERVICE
    if not policy.allows_keyring_entry(f"{service}/{username}"):
        raise Unresolved(f"{option} refers to the keyring's entry {entry!r}, {policy.refusal}.")
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise Unresolved(
            f"{option} refers to the keyring, which needs an extra on the driver: "
            "pip install 'sftp-async[keyring]'."
        ) from None
    try:
        password: str | None = keyring.get_password(service, username)
    except KeyringError as error:
        raise Unresolved(
            f"{option} refers to the keyring's entry {entry!r}, and the driver's keyring cannot be "
            f"used: {type(error).__name__}. `keyring diagnose` shows which one it is."
        ) from None
    if not password:
        raise Unresolved(
            f"{option} refers to the keyring's entry {entry!r}, which the driver's keyring does "
            f"not have: run keyring set {shlex.quote(service)} {shlex.quote(username)}."
        )
    return password


def fetch_known_hosts(text: str, policy: ReferencePolicy | None = None) -> str:
    """Return known_hosts entries, given as text, path or reference, ending in a line break."""
    if text.startswith("env:"):
        text = fetch_variable("known_hosts", text.removeprefix("env:"), policy)
    elif not is_known_hosts_text(text):
        text = fetch_file("known_hosts", text, policy)
    return text.rstrip("\n") + "\n"


def is_known_hosts_text(text: str) -> bool:
    """Whether `text` consists of known_hosts entries rather than the path of a file."""
    return "\n" in text or _KNOWN_HOST.match(text) is not None


def fetch_keys(option: str, text: str, policy: ReferencePolicy | None = None) -> str:
    """Return OpenPGP keys in ASCII armor, whatever way each of them is given.

    Args:
        option: the option's name, for the error.
        text: keys in ASCII armor, paths of files with keys in either form, and references;
            separated by commas or line breaks.
        policy: what may be looked up; if None, what the environment of this process allows.

    Raises:
        Unresolved: as for `fetch_secret`; or a place is none of these.

    """
    found: list[str] = _ARMOR.findall(text)
    for piece in re.split(r"[,\n]", _ARMOR.sub("\n", text)):
        place = piece.strip()
        if not place:
            continue
        if is_reference(place) and not place.startswith("file:"):
            found.append(fetch_secret(option, place, policy))
        elif place.startswith("file:") or looks_like_path(place):
            found.append(_fetch(option, place, policy, lambda path: _armored(path.read_bytes())))
        else:  # not shown: it may be a part of a private key
            raise Unresolved(
                f"{option} must be a key in ASCII armor (-----BEGIN PGP … KEY BLOCK-----), the "
                "path of a file that ends in .asc, .gpg, .pgp or .key, or a reference "
                "(file:/path, env:NAME)."
            )
    return "\n".join(found)


def _armored(data: bytes) -> str:
    """Return the content of a file of keys in ASCII armor: `gpg --export` writes bytes."""
    if not data or not data[0] & 0x80:  # the highest bit marks the start of a packet
        return data.decode("utf-8", "replace")
    tag = data[0] & 0x3F if data[0] & 0x40 else (data[0] >> 2) & 0x0F
    kind = "PRIVATE" if tag == _SECRET_KEY else "PUBLIC"
    body = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP {kind} KEY BLOCK-----\n\n{body}-----END PGP {kind} KEY BLOCK-----\n"
