"""Reads options of a connection from environment variables: `SFTP_ASYNC_HOST` and its like."""

from __future__ import annotations

import os
from typing import Final

from sftp_async.options.aliases import Gathered
from sftp_async.options.connection import ConnectionOptions

PREFIX: Final = "SFTP_ASYNC_"
#: A name of the package's own that is also a name of an option: another file of profiles.
_OTHERS: Final = frozenset({"SFTP_ASYNC_CONNECTIONS"})


def options_of_environment() -> dict[str, str]:
    """Return the options of a connection that environment variables set, by canonical names.

    `SFTP_ASYNC_` is followed by an option's name or another name that the option has, in capitals;
    blank variables and all others are left out.
    """
    found: dict[str, str] = {}
    for variable, value in sorted(os.environ.items()):
        if not variable.startswith(PREFIX) or variable in _OTHERS or not value.strip():
            continue
        name = variable.removeprefix(PREFIX).lower()
        for option, given in Gathered({name: value}, ConnectionOptions.model_fields).given.items():
            # The documented name takes precedence over another one.
            if option == name or option not in found:
                found[option] = str(given[0].value)
    return found
