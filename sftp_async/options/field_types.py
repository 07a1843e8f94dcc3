"""Defines the types of option values: how each is parsed, validated, shown and serialized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, SecretStr

from sftp_async.options import parsing as p
from sftp_async.options.address import parse_host, port_number
from sftp_async.options.control_template import parse_control_lines
from sftp_async.options.proxy_syntax import parse_jump_hosts, parse_proxy_url
from sftp_async.options.ssh_syntax import (
    looks_like_path,
    parse_ciphers,
    parse_host_keys,
    parse_key_path,
    parse_known_hosts,
    read_host_keys,
)
from sftp_async.options.template_option import parse_done_template, parse_file_name

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class FieldType:
    """The type of an option's value, for messages and for the documentation.

    Args:
        words: the notation in a few words; empty for a choice, whose values are listed instead.
        secret: whether the value must never be shown.
        keeps_blank: whether a blank text is a value, or a mistake, rather than the absence of one.

    """

    words: str = ""
    secret: bool = False
    keeps_blank: bool = False


def _key_text(secret: SecretStr) -> SecretStr:
    if looks_like_path(secret.get_secret_value()):
        raise ValueError(
            "is a path, not the text of a key; the option for a path is private_key_path"
        )
    return secret


def _for_bastions(read: Callable[[_In], _Out]) -> Callable[[_In], _Out]:
    """Return the same parser for an option of bastions; its errors name the options of bastions."""

    def read_for_bastions(value: _In) -> _Out:
        try:
            return read(value)
        except ValueError as error:
            problem = str(error).replace("private_key_", "proxy_jump_private_key_")
        raise ValueError(problem)

    return read_for_bastions


Host = Annotated[str, BeforeValidator(parse_host), FieldType("host name or address")]
Name = Annotated[str, BeforeValidator(p.parse_name), FieldType("text")]
Port = Annotated[int, BeforeValidator(p.parse_int), AfterValidator(port_number), FieldType("port")]
Permissions = Annotated[str | None, BeforeValidator(p.parse_permissions), FieldType("octal")]
Moment = Annotated[int | None, BeforeValidator(p.parse_moment), FieldType("time")]
Secret = Annotated[SecretStr | None, FieldType("secret", secret=True)]
KeyText = Annotated[SecretStr | None, AfterValidator(_key_text), FieldType("secret", secret=True)]
KeyPath = Annotated[str | None, BeforeValidator(parse_key_path), FieldType("local path")]
JumpHostKeyText = Annotated[
    SecretStr | None, AfterValidator(_for_bastions(_key_text)), FieldType("secret", secret=True)
]
JumpHostKeyPath = Annotated[
    str | None, BeforeValidator(_for_bastions(parse_key_path)), FieldType("local path")
]
# Invalid values of these two are never shown: the likeliest mistake is a password in them.
JumpHosts = Annotated[
    tuple[str, ...], BeforeValidator(parse_jump_hosts), FieldType("list", secret=True)
]
ProxyURL = Annotated[str | None, BeforeValidator(parse_proxy_url), FieldType("URL", secret=True)]
JumpHostKeys = Annotated[tuple[str, ...], BeforeValidator(read_host_keys), FieldType("list")]
KnownHosts = Annotated[
    str | None, BeforeValidator(parse_known_hosts), FieldType("text or local path")
]
HostKeys = Annotated[tuple[str, ...], BeforeValidator(parse_host_keys), FieldType("list")]
Ciphers = Annotated[tuple[str, ...], BeforeValidator(parse_ciphers), FieldType("list")]
Seconds = Annotated[
    float, BeforeValidator(p.parse_duration), AfterValidator(p.positive), FieldType("seconds")
]
Pause = Annotated[
    float, BeforeValidator(p.parse_duration), AfterValidator(p.at_least(0)), FieldType("seconds")
]
Count = Annotated[
    int, BeforeValidator(p.parse_int), AfterValidator(p.at_least(1)), FieldType("number")
]
OptionalCount = Annotated[
    int | None, BeforeValidator(p.parse_int), AfterValidator(p.at_least(1)), FieldType("number")
]
FormatName = Annotated[
    str,
    BeforeValidator(p.parse_format),
    FieldType(
        "`csv`, `json`, `text`, `fixed`, `xml`, `parquet`, `orc`, `avro`, `excel`, `binary`, or "
        "[your own format](how-to/own-format.md)"
    ),
]
Level = Annotated[int | None, BeforeValidator(p.parse_int), FieldType("number")]
Channels = Annotated[
    int | Literal["auto"],
    BeforeValidator(p.parse_channels),
    FieldType(f"`auto`, or a number up to {p.MAX_CHANNELS}"),
]
Limit = Annotated[
    int, BeforeValidator(p.parse_int), AfterValidator(p.at_least(0)), FieldType("number")
]
Size = Annotated[
    int, BeforeValidator(p.parse_size), AfterValidator(p.at_least(1)), FieldType("bytes")
]
OptionalSize = Annotated[
    int | None, BeforeValidator(p.parse_size), AfterValidator(p.at_least(1)), FieldType("bytes")
]
# Fewer bytes a second are a number whose unit is missing: such a job would never end.
Bandwidth = Annotated[
    int | None, BeforeValidator(p.parse_size), AfterValidator(p.at_least(1024)), FieldType("bytes")
]
SizeLimit = Annotated[
    int, BeforeValidator(p.parse_size), AfterValidator(p.at_least(0)), FieldType("bytes")
]
Switch = Annotated[bool, BeforeValidator(p.parse_bool), FieldType("true or false")]
AutoSwitch = Annotated[bool | None, BeforeValidator(p.parse_bool), FieldType("true or false")]
RemotePath = Annotated[str | None, BeforeValidator(p.parse_remote_path), FieldType("remote path")]
Sep = Annotated[str, BeforeValidator(p.parse_sep), FieldType("text", keeps_blank=True)]
Character = Annotated[
    str, BeforeValidator(p.parse_character), FieldType("one character", keeps_blank=True)
]
Columns = Annotated[tuple[str, ...], BeforeValidator(p.parse_columns), FieldType("column names")]
ControlLines = Annotated[str | None, BeforeValidator(parse_control_lines), FieldType("lines")]
DoneFile = Annotated[str | None, BeforeValidator(parse_done_template), FieldType("template")]
FileName = Annotated[str | None, BeforeValidator(parse_file_name), FieldType("template")]
OptionalText = Annotated[str | None, BeforeValidator(p.parse_name), FieldType("text")]
Traceparent = Annotated[str | None, BeforeValidator(p.parse_traceparent), FieldType("text")]
Text = Annotated[str, BeforeValidator(p.parse_text), FieldType("text", keeps_blank=True)]
LineSep = Annotated[str, BeforeValidator(p.parse_line_sep), FieldType("text", keeps_blank=True)]
Pattern = Annotated[str | None, BeforeValidator(p.parse_name), FieldType("pattern")]


def text_of(value: object) -> str | None:
    """Return an option's value as text for Spark's map of options; None if it is not set."""
    match value:
        case None:
            return None
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return str(value).lower()
        case float():
            return repr(int(value)) if value.is_integer() else repr(value)
        case tuple():
            # Column names may contain any character, also those of the notation.
            plain = not any(v != v.strip() or v.startswith("[") or {*v} & {*",\n"} for v in value)
            return ",".join(value) if plain else repr([*value])
        case _:
            return str(value)
