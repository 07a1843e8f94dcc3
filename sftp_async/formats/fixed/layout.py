"""Holds what a fixed-width layout says: the fields of a record, their places and their form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from sftp_async.errors import OptionsError
from sftp_async.formats.values.pattern_reading import PatternReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Longest record, in characters: far beyond what hosts take (32,760 bytes on z/OS), and a bound for
#: what a typing mistake costs.
MAX_WIDTH: Final = 1_000_000
#: How a number states that it is negative; "" is a minus before its digits, if it is.
SIGNS: Final = ("", "leading", "trailing", "overpunch", "overpunch_ascii", "unsigned")
#: Signs that take a place, or digit, of their own: such numbers are filled with zeros.
PLACED_SIGNS: Final = ("leading", "trailing", "overpunch", "overpunch_ascii")
#: Decimals of Spark have at most so many digits.
MAX_DIGITS: Final = 38
#: Digits that every integer of 64 bits can have.
LONG_DIGITS: Final = 18
_CLOCK: Final = frozenset("HhKkmsSa")
_ZONE: Final = frozenset("XxZV")


@dataclass(frozen=True)
class Field:
    """One field of a record.

    Attributes:
        name: of the column; empty: the field is no column.
        start: of its first character in the record, from 0.
        width: in characters.
        kind: the type that the layout gives the column; None: it follows from the rest.
        align: `left` or `right`; None: numbers are right, others left.
        pad: the character that fills the field; None: a blank, or a zero for numbers with implied
            decimals or a sign of their own.
        decimals: digits behind a decimal point that is not written; None: it is written.
        sign: one of `SIGNS`.
        pattern: Spark's pattern of a date or timestamp.
        null: text that stands for null besides blanks, and is written for it.
        true: text of true.
        false: text of false.
        constant: text that is written, and that a record has to have; the field is no column.

    """

    name: str
    start: int
    width: int
    kind: pa.DataType | None = None
    align: str | None = None
    pad: str | None = None
    decimals: int | None = None
    sign: str = ""
    pattern: str | None = None
    null: str | None = None
    true: str = "true"
    false: str = "false"
    constant: str | None = None

    @property
    def stop(self) -> int:
        """The place behind the last character."""
        return self.start + self.width

    @property
    def is_number(self) -> bool:
        """Whether only numbers fit the field."""
        return self.decimals is not None or bool(self.sign)

    @property
    def digits(self) -> int:
        """The most digits of a number with implied decimals."""
        return self.width - (self.sign in ("leading", "trailing"))

    @property
    def type(self) -> pa.DataType:
        """The type that a read without a schema gives the column."""
        if self.kind is not None:
            return self.kind
        if self.is_number:
            return pa.decimal128(min(self.digits, MAX_DIGITS), self.decimals or 0)
        if self.pattern is not None:
            letters = set("".join(self.pattern.split("'")[::2]))
            if letters & _ZONE:
                return pa.timestamp("us", "UTC")
            return pa.timestamp("us") if letters & _CLOCK else pa.date32()
        return pa.string()

    def is_right(self, kind: pa.DataType) -> bool:
        """Whether values of a type stand at the right of the field."""
        if self.align is not None:
            return self.align == "right"
        return self.pad == "0" or self.is_number or is_numeric(kind)

    @property
    def filling(self) -> str:
        """The character that fills the field."""
        if self.pad is not None:
            return self.pad
        return "0" if self.decimals is not None or self.sign in PLACED_SIGNS else " "

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the field itself, as the ends of sentences."""
        if self.decimals is not None and self.decimals > self.digits:
            yield f"has {self.decimals} decimals, but only {self.digits} digits"
        if self.is_number and self.digits > MAX_DIGITS:
            yield f"has {self.digits} digits, and a DECIMAL has {MAX_DIGITS} at most"
        if self.sign in PLACED_SIGNS and self.digits < 1:
            yield "has no place for a digit"
        if self.is_number and self.kind is not None and not is_numeric(self.kind):
            yield f"is a number by its decimals or sign, and {self.kind} by its type"
        if self.sign in PLACED_SIGNS and self.align == "left":
            yield f"has a sign that is {self.sign}, and is not right-aligned"
        if self.decimals is not None and self.filling == "0" and self.align == "left":
            yield "is filled with zeros behind its digits, which makes other numbers of them"
        for name, text in (("null", self.null), ("constant", self.constant)):
            if text is not None and len(text) > self.width:
                yield f"has a text of {name} that is longer than its {self.width} characters"
        if self.pattern is not None:
            if self.is_number:
                yield "is a number by its decimals or sign, and has a pattern of dates"
            try:
                PatternReader.parse(self.pattern, option="pattern")
            except OptionsError as error:
                yield f"has a pattern that is not understood: {error}"


@dataclass(frozen=True)
class Layout:
    """The fields of a record, in order and without a gap.

    Attributes:
        fields: of the whole record; fields without a name and constant are filled with blanks.

    """

    fields: tuple[Field, ...]

    @classmethod
    def of(cls, fields: Sequence[Field], width: int | None = None) -> Layout:
        """Return the layout of fields that may leave gaps, and may come in any order.

        Args:
            fields: with their places.
            width: of the record; None: the last field ends it.

        Raises:
            ValueError: what is wrong, as a sentence.

        """
        ordered = sorted(fields, key=lambda field: field.start)
        filled: list[Field] = []
        at = 0
        for field in ordered:
            label = label_of(field)
            if field.width < 1:
                raise ValueError(f"{label} has the width {field.width}.")
            if field.start < at:
                raise ValueError(
                    f"{label} begins at {field.start + 1}, within {label_of(filled[-1])}, which "
                    f"ends at {at}."
                )
            for problem in field.problems():
                raise ValueError(f"{label} {problem}.")
            if field.start > at:
                filled.append(Field("", at, field.start - at))
            filled.append(field)
            at = field.stop
            if at > MAX_WIDTH:
                raise ValueError(f"{label} ends beyond {MAX_WIDTH} characters.")
        if width is not None and width != at:
            if width < at:
                raise ValueError(f"The fields end at {at}, beyond the record's width of {width}.")
            filled.append(Field("", at, width - at))
        names = [field.name for field in filled if field.name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(map(repr, twice))} has two fields.")
        return cls(tuple(filled))

    @property
    def width(self) -> int:
        """Characters of a record."""
        return self.fields[-1].stop if self.fields else 0

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields that are columns."""
        return tuple(field for field in self.fields if field.name)

    @property
    def constants(self) -> tuple[Field, ...]:
        """The fields that have the same text in each record."""
        return tuple(field for field in self.fields if field.constant is not None)

    def column(self, name: str, *, case_sensitive: bool) -> Field | None:
        """Return the field of a column; None if there is none."""
        for field in self.columns:
            if field.name == name or (not case_sensitive and field.name.lower() == name.lower()):
                return field
        return None


def label_of(field: Field) -> str:
    """Return what errors call a field."""
    if field.name:
        return f"The field {field.name!r}"
    if field.constant is not None:
        return f"The constant {field.constant!r}"
    return f"The field at {field.start + 1}"


def is_numeric(kind: pa.DataType) -> bool:
    """Return whether values of an Arrow type are numbers."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def placed(entries: Sequence[dict[str, Any]]) -> list[Field]:
    """Return fields of entries, each of which follows the one before unless it says its start."""
    fields = []
    at = 0
    for entry in entries:
        start = entry.pop("start", None)
        field = replace(Field("", 0, 0), **entry, start=at if start is None else start)
        at = field.stop
        fields.append(field)
    return fields
