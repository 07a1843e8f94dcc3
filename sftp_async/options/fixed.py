"""Defines the options of fixed-width files: layouts, record types and line ends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sftp_async.options import parsing as p
from sftp_async.options.base import OptionsModel
from sftp_async.options.field_types import FieldType, Switch

LayoutText = Annotated[str | None, BeforeValidator(p.parse_text), FieldType("text or reference")]


class FixedOptions(OptionsModel):
    """The records of fixed-width files."""

    fixed_layout: LayoutText = Field(
        None,
        description="Fixed width: the fields of a record, in the "
        "[compact notation](how-to/fixed-width.md#the-layout), as JSON or as a table; "
        "`file:/path` and `env:NAME` refer to one. If not set, the comments of the columns state "
        "it.",
        examples=["id:8 right zero, name:20, amount:9.2 overpunch"],
    )
    fixed_header: LayoutText = Field(
        None,
        description="Fixed width: the records before the data, each with a constant by which it "
        "is recognised; `;` is between several. A read checks them, and makes no rows of them. A "
        "write puts them into one exact file.",
        examples=['"H", name:20, _:16'],
    )
    fixed_trailer: LayoutText = Field(
        None,
        description="Fixed width: the records behind the data, as `fixed_header`. A field with the "
        "name `rows` is the number of rows: a write fills it in, and a read fails if it is wrong, "
        "or if the trailer is missing.",
        examples=['"T", rows:8 zero, _:28'],
    )
    fixed_line_ends: Switch = Field(
        True,
        description="Fixed width: `line_sep` ends each record. If `false`, nothing is between "
        "records; then `encoding` has to be one of a byte a character.",
        examples=["false"],
    )
    fixed_blank_strings: Annotated[
        Literal["null", "empty"], BeforeValidator(p.one_of(("null", "empty"))), FieldType()
    ] = Field(
        "null",
        description="Fixed width, read: what a blank field of a string column is. Blank numbers, "
        "dates and booleans are null.",
        examples=["empty"],
    )
