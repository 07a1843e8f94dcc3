"""The fast path: makes columns of the elements of a block, with all values of one at once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.xml.quick_rows import QuickRows
from sftp_async.formats.xml.structure import ENTITIES, OddBlockError, structure_of
from sftp_async.formats.xml.text_values import BLANKS
from sftp_async.formats.xml.tree_blocks import TreeEvents, tree_of

try:
    import numpy as np
except ImportError:
    np = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from sftp_async.formats.xml.plan import Field, Shape
    from sftp_async.formats.xml.structure import Level, Numbers, Structure
    from sftp_async.formats.xml.text_columns import TextColumns

_CHARACTERS = "<>\"'&"


class VectorizedBlocks:
    """Reads blocks of rows.

    Args:
        shape: of rows.
        texts: converts their texts.
        is_row: whether an element of a name is a row.

    """

    def __init__(self, shape: Shape, texts: TextColumns, is_row: Callable[[str], bool]) -> None:
        self._shape = shape
        self._texts = texts
        self._is_row = is_row

    @staticmethod
    def can_read() -> bool:
        """Whether NumPy is there."""
        return np is not None

    def read(self, data: bytes) -> QuickRows | None:
        """Return the rows of a block; None if it must go another way.

        Args:
            data: see `structure_of`.

        """
        try:
            structure = structure_of(data, self._is_row)
        except OddBlockError:
            return None
        count = len(structure.levels[0].first)
        rows = np.arange(count)
        reading = _Reading(structure, self._texts)
        arrays = reading.fields(self._shape, 0, rows, rows)
        odd = sorted(reading.odd)
        return QuickRows(arrays, count, odd, _Records(structure, odd), structure.between)


class _Records:
    """The events of the rows that are odd, by way of one tree.

    Args:
        structure: of a block.
        odd: the places of the rows.

    """

    def __init__(self, structure: Structure, odd: list[int]) -> None:
        self._structure = structure
        self._odd = odd

    def __call__(self, row: int) -> TreeEvents:
        """Return the events of one of the rows."""
        return TreeEvents(self._elements[row])

    @cached_property
    def _elements(self) -> dict[int, Element]:
        structure, odd = self._structure, self._odd
        top = structure.levels[0]
        starts = structure.offsets[2 * top.first[odd] + 1].tolist()
        stops = structure.offsets[2 * top.last[odd] + 2].tolist()
        data = structure.data
        records = [data[start:stop] for start, stop in zip(starts, stops, strict=True)]
        return dict(zip(odd, tree_of(b"".join(records)), strict=True))


class _Reading:
    """Reads the fields of one block.

    Attributes:
        odd: rows that must be read again.

    """

    def __init__(self, structure: Structure, texts: TextColumns) -> None:
        self._structure = structure
        self._texts = texts
        self._filled: Numbers = None
        self.odd: set[int] = set()

    def fields(self, shape: Shape, number: int, chosen: Numbers, rows: Numbers) -> list[pa.Array]:
        """Return the fields of some elements of a level.

        Args:
            shape: the fields.
            number: of the level.
            chosen: the elements' numbers.
            rows: of each element, the row that it is in.

        """
        structure = self._structure
        levels, names = structure.levels, structure.names
        level = levels[number]
        own = _Own(level, chosen, rows)
        # Of each field, where it is found: owners and pieces or elements.
        attributes = {}
        if shape.has_attributes and len(level.attribute_token):
            places = np.array([shape.attribute_place(name) for name in names])
            attributes = own.attributes(places)
        children = {}
        if number + 1 < len(levels):
            places = np.array([shape.place_of(name) for name in names])
            children = own.children(levels[number + 1], places)
        return [
            self._field(field, place, own, number + 1, attributes.get(place), children.get(place))
            if place != shape.value
            else self._text(field, own, number, place in attributes or place in children)
            for place, field in enumerate(shape.fields)
        ]

    def _field(
        self,
        field: Field,
        place: int,
        own: _Own,
        number: int,
        attributes: tuple[Numbers, Numbers] | None,
        children: tuple[Numbers, Numbers] | None,
    ) -> pa.Array:
        if attributes is not None:
            if field.many or field.shape is not None:
                self._add_odd(own.rows[attributes[0]])
            elif children is None:
                owners, tokens = attributes
                self._add_odd(own.rows[_repeated(owners)])
                pieces = np.full(own.count, -1)
                pieces[owners] = 2 * tokens + 2
                return self._column(pieces, field, own.rows, of_attributes=True)
            else:
                # Which of them counts is another matter.
                self._add_odd(own.rows[attributes[0]])
        if children is None:
            return pa.nulls(own.count, field.kind)
        owners, elements = children
        if field.many:
            values = self._values(field, number, elements, own.rows[owners])
            counts = np.bincount(owners, minlength=own.count)
            offsets = np.zeros(own.count + 1, np.int32)
            np.cumsum(counts, out=offsets[1:])
            mask = pa.array(counts == 0) if (counts == 0).any() else None
            return pa.ListArray.from_arrays(pa.array(offsets), values, type=field.kind, mask=mask)
        self._add_odd(own.rows[_repeated(owners)])
        if field.shape is None:
            pieces = np.full(own.count, -1)
            pieces[owners] = self._leaves(number, elements, own.rows[owners])
            return self._column(pieces, field, own.rows)
        values = self._values(field, number, elements, own.rows[owners])
        if len(owners) == own.count and not len(_repeated(owners)):
            return values
        places = np.full(own.count, -1)
        places[owners] = np.arange(len(owners))
        return values.take(_with_nulls(places))

    def _values(self, field: Field, number: int, elements: Numbers, rows: Numbers) -> pa.Array:
        """Return the value of each of some elements."""
        if field.shape is None:
            return self._column(self._leaves(number, elements, rows), field, rows)
        parts = self.fields(field.shape, number, elements, rows)
        fields = [field.item.field(place) for place in range(field.item.num_fields)]
        return pa.StructArray.from_arrays(parts, fields=fields)

    def _leaves(self, number: int, elements: Numbers, rows: Numbers) -> Numbers:
        """Return the pieces with the texts of elements, which are to have no others in them."""
        level = self._structure.levels[number]
        opened, last = level.opened[elements], level.last[elements]
        nested = last > opened + 1
        if nested.any():
            self._add_odd(rows[nested])
        return np.where(opened == last, self._structure.empty, 2 * opened + 2)

    def _text(self, field: Field, own: _Own, number: int, is_ambiguous: bool) -> pa.Array:
        """Return the text next to the elements in each of some elements."""
        if is_ambiguous:
            self._add_odd(own.rows)
        structure = self._structure
        if self._filled is None:
            trimmed = pc.ascii_trim(structure.pieces.view(pa.string()), characters=BLANKS)
            lengths = pc.binary_length(trimmed).to_numpy()[2::2][: len(structure.depths)]
            self._filled = np.flatnonzero((lengths > 0) & (structure.depths > 0))
        tokens = self._filled[structure.depths[self._filled] == number + 1]
        level = structure.levels[number]
        owners = own.local(len(level.first))[np.searchsorted(level.first, tokens, "right") - 1]
        tokens, owners = tokens[owners >= 0], owners[owners >= 0]
        self._add_odd(own.rows[_repeated(owners)])
        pieces = np.full(own.count, -1)
        pieces[owners] = 2 * tokens + 2
        return self._column(pieces, field, own.rows)

    def _column(
        self, pieces: Numbers, field: Field, rows: Numbers, *, of_attributes: bool = False
    ) -> pa.Array:
        texts = self._structure.pieces.take(_with_nulls(pieces)).view(pa.string())
        if self._structure.has_entities:
            for entity, character in zip(ENTITIES, _CHARACTERS, strict=True):
                texts = pc.replace_substring(texts, entity.decode(), character)
        if of_attributes:
            # Expat makes spaces of them.
            self._add_odd(rows[_where(pc.match_substring_regex(texts, "[\t\n]"))])
            values, bad = self._texts.of_attributes(texts, field.item)
        else:
            values, bad = self._texts.of_elements(texts, field.item)
        self._add_odd(rows[bad])
        return values

    def _add_odd(self, rows: Numbers) -> None:
        if len(rows):
            self.odd.update(rows.tolist())


class _Own:
    """Some elements of a level.

    Attributes:
        count: how many they are.
        rows: of each, the row that it is in.

    """

    def __init__(self, level: Level, chosen: Numbers, rows: Numbers) -> None:
        self._level = level
        self._chosen = chosen
        self.rows = rows
        self.count = len(chosen)

    def local(self, total: int) -> Numbers:
        """Return, of each element of the level, its place among the chosen ones, or -1."""
        places = np.full(total, -1)
        places[self._chosen] = np.arange(self.count)
        return places

    def attributes(self, places: Numbers) -> dict[int, tuple[Numbers, Numbers]]:
        """Return, by the place of a field, owners and tokens of attributes.

        Args:
            places: of the field of each name, or -1.

        """
        level = self._level
        owners = self.local(len(level.first))[level.attribute_owner]
        return _grouped(places[level.attribute_name], owners, level.attribute_token)

    def children(self, below: Level, places: Numbers) -> dict[int, tuple[Numbers, Numbers]]:
        """Return, by the place of a field, owners and numbers of elements in the chosen ones.

        Args:
            below: the next level.
            places: of the field of each name, or -1.

        """
        owners = self.local(len(self._level.first))[below.parent]
        return _grouped(places[below.name], owners, np.arange(len(below.first)))


def _grouped(
    places: Numbers, owners: Numbers, values: Numbers
) -> dict[int, tuple[Numbers, Numbers]]:
    """Return owners and values for each place."""
    places = np.where(owners >= 0, places, -1)
    found = {}
    for place in np.unique(places).tolist():
        if place >= 0:
            chosen = np.flatnonzero(places == place)
            found[place] = owners[chosen], values[chosen]
    return found


def _repeated(owners: Numbers) -> Numbers:
    """Return those that occur more than once; equal ones are together."""
    return owners[1:][owners[1:] == owners[:-1]]


def _with_nulls(places: Numbers) -> pa.Array:
    missing = places < 0
    return pa.array(places, mask=missing) if missing.any() else pa.array(places)


def _where(mask: pa.Array) -> Numbers:
    """Return where a mask is true; null is false."""
    return np.flatnonzero(pc.fill_null(mask, False).to_numpy(zero_copy_only=False))
