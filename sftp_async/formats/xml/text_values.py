"""Parses the text of XML elements and attributes, as Spark's StaxXmlParser does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats.text_rules import text_rules
from sftp_async.formats.values import text_numbers, text_times
from sftp_async.formats.xml.events import MalformedXMLError

if TYPE_CHECKING:
    from sftp_async.options import FormatOptions

Parse = Callable[[str], Any]
#: What Java's String.trim removes.
BLANKS = "".join(map(chr, range(33)))
_DATE = "yyyy-MM-dd"
# What java.text.NumberFormat reads of a text that Double.parseDouble refuses: its beginning.
_BEGINNING = re.compile(r"-?[0-9,]*(?:\.[0-9]*)?(?:E-?[0-9]+)?")
_BITS = {pa.int8(): 8, pa.int16(): 16, pa.int32(): 32, pa.int64(): 64}


class TextParser:
    """Converts text to the types of columns.

    Args:
        options: of the read.

    Raises:
        OptionsError: a pattern, the time zone or the locale is not understood.

    """

    def __init__(self, options: FormatOptions) -> None:
        self.trims = options.ignore_surrounding_spaces
        given = "null_value" in options.model_fields_set
        self.null: str | None = options.null_value if given else None
        rules = text_rules(options, date_format=_DATE if options.prefer_date else None)
        self._zone = rules.zone
        self._date, self._timestamp, self._local = rules.date, rules.timestamp, rules.timestamp_ntz
        self._decimal = text_numbers.decimal_reader(options.locale)
        #: Of text, for whole columns: what Arrow reads alike is read by it.
        self.rules = rules

    def of(self, kind: pa.DataType) -> Parse:
        """Return what converts text to a type; it raises `MalformedXMLError`."""
        parse = self.parser(kind)

        def convert(text: str) -> Any:
            value = text.strip(BLANKS) if self.trims else text
            if value == self.null:
                return None
            try:
                return parse(value)
            except ValueError as error:
                raise MalformedXMLError(str(error)) from None

        return convert

    def is_known(self, kind: pa.DataType) -> bool:
        """Whether values of a type are read."""
        return self.parser(kind) is not _refuse

    def date(self, text: str) -> int:
        """Return the days since 1970 of a date."""
        return text_times.date(text) if self._date is None else self._date.date(text)

    def timestamp(self, text: str) -> int:
        """Return the microseconds since 1970 of a timestamp."""
        if self._timestamp is None:
            return text_times.timestamp(text, self._zone)
        return self._timestamp.timestamp(text, self._zone)

    def timestamp_ntz(self, text: str) -> int:
        """Return a timestamp without time zone, in microseconds as if it were UTC."""
        if self._local is None:
            return text_times.timestamp_ntz(text)
        return self._local.timestamp_ntz(text)

    def decimal(self, text: str) -> Any:
        """Return a decimal number of the locale."""
        return self._decimal(text)

    @staticmethod
    def double(text: str) -> float:
        """Return a double without a sign, as Java parses it."""
        return text_numbers.floating(text)

    def parser(self, kind: pa.DataType) -> Parse:
        """Return what converts text that is not null to a type; it raises `ValueError`."""
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind):
            return str
        if kind in _BITS:
            bits = _BITS[kind]
            signed = bits >= 32
            return lambda text: _integer(text, bits, signed=signed)
        if pa.types.is_floating(kind):
            read = text_numbers.single if pa.types.is_float32(kind) else text_numbers.floating
            return lambda text: _floating(text, read)
        if pa.types.is_boolean(kind):
            return _boolean
        if pa.types.is_decimal(kind):
            precision, scale = kind.precision, kind.scale
            return lambda text: text_numbers.rounded(self._decimal(text), precision, scale)
        if pa.types.is_date(kind):
            return self.date
        if pa.types.is_timestamp(kind):
            return self.timestamp_ntz if kind.tz is None else self.timestamp
        return _refuse


def unsigned(text: str) -> str:
    """Return a number without its sign."""
    return text[1:] if text[:1] in ("+", "-") else text


def _refuse(text: str) -> Any:
    raise ValueError(f"{text!r} is text, and the column is none of a value")


def _boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "1"):
        return True
    if lowered in ("false", "0"):
        return False
    raise ValueError(f"{text!r} is no boolean")


def _integer(text: str, bits: int, *, signed: bool) -> int:
    """Return an integer; Spark takes a sign off larger ones, so they may have two."""
    if not signed:
        return text_numbers.integer(text, bits)
    number = text_numbers.integer(unsigned(text), bits)
    if text[:1] != "-":
        return number
    least = -(1 << bits - 1)
    return number if number == least else -number  # the least one is its own negative in Java


def _floating(text: str, read: Callable[[str], float]) -> float:
    plain = unsigned(text)
    try:
        number = read(plain)
    except ValueError:
        found = _BEGINNING.match(plain)
        digits = found[0].replace(",", "") if found else ""
        if not re.search("[0-9]", digits.partition("E")[0]):
            raise
        number = float(digits)
    return -number if text[:1] == "-" else number
