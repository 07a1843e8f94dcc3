"""Parses TARGET: a host, a URL, or the name of a connection, each with or without a path.

A name without a user is a connection if `connections.toml` has a table of exactly that name, and a
host otherwise. `user@host` and `sftp://host` are always hosts, and the file is not read for them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.options.profiles import Profiles

FORM = "[user@]host[:port][:/path], sftp://user@host:port/path or connection[:/path]"
_TARGET = re.compile(
    r"(?:(?P<username>[^/:]+)@)?(?P<host>\[[^\]]*\]|[^:/@\[\]]+)"
    r"(?::(?P<port>\d+))?(?::(?P<path>.*))?",
    re.DOTALL,
)


def parse_target(target: str) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of the options that TARGET sets.

    Raises:
        OptionsError: TARGET has another form or contains a password, or the file of connections
            cannot be used.

    """
    if target.lstrip()[:7].lower() == "sftp://":
        yield "url", target
        return
    if target.startswith(":"):  # the environment names the server
        if target != ":":
            yield "path", target[1:]
        return
    # Only up to the first slash: a path may contain any character.
    if re.match(r"(?!\[)[^/@]*:[^/]*@", target):
        raise OptionsError(
            "TARGET has a colon before its @, as if it contained a password, which every user of "
            "this machine could read. Use --ask-password or --password-env NAME (and change the "
            "password). Write a path with an @ as sftp://user@host/path%40"
        )
    match = _TARGET.fullmatch(target)
    if match is None:
        raise OptionsError(f"TARGET must be {FORM}.")
    if not match["port"] and (meant := re.match(r"(\d{1,5})(/.*)", match["path"] or "", re.DOTALL)):
        # It is written as in a URL. Read as a path, it would end in an error about port 22.
        raise OptionsError(
            f"TARGET needs a colon between port and path: :{meant[1]}:{meant[2]} "
            f"(or :./{meant[0]} for a path in the login directory)."
        )
    values = {name: value for name, value in match.groupdict().items() if value}
    if not match["username"] and _is_profile(match["host"]):
        values["profile"] = values.pop("host")
    yield from values.items()


def missing_connection(target: str) -> str | None:
    """Return a sentence for a name that is no connection, and as a host lacks a user.

    None if TARGET cannot be meant as the name of a connection.
    """
    from sftp_async.options.profiles import NAME

    match = _TARGET.fullmatch(target)
    if match is None or match["username"] or not NAME.fullmatch(match["host"]):
        return None
    port = f":{match['port']}" if match["port"] else ""
    path = match["path"] or ""
    path = path if path.startswith("/") or not path else f"/~/{path}"
    return (
        f"{_profiles().missing(match['host'])} If it is a host, name the user: "
        f"sftp://USER@{match['host']}{port}{path} (or -u USER)."
    )


def _is_profile(name: str) -> bool:
    return name in _profiles().tables


def _profiles() -> Profiles:
    from sftp_async.options import SFTPOptions
    from sftp_async.options.profiles import Profiles

    return Profiles.load(SFTPOptions)
