"""Reads fields: the texts of a column, each of the field's width, as values of its type."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import any_true, join, null_where, text_buffer
from sftp_async.formats.fixed.byte_set import OVERPUNCHED
from sftp_async.formats.fixed.layout import LONG_DIGITS, MAX_DIGITS, PLACED_SIGNS, Field
from sftp_async.formats.values.cell_text import is_text
from sftp_async.formats.values.from_text import FromText, TextRules, reader_of
from sftp_async.formats.values.pattern_reading import PatternReader
from sftp_async.formats.values.text_numbers import rounded

#: From so many rows on, a column of dates that has few distinct ones is read once for each.
_MANY: Final = 1024


def field_reader(
    field: Field, kind: pa.DataType, rules: TextRules, *, blank_is_null: bool
) -> FieldReader:
    """Return what reads the texts of a field.

    Args:
        field: of the layout.
        kind: of the column, which the field can hold.
        rules: how text is read; the pattern of the field takes precedence.
        blank_is_null: whether a blank string is null rather than empty.

    """
    if field.pattern is not None:
        pattern = PatternReader.parse(field.pattern, option="pattern")
        rules = replace(rules, date=pattern, timestamp=pattern, timestamp_ntz=pattern)
    values: FromText | None
    if field.is_number:
        values = Numbers(kind, field.decimals or 0, field.sign)
    elif pa.types.is_boolean(kind):
        values = Booleans(kind, field.true, field.false)
    else:
        values = reader_of(kind, rules)
    assert values is not None, "columns are checked"
    return FieldReader(kind, field, values, blank_is_null)


@dataclass(frozen=True)
class FieldReader(FromText):
    """Reads one field: takes the filling off, and finds null.

    Args:
        type: of the column.
        field: of the layout.
        values: reads what is left.
        blank_is_null: whether a blank string is null rather than empty.

    """

    type: pa.DataType
    field: Field
    values: FromText
    blank_is_null: bool

    def cell(self, text: str) -> Any:
        """Return one value; see `FromText`."""
        return self.values.cell(text)

    def column(self, text: pa.Array) -> tuple[pa.Array, list[int]]:
        """Return the values of a column, and the rows whose texts are none; see `FromText`."""
        if is_text(self.type):
            return self._strings(text), []
        text = self._plain(text)
        if len(text) < _MANY or not pa.types.is_temporal(self.type):
            return self.values.column(text)
        encoded = text.dictionary_encode()
        if 2 * len(encoded.dictionary) > len(text):
            return self.values.column(text)
        values, bad = self.values.column(encoded.dictionary)
        found = values.take(encoded.indices)
        if not bad:
            return found, []
        wrong = pc.is_in(encoded.indices, pa.array(bad, encoded.indices.type))
        return found, pc.indices_nonzero(wrong).to_pylist()

    def _strings(self, text: pa.Array) -> pa.Array:
        field = self.field
        right = field.is_right(self.type)
        if field.null is not None:  # blanks are around it, whatever is around a value
            for filled in {field.null.ljust(field.width), field.null.rjust(field.width)}:
                text = null_where(text, filled)
        if field.filling != "0":  # the zeros of a code such as 00123 are its own
            text = _stripped(text, field.filling, left=right, right=not right)
        if field.null is not None:
            text = null_where(text, field.null)
        if not self.blank_is_null and field.filling == " ":
            return text
        blank = pc.equal(text if field.filling == " " else pc.utf8_trim(text, " "), "")
        if not any_true(blank):
            return text
        if self.blank_is_null:
            return pc.if_else(blank, pa.scalar(None, pa.string()), text)
        return pc.if_else(blank, "", text)

    def _plain(self, text: pa.Array) -> pa.Array:
        """Return the texts without filling, null where the field is blank."""
        field = self.field
        data = text_buffer(text).to_pybytes()
        if b" " in data:
            text = _stripped(text, " ", left=True, right=True)
            text = null_where(text, "")
        null = None if field.null is None else field.null.strip(" ")
        if null is not None:
            text = null_where(text, null)
        if field.filling not in " 0":
            right = field.is_right(self.type)
            text = _stripped(text, field.filling, left=right, right=not right)
            text = text if null is None else null_where(text, null)
        return text


@dataclass(frozen=True)
class Booleans(FromText):
    """Booleans by two texts."""

    type: pa.DataType
    true: str
    false: str

    def cell(self, text: str) -> bool:
        """Return one value; see `FromText`."""
        if text not in (self.true, self.false):
            raise ValueError(f"{text!r} is neither {self.true} nor {self.false}")
        return text == self.true

    def fast(self, text: pa.Array) -> pa.Array | None:
        """Return the values of cells if each is one of the two texts; see `FromText`."""
        true = pc.equal(text, self.true)
        known = pc.or_(true, pc.equal(text, self.false))
        return None if pc.all(known).as_py() is False else true


@dataclass(frozen=True)
class Numbers(FromText):
    """Integers, and decimals whose point is not written.

    Args:
        type: integer, or decimal of at least so many decimals.
        decimals: implied.
        sign: how the number states it; see `Field`.

    """

    type: pa.DataType
    decimals: int
    sign: str

    def cell(self, text: str) -> Any:
        """Return one value; see `FromText`."""
        digits, minus = self._parts(text)
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"{text!r} is no number")
        number = -int(digits) if minus else int(digits)
        if not pa.types.is_decimal(self.type):
            if not -(1 << self.type.bit_width - 1) <= number < 1 << self.type.bit_width - 1:
                raise ValueError(f"{text!r} does not fit {self.type}")
            return number
        value = Decimal(number).scaleb(-self.decimals)
        return rounded(value, self.type.precision, self.type.scale)

    def _parts(self, text: str) -> tuple[str, bool]:
        """Return the digits of a number, and whether it is negative."""
        if self.sign == "trailing":
            if text[-1:] not in ("+", "-"):
                raise ValueError(f"{text!r} has no sign at its end")
            return text[:-1], text.endswith("-")
        if self.sign in OVERPUNCHED:
            for minus, marks in enumerate(OVERPUNCHED[self.sign]):
                if text[-1:] and text[-1] in marks:
                    return f"{text[:-1]}{marks.index(text[-1])}", bool(minus)
            return text, False
        if self.sign == "unsigned":
            return text, False
        if self.sign == "leading" and text[:1] not in ("+", "-"):
            raise ValueError(f"{text!r} has no sign at its start")
        return text[1:] if text[:1] in ("+", "-") else text, text.startswith("-")

    def fast(self, text: pa.Array) -> pa.Array | None:
        """Return the values of cells that have digits and a sign alone; see `FromText`."""
        longest = pc.max(pc.binary_length(text)).as_py()
        if longest is None:
            return pa.nulls(len(text), self.type)
        negative = None
        if self.sign in PLACED_SIGNS:
            parts = self._divided(text.cast(pa.binary()))
            if parts is None:
                return None
            text, negative = parts
        minus = b"" if self.sign else b"-"
        if text_buffer(text).to_pybytes().translate(None, b"0123456789" + minus):
            return None
        numbers = text.cast(pa.int64() if longest <= LONG_DIGITS else pa.decimal128(MAX_DIGITS, 0))
        if negative is not None:
            numbers = pc.if_else(negative, pc.negate(numbers), numbers)
        if not pa.types.is_decimal(self.type):
            return numbers.cast(self.type)
        return _pointed(numbers, self.decimals).cast(self.type)

    def _divided(self, text: pa.Array) -> tuple[pa.Array, pa.Array | None] | None:
        """Return digits of numbers, and which are negative; None if a sign is missing."""
        first = self.sign == "leading"
        mark = pc.binary_slice(text, 0, 1) if first else pc.binary_slice(text, -1)
        rest = pc.binary_slice(text, 1) if first else pc.binary_slice(text, 0, -1)
        marks = _MARKS[self.sign]
        found = pc.index_in(mark, pa.array(marks, pa.binary()))
        if found.null_count > text.null_count:
            return None
        # Plus comes first, then minus, then plain digits, which are positive.
        count = 10 if self.sign in OVERPUNCHED else 1
        negative = pc.and_(pc.greater_equal(found, count), pc.less(found, 2 * count))
        digits = rest.cast(pa.string())
        if self.sign in OVERPUNCHED:
            last = pa.array([str(number % 10) for number in range(len(marks))], pa.string())
            digits = join(digits, last.take(found))
        return digits, negative if any_true(negative) else None


#: What states the sign, and in overpunched numbers the last digit: plus, minus, and plain digits.
_MARKS: Final = {
    "leading": [b"+", b"-"],
    "trailing": [b"+", b"-"],
    "overpunch": [bytes([code]) for code in "".join(OVERPUNCHED["overpunch"]).encode()]
    + [b"%d" % digit for digit in range(10)],
    "overpunch_ascii": [bytes([code]) for code in "".join(OVERPUNCHED["overpunch_ascii"]).encode()],
}


def _pointed(numbers: pa.Array, decimals: int) -> pa.Array:
    """Return whole numbers as decimals whose last digits are behind the point."""
    if pa.types.is_integer(numbers.type):
        numbers = numbers.cast(pa.decimal128(19, 0))
    kind = pa.decimal128(numbers.type.precision, decimals)
    buffers = numbers.buffers()
    return pa.Array.from_buffers(kind, len(numbers), buffers, offset=numbers.offset)


def _stripped(text: pa.Array, mark: str, *, left: bool, right: bool) -> pa.Array:
    """Return texts without some character at their ends."""
    ascii_ = text_buffer(text).to_pybytes().isascii() and mark.isascii()
    if left and right:
        return (pc.ascii_trim if ascii_ else pc.utf8_trim)(text, mark)
    if left:
        return (pc.ascii_ltrim if ascii_ else pc.utf8_ltrim)(text, mark)
    return (pc.ascii_rtrim if ascii_ else pc.utf8_rtrim)(text, mark)
