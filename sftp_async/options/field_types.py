"""The kinds of values an option can have: how each is read, checked, shown and written back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, SecretStr

from sftp_async.options import parsing as p
from sftp_async.options.address import parse_host, port_number
from sftp_async.options.name_templates import (
    parse_control_lines,
    parse_done_template,
    parse_file_name,
)
from sftp_async.options.proxy_syntax import parse_hops, parse_proxy_url
from sftp_async.options.ssh_syntax import (
    looks_like_path,
    parse_ciphers,
    parse_host_keys,
    parse_key_path,
    parse_known_hosts,
    read_host_keys,
)

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Kind:
    """What an option's value is, for messages and for the documentation.

    Args:
        words: the notation in a few words; empty for a choice, which lists itself.
        secret: never show the value.
        keeps_blank: blank text is a value, not the absence of one.

    """

    words: str = ""
    secret: bool = False
    keeps_blank: bool = False


def _key_text(secret: SecretStr) -> SecretStr:
    if looks_like_path(secret.get_secret_value()):
        raise ValueError(
            "holds a path, not the text of a key; the option for it is private_key_path"
        )
    return secret


def _of_a_bastion(read: Callable[[_In], _Out]) -> Callable[[_In], _Out]:
    """Return the same for an option of `proxy_jump`; what it says names the options of that."""

    def read_it(value: _In) -> _Out:
        try:
            return read(value)
        except ValueError as error:
            said = str(error).replace("private_key_", "proxy_jump_private_key_")
        raise ValueError(said)

    return read_it


Host = Annotated[str, BeforeValidator(parse_host), Kind("host name or address")]
Name = Annotated[str, BeforeValidator(p.parse_name), Kind("text")]
Port = Annotated[int, BeforeValidator(p.parse_int), AfterValidator(port_number), Kind("port")]
Permissions = Annotated[str | None, BeforeValidator(p.parse_permissions), Kind("octal")]
Moment = Annotated[int | None, BeforeValidator(p.parse_moment), Kind("time")]
Secret = Annotated[SecretStr | None, Kind("secret", secret=True)]
KeyText = Annotated[SecretStr | None, AfterValidator(_key_text), Kind("secret", secret=True)]
KeyPath = Annotated[str | None, BeforeValidator(parse_key_path), Kind("local path")]
HopKeyText = Annotated[
    SecretStr | None, AfterValidator(_of_a_bastion(_key_text)), Kind("secret", secret=True)
]
HopKeyPath = Annotated[
    str | None, BeforeValidator(_of_a_bastion(parse_key_path)), Kind("local path")
]
# Neither is shown where it is wrong: the likeliest mistake is a password in it.
Hops = Annotated[tuple[str, ...], BeforeValidator(parse_hops), Kind("list", secret=True)]
ProxyURL = Annotated[str | None, BeforeValidator(parse_proxy_url), Kind("URL", secret=True)]
HopKeys = Annotated[tuple[str, ...], BeforeValidator(read_host_keys), Kind("list")]
KnownHosts = Annotated[str | None, BeforeValidator(parse_known_hosts), Kind("text or local path")]
HostKeys = Annotated[tuple[str, ...], BeforeValidator(parse_host_keys), Kind("list")]
Ciphers = Annotated[tuple[str, ...], BeforeValidator(parse_ciphers), Kind("list")]
Seconds = Annotated[
    float, BeforeValidator(p.parse_duration), AfterValidator(p.positive), Kind("seconds")
]
Pause = Annotated[
    float, BeforeValidator(p.parse_duration), AfterValidator(p.at_least(0)), Kind("seconds")
]
Count = Annotated[int, BeforeValidator(p.parse_int), AfterValidator(p.at_least(1)), Kind("number")]
FormatName = Annotated[
    str,
    BeforeValidator(p.parse_format),
    Kind(
        "`csv`, `json`, `text`, `xml`, `parquet`, `orc`, `avro`, `binary`, or "
        "[one of your own](how-to/own-format.md)"
    ),
]
Level = Annotated[int | None, BeforeValidator(p.parse_int), Kind("number")]
Channels = Annotated[
    int | Literal["auto"],
    BeforeValidator(p.parse_channels),
    Kind(f"`auto`, or a number up to {p.MAX_CHANNELS}"),
]
Limit = Annotated[int, BeforeValidator(p.parse_int), AfterValidator(p.at_least(0)), Kind("number")]
Size = Annotated[int, BeforeValidator(p.parse_size), AfterValidator(p.at_least(1)), Kind("bytes")]
SizeLimit = Annotated[
    int, BeforeValidator(p.parse_size), AfterValidator(p.at_least(0)), Kind("bytes")
]
Switch = Annotated[bool, BeforeValidator(p.parse_bool), Kind("true or false")]
AutoSwitch = Annotated[bool | None, BeforeValidator(p.parse_bool), Kind("true or false")]
RemotePath = Annotated[str | None, BeforeValidator(p.parse_remote_path), Kind("remote path")]
Sep = Annotated[str, BeforeValidator(p.parse_sep), Kind("text", keeps_blank=True)]
Character = Annotated[
    str, BeforeValidator(p.parse_character), Kind("one character", keeps_blank=True)
]
Columns = Annotated[tuple[str, ...], BeforeValidator(p.parse_columns), Kind("column names")]
ControlLines = Annotated[str | None, BeforeValidator(parse_control_lines), Kind("lines")]
DoneFile = Annotated[str | None, BeforeValidator(parse_done_template), Kind("template")]
FileName = Annotated[str | None, BeforeValidator(parse_file_name), Kind("template")]
OptionalText = Annotated[str | None, BeforeValidator(p.parse_name), Kind("text")]
Text = Annotated[str, BeforeValidator(p.parse_text), Kind("text", keeps_blank=True)]
LineSep = Annotated[str, BeforeValidator(p.parse_line_sep), Kind("text", keeps_blank=True)]
Pattern = Annotated[str | None, BeforeValidator(p.parse_name), Kind("pattern")]


def text_of(value: object) -> str | None:
    """Return an option's value in the notation of Spark's string map."""
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
            # Names of columns may be of any characters, also those of the notation.
            plain = not any(v != v.strip() or v.startswith("[") or {*v} & {*",\n"} for v in value)
            return ",".join(value) if plain else repr([*value])
        case _:
            return str(value)
