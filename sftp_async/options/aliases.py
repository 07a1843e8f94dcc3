"""Resolves option names: spellings, aliases, and names whose value must be converted."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from sftp_async.errors import SFTPAsyncWarning
from sftp_async.options.masking import without_passwords
from sftp_async.options.other_readers import instead_of
from sftp_async.options.parsing import parse_bool
from sftp_async.options.ssh_syntax import is_key_text, is_reference
from sftp_async.options.urls import is_url, parse_url


def normalise(name: str) -> str:
    """Return `name` in the form in which names are compared, without case, `_` and `-`."""
    return name.lower().replace("_", "").replace("-", "")


#: Other names of an option: those of other tools (Spark, the Paramiko data source, springml,
#: arcizon, SeaTunnel, Databricks, NiFi, Camel, Azure Data Factory), and former names.
ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "host": ("hostname", "server"),
    "username": ("user", "login"),
    "password": ("pass",),
    "private_key_content": ("pem_private_key", "key_pem"),
    "private_key_path": (
        "key_filename",
        "key_file",
        "key_file_path",
        "private_key_file",
        "secret_key_file",
        "pem",
    ),
    "private_key_passphrase": ("passphrase", "pem_passphrase", "key_file_pass", "key_passphrase"),
    "known_hosts": ("known_hosts_file",),
    "host_key_fingerprint": ("key_fingerprint", "host_key"),
    "proxy_jump": ("ssh_proxy_jump", "jump_host", "bastion"),
    "connect_timeout": ("connection_timeout", "timeout"),
    "max_connections": ("max_concurrent_connections", "connections", "max_sftp_sessions"),
    "channels_per_file": ("lanes",),
    "format": ("file_format", "file_type"),
    "compression": ("codec", "compress_codec"),
    "sep": ("delimiter", "field_delimiter"),
    "encoding": ("charset",),
    "path": ("url",),
    "single_file": ("single_file_mode",),
    "partition_by": ("partition_columns",),
    "create_dirs": ("create_intermediate_dirs", "create_directory"),
    "write_empty": ("create_empty_file_when_no_data",),
    "staging_dir": ("temp_path", "tmp_path"),
    "schema_evolution": ("schema_evolution_mode",),
}


@dataclass(frozen=True)
class Converted:
    """A name whose value decides which option it sets, and to what.

    Args:
        options: the options it can stand for.
        read: converts the value to one of these options and its value; `ValueError` as in
            `parsing`.

    """

    options: tuple[str, ...]
    read: Callable[[object], tuple[str, object]]


def _read_private_key(value: object) -> tuple[str, object]:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(text, str) and (is_key_text(text) or is_reference(text)):
        return "private_key_content", value
    return "private_key_path", text


def _switch(option: str, *, true: str, false: str) -> Converted:
    return Converted((option,), lambda value: (option, true if parse_bool(value) else false))


#: Names whose value decides which option they set, or has the opposite meaning.
CONVERTED: Final[Mapping[str, Converted]] = {
    "private_key": Converted(("private_key_content", "private_key_path"), _read_private_key),
    "strict_host_key_checking": _switch("host_key_policy", true="strict", false="insecure"),
    "skip_host_key_validation": _switch("host_key_policy", true="insecure", false="strict"),
    "no_host_key_check": _switch("host_key_policy", true="insecure", false="strict"),
    "use_temp_file_rename": _switch("commit_mode", true="rename", false="direct"),
}

#: Options of springml/spark-sftp and arcizon/spark-filetransfer that have no effect here, since
#: nothing is staged on a local disk or on HDFS.
WITHOUT_EFFECT: Final = (
    "tempLocation",
    "hdfsTempLocation",
    "dfsTempPath",
    "localTempPath",
    "createDF",
)

#: Options that Spark itself adds to those of a data source.
_ADDED_BY_SPARK: Final = frozenset({"paths", "checkpointlocation"})


@dataclass(frozen=True)
class Given:
    """One value as the user gave it.

    Args:
        spelling: the name that the user wrote, or the source of the value, such as a URL.
        value: the value before parsing.
        showable: whether a message may repeat the value.

    """

    spelling: str
    value: object
    showable: bool = True


class Gathered:
    """The options that a user gave, by canonical name, and the problems with their names."""

    def __init__(self, options: Mapping[str, object], fields: Collection[str]) -> None:
        self.problems: list[str] = []
        self.given: dict[str, list[Given]] = {}
        self._names = _spellings(fields)
        ineffective = []
        for spelling, value in options.items():
            name = normalise(spelling)
            if name in self._names:
                self._take(spelling, self._names[name], value)
            elif name in _ADDED_BY_SPARK:
                continue
            elif name in map(normalise, WITHOUT_EFFECT):
                ineffective.append(spelling)
            else:
                self.problems.append(self._unknown(spelling))
        if ineffective:
            warnings.warn(
                f"No effect: {', '.join(ineffective)}. Files are staged on the server only, so "
                "you can remove these options.",
                SFTPAsyncWarning,
                stacklevel=4,
            )

    def _take(self, spelling: str, name: str, value: object) -> None:
        if name in CONVERTED:
            if is_blank(value):
                return
            try:
                name, value = CONVERTED[name].read(value)
            except ValueError as error:
                self.problems.append(f"{spelling} {error}.")
                return
        if name in ("host", "path") and isinstance(value, str) and is_url(value):
            source = "the URL" if normalise(spelling) == "url" else f"the URL in {spelling}"
            url = parse_url(value, source)
            self.problems.extend(url.problems)
            for part, content in url.parts.items():
                self._add(part, Given(source, content, showable=False))
        else:
            self._add(name, Given(spelling, value))

    def _add(self, name: str, given: Given) -> None:
        self.given.setdefault(name, []).append(given)

    def _unknown(self, spelling: str) -> str:
        if (instead := instead_of(spelling)) is not None:
            return f"{spelling[:60]!r} is not an option, but one of {instead}."
        # Without the value: under a misspelled name, it may be a password.
        written = without_passwords(spelling)[:60]
        close = difflib.get_close_matches(normalise(spelling), self._documented, n=1, cutoff=0.7)
        hint = f"; did you mean {self._documented[close[0]]}?" if close else "."
        return f"{written!r} is not an option{hint}"

    @property
    def _documented(self) -> dict[str, str]:
        """Every known name as the documentation writes it, by its normalised form."""
        aliases = (alias for name in self._names.values() for alias in ALIASES.get(name, ()))
        return {normalise(name): name for name in (*aliases, *self._names.values())}


def is_blank(value: object) -> bool:
    """Whether a value means "not given": None or blank text, as an unset job parameter is."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return text is None or (isinstance(text, str) and not text.strip())


def aliases_of(option: str) -> tuple[str, ...]:
    """Return the other documented names of an option."""
    converted = tuple(name for name, rule in CONVERTED.items() if option in rule.options)
    return ALIASES.get(option, ()) + converted


def _spellings(fields: Collection[str]) -> dict[str, str]:
    """Map every normalised spelling to an option's name, or to a name in `CONVERTED`."""
    names = {normalise(field): field for field in fields}
    names |= {normalise(a): field for field in fields for a in ALIASES.get(field, ())}
    names |= {normalise(c): c for c, rule in CONVERTED.items() if set(rule.options) <= set(fields)}
    return names
