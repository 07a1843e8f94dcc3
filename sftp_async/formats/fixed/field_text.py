"""Makes the text of fields: each value of a column, filled up to the field's width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import any_true, join, text_buffer
from sftp_async.formats.fixed.byte_set import OVERPUNCHED
from sftp_async.formats.fixed.layout import LONG_DIGITS, PLACED_SIGNS, Field
from sftp_async.formats.values.cell_text import CellText, is_text

if TYPE_CHECKING:
    from collections.abc import Callable

#: From so many rows on, a column of dates that has few distinct ones is formatted once for each.
_MANY: Final = 1024
_TO_DIGITS: Final = bytes((code - 48) % 256 for code in range(256))


@dataclass(frozen=True)
class FieldText:
    """Fills one field of a record.

    Args:
        field: of the layout.
        place: of the column in the batches.
        text: formats of dates and timestamps, those of the field included.

    """

    field: Field
    place: int
    text: CellText

    def of(self, column: pa.Array, row: int) -> pa.Array:
        """Return the texts of a column's values, each of as many characters as the field.

        Args:
            column: of a batch.
            row: number of its first row, for errors.

        Raises:
            EncodeError: a value is too long for the field; names the column and the row.

        """
        field = self.field
        text = self._plain(column)
        if is_text(column.type):
            lengths = pc.utf8_length(text)
            ascii_ = _is_ascii(text) and field.filling.isascii()
        else:
            lengths = pc.binary_length(text)
            ascii_ = field.filling.isascii()
        pads = (pc.ascii_lpad, pc.ascii_rpad) if ascii_ else (pc.utf8_lpad, pc.utf8_rpad)
        longest = pc.max(lengths).as_py() or 0
        space = field.width
        if field.is_number:
            negative = pc.starts_with(text, "-")
            space = field.digits
            if any_true(negative):
                self._check(pc.and_(negative, field.sign == "unsigned"), row, _is_negative)
                if field.sign in PLACED_SIGNS:
                    text = pc.ascii_ltrim(text, characters="-")
                    lengths = pc.binary_length(text)
                    longest = pc.max(lengths).as_py() or 0
        if longest > space:
            self._check(pc.greater(lengths, space), row, lambda at: self._too_long(lengths[at]))
        right = field.is_right(column.type)
        pad = pads[0] if right else pads[1]
        filling = field.filling
        if field.sign in PLACED_SIGNS:
            found = self._signed(pad(text, width=space, padding=filling), negative)
        else:
            found = pad(text, width=space, padding=filling)
            if right and filling == "0" and not is_text(column.type):
                found = _minus_first(text, found)
                if pa.types.is_floating(column.type):  # no number has zeros before NaN
                    found = pc.if_else(pc.is_finite(column), found, pad(text, width=space))
        return pc.fill_null(found, self.null) if column.null_count else found

    @property
    def null(self) -> str:
        """The text of null."""
        text = self.field.null or ""
        return (
            text.rjust(self.field.width)
            if self.field.align == "right"
            else text.ljust(self.field.width)
        )

    def _plain(self, column: pa.Array) -> pa.Array:
        """Return the texts of a column's values; nulls stay null."""
        field, kind = self.field, column.type
        types = pa.types
        if field.is_number:
            return _unscaled(column, field.decimals or 0)
        if types.is_boolean(kind):
            texts = pa.scalar(field.true), pa.scalar(field.false)
            return pc.if_else(column, *texts)
        if types.is_date32(kind) and len(column) >= _MANY:
            encoded = column.dictionary_encode()
            if 2 * len(encoded.dictionary) < len(column):
                return self.text.of(encoded.dictionary).take(encoded.indices)
        return self.text.of(column).cast(pa.string())

    def _signed(self, digits: pa.Array, negative: pa.Array) -> pa.Array:
        """Return padded digits with the sign of each number."""
        sign = self.field.sign
        if sign == "leading":
            return join(pc.if_else(negative, "-", "+"), digits)
        if sign == "trailing":
            return join(digits, pc.if_else(negative, "-", "+"))
        width = self.field.width
        filled = pc.fill_null(digits, "0" * width)
        rows = pa.Array.from_buffers(pa.binary(width), len(filled), [None, text_buffer(filled)])
        last = pc.binary_slice(rows, width - 1, width).buffers()[1].to_pybytes()
        numbers = pa.Array.from_buffers(
            pa.uint8(), len(filled), [None, pa.py_buffer(last[: len(filled)].translate(_TO_DIGITS))]
        )
        signs = pc.if_else(negative, pa.scalar(10, pa.uint8()), pa.scalar(0, pa.uint8()))
        marks = pa.array([*"".join(OVERPUNCHED[sign])], pa.string())
        body = pc.binary_slice(rows, 0, width - 1).cast(pa.string()) if width > 1 else ""
        return join(body, marks.take(pc.add(numbers, signs)))

    def _check(self, wrong: pa.Array, row: int, problem: Callable[[int], str]) -> None:
        """Raise the error of the first row that is wrong, if one is."""
        if any_true(wrong):
            at = pc.index(wrong, True).as_py()
            raise EncodeError(
                f"Column {self.field.name!r}, row {row + at + 1} of its part: the value "
                f"{problem(at)}",
                hint="Shorten or round the values in the DataFrame, or widen the field in the "
                "layout",
            )

    def _too_long(self, length: pa.Scalar) -> str:
        field = self.field
        what = "digits" if field.sign in PLACED_SIGNS else "characters"
        return f"takes {length} {what}, and the field has space for {field.digits}"


def _is_negative(_: int) -> str:
    return "is negative, and the field is unsigned"


def _minus_first(text: pa.Array, padded: pa.Array) -> pa.Array:
    """Return numbers filled with zeros whose minus is in front of these."""
    negative = pc.and_(pc.starts_with(text, "-"), pc.not_equal(text, padded))
    if not any_true(negative):
        return padded
    moved = join("-", pc.replace_substring(padded, pattern="-", replacement="", max_replacements=1))
    # The minus takes the place of one zero of the filling.
    return pc.if_else(negative, moved, padded)


def _unscaled(column: pa.Array, decimals: int) -> pa.Array:
    """Return numbers as text without their decimal point, of so many decimals."""
    kind = column.type
    scale = 0
    if pa.types.is_decimal(kind):
        scale = kind.scale
        buffers = column.buffers()
        whole = pa.decimal128(kind.precision, 0)
        column = pa.Array.from_buffers(whole, len(column), buffers, offset=column.offset)
        if kind.precision <= LONG_DIGITS:
            column = column.cast(pa.int64())
    text = column.cast(pa.string())
    return join(text, "0" * (decimals - scale)) if decimals > scale else text


def _is_ascii(text: pa.Array) -> bool:
    return bool(text_buffer(text).to_pybytes().isascii())
