"""Defines the detailed options of CSV, JSON and text files, with Spark's names and defaults."""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import BeforeValidator, Field

from sftp_async.options import ibm1047 as _ibm1047  # noqa: F401 - adds a character set
from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import FieldType, OptionalText, Pattern, Switch

# Python lists these as text encodings, but they are not character sets.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


def parse_encoding(value: object) -> str:
    """Take the name of a character set that Python supports."""
    name = p.parse_name(value).strip()
    try:
        known = codecs.lookup(name).name.replace("_", "-")
        "".encode(name)  # lookup() also finds codecs such as base64, which do not encode text
    except LookupError:
        known = "undefined"
    if known in _NO_CHARSETS:
        raise ValueError("must be a character set, such as UTF-8, ISO-8859-1 or windows-1252")
    return name


OptionalCharacter = Annotated[
    str | None, BeforeValidator(p.parse_character), FieldType("one character")
]
Encoding = Annotated[str, BeforeValidator(parse_encoding), FieldType("character set")]


class TextFormatOptions(OptionsModel):
    """The details of text formats."""

    quote_all: Switch = Field(
        False,
        description="CSV, written: quote every value, also null. `null_value` then distinguishes "
        "null from an empty string.",
        examples=["true"],
    )
    escape_quotes: Switch = Field(
        True,
        description="CSV, written: quote a value that contains a quote. With `false`, quote it "
        "only if it starts with one.",
        examples=["false"],
    )
    char_to_escape_quote_escaping: OptionalCharacter = Field(
        None,
        description="CSV: character before an `escape` character inside a quoted value. If not "
        "set, it is `escape` itself, unless that is the quote.",
        examples=["~"],
    )
    ignore_leading_white_space: Switch = Field(
        False,
        description="CSV: remove white space at the start of values, written or read. Spark's "
        "default is `true` for writing.",
        examples=["true"],
    )
    ignore_trailing_white_space: Switch = Field(
        False,
        description="CSV: remove white space at the end of values, written or read. Spark's "
        "default is `true` for writing.",
        examples=["true"],
    )
    encoding: Encoding = Field(
        "UTF-8",
        description="CSV, JSON, text and fixed width: "
        "character set of the files, and of XML files that are "
        "read and declare none. To write a character that it does not contain is an error, except "
        r"in JSON, where it is written as `\uXXXX`; Spark writes `?` instead.",
        examples=["windows-1252"],
    )
    timestamp_ntz_format: Pattern = Field(
        None,
        description="CSV, JSON, XML and fixed width: "
        "Spark's datetime pattern for timestamps without time zone. "
        "If not set, a write has Spark's default, `yyyy-MM-dd'T'HH:mm:ss[.SSS]`, and a read takes "
        "all that Spark's reader takes.",
        examples=["yyyy-MM-dd HH:mm:ss"],
    )
    time_zone: OptionalText = Field(
        None,
        description="CSV, JSON, XML and fixed width: "
        "time zone in which timestamps are written, and in which "
        "those that name none are read. If not set, it is `spark.sql.session.timeZone`.",
        examples=["Europe/Berlin"],
    )
    ignore_null_fields: Switch = Field(
        True, description="JSON, written: omit fields that are null.", examples=["false"]
    )
    case_sensitive: Switch = Field(
        False,
        description="All formats except CSV and text: columns whose names differ only in case are "
        "two columns, as with `spark.sql.caseSensitive=true`. A write accepts them, and a read "
        "finds the columns of files by their exact names. A data source cannot read that setting.",
        examples=["true"],
    )
