"""Hidden files that this package makes outside of staging: one prefix, and one pattern.

A process that is killed leaves such a file. `sftp-async clean` finds it by the pattern, so every
maker of a hidden name asks `hidden_name`.
"""

from __future__ import annotations

import re
from typing import Literal, get_args

#: `bench`: an upload of `sftp-async bench`. `check`: a probe of `doctor`. `get`: an unfinished
#: local file of `sftp-async get`. `preflight`: the file that a job renames into its target before
#: its tasks. `put`: an unfinished upload of `sftp-async put`.
Maker = Literal["bench", "check", "get", "preflight", "put"]

PREFIX = ".sftp_async-"
_HIDDEN = re.compile(
    rf"{re.escape(PREFIX)}(?:{'|'.join(get_args(Maker))})-[0-9a-f]{{32}}(?:-[a-z0-9]+)?"
)


def hidden_name(maker: Maker, identifier: str, suffix: str = "") -> str:
    """Return the name of a hidden file.

    Args:
        maker: what makes the file.
        identifier: 32 hex digits, of the job or of the command's run.
        suffix: letters and digits that tell several files of one run apart; empty: there is one.

    """
    name = f"{PREFIX}{maker}-{identifier}" + (f"-{suffix}" if suffix else "")
    assert is_hidden_name(name), name
    return name


def is_hidden_name(name: str) -> bool:
    """Whether a file name is one that `hidden_name` makes."""
    return _HIDDEN.fullmatch(name) is not None
