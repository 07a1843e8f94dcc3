"""Plans how columns are filled from elements without nesting that is odd: on the quick paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.formats.xml.records import RecordParser

#: Most names of elements whose places are kept: a document may have any number of them.
_MOST_NAMES = 10_000


class Field:
    """A column, or a field of a struct.

    Attributes:
        kind: its type.
        many: whether it is an array: each element with its name is a value of it.
        item: the type of its values: that of the column, or of the array's elements.
        shape: of its values, if they are structs.

    """

    def __init__(self, parser: RecordParser, field: pa.Field) -> None:
        self.kind = field.type
        self.many = pa.types.is_list(field.type)
        self.item = field.type.value_type if self.many else field.type
        self.shape: Shape | None = None
        if pa.types.is_struct(self.item):
            self.shape = Shape(parser, [self.item.field(n) for n in range(self.item.num_fields)])


class Shape:
    """The columns of rows, or the fields of structs, and which elements and attributes fill them.

    Args:
        parser: names fields as the exact path does.
        fields: of the schema, or the struct.

    Attributes:
        fields: in their order.
        value: place of the field that is the text next to elements, or None.
        has_attributes: whether attributes may fill fields.

    """

    def __init__(self, parser: RecordParser, fields: Iterable[pa.Field]) -> None:
        found = list(fields)
        self.fields = [Field(parser, field) for field in found]
        self._parser = parser
        names = [field.name for field in found]
        # As for the exact path: the first of several names that are one, and the text's own.
        self._places = {parser.key(name): place for place, name in reversed([*enumerate(names)])}
        exact = {name: place for place, name in enumerate(names)}
        self.value = exact.get(parser.value_tag)
        prefix = parser.key(parser.prefix)
        self.has_attributes = parser.takes_attributes and any(
            key.startswith(prefix) for key in self._places
        )
        #: Places that are known, by the names of elements.
        self.elements: dict[str, int] = {}
        self._attributes: dict[str, int] = {}

    def place_of(self, tag: str) -> int:
        """Return the place of the field that an element fills; -1: none."""
        place = self.elements.get(tag)
        if place is None:
            place = self._places.get(self._parser.key(self._parser.name(tag)), -1)
            _keep(self.elements, tag, place)
        return place

    def attribute_place(self, name: str) -> int:
        """Return the place of the field that an attribute fills; -1: none."""
        place = self._attributes.get(name)
        if place is None:
            place = -1
            if self.has_attributes:
                key = self._parser.key(self._parser.prefix + self._parser.name(name))
                place = self._places.get(key, -1)
            _keep(self._attributes, name, place)
        return place


def plan_of(parser: RecordParser, columns: pa.Schema) -> Shape | None:
    """Return the shape of rows; None if a column is filled by the exact path alone.

    Args:
        parser: of the exact path.
        columns: all columns but that of corrupt records.

    """
    if not len(columns) or not _is_plain(columns, parser):
        return None
    return Shape(parser, columns)


def _is_plain(fields: Iterable[pa.Field], parser: RecordParser) -> bool:
    """Whether all fields are values, structs, and arrays of these."""
    found = list(fields)
    names = [field.name for field in found]
    if len(set(names)) < len(names) or parser.wildcard in names:
        return False
    for field in found:
        kind = field.type
        if field.name == parser.value_tag and pa.types.is_nested(kind):
            return False
        if pa.types.is_list(kind):
            kind = kind.value_type
        if pa.types.is_struct(kind):
            inner = [kind.field(place) for place in range(kind.num_fields)]
            # Arrow makes no structs whose fields must not be null.
            if not inner or not all(field.nullable for field in inner):
                return False
            if not _is_plain(inner, parser):
                return False
        elif pa.types.is_nested(kind) or pa.types.is_null(kind):
            return False
    return True


def _keep(places: dict[str, int], name: str, place: int) -> None:
    if len(places) < _MOST_NAMES:
        places[name] = place
