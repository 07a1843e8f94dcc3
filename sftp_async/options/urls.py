"""Parses URLs `sftp://user@host:port/path`; messages never repeat any part of the URL.

The form is that of draft-ietf-secsh-scp-sftp-ssh-uri, as curl and FileZilla read it: the path is
absolute, and `/~/x` is `x` in the login directory. A password in the URL is an error.
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
    """The options that a URL sets, as text, and one sentence for each mistake in it."""

    parts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def is_url(text: str) -> bool:
    """Whether `text` is an SFTP URL."""
    return text.lstrip()[:7].lower() == "sftp://"


def parse_url(url: str, source: str) -> ParsedURL:
    """Split an SFTP URL into options.

    Args:
        url: a text for which `is_url` holds.
        source: the name of the URL in messages, such as `the URL in path`.

    """
    start = source[:1].upper() + source[1:]
    match = _URL.fullmatch(url.strip())
    if match is None:
        return ParsedURL(problems=[f"{start} must have the form sftp://user@host:port/path."])
    user, host, port, path = match["user"], match["host"], match["port"], match["path"]
    if user is None and port is not None and "@" in (path or ""):
        # It may be user:pass/word@host: read as it stands, half a password would become the port.
        problem = "is ambiguous: write %40 for an @ in the path, and put no password into it"
        return ParsedURL(problems=[f"{start} {problem}."])
    problems = []
    if user is not None and ":" in user:
        user = user.partition(":")[0]
        problems.append(
            f"{start} contains a password, which logs and plans would show: remove it from the "
            "URL and use the option password, for example password=env:SFTP_PASSWORD."
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
