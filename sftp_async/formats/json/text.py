"""Turns columns into the text of JSON values as Spark writes them, nested types included."""

from __future__ import annotations

import binascii
import functools
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import (
    any_true,
    join,
    lowest_byte,
    nullable,
    replace_where,
    text_buffer,
)
from sftp_async.formats.values.cell_text import CellText, is_text

if TYPE_CHECKING:
    from collections.abc import Iterable

# RFC 8259, section 7, in the spelling of Jackson, which Spark writes with.
_ESCAPES = {chr(code): f"\\u{code:04X}" for code in range(0x20)} | {
    "\\": "\\\\",
    '"': '\\"',
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}
_ESCAPE_TABLE = str.maketrans(_ESCAPES)
_NOT_ESCAPED = bytes(code for code in range(256) if chr(code) not in _ESCAPES)


def quoted(name: str) -> str:
    """Return a string as JSON, quotes included."""
    return f'"{name.translate(_ESCAPE_TABLE)}"'


class JSONText:
    """Turns columns of any type into JSON.

    Args:
        cells: formats of dates and timestamps.
        keep_nulls: write the fields that are null, too.

    """

    def __init__(self, cells: CellText, *, keep_nulls: bool = False) -> None:
        self.cells = cells
        self._keep_nulls = keep_nulls

    def objects(
        self, names: Iterable[str], columns: Iterable[pa.Array], *, rows: int, end: str = "}"
    ) -> pa.Array:
        """Return one JSON object for each row.

        Args:
            names: the field names.
            columns: their values.
            rows: how many rows there are, also where there is no field.
            end: what closes an object.

        """
        if self._keep_nulls:
            return self._whole_objects(names, columns, rows, end)
        members = [
            (quoted(name), *self.fragment(column))
            for name, column in zip(names, columns, strict=True)
            if column.null_count < len(column)
        ]
        if not members:
            return pa.array(["{" + end] * rows, pa.string())
        whole = [index for index, (_, text, _) in enumerate(members) if not text.null_count]
        if not whole:
            texts = [join(f",{name}:{mark}", text, mark) for name, text, mark in members]
            inside = join(*(pc.fill_null(text, "") for text in texts))
            return join("{", pc.binary_replace_slice(inside, 0, 1, ""), end)
        # A field without nulls is always there, which settles the commas of the others: fields
        # before it end in one, fields after it begin with one, and a single join makes the rows.
        anchor = whole[0]
        parts: list[pa.Array | str] = ["{"]
        for index, (name, text, mark) in enumerate(members):
            head = f"{',' if index > anchor else ''}{name}:{mark}"
            tail = f"{mark}{',' if index < anchor else ''}"
            if text.null_count:
                parts.append(pc.fill_null(join(head, text, tail), ""))
            else:
                parts += [head, text, tail]
        return join(*_with_constants_merged([*parts, end]))

    def _whole_objects(
        self, names: Iterable[str], columns: Iterable[pa.Array], rows: int, end: str
    ) -> pa.Array:
        """Return `objects` with the fields that are null."""
        parts: list[pa.Array | str] = ["{"]
        for name, column in zip(names, columns, strict=True):
            comma = "," if len(parts) > 1 else ""
            parts += [f"{comma}{quoted(name)}:", self._values(column)]
        if len(parts) == 1:
            return pa.array(["{" + end] * rows, pa.string())
        return join(*_with_constants_merged([*parts, end]))

    def fragment(self, column: pa.Array) -> tuple[pa.Array, str]:
        """Return the column's JSON as text and the quote that goes around every value, if any."""
        kind = column.type
        types = pa.types
        if is_text(kind):
            return escaped(column), '"'
        if types.is_date(kind) or types.is_timestamp(kind) or types.is_duration(kind):
            return escaped(self.cells.of(column)), '"'
        if types.is_binary(kind) or types.is_large_binary(kind):
            return _base64(column), '"'
        if types.is_struct(kind):
            return self._struct(column), ""
        if types.is_map(kind):
            return self._map(column), ""
        if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
            return self._list(column), ""
        text = self.cells.of(column)
        if types.is_floating(kind):
            # JSON has no number for these; Spark writes and reads them as strings.
            odd = pc.invert(pc.is_finite(column))
            if any_true(odd):
                text = pc.if_else(odd, join('"', text, '"'), text)
        return text, ""

    def _values(self, column: pa.Array) -> pa.Array:
        """Return the JSON of each value, null included."""
        if pa.types.is_null(column.type):
            return pa.array(["null"] * len(column), pa.string())
        text, mark = self.fragment(column)
        if mark:
            text = join(mark, text, mark)
        return pc.fill_null(text, "null")

    def _struct(self, column: pa.StructArray) -> pa.Array:
        names = [field.name for field in column.type]
        return _with_nulls_of(column, self.objects(names, column.flatten(), rows=len(column)))

    def _list(self, column: pa.Array) -> pa.Array:
        return _collected(column, self._values(column.flatten()), "[", "]")

    def _map(self, column: pa.MapArray) -> pa.Array:
        # Arrow's kernels for lists do not take maps, but a map is a list of pairs underneath.
        kind = nullable(column.type)
        pairs = column.cast(
            pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))
        )
        keys, values = pairs.flatten().flatten()
        names = escaped(keys) if is_text(keys.type) else self.cells.of(keys)
        return _collected(pairs, join('"', names, '":', self._values(values)), "{", "}")


def _collected(lists: pa.Array, items: pa.Array, start: str, end: str) -> pa.Array:
    """Join the text of all lists' items, one after the other in `items`, list by list."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")
    return _with_nulls_of(lists, join(start, joined, end))


def _with_nulls_of(column: pa.Array, text: pa.Array) -> pa.Array:
    if not column.null_count:
        return text
    return pc.if_else(column.is_valid(), text, pa.scalar(None, pa.string()))


def _base64(column: pa.Array) -> pa.Array:
    texts = [
        None if value is None else binascii.b2a_base64(value, newline=False)
        for value in column.to_pylist()
    ]
    return pa.array(texts, pa.binary()).cast(pa.string())


def special_in(data: pa.Buffer) -> set[str]:
    """Return the characters in UTF-8 text that JSON wants escaped."""
    if not data.size:
        return set()
    raw = data.to_pybytes()
    if lowest_byte(data) >= 0x20:
        return {char for char in '\\"' if char.encode() in raw}
    return set(raw.translate(None, _NOT_ESCAPED).decode())


def escaped(text: pa.Array) -> pa.Array:
    """Return strings with the characters escaped that JSON does not allow in quotes."""
    text = text.cast(pa.string())
    found = special_in(text_buffer(text))
    if not found:
        return text
    # The backslash comes first: the escapes of the others add new ones.
    order = sorted(found, key=lambda char: char != "\\")
    mask = functools.reduce(pc.or_, (pc.match_substring(text, char) for char in order))
    some = text.filter(mask)
    for char in order:
        some = pc.replace_substring(some, char, _ESCAPES[char])
    return replace_where(mask, text, some)


def _with_constants_merged(parts: list[pa.Array | str]) -> list[pa.Array | str]:
    """Make neighbouring constants one: each part costs a step in each row."""
    merged: list[pa.Array | str] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return merged
