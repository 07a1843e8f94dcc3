"""Reads `sftp://user@host:port/path`; its messages never repeat any part of the URL.

The form is that of draft-ietf-secsh-scp-sftp-ssh-uri, as curl and FileZilla read it: the path is
absolute, `/~/x` is `x` in the login directory, and a password has no place in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

_URL: Final = re.compile(
    r"sftp://(?:(?P<user>[^/]*)@)?(?P<host>\[[^\]/]*\]|[^/:]*)(?::(?P<port>[^/]*))?(?P<path>/.*)?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class ParsedURL:
    """The options a URL stands for, as text, and one sentence for each mistake in it."""

    parts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def is_url(text: str) -> bool:
    """Whether `text` is an SFTP URL."""
    return text.lstrip()[:7].lower() == "sftp://"


def parse_url(url: str, source: str) -> ParsedURL:
    """Take an SFTP URL apart.

    Args:
        url: a text for which `is_url` holds.
        source: where it was given, for messages: `the URL in path`.

    """
    start = source[:1].upper() + source[1:]
    match = _URL.fullmatch(url.strip())
    if match is None:
        return ParsedURL(problems=[f"{start} must have the form sftp://user@host:port/path."])
    user, host, port, path = match["user"], match["host"], match["port"], match["path"]
    if user is None and port is not None and "@" in (path or ""):
        # Perhaps user:pass/word@host: taken literally, half a password would become the port.
        problem = "is ambiguous: write %40 for an @ in the path, and never put a password in it"
        return ParsedURL(problems=[f"{start} {problem}."])
    problems = []
    if user is not None and ":" in user:
        user = user.partition(":")[0]
        problems.append(
            f"{start} holds a password, where logs and plans would show it: remove it there "
            "and use the option password, for example password=env:SFTP_PASSWORD."
        )
    parts = {"host": host, "username": user, "port": port, "path": path and _remote_path(path)}
    decoded = {}
    for name, text in parts.items():
        if text:
            try:
                decoded[name] = unquote(text, errors="strict")
            except UnicodeDecodeError:
                problems.append(f"The {name} in {source} is not UTF-8 after percent-decoding.")
    return ParsedURL(decoded, problems)


def _remote_path(path: str) -> str:
    if path in ("/~", "/~/"):
        return "."
    return path.removeprefix("/~/")
