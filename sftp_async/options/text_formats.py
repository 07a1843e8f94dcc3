"""The finer options of CSV, JSON and text files; names, defaults and meaning are Spark's."""

from __future__ import annotations

import codecs
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import Kind, OptionalText, Pattern, Switch

# Python calls these text encodings, but they are no character sets.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


def parse_encoding(value: object) -> str:
    """Take the name of a character set that Python knows."""
    name = p.parse_name(value).strip()
    try:
        known = codecs.lookup(name).name.replace("_", "-")
        "".encode(name)  # codecs such as base64 are found, but are none of text
    except LookupError:
        known = "undefined"
    if known in _NO_CHARSETS:
        raise ValueError("must be a character set, such as UTF-8, ISO-8859-1 or windows-1252")
    return name


OptionalCharacter = Annotated[str | None, BeforeValidator(p.parse_character), Kind("one character")]
Encoding = Annotated[str, BeforeValidator(parse_encoding), Kind("character set")]


class DialectOptions(OptionsModel):
    """How text files differ in detail."""

    group: ClassVar[str] = "Format: CSV, JSON and text in detail"

    quote_all: Switch = Field(
        False,
        description="CSV: put every value in quotes, a null as well; `null_value` then tells it "
        "from an empty string.",
        examples=["true"],
    )
    escape_quotes: Switch = Field(
        True,
        description="CSV: put a value in quotes if it holds a quote; `false`: only if it starts "
        "with one.",
        examples=["false"],
    )
    char_to_escape_quote_escaping: OptionalCharacter = Field(
        None,
        description="CSV: character before an `escape` character inside a quoted value. Not set: "
        "`escape` itself, unless that is the quote.",
        examples=["~"],
    )
    ignore_leading_white_space: Switch = Field(
        False,
        description="CSV: cut white space off the start of values. Spark's default is `true`.",
        examples=["true"],
    )
    ignore_trailing_white_space: Switch = Field(
        False,
        description="CSV: cut white space off the end of values. Spark's default is `true`.",
        examples=["true"],
    )
    encoding: Encoding = Field(
        "UTF-8",
        description="CSV, JSON and text: character set. A character that it lacks ends the write, "
        r"in JSON it becomes `\uXXXX`; Spark writes `?`.",
        examples=["windows-1252"],
    )
    timestamp_ntz_format: Pattern = Field(
        None,
        description="CSV and JSON: Spark's datetime pattern for timestamps without time zone. Not "
        "set: Spark's default, `yyyy-MM-dd'T'HH:mm:ss[.SSS]`.",
        examples=["yyyy-MM-dd HH:mm:ss"],
    )
    time_zone: OptionalText = Field(
        None,
        description="CSV and JSON: time zone in which timestamps are printed. Not set: "
        "`spark.sql.session.timeZone`.",
        examples=["Europe/Berlin"],
    )
    ignore_null_fields: Switch = Field(
        True, description="JSON: leave out fields that are null.", examples=["false"]
    )
    case_sensitive: Switch = Field(
        False,
        description="All but CSV and text: take columns whose names differ in case alone, for "
        "readers with `spark.sql.caseSensitive=true`; a data source cannot see that setting.",
        examples=["true"],
    )
