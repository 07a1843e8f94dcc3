r"""The fast path: reads a block of JSON Lines with Arrow, where that is sure to be Spark's reading.

Arrow's reader fails on most of what it reads otherwise than Spark: a name given twice, a number for
a string, a string for a number, a number out of range, malformed lines. What it takes in silence is
looked for here: several records in a line or one in several, decimals with too many digits, the
word `Inf`, text that is not UTF-8, and what exceeds Jackson's limits.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as pj

from sftp_async.formats.json.limits import all_within_limits, within_limits
from sftp_async.formats.json.scalars import base64
from sftp_async.formats.rescued import rescued_objects

if TYPE_CHECKING:
    from sftp_async.formats.json.text_values import TextParser

# RapidJSON takes `Inf` for a number, and Jackson does not.
_WORDS = re.compile(rb"[:\[,]\s*-?(?:Inf(?:inity)?|NaN)\s*[,}\]]")
# Arrow says so where it does not parse a record, or finds a value of another kind.
_ROW = re.compile(r"in row (\d+)")
# And this where a record has a member that is not asked for.
_UNEXPECTED = "unexpected field"
# As what Arrow keeps the text of members that are no columns. It keeps that of no fraction.
_KEPT = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), type(None): pa.string()}
# Lines in which such members are looked for, about, and most members for which Arrow is asked.
_SAMPLE, _MOST_FIELDS = 64, 1000
_AS_THEY_ARE = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.bool_(), pa.float32(), pa.float64()),
    pa.string(),
)


class VectorizedBlocks:
    """Reads blocks of records with Arrow.

    Args:
        columns: all columns but that of corrupt records.
        texts: parses dates and timestamps.
        rescues: whether members that are no columns are kept.

    Attributes:
        rescued: those of the last block, a JSON object for each row; None if they are not kept.
        odd_line: why the last block was refused: the place of a line that Arrow does not read, if
            that is known.

    """

    def __init__(self, columns: pa.Schema, texts: TextParser, *, rescues: bool = False) -> None:
        self._columns = columns
        self._texts = texts
        self._rescues = rescues
        self.odd_line: int | None = None
        self.rescued: pa.Array | None = None
        self._fields = [pa.field(field.name, _read_as(field.type)) for field in columns]

    @staticmethod
    def can_read(columns: pa.Schema, locale: str) -> bool:
        """Whether Arrow reads all columns' types, and there are any.

        Args:
            columns: all columns.
            locale: of decimals in strings.

        """
        english = locale.lower() == "en-us"
        kinds = [field.type for field in columns]
        return bool(kinds) and all(_is_readable(kind, english=english) for kind in kinds)

    def read(self, data: bytes) -> list[pa.Array] | None:
        r"""Return the columns of a block; None if it must go the exact way.

        Args:
            data: whole records; those before the last end with `\n`.

        """
        self.odd_line = self.rescued = None
        lines = _lines(data)
        if not lines or not _is_utf8(data) or not _are_records(lines):
            self.odd_line = _first_odd(lines)
            return None
        if (b"Inf" in data or b"NaN" in data) and _WORDS.search(data):
            self.odd_line = data.count(b"\n", 0, _WORDS.search(data).start())  # type: ignore[union-attr]
            return None
        try:
            table = self._table(data, lines)
        except pa.ArrowInvalid as error:
            # Only a hint: if the line is an ordinary one, the block is refused once more.
            found = _ROW.search(str(error))
            self.odd_line = int(found[1]) if found else None
            return None
        if table.num_rows != len(lines):
            return None
        if self._rescues:
            unknown = self._fields[len(self._columns) :]
            members = {field.name: _joined(table.column(field.name)) for field in unknown}
            self.rescued = rescued_objects(members, table.num_rows)
        try:
            return [
                self._finished(_joined(table.column(place)), field.type)
                for place, field in enumerate(self._columns)
            ]
        except (pa.ArrowInvalid, ValueError):
            return None

    def _table(self, data: bytes, lines: list[bytes]) -> pa.Table:
        """Return the members of records: of each column, and then those that are kept.

        Raises:
            pa.ArrowInvalid: Arrow does not read them.

        """
        reading = pj.ReadOptions(use_threads=False, block_size=len(data) + 1)
        while True:
            parsing = pj.ParseOptions(
                explicit_schema=pa.schema(self._fields),
                unexpected_field_behavior="error" if self._rescues else "ignore",
            )
            try:
                return pj.read_json(
                    pa.BufferReader(data), read_options=reading, parse_options=parsing
                )
            except pa.ArrowInvalid as error:
                if _UNEXPECTED not in str(error) or not self._learn(lines):
                    raise

    def _learn(self, lines: list[bytes]) -> bool:
        """Add members of records that are no columns to those that Arrow is asked for.

        Returns:
            Whether there are any in some of the lines, and Arrow keeps their text.

        """
        known = {field.name for field in self._fields}
        unknown: dict[str, pa.DataType | None] = {}
        for line in lines[:: len(lines) // _SAMPLE + 1]:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            for name in record.keys() - known:
                if record[name] is not None or name not in unknown:
                    unknown[name] = _KEPT.get(type(record[name]))
        if not unknown or None in unknown.values() or len(known) + len(unknown) > _MOST_FIELDS:
            return False
        self._fields += [pa.field(name, unknown[name]) for name in sorted(unknown)]
        return True

    def _finished(self, array: pa.Array, kind: pa.DataType) -> pa.Array:
        """Convert what was read as text.

        Raises:
            ValueError: it has a value that is not as Spark would have it.

        """
        if array.type == kind and not _is_checked(kind):
            return array
        if pa.types.is_struct(kind):
            fields = [kind.field(place) for place in range(kind.num_fields)]
            parts = [
                self._finished(array.field(place), field.type) for place, field in enumerate(fields)
            ]
            return pa.StructArray.from_arrays(parts, fields=fields, mask=array.is_null())
        if pa.types.is_list(kind):
            values = self._finished(array.values, kind.value_type)
            return pa.ListArray.from_arrays(
                array.offsets, values, type=kind, mask=array.is_null() if array.null_count else None
            )
        if pa.types.is_decimal(kind):
            _check_digits(array, kind)
            return array
        if pa.types.is_floating(kind):
            _check_zeros(array)
            return array
        if not pa.types.is_binary(kind):
            return self._texts.column(array, kind)
        texts = array.dictionary_encode()
        values = [base64(text) for text in texts.dictionary.to_pylist()]
        return pa.array(values, kind).take(texts.indices)


def _read_as(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _read_as(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(_read_as(kind.value_type))
    return kind if kind in _AS_THEY_ARE or pa.types.is_decimal128(kind) else pa.string()


def _is_readable(kind: pa.DataType, *, english: bool) -> bool:
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return len(set(names)) == len(names) > 0 and all(
            _is_readable(f.type, english=english) for f in kind
        )
    if pa.types.is_list(kind):
        return _is_readable(kind.value_type, english=english)
    textual = pa.types.is_binary(kind) or pa.types.is_date32(kind) or pa.types.is_timestamp(kind)
    return kind in _AS_THEY_ARE or (pa.types.is_decimal128(kind) and english) or textual


def _lines(data: bytes) -> list[bytes]:
    r"""Return the lines of a block, whose ends are all `\n`, or all `\r\n`; else none."""
    returns = data.count(b"\r")
    end = b"\r\n" if returns else b"\n"
    lines = data.split(end)
    if returns and (returns != data.count(b"\n") or returns != len(lines) - 1):
        return []
    if not lines[-1]:
        lines.pop()
    return lines


def _is_record(line: bytes) -> bool:
    """Whether a line is in braces: a record may be in several lines."""
    return line.startswith(b"{") and line.endswith(b"}")


def _are_records(lines: list[bytes]) -> bool:
    return all(map(_is_record, lines)) and all_within_limits(lines)


def _first_odd(lines: list[bytes]) -> int | None:
    """Return the place of the first line that no block may have."""
    for place, line in enumerate(lines):
        if not _is_record(line) or not _is_utf8(line) or not within_limits(line):
            return place
    return None


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _joined(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _is_checked(kind: pa.DataType) -> bool:
    """Whether values of a type are checked after Arrow has read them."""
    if pa.types.is_struct(kind):
        return any(_is_checked(field.type) for field in kind)
    if pa.types.is_list(kind):
        return _is_checked(kind.value_type)
    return bool(pa.types.is_decimal(kind) or pa.types.is_floating(kind))


def _check_digits(array: pa.Array, kind: pa.Decimal128Type) -> None:
    bounds = pc.min_max(array)
    for bound in (bounds["min"].as_py(), bounds["max"].as_py()):
        if bound and bound.adjusted() + 1 + kind.scale > kind.precision:
            raise ValueError("a number has too many digits")


def _check_zeros(array: pa.Array) -> None:
    """Refuse a negative zero: of the text -0, which is an integer for Jackson, or of -0.0."""
    whole = pa.int32() if pa.types.is_float32(array.type) else pa.int64()
    if pc.any(pc.equal(array.view(whole), -(1 << whole.bit_width - 1))).as_py():
        raise ValueError("a zero may have a sign")
