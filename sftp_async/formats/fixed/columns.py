"""Finds the layout of a read or write, and the field of each of its columns, and checks both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError, EncodeError, OptionsError
from sftp_async.formats.charset import Charset
from sftp_async.formats.fixed.byte_set import ByteSet
from sftp_async.formats.fixed.layout import PLACED_SIGNS, Field, Layout, is_numeric
from sftp_async.formats.fixed.layout_text import COMMENT, layout_of_comments, parse_layout
from sftp_async.formats.values.cell_text import is_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.options import FormatOptions

_FORM = "fixed_layout='id:8 right zero, name:20, amount:9.2 overpunch'"


def wanted_layout(options: FormatOptions, schema: pa.Schema | None) -> Layout:
    """Return the layout of records: that of the option, else that of the columns' comments.

    Raises:
        OptionsError: there is none, or it cannot be read.

    """
    if options.fixed_layout is not None:
        return layout_of_option("fixed_layout", options.fixed_layout)
    try:
        found = layout_of_comments(schema) if schema is not None else None
    except ValueError as error:
        raise OptionsError(f"the comments of columns are no layout: {error}") from None
    if found is None:
        raise OptionsError(
            f"format=fixed needs a layout: set {_FORM}, or begin the comment of each column with "
            f"its place, as in COMMENT '{COMMENT} 8 right zero' (docs/how-to/fixed-width.md)."
        )
    return found


def layout_of_option(name: str, text: str) -> Layout:
    """Return the layout that an option states.

    Raises:
        OptionsError: it cannot be read.

    """
    try:
        return parse_layout(text)
    except ValueError as error:
        raise OptionsError(f"{name} is no layout: {error}") from None


def layout_problems(layout: Layout, options: FormatOptions) -> Iterator[str]:
    """Yield how the layout and the other options contradict each other, as sentences."""
    if not options.fixed_line_ends and ByteSet.named(options.encoding) is None:
        yield (
            f"fixed_line_ends=false needs an encoding of one byte a character, and not "
            f"{options.encoding}: records are found by their length in bytes. Set "
            "encoding=US-ASCII, ISO-8859-1 or cp037."
        )
    charset = Charset.named(options.encoding)
    for field in layout.fields:
        for name in ("constant", "pad", "null", "true", "false"):
            text = getattr(field, name)
            if text and charset is not None and charset.lacks(text):
                yield f"fixed_layout has a character in {name} that {options.encoding} lacks."
            if text and options.fixed_line_ends and {"\n", "\r"} & {*text}:
                yield f"fixed_layout has a line break in {name}."


def field_of_each(
    layout: Layout,
    schema: pa.Schema,
    options: FormatOptions,
    error: type[EncodeError | DecodeError],
    *,
    all_fields: bool = False,
) -> Sequence[Field]:
    """Return the field of each column, by its name.

    Args:
        layout: of records.
        schema: the columns.
        options: whether the case of names counts.
        error: what to raise.
        all_fields: whether each field has to have a column.

    Raises:
        EncodeError, DecodeError: a column has no field, a field no column, or the wrong type.

    """
    exact = options.case_sensitive
    found = [layout.column(name, case_sensitive=exact) for name in schema.names]
    missing = [name for name, field in zip(schema.names, found, strict=True) if field is None]
    if missing:
        raise error(
            f"The layout has no field for {', '.join(map(repr, missing))}, but for "
            f"{', '.join(field.name for field in layout.columns)}",
            hint="Name fields and columns alike, or leave the column out",
        )
    fields = [field for field in found if field is not None]
    unused = [field.name for field in layout.columns if field not in fields]
    if unused and all_fields:
        raise error(
            f"The layout has fields for which there is no column: {', '.join(map(repr, unused))}",
            hint="Add the columns, or name a field _ to fill it with blanks",
        )
    reads = error is DecodeError
    for field, column in zip(fields, schema, strict=True):
        if problem := type_problem(field, column.type, reads=reads):
            raise error(f"Column {column.name!r} of type {column.type} {problem}", hint=_HINT)
    return fields


#: Characters of numbers but the zero, which may be before any of them.
_OF_NUMBERS = frozenset("123456789+-.eE")
_HINT = "Cast the column, or change its field in the layout"


def type_problem(field: Field, kind: pa.DataType, *, reads: bool) -> str | None:
    """Return why a field cannot hold values of a type, as the end of a sentence; None if it can."""
    types = pa.types
    if not (
        is_text(kind)
        or is_numeric(kind)
        or types.is_boolean(kind)
        or types.is_date32(kind)
        or types.is_timestamp(kind)
    ):
        return "has no text in a fixed-width file"
    if field.is_number:
        if not (types.is_integer(kind) or types.is_decimal(kind)):
            return "is no INT, BIGINT or DECIMAL, as its field with implied decimals or a sign is"
        scale = kind.scale if types.is_decimal(kind) else 0
        decimals = field.decimals or 0
        if scale < decimals if reads else scale > decimals:
            return f"has {scale} decimals, and its field {decimals}"
    if field.pattern is not None and not (types.is_date32(kind) or types.is_timestamp(kind)):
        return "is no DATE or TIMESTAMP, as the pattern of its field says"
    if types.is_boolean(kind) and max(len(field.true), len(field.false)) > field.width:
        return (
            f"is written as {field.true} and {field.false}, and its field has {field.width} "
            'characters: set others in the layout, as in true="Y" false="N"'
        )
    if field.sign in PLACED_SIGNS and not is_numeric(kind):
        return "is no number"
    if is_numeric(kind):
        if field.filling == "0" and not field.is_right(kind):
            return "is filled with zeros behind its digits, which makes other numbers of them"
        if field.filling in _OF_NUMBERS:
            return f"is a number, of which the filling {field.filling!r} could be a part"
    return None
