"""Parses several TARGETs of one command: all of them are on the server of the first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sftp_async.errors import OptionsError
from sftp_async.humanize import printable
from sftp_async.tools.cli.target import Server
from sftp_async.tools.cli.target_syntax import parse_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import SFTPOptions


@dataclass(frozen=True)
class Remotes:
    """Several remote paths of one server."""

    options: SFTPOptions
    paths: tuple[str, ...]


class Login:
    """The options of a connection; `at` adds the server.

    Args:
        values: of the parameters that `Server.of` takes besides TARGET.

    """

    def __init__(self, **values: Any) -> None:
        self._values = values

    def at(self, target: str) -> Server:
        """Return the server of a TARGET.

        Raises:
            OptionsError: lists all mistakes.

        """
        return Server.of(target=target, **self._values)

    def remotes(self, targets: Sequence[str]) -> Remotes:
        """Return the paths of several TARGETs on one server.

        The further ones are the same server, written in the same words, or `:/path` alone.

        Raises:
            OptionsError: a TARGET is malformed, names no path, or is on another server.

        """
        first, *others = targets
        own = _path_with_line_breaks(first)
        server = self.at(first.removesuffix(own) if own else first)
        path = own or server.path
        if not path:
            raise OptionsError("TARGET names no path: write host:/path.")
        paths = [path]
        before = first.removesuffix(path) if first.endswith(path) else None
        for other in others:
            if other.startswith(":"):
                path = other[1:]
            elif before is not None and other.startswith(before):
                path = other.removeprefix(before)
            else:
                from sftp_async.options.masking import without_passwords

                shown = printable(without_passwords(other))
                raise OptionsError(
                    f"{shown} is not on the server of {printable(first)}: write :/path for a "
                    "further path of the same server."
                )
            if not path:
                raise OptionsError(f"{other} names no path: write :/path.")
            paths.append(path)
        return Remotes(server.options, tuple(paths))


def _path_with_line_breaks(target: str) -> str | None:
    """Return the path of a TARGET if line breaks are in it.

    No job writes to such a path, so that `SFTPOptions` refuses it. A file may have such a name.
    """
    if "\n" not in target and "\r" not in target:
        return None
    path = dict(parse_target(target)).get("path")
    return None if path is None or "\0" in path else str(path)
