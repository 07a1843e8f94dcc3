"""Parses the notations of option values: `8MiB`, `30s`, `TRUE`, `a,b`.

A parser raises `ValueError` with a phrase that continues the option's name (`must be true or
false`). The phrase never contains the value: only the caller knows whether the value may be shown.
"""

from __future__ import annotations

import ast
import math
import os
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeVar

if TYPE_CHECKING:
    from pydantic import SecretStr

_Number = TypeVar("_Number", int, float)

#: Most SFTP channels of one connection. OpenSSH allows 10 sessions on one (sshd_config(5),
#: MaxSessions), and a user's own tools may need one or two of them.
MAX_CHANNELS: Final = 8

#: Spark's `JavaUtils.byteStringAs` counts k, m and g in powers of 1024, as the IEC names do.
_SIZE_UNITS: Final[dict[str, int]] = {
    unit + suffix: 1024**power
    for power, unit in enumerate(("k", "m", "g", "t", "p"), start=1)
    for suffix in ("", "b", "ib")
} | {"": 1, "b": 1}

#: The units of Spark's `JavaUtils.timeStringAs`; a number without a unit is in seconds.
_TIME_UNITS: Final = {
    "": 1.0,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}

_SIZE: Final = re.compile(r"(\d{1,30})\s*([a-z]*)", re.ASCII)
_DURATION: Final = re.compile(r"(-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z]*)", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
#: Schemes of file systems that Spark knows, which it also writes with a single slash: `file:/data`.
_FILE_SYSTEM: Final = re.compile(
    r"(?:file|hdfs|viewfs|dbfs|s3[an]?|gs|abfss?|wasbs?|adl|oss|cosn|https?|ftps?|sftp):/",
    re.IGNORECASE,
)
_FORMAT: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")

#: Escapes that Spark's `CSVExprUtils.toChar` accepts in a CSV delimiter.
_SEP_ESCAPES: Final = {
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
}


def parse_bool(value: object) -> bool:
    """Read `true` or `false` in any case, the only spellings that Spark accepts."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    if word not in ("true", "false"):
        raise ValueError("must be true or false")
    return word == "true"


def parse_int(value: object) -> int:
    """Read a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise ValueError("must be a whole number")


def parse_channels(value: object) -> int | Literal["auto"]:
    """Read `auto`, or a number of SFTP channels from 1 to `MAX_CHANNELS`."""
    if isinstance(value, str) and value.strip().lower() == "auto":
        return "auto"
    try:
        channels = parse_int(value)
    except ValueError:
        channels = 0
    if not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"must be auto, or a whole number from 1 to {MAX_CHANNELS}")
    return channels


def parse_size(value: object) -> int:
    """Read a size in bytes: `8388608`, `8MiB`, `8mb`, `8m`; powers of 1024, as in Spark."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None or match[2] not in _SIZE_UNITS:
        raise ValueError(
            "must be a whole number of bytes, or a number with a unit such as 512k, 8MiB or 1g"
        )
    return int(match[1]) * _SIZE_UNITS[match[2]]


def parse_duration(value: object) -> float:
    """Read a duration in seconds: `30`, `0.5`, `500ms`, `30s`, `2min`, `1h`, `7d`."""
    seconds = math.nan
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str):
        match = _DURATION.fullmatch(value.strip().lower())
        if match is not None and match[2] in _TIME_UNITS:
            seconds = float(match[1]) * _TIME_UNITS[match[2]]
    if not math.isfinite(seconds):
        raise ValueError(
            "must be a number of seconds, or a number with a unit such as 500ms, 30s or 2min"
        )
    return seconds


def at_least(minimum: int) -> Callable[[_Number], _Number]:
    """Return a validator that refuses numbers below `minimum`."""

    def check(value: _Number) -> _Number:
        if value < minimum:
            raise ValueError(
                "must not be negative" if minimum == 0 else f"must be at least {minimum}"
            )
        return value

    return check


def positive(value: _Number) -> _Number:
    """Refuse zero and negative numbers."""
    if value <= 0:
        raise ValueError("must be greater than zero")
    return value


def one_of(words: tuple[str, ...], also: dict[str, str] | None = None) -> Callable[[object], str]:
    """Return a parser for a choice of words in any case; `also` maps other spellings to them."""
    known = {word: word for word in words} | (also or {})

    def parse(value: object) -> str:
        word = value.strip().lower() if isinstance(value, str) else ""
        if word not in known:
            raise ValueError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return known[word]

    return parse


def parse_format(value: object) -> str:
    """Read a format's name, in any case. Only the formats know which names exist."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if not _FORMAT.fullmatch(word):
        raise ValueError("must be the name of a format, such as csv or parquet")
    return word


def parse_text(value: object) -> str:
    """Take text as it is."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def refuse_blank(secret: SecretStr) -> SecretStr:
    """Take a secret that is there: a blank one would turn off what it protects."""
    if not secret.get_secret_value().strip():
        raise ValueError("is blank: set it, or leave it out")
    return secret


def parse_name(value: object) -> str:
    """Take one line of text, such as a user name."""
    text = parse_text(value)
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters such as a line break")
    return text


def parse_remote_path(value: object) -> str:
    """Take a path on the server: absolute, or relative to the login directory, which is `~`."""
    text = parse_text(os.fspath(value) if isinstance(value, os.PathLike) else value)
    if re.search(r"[\x00\r\n]", text):
        raise ValueError("must not contain a NUL character or a line break")
    if _FILE_SYSTEM.match(text):
        scheme = text.partition(":")[0]
        raise ValueError(
            f"must be a path on the server that host names, without {scheme}: (such as /data/y.csv)"
            if scheme.lower() != "sftp"
            else "must be a path on the server, or a URL with two slashes after sftp:"
        )
    if _SCHEME.match(text):
        raise ValueError("must be a path on the server, or an sftp:// URL")
    # No server expands a tilde in a request: that is what shells and clients do.
    if text == "~" or text.startswith("~/"):
        return text[2:].lstrip("/") or "."
    return text


def parse_sep(value: object) -> str:
    r"""Take a CSV delimiter of one or more characters; `\t` and the like are Spark's escapes."""
    text = parse_text(value)
    if not text:
        raise ValueError("must not be empty")
    characters = iter(text)
    decoded = ""
    for character in characters:
        if character != "\\":
            decoded += character
            continue
        escape = next(characters, None)
        if escape is None:
            raise ValueError(r"must not end in a single backslash; a backslash is written as \\")
        if escape not in _SEP_ESCAPES:
            raise ValueError(r"may contain only the escapes \t \r \b \f \" \' and \\")
        decoded += _SEP_ESCAPES[escape]
    return decoded


def parse_character(value: object) -> str:
    """Take one character, or an empty text, which turns the option off as in Spark."""
    text = parse_text(value)
    if len(text) > 1:
        raise ValueError("must be one character, or empty")
    return text


def parse_line_sep(value: object) -> str:
    """Take the end of a line."""
    text = parse_text(value)
    if not text:
        raise ValueError("must not be empty")
    return text


def parse_columns(value: object) -> tuple[str, ...]:
    """Read column names: separated by commas, or a list, also as text in JSON or Python."""
    form = 'must be column names separated by commas (or as a list: ["a","b"])'
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            raise ValueError(form) from None
    if isinstance(value, list | tuple) and all(isinstance(v, str) and v for v in value):
        return tuple(value)
    names = split(value, form) if isinstance(value, str) else ()
    if not names:
        raise ValueError(form)
    return names


def split(value: object, problem: str) -> tuple[str, ...]:
    """Return the parts of a list, or of a text with commas or line breaks.

    Raises:
        ValueError: with the text `problem`; `value` is neither.

    """
    if isinstance(value, str):
        parts: Iterable[object] = re.split(r"[,\n]", value)
    elif isinstance(value, list | tuple | set | frozenset):
        parts = sorted(value) if isinstance(value, set | frozenset) else value
    else:
        raise ValueError(problem)
    if not all(isinstance(part, str) for part in parts):
        raise ValueError(problem)
    return tuple(text for part in parts if (text := str(part).strip()))


def parse_permissions(value: object) -> str:
    """Read file permissions in octal, as `chmod` does: `640`. An `int` is refused as ambiguous."""
    text = value.strip().removeprefix("0o") if isinstance(value, str) else ""
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise ValueError("must be three octal digits as text, such as 640")
    return text[-3:]


def parse_moment(value: object) -> int:
    """Read a time in seconds since 1970: a number, ISO 8601 with a time zone, or a `datetime`."""
    if isinstance(value, str) and not _INTEGER.fullmatch(value.strip()):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if isinstance(value, datetime):
        seconds = int(value.timestamp()) if value.tzinfo is not None else -1
    else:
        try:
            seconds = parse_int(value)
        except ValueError:
            seconds = -1
    if not 0 <= seconds < 2**32:  # SFTP version 3 has 32 bits for it
        raise ValueError(
            "must be a time with a time zone such as 2026-11-23T00:00:00Z, or seconds since 1970"
        )
    return seconds


def parse_fraction(value: object) -> float:
    """Read a number above 0 and at most 1."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        number = math.nan
    if isinstance(value, bool) or not 0 < number <= 1:
        raise ValueError("must be a number above 0, at most 1")
    return number


def parse_local_time(value: object) -> str:
    """Take a time in ISO 8601, with or without a time zone."""
    text = value.isoformat() if isinstance(value, datetime) else parse_name(value).strip()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time such as 2026-11-23T00:00:00") from None
    return text


def parse_suffixes(value: object) -> tuple[str, ...]:
    """Read the ends of file names, separated by commas or as a list; none for `none`."""
    if isinstance(value, str) and value.strip().lower() == "none":
        return ()
    return split(value, "must be ends of file names separated by commas, such as .part,.tmp")


#: Version 00 of W3C Trace Context: the ids of trace and span, which are not all zeros, and flags.
_TRACEPARENT = re.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def parse_traceparent(value: object) -> str:
    """Take the header `traceparent` of W3C Trace Context."""
    text = parse_name(value).strip()
    if not _TRACEPARENT.fullmatch(text):
        raise ValueError("must be a traceparent header: 00-, 32 hex digits, -, 16 hex digits, -01")
    return text
