"""Reads a configuration file of the user's own, and refuses one that others could have written."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Whether files have owners and rights as on POSIX.
_HAS_RIGHTS: Final = sys.platform != "win32"


class RefusedFile(Exception):  # noqa: N818 - becomes part of an OptionsError
    """The file cannot be read or must not be used. The text says why, and what to do."""


@dataclass(frozen=True)
class PrivateFile:
    """The content of a file that only this user, or root, can change.

    Args:
        path: where it is, as it was given.
        content: its bytes.
        readable_by_others: whether its group or all users may read it.

    """

    path: Path
    content: bytes
    readable_by_others: bool

    @property
    def remedy(self) -> str:
        """The command that takes the rights of others away."""
        return f"chmod 600 {shlex.quote(str(self.path))}"


def read_private_file(path: Path) -> PrivateFile | None:
    """Read a file; None if there is none.

    As OpenSSH's client does with its configuration, the rights of the file itself are checked, and
    not those of its directories: a file that another user has put there belongs to that user. A
    symbolic link is followed if it belongs to this user or root. On Windows, nothing is checked.

    Raises:
        RefusedFile: the file is another user's, others can write it, or it cannot be read.

    """
    try:
        if _HAS_RIGHTS:
            _check_owner(path, path.lstat())
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if _HAS_RIGHTS:
                _check_owner(path, found)
                if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    raise RefusedFile(
                        "other users can write it, and so decide where connections go: run "
                        f"chmod go-w {shlex.quote(str(path))}"
                    )
            others = _HAS_RIGHTS and bool(found.st_mode & (stat.S_IRGRP | stat.S_IROTH))
            return PrivateFile(path, file.read(), others)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise RefusedFile(f"it cannot be read: {reason}") from None


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        what = "the link" if stat.S_ISLNK(found.st_mode) else "it"
        raise RefusedFile(
            f"{what} belongs to another user (uid {found.st_uid}), who decides where connections "
            f"go: copy it, or run chown -h {os.geteuid()} {shlex.quote(str(path))}"
        )
