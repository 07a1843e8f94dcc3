"""Reads profiles: tables of options in `connections.toml`, one for each connection."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, get_args

from pydantic import SecretStr

from sftp_async.errors import OptionsError
from sftp_async.options.aliases import Gathered, is_blank, normalise
from sftp_async.options.masking import without_passwords
from sftp_async.options.private_file import PrivateFile, RefusedFile, read_private_file
from sftp_async.options.ssh_syntax import is_reference

if TYPE_CHECKING:
    from sftp_async.options.base import OptionsModel

#: The environment variable that names another file.
VARIABLE: Final = "SFTP_ASYNC_CONNECTIONS"
#: What a profile may be called: as a host, so that `NAME:/path` can be read.
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
NAME_FORM: Final = "letters, digits, and after the first character also . _ and -; at most 64"

#: Options of which a given one takes the place of several in the profile.
_TOGETHER: Final = tuple(
    frozenset(f"{prefix}private_key_{part}" for part in ("content", "path", "passphrase"))
    for prefix in ("", "proxy_jump_")
)


def connections_file() -> Path:
    """Return the path of the file with the profiles; it need not exist."""
    if given := os.environ.get(VARIABLE, "").strip():
        return Path(os.path.expanduser(given))  # noqa: PTH111 - Path raises without a home
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not Path(base).is_absolute():  # the XDG specification: such a value is to be ignored
        base = os.path.expanduser("~/.config")  # noqa: PTH111
    return Path(base) / "sftp-async" / "connections.toml"


@dataclass(frozen=True)
class Profiles:
    """All profiles of the file.

    Args:
        file: the file; it may be missing, and then there are no profiles.
        tables: the options of each profile by its name, as the file has them; not yet validated.

    """

    file: Path
    tables: Mapping[str, Mapping[str, object]]

    @classmethod
    def load(cls, model: type[OptionsModel]) -> Self:
        """Read the file.

        Args:
            model: the options that there are.

        Raises:
            OptionsError: the file is no TOML or has options outside a table, or its owner or
                rights forbid its use; lists all mistakes.

        """
        path = connections_file()
        try:
            found = read_private_file(path)
        except RefusedFile as error:
            raise OptionsError(f"The file of connections {path} is not used: {error}.") from None
        if found is None:
            return cls(path, {})
        content = _parsed(found)
        problems = [
            f"{path}: {without_passwords(key)[:60]!r} stands outside a table: write the name of "
            "its connection above it, as [name]."
            for key, value in content.items()
            if not isinstance(value, dict)
        ]
        problems += [
            f"{path}: [{without_passwords(name)}] cannot be the name of a connection: {NAME_FORM}."
            for name, value in content.items()
            if isinstance(value, dict) and not NAME.fullmatch(name)
        ]
        tables = {name: value for name, value in content.items() if isinstance(value, dict)}
        problems += _exposed_secrets(found, tables, model)
        if problems:
            raise OptionsError(problems)
        return cls(path, tables)

    def values_of(self, name: str, model: type[OptionsModel]) -> dict[str, Any]:
        """Return the options of a profile by their canonical names.

        Raises:
            OptionsError: there is no such profile, or its options are wrong; lists all mistakes.

        """
        if name not in self.tables:
            raise OptionsError(self.missing(name))
        table = {key: _plain(value) for key, value in self.tables[name].items()}
        problems = self.problems_of(name, model)
        if problems:
            raise OptionsError(problems)
        gathered = _gathered(table, model)
        return {
            each: next(one.value for one in values if not is_blank(one.value))
            for each, values in gathered.given.items()
            if not all(is_blank(one.value) for one in values)
        }

    def problems_of(self, name: str, model: type[OptionsModel]) -> list[str]:
        """Return a sentence for each mistake in a profile; what is missing is none."""
        table = {key: _plain(value) for key, value in self.tables[name].items()}
        return [f"{self.file}, [{name}]: {each}" for each in mistakes_in(table, model)]

    def near(self, name: str) -> list[str]:
        """Return the names that may be meant by one that does not exist, the likeliest first."""
        folded = {each.lower(): each for each in self.tables}
        return [
            folded[each]
            for each in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.6)
        ]

    def missing(self, name: str) -> str:
        """Return a sentence for a profile that does not exist."""
        start = f"There is no connection {without_passwords(name)[:64]!r} in {self.file}"
        if near := self.near(name):
            return f"{start}; did you mean {' or '.join(near)}?"
        names = sorted(self.tables)
        others = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
        return f"{start}, which has {others or 'none'}."


def mistakes_in(table: Mapping[str, object], model: type[OptionsModel]) -> list[str]:
    """Return a sentence for each mistake in the options of a profile; what is missing is none."""
    mistakes = [
        f"{without_passwords(key)} must be text, a number, true or false, or a list of texts."
        for key, value in table.items()
        if isinstance(value, dict)
    ]
    table = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if nested := [key for key in table if normalise(key) == "profile"]:
        mistakes.append("profile cannot be set in a profile.")
        table = {key: value for key, value in table.items() if key not in nested}
    named = meant_by(table, model)
    needed = {"host": "unnamed", "username": "unnamed", "password": "unnamed"}
    if named & {"private_key_content", "private_key_path"}:
        del needed["password"]
    if "proxy_jump" in named and "password" in needed:
        needed["private_key_path"] = "unnamed"
    try:
        model(**{name: value for name, value in needed.items() if name not in named}, **table)
    except OptionsError as error:
        mistakes += error.problems
    return mistakes


def merged(
    given: Mapping[str, object], under: Mapping[str, object], model: type[OptionsModel]
) -> dict[str, Any]:
    """Return options with others for what is not given.

    Args:
        given: by names in any spelling; they take precedence.
        under: by canonical names. A private key that is given takes the place of theirs, whichever
            way each of them is given.
        model: the options that there are.

    """
    present = {name: value for name, value in given.items() if not is_blank(value)}
    taken = meant_by(present, model)
    for names in _TOGETHER:
        if any(name in taken for name in names if not name.endswith("passphrase")):
            taken |= names
    return {name: value for name, value in under.items() if name not in taken} | present


def meant_by(given: Mapping[str, object], model: type[OptionsModel]) -> set[str]:
    """Return the canonical names of the options that are given, in any spelling, or by a URL."""
    present = {name: value for name, value in given.items() if not is_blank(value)}
    return set(_gathered(present, model).given)


def is_plain_secret(name: str, value: object, model: type[OptionsModel]) -> bool:
    """Whether an option, in any spelling, is a secret that is given as text."""
    fields = model.model_fields
    meant = _gathered({name: value}, model).given
    secret = any(SecretStr in get_args(fields[each].annotation) for each in meant)
    return secret and not is_blank(value) and not is_reference(str(value))


def _gathered(options: Mapping[str, object], model: type[OptionsModel]) -> Gathered:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those about names come from the options themselves
        return Gathered(options, model.model_fields)


def _parsed(file: PrivateFile) -> dict[str, Any]:
    try:
        return tomllib.loads(file.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise OptionsError(f"{file.path} is not TOML: it is not UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        # The place only: the rest of the message may repeat a part of a secret.
        place = re.search(r"\(at [^()]*\)$", str(error))
        where = f" {place[0]}" if place else ""
        raise OptionsError(
            f"{file.path} is not TOML{where}: each line is [name], or option = value with texts "
            "in quotes."
        ) from None


def _exposed_secrets(
    file: PrivateFile, tables: Mapping[str, Mapping[str, object]], model: type[OptionsModel]
) -> list[str]:
    if not file.readable_by_others:
        return []
    exposed = [
        f"{key} of [{without_passwords(name)[:64]}]"
        for name, table in tables.items()
        for key, value in table.items()
        if is_plain_secret(key, value, model)
    ]
    if not exposed:
        return []
    problem = f"other users can read it, and with it {', '.join(exposed)}"
    remedy = f"Run {file.remedy} (and change the secret), or write a reference"
    forms = "env:NAME, file:/path or keyring:NAME"
    return [f"The file of connections {file.path} is not used: {problem}. {remedy}: {forms}."]


def _plain(value: object) -> object:
    """Return a value of TOML as options take it."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date | time) else value
