"""Turns TARGET and the options of a connection into what `connections.toml` is to hold of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_args

from sftp_async.errors import OptionsError
from sftp_async.tools.cli.target import given_options

_PATHS = ("private_key_path", "proxy_jump_private_key_path", "known_hosts")


@dataclass(frozen=True)
class Draft:
    """The options of a connection that are given, by canonical names; some may be missing."""

    options: dict[str, object]

    @classmethod
    def of(cls, target: str, **more: Any) -> Self:
        """Build from the arguments of the command line; the environment is left out.

        Raises:
            OptionsError: lists all mistakes and shows no secret.

        """
        from sftp_async.options import SFTPOptions
        from sftp_async.options.aliases import Gathered
        from sftp_async.options.profiles import mistakes_in

        values: dict[str, Any] = {}
        twice = []
        for name, value in given_options(target, **more):
            if values.setdefault(name, str(value)) != str(value):
                twice.append(f"{name} is given twice with different values.")
        if problems := [*twice, *mistakes_in(values, SFTPOptions)]:
            raise OptionsError(problems)
        gathered = Gathered(values, SFTPOptions.model_fields).given
        return cls(
            {
                name: _as_toml(name, gathered[name][0].value)
                for name in SFTPOptions.model_fields
                if name in gathered
            }
        )


def _as_toml(name: str, value: object) -> object:
    """Return an option's value as a person would write it in the file."""
    from sftp_async.options import SFTPOptions
    from sftp_async.options.secret_refs import is_known_hosts_text
    from sftp_async.options.ssh_syntax import is_reference

    text = str(value)
    annotation = SFTPOptions.model_fields[name].annotation
    types = (annotation, *get_args(annotation))
    if bool in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if int in types and re.fullmatch(r"\d{1,15}", text):
        return int(text)
    is_path = name in _PATHS and not is_reference(text) and not text.startswith("~")
    if is_path and not (name == "known_hosts" and is_known_hosts_text(text)):
        return str(Path(text).absolute())  # a command may be run in another directory
    return text
