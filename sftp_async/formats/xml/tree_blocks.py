"""The middle path: makes columns of the rows of a block by way of a tree of its elements.

Expat hands the elements to the tree without any of our code in between. A tree holds what tokens
cannot show: CDATA sections, references to characters, comments and processing instructions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.parsers import expat

import pyarrow as pa

from sftp_async.formats.xml import events as ev
from sftp_async.formats.xml.events import Event
from sftp_async.formats.xml.quick_rows import QuickRows
from sftp_async.formats.xml.text_values import BLANKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree.ElementTree import Element

    from sftp_async.formats.xml.plan import Field, Shape
    from sftp_async.formats.xml.text_columns import TextColumns

#: Stands for a comment or a processing instruction, which separates texts. No element has the name.
_MARK = "!"


class TreeBlocks:
    """Reads blocks of rows.

    Args:
        shape: of rows; None: all of them are odd.
        texts: converts their texts.
        is_row: whether an element of a name is a row.

    """

    def __init__(
        self, shape: Shape | None, texts: TextColumns, is_row: Callable[[str], bool]
    ) -> None:
        self._shape = shape
        self._texts = texts
        self._is_row = is_row

    def read(self, data: bytes) -> QuickRows | None:
        """Return the rows of a block; None if it must go the exact way.

        Args:
            data: UTF-8, without the root; all elements begin and end in it.

        """
        try:
            root = tree_of(data)
        except expat.ExpatError:
            return None
        rows = list(self._rows_in(root))
        if self._shape is None:
            every = list(range(len(rows)))
            return QuickRows([], len(rows), every, lambda row: TreeEvents(rows[row]))
        reading = _Reading(self._texts)
        arrays = reading.fields(self._shape, rows, range(len(rows)))
        return QuickRows(arrays, len(rows), sorted(reading.odd), lambda row: TreeEvents(rows[row]))

    def _rows_in(self, root: Element) -> Iterator[Element]:
        """Yield the outermost rows."""
        above = [iter(root)]
        while above:
            element = next(above[-1], None)
            if element is None:
                above.pop()
            elif self._is_row(element.tag):
                yield element
            else:
                above.append(iter(element))


def tree_of(data: bytes) -> Element:
    """Return the tree of a block, under a root.

    Args:
        data: UTF-8; all elements begin and end in it.

    Raises:
        expat.ExpatError: it is malformed, or refers to an entity.

    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def mark(*_: str) -> None:
        builder.start(_MARK, {})
        builder.end(_MARK)

    parser.CommentHandler = mark
    parser.ProcessingInstructionHandler = mark
    parser.Parse(b"<x>", False)
    parser.Parse(data, False)
    parser.Parse(b"</x>", True)
    return builder.close()


class _Reading:
    """Reads the fields of one block.

    Attributes:
        odd: rows that must be read again.

    """

    def __init__(self, texts: TextColumns) -> None:
        self._texts = texts
        self.odd: set[int] = set()

    def fields(
        self, shape: Shape, elements: list[Element], rows: list[int] | range
    ) -> list[pa.Array]:
        """Return the fields of elements.

        Args:
            shape: the fields.
            elements: are structs, or rows.
            rows: of each, the row that it is in.

        """
        odd, places = self.odd, shape.elements
        many = [field.many for field in shape.fields]
        # Of each field, its element in each of the elements, or all elements and where they are.
        found: list[list[Element | None]] = [
            [] if field.many else [None] * len(elements) for field in shape.fields
        ]
        owners: list[list[int]] = [[] for _ in shape.fields]
        for number, element in enumerate(elements):
            for child in element:
                tag = child.tag
                place = places.get(tag)
                if place is None:
                    place = -1 if tag == _MARK else shape.place_of(tag)
                if place < 0:
                    continue
                if many[place]:
                    found[place].append(child)
                    owners[place].append(number)
                elif found[place][number] is None:
                    found[place][number] = child
                else:
                    odd.add(rows[number])
        given = self._attributes(shape, elements, rows) if shape.has_attributes else {}
        arrays = []
        for place, field in enumerate(shape.fields):
            attributes = given.get(place)
            if place == shape.value:
                if attributes or any(child is not None for child in found[place]):
                    odd.update(rows)
                arrays.append(self._text(field, elements, rows))
                continue
            if attributes is not None:
                if field.many or field.shape or any(child is not None for child in found[place]):
                    odd.update(rows)
                else:
                    arrays.append(self._from_attributes(field, attributes, rows))
                    continue
            if field.many:
                arrays.append(self._lists(field, found[place], owners[place], rows, len(elements)))
            else:
                arrays.append(self._values(field, found[place], rows))
        return arrays

    def _attributes(
        self, shape: Shape, elements: list[Element], rows: list[int] | range
    ) -> dict[int, list[str | None]]:
        """Return the texts of attributes by the places of their fields."""
        found: dict[int, list[str | None]] = {}
        for number, element in enumerate(elements):
            for name, text in element.items():
                place = shape.attribute_place(name)
                if place < 0:
                    continue
                texts = found.get(place)
                if texts is None:
                    texts = found[place] = [None] * len(elements)
                if texts[number] is not None:
                    self.odd.add(rows[number])
                texts[number] = text
        return found

    def _lists(
        self,
        field: Field,
        children: list[Element | None],
        owners: list[int],
        rows: list[int] | range,
        count: int,
    ) -> pa.Array:
        values = self._values(field, children, [rows[owner] for owner in owners])
        counts = [0] * count
        for owner in owners:
            counts[owner] += 1
        offsets, total = [0], 0
        for number in counts:
            total += number
            offsets.append(total)
        mask = pa.array([not number for number in counts], pa.bool_())
        return pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), values, type=field.kind, mask=mask
        )

    def _values(
        self, field: Field, children: list[Element | None], rows: list[int] | range
    ) -> pa.Array:
        """Return the values of elements; null where there is none."""
        if field.shape is None:
            if sum([len(child) for child in children if child is not None]):
                self.odd.update(
                    rows[number]
                    for number, child in enumerate(children)
                    if child is not None and len(child)
                )
            texts = [None if child is None else child.text or "" for child in children]
            values, bad = self._texts.of_elements(pa.array(texts, pa.string()), field.item)
            self.odd.update(rows[number] for number in bad)
            return values
        places: list[int | None] = []
        present: list[Element] = []
        their_rows: list[int] = []
        for number, child in enumerate(children):
            if child is None:
                places.append(None)
            else:
                places.append(len(present))
                present.append(child)
                their_rows.append(rows[number])
        parts = self.fields(field.shape, present, their_rows)
        inner = [field.item.field(place) for place in range(field.item.num_fields)]
        values = pa.StructArray.from_arrays(parts, fields=inner)
        if len(present) == len(children):
            return values
        return values.take(pa.array(places, pa.int64()))

    def _from_attributes(
        self, field: Field, texts: list[str | None], rows: list[int] | range
    ) -> pa.Array:
        values, bad = self._texts.of_attributes(pa.array(texts, pa.string()), field.item)
        self.odd.update(rows[number] for number in bad)
        return values

    def _text(self, field: Field, elements: list[Element], rows: list[int] | range) -> pa.Array:
        """Return the text next to the elements in each of some elements."""
        texts: list[str | None] = []
        for number, element in enumerate(elements):
            pieces = [element.text, *(child.tail for child in element)]
            filled = [piece for piece in pieces if piece and piece.strip(BLANKS)]
            if len(filled) > 1:
                self.odd.add(rows[number])
            texts.append(filled[-1] if filled else None)
        values, bad = self._texts.of_elements(pa.array(texts, pa.string()), field.item)
        self.odd.update(rows[number] for number in bad)
        return values


class TreeEvents:
    """The events of an element, as `Events` has those of a document.

    Args:
        element: a row.

    """

    #: See `Events`.
    stopped = False

    def __init__(self, element: Element) -> None:
        self._events = _events_of(element)
        self._next: Event | None = None

    @property
    def is_filled(self) -> bool:
        """Whether the end was not read."""
        return self.peek() is not _THE_END

    def peek(self) -> Event:
        """Return the next event, which stays the next one."""
        if self._next is None:
            self._next = next(self._events, _THE_END)
        return self._next

    def next(self) -> Event:
        """Return the next event."""
        event = self._next
        if event is None:
            return next(self._events, _THE_END)
        if event is not _THE_END:
            self._next = None
        return event

    def stop(self) -> None:
        """Read nothing more: never called, since a tree is not malformed."""
        raise AssertionError("a tree is not malformed")


_THE_END = Event(ev.END_DOCUMENT)


def _events_of(element: Element) -> Iterator[Event]:
    yield Event(ev.START, element.tag, tuple(element.items()))
    if element.text:
        yield Event(ev.TEXT, element.text)
    # Not recursive, since elements may be nested deeply.
    above = [(element, iter(element))]
    while above:
        current, children = above[-1]
        child = next(children, None)
        if child is None:
            above.pop()
            yield Event(ev.END, current.tag)
            if above and current.tail:
                yield Event(ev.TEXT, current.tail)
        elif child.tag == _MARK:
            if child.tail:
                yield Event(ev.TEXT, child.tail)
        else:
            yield Event(ev.START, child.tag, tuple(child.items()))
            if child.text:
                yield Event(ev.TEXT, child.text)
            above.append((child, iter(child)))
