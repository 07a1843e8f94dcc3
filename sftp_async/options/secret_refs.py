"""Resolves references in options: `env:NAME`, `file:/path`, key files and known_hosts files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sftp_async.options.reference_policy import ReferencePolicy

#: `host ssh-ed25519 AAAA…`, with or without a marker such as `@cert-authority`.
_KNOWN_HOST = re.compile(r"\s*(@\S+\s+)?\S+\s+(ssh-|ecdsa-|sk-)\S+\s+AAAA")


class Unresolved(Exception):  # noqa: N818 - becomes part of an OptionsError
    """A reference cannot be resolved. The text names the option and the source, never content."""


def fetch_secret(option: str, text: str) -> str:
    """Return the secret that `text` refers to, or `text` itself if it is not a reference.

    Line breaks at the end of a file are not part of the secret: editors add them.

    Raises:
        Unresolved: the driver's policy does not allow it, the variable is not set, the file cannot
            be read, or it is empty.

    """
    if text.startswith("env:"):
        return fetch_variable(option, text.removeprefix("env:"))
    if text.startswith("file:"):
        return fetch_file(option, text).rstrip("\r\n")
    return text


def fetch_variable(option: str, name: str) -> str:
    """Return the value of an environment variable of this process."""
    policy = ReferencePolicy.of_environment()
    if not policy.allows_variable(name):
        raise Unresolved(f"{option} refers to the environment variable {name!r}, {policy.refusal}.")
    value = os.environ.get(name)
    if not value:
        state = "not set" if value is None else "empty"
        raise Unresolved(
            f"{option} refers to the environment variable {name!r}, which is {state} on the driver."
        )
    return value


def fetch_file(option: str, location: str) -> str:
    """Return the text of a local file, given as a path, `file:/path` or `file:///path`."""
    policy = ReferencePolicy.of_environment()
    try:
        given = Path(re.sub(r"^file:(//(?=/))?", "", location)).expanduser()
        path = policy.readable_path(given)
        if path is None:
            raise Unresolved(f"{option} refers to the file {location!r}, {policy.refusal}.")
        text = path.read_text(encoding="utf-8")
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


def fetch_known_hosts(text: str) -> str:
    """Return known_hosts entries, given as text, path or reference, ending in a line break."""
    if text.startswith("env:"):
        text = fetch_variable("known_hosts", text.removeprefix("env:"))
    elif not is_known_hosts_text(text):
        text = fetch_file("known_hosts", text)
    return text.rstrip("\n") + "\n"


def is_known_hosts_text(text: str) -> bool:
    """Whether `text` consists of known_hosts entries rather than the path of a file."""
    return "\n" in text or _KNOWN_HOST.match(text) is not None
