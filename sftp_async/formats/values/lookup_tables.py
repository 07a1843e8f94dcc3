"""Looks values up in tables: numbers, dates and times by their parts; strings stay as they are."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import text_buffer
from sftp_async.formats.values import temporal
from sftp_async.formats.values.row_gather import Lookup, LookupTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sftp_async.formats.values.cell_text import CellText
    from sftp_async.formats.values.row_gather import Integers, Mask

# A number that is not in the table of whole ones is cut into its last four digits, the four before
# them, and so on: with larger tables the gather would wait for memory.
_WHOLE = 20_000
_LOW = 10_000
_PARTS = 3
_DECIMALS = 4
# The part of a table from the lowest value to the highest joins the texts of a batch, which costs
# as much as some rows: it may have more texts than the batch has rows, but not many more.
_RANGE = 1_000
_DAY_US = 86_400_000_000


def null_rows(column: pa.Array) -> Mask | None:
    """Return where the column is null; None if it is nowhere."""
    if not column.null_count:
        return None
    mask: Mask = column.is_null().to_numpy(zero_copy_only=False)
    return mask


def value_lookups(column: pa.Array, missing: Mask | None, text: CellText) -> list[Lookup] | None:
    """Return the lookups of a column; None where its values are better formatted one by one.

    Args:
        column: of an atomic type, with at least one row.
        missing: its `null_rows`, for which the lookups have no meaning.
        text: how dates and timestamps are formatted.

    """
    kind = column.type
    types = pa.types
    if sys.byteorder != "little":
        return None
    if types.is_signed_integer(kind):
        return _number(_present(_values(column, f"int{kind.bit_width}"), missing), 0)
    if types.is_decimal128(kind) and 0 <= kind.scale <= _DECIMALS:
        words = _values(column, np.int64, 2)
        low = _present(words[::2], missing)
        if kind.precision > 18 and (_present(words[1::2], missing) != low >> 63).any():
            return None
        return _number(low, kind.scale)
    if types.is_boolean(kind):
        return [Lookup((_booleans(), 0, 2), _bits(column))]
    if types.is_date32(kind) and text.date_format is None:
        date = _date(_present(_values(column, np.int32), missing))
        return None if date is None else [date]
    if types.is_timestamp(kind) and text.pattern_of(kind) is None:
        return _timestamp(text.in_zone(column), missing)
    return None


def text_lookup(text: pa.Array, others: Iterable[tuple[Integers, pa.Array]] = ()) -> Lookup:
    """Return strings as a lookup.

    Args:
        text: a string array; where it is null, its text has no meaning.
        others: rows that have another text, and these texts: one for each row or one for all.

    """
    count = len(text)
    indices = np.arange(count, dtype=np.int32)
    # Validity would slow the gather down; the caller knows which rows are null.
    arrays = [pa.Array.from_buffers(text.type, count, [None, *text.buffers()[1:]], 0, text.offset)]
    for rows, texts in others:
        indices[rows] = count if len(texts) == 1 else np.arange(count, count + len(texts))
        arrays.append(texts)
        count += len(texts)
    return Lookup(arrays, indices)


def letter_lookup(text: pa.Array) -> Lookup | None:
    """Return the lookup of strings without nulls, such as flags; None unless each has one byte."""
    starts = text_starts(text)
    if starts[-1] - starts[0] != len(text) or (np.diff(starts) != 1).any():
        return None
    letters = np.frombuffer(text_buffer(text), np.uint8).astype(np.int32)
    first, last = int(letters.min()), int(letters.max())
    return Lookup((_letters(), first, last - first + 1), letters, -first)


def empty_rows(text: pa.Array) -> Integers:
    """Return the numbers of the strings that are empty; null ones may be among them."""
    starts = text_starts(text)
    rows: Integers = np.flatnonzero(starts[1:] == starts[:-1])
    return rows


def rows_with(text: pa.Array, marks: bytes, missing: Mask | None) -> Integers:
    """Return the numbers of the strings that hold any of some ASCII characters, in rising order."""
    data = np.frombuffer(text_buffer(text), np.uint8)
    places = np.flatnonzero(functools.reduce(np.logical_or, [data == mark for mark in marks]))
    if len(places) > len(text):
        masks = [pc.match_substring(text, chr(mark)) for mark in marks]
        return rows_of(functools.reduce(pc.or_, masks))
    starts = text_starts(text)
    found = np.searchsorted(starts, places + starts[0], side="right") - 1
    rows: Integers = found[np.diff(found, prepend=-1) != 0]
    return rows if missing is None else rows[~missing[rows]]


def rows_of(mask: pa.Array) -> Integers:
    """Return the numbers of the rows where a boolean array is true; null is false."""
    rows: Integers = np.flatnonzero(mask.fill_null(False).to_numpy(zero_copy_only=False))
    return rows


def text_starts(text: pa.Array) -> Integers:
    """Return where each string starts in the array's data and, at last, where the last one ends."""
    offsets: Integers = np.frombuffer(text.buffers()[1], np.int32)
    return offsets[text.offset : text.offset + len(text) + 1]


def _values(column: pa.Array, dtype: Any, width: int = 1) -> Integers:
    data = np.frombuffer(column.buffers()[1], dtype)
    return data[column.offset * width : (column.offset + len(column)) * width]


def _bits(column: pa.Array) -> Integers:
    data = np.frombuffer(column.buffers()[1], np.uint8)
    bits = np.unpackbits(data, bitorder="little")
    return bits[column.offset : column.offset + len(column)].astype(np.int32)


def _present(values: Integers, missing: Mask | None) -> Integers:
    """Put a value that occurs in the place of the missing ones: anything may stand there."""
    if missing is None:
        return values
    there = int(missing.argmin())
    return np.where(missing, values.dtype.type(0) if missing[there] else values[there], values)


def _number(values: Integers, scale: int) -> list[Lookup] | None:
    low, high = int(values.min()), int(values.max())
    if low >= 0:
        return _digits(values, low, high, scale)
    if max(-low, high) >= _WHOLE * _LOW ** (_PARTS - 1):
        return None
    magnitudes = np.abs(values.astype(np.int64))
    digits = _digits(magnitudes, int(magnitudes.min()), int(magnitudes.max()), scale)
    return digits and [Lookup((_signs(), 0, 2), (values < 0).astype(np.int32)), *digits]


def _digits(
    values: Integers, low: int, high: int, scale: int, *, parts: int = _PARTS, start: bool = False
) -> list[Lookup] | None:
    """Return numbers from `low` to `high` as at most `parts` lookups.

    With `start` they begin larger numbers, and 0 is no text.
    """
    rows = len(values)
    whole = _leading() if start else _numbers(scale)
    if high < _WHOLE and _suits(low, high, rows):
        indices = values if values.itemsize >= 4 else values.astype(np.int32)
        return [Lookup((whole, low, high - low + 1), indices, -low)]
    if parts == 1:
        return None
    if high < 2**31:
        values = values.astype(np.int32)
    first, last = low // _LOW, high // _LOW
    tops = values // _LOW
    starts = _digits(tops, first, last, 0, parts=parts - 1, start=True)
    if starts is None:
        return None
    ends = (values - tops * _LOW).astype(np.int32)
    if first:
        return [*starts, Lookup((_ends(scale), 0, _LOW), ends)]
    # Numbers that have no start are in the second half of the table.
    ends += (tops == 0) * np.int32(_LOW)
    return [*starts, Lookup((_all_ends(scale, start), 0, 2 * _LOW), ends)]


def _suits(first: int, last: int, rows: int) -> bool:
    return last - first < max(2 * rows, _RANGE)


def _date(days: Integers) -> Lookup | None:
    first, last = int(days.min()), int(days.max())
    known = first >= temporal.TABLE_FIRST and last <= temporal.TABLE_LAST
    if not known or not _suits(first, last, len(days)):
        return None
    return Lookup((_dates(), first - temporal.TABLE_FIRST, last - first + 1), days, -first)


def _timestamp(column: pa.Array, missing: Mask | None) -> list[Lookup] | None:
    clock = temporal.local_time(column)
    local = _present(_values(clock, np.int64), missing)
    days = local // _DAY_US
    date = _date(days)
    if date is None:
        return None
    zones = [""]
    offset: Integers = np.zeros(1, np.int32)
    if column.type.tz is not None:
        instants = column.cast(pa.timestamp("us", column.type.tz))
        offsets = local - _present(_values(instants, np.int64), missing)
        low, high = int(offsets.min()), int(offsets.max())
        if ((offsets != low) & (offsets != high)).any():
            return None
        zones = [temporal.offset_name(micros) for micros in sorted({low, high})]
        offset = (offsets != low).astype(np.int32)
    micros = local - days * _DAY_US
    minutes = (micros // 60_000_000).astype(np.int32)
    micros = (micros - minutes * np.int64(60_000_000)).astype(np.int32)
    seconds = micros // 1_000_000
    micros -= seconds * 1_000_000
    millis = micros // 1_000
    micros -= millis * 1_000
    lookups = [date, Lookup((_clock(), 0, 1_440), minutes), Lookup((_seconds(), 0, 60), seconds)]
    if micros.any():
        # Six digits where three would lose some: the last three are none where they are zeros.
        lookups.append(Lookup((_millis(""), 0, 1_000), millis))
        return [*lookups, _zoned(_micros, micros, zones, offset)]
    return [*lookups, _zoned(_millis, millis, zones, offset)]


def _zoned(
    table: Callable[[str], LookupTable], indices: Integers, zones: list[str], offset: Integers
) -> Lookup:
    """Return a lookup of thousands, followed by one of at most two offsets."""
    if len(zones) == 1:
        return Lookup((table(zones[0]), 0, 1_000), indices)
    return Lookup([table(zone).texts for zone in zones], indices + offset * 1_000)


@functools.cache
def _booleans() -> LookupTable:
    return _table(["false", "true"])


@functools.cache
def _signs() -> LookupTable:
    return _table(["", "-"])


@functools.cache
def _letters() -> LookupTable:
    return _table(chr(code) for code in range(128))


@functools.cache
def _numbers(scale: int) -> LookupTable:
    """Return all unscaled numbers below `_WHOLE`."""
    words = np.zeros((_WHOLE, 2), np.int64)
    words[:, 0] = np.arange(_WHOLE)
    kind = pa.decimal128(18, scale)
    numbers = pa.Array.from_buffers(kind, _WHOLE, [None, pa.py_buffer(words)])
    return LookupTable(numbers.cast(pa.string()))


@functools.cache
def _leading() -> LookupTable:
    """Return the digits before the last four: nothing instead of 0."""
    return LookupTable(pa.concat_arrays([pa.array([""]), _numbers(0).texts.slice(1)]))


@functools.cache
def _ends(scale: int) -> LookupTable:
    """Return the last four digits, with zeros in front, and the decimal point among them."""
    return LookupTable(pc.utf8_slice_codeunits(_numbers(scale).texts.slice(_LOW, _LOW), 1))


@functools.cache
def _all_ends(scale: int, start: bool) -> LookupTable:
    """Return `_ends`, and after them the numbers of at most four digits."""
    whole = _leading() if start else _numbers(scale)
    return LookupTable(pa.concat_arrays([_ends(scale).texts, whole.texts.slice(0, _LOW)]))


@functools.cache
def _dates() -> LookupTable:
    return LookupTable(temporal.date_table())


@functools.cache
def _clock() -> LookupTable:
    return _table(f"T{minute // 60:02}:{minute % 60:02}" for minute in range(1_440))


@functools.cache
def _seconds() -> LookupTable:
    return _table(f":{second:02}" for second in range(60))


@functools.lru_cache(maxsize=64)
def _millis(zone: str) -> LookupTable:
    return _table(f".{millis:03}{zone}" for millis in range(1_000))


@functools.lru_cache(maxsize=64)
def _micros(zone: str) -> LookupTable:
    return _table(f"{micros:03}{zone}" if micros else zone for micros in range(1_000))


def _table(texts: Iterable[str]) -> LookupTable:
    return LookupTable(pa.array(texts, pa.string()))
