"""Turns the events of XML rows into values as Spark does, with partial results of malformed rows.

Spark does not look for the end of an element whose value failed, so the rest of its row is read
from there: a row ends at the first end of an element that no value took. This module reads the same
events in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats.xml import events as ev
from sftp_async.formats.xml.events import EventSource, MalformedXMLError
from sftp_async.formats.xml.text_values import BLANKS, TextParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.options import FormatOptions

    Attributes = tuple[tuple[str, str], ...]
    #: Converts the events behind the start of an element: events, its name, its attributes.
    Convert = Callable[[EventSource, str, Attributes], Any]


#: Most names of elements that are kept: a document may have any number of them.
_MOST_NAMES = 10_000


class PartialRowError(MalformedXMLError):
    """A row could be read in part only: `values`."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__()
        self.values = values


@dataclass
class _Field:
    name: str
    place: int
    kind: pa.DataType
    convert: Convert
    #: Converts the text of an attribute, or the text next to the elements of a row.
    parse: Callable[[str], Any]

    def __post_init__(self) -> None:
        self.is_list: bool = pa.types.is_list(self.kind)


class RecordParser:
    """Reads rows.

    Args:
        options: of the read.
        columns: all columns but that of corrupt records.

    """

    def __init__(self, options: FormatOptions, columns: pa.Schema) -> None:
        self.texts = TextParser(options)
        self._strings = self.texts.of(pa.string())
        self.prefix = options.attribute_prefix
        self.value_tag = options.value_tag
        self.wildcard = options.wildcard_col_name
        self.takes_attributes = not options.exclude_attribute
        self._without_namespace = options.ignore_namespace
        self._folds = not options.case_sensitive
        self._root = _Shape(self, list(columns))

    def parse(self, events: EventSource, attributes: Attributes) -> tuple[list[Any], bool]:
        """Return the values of a row behind its start, and whether it is malformed."""
        try:
            return self.struct(events, self._root, attributes), False
        except PartialRowError as error:
            return error.values, True
        except MalformedXMLError as error:
            if isinstance(error, ev.BrokenXMLError):
                events.stop()
            return [None] * self._root.width, True

    def name(self, text: str) -> str:
        """Return the name of an element or attribute, without its namespace if so configured."""
        return text.rstrip(":").rpartition(":")[2] if self._without_namespace else text

    def key(self, name: str) -> str:
        """Return what fields are looked up by."""
        return name.lower() if self._folds else name

    def values_of(self, attributes: Attributes) -> dict[str, str | None]:
        """Return the values of attributes by the names of their fields."""
        found: dict[str, str | None] = {}
        if not self.takes_attributes:
            return found
        for name, text in attributes:
            value = text.strip(BLANKS) if self.texts.trims else text
            key = self.prefix + self.name(name)
            found[key] = None if value == self.texts.null else value
        return found

    def struct(self, events: EventSource, shape: _Shape, attributes: Attributes = ()) -> list[Any]:
        """Read a row, or a struct, up to an end of an element.

        Raises:
            PartialRowError: some of its values did not fit.
            MalformedXMLError: nothing of it can be read.

        """
        row: list[Any] = [None] * shape.width
        if attributes:
            for name, text in self.values_of(attributes).items():
                if field := shape.fields.get(self.key(name)):
                    row[field.place] = None if text is None else field.parse(text)
        malformed = False
        while True:
            event = events.next()
            kind = event[0]
            if kind == ev.START:
                try:
                    self._element(events, event, shape, row)
                except MalformedXMLError:
                    malformed = True
            elif kind == ev.TEXT:
                if shape.value is not None and event.text.strip(BLANKS):
                    _put(row, shape.value, shape.value.parse(event.text))
            else:
                break
        if malformed:
            raise PartialRowError(row)
        return row

    def _element(self, events: EventSource, event: ev.Event, shape: _Shape, row: list[Any]) -> None:
        _, text, attributes = event
        try:
            field, name = shape.known[text]
        except KeyError:
            name = self.name(text)
            field = shape.fields.get(self.key(name))
            if len(shape.known) < _MOST_NAMES:
                shape.known[text] = field, name
        if field is not None:
            _put(row, field, field.convert(events, name, attributes))
        elif shape.wildcard is not None:
            _put(row, shape.wildcard, self._string(events, name, ()))
        else:
            self._skip(events)

    def converter(self, kind: pa.DataType) -> Convert:
        """Return what converts an element to a type."""
        if pa.types.is_struct(kind):
            shape = _Shape(self, [kind.field(place) for place in range(kind.num_fields)])
            return lambda events, name, attributes: self._object(events, name, attributes, shape)
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            # The elements of an array are elements with the same name.
            if pa.types.is_list(kind.value_type):
                return self._inner_array(kind.value_type)
            return self.converter(kind.value_type)
        if pa.types.is_map(kind):
            return self._map(kind.item_type)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._string
        parse = self.texts.of(kind)
        return lambda events, name, _: self._scalar(events, parse)

    def parser(self, kind: pa.DataType) -> Callable[[str], Any]:
        """Return what converts text to a type; for an array, to that of its elements."""
        return self.texts.of(kind.value_type if pa.types.is_list(kind) else kind)

    def attribute_parser(self, kind: pa.DataType) -> Callable[[str], Any]:
        """Return what converts the value of an attribute to a type."""
        return self.texts.of(kind)

    def _object(
        self, events: EventSource, name: str, attributes: Attributes, shape: _Shape
    ) -> dict[str, Any]:
        """Read an element as a struct, its attributes among the fields."""
        values = self.values_of(attributes)
        known = {
            field.place: None if text is None else field.parse(text)
            for key, text in values.items()
            if (field := shape.fields.get(self.key(key)))
        }
        if events.peek().kind == ev.END:
            events.next()
            row: list[Any] = [None] * shape.width
        else:
            row = self.struct(events, shape)
        for place, value in known.items():
            row[place] = value
        return dict(zip(shape.names, row, strict=True))

    def _inner_array(self, kind: pa.DataType) -> Convert:
        """Return what reads an element of an array of arrays: what is in it is one value."""
        convert = self.converter(kind.value_type)
        parse = self.texts.of(kind.value_type)

        def read(events: EventSource, name: str, attributes: Attributes) -> Any:
            event = events.peek()
            if event.kind == ev.END:
                events.next()
                return None
            if event.kind == ev.TEXT:
                events.next()
                value = parse(event.text)
                _skip_end(events)
                return value
            return convert(events, name, attributes)

        return read

    def _map(self, kind: pa.DataType) -> Convert:
        convert = self.converter(kind)
        parse = self.texts.of(kind)

        def read(events: EventSource, name: str, attributes: Attributes) -> Any:
            event = events.peek()
            while event.kind == ev.TEXT:
                if event.text.strip(BLANKS):
                    raise MalformedXMLError("a map has text before its first element")
                events.next()
                event = events.peek()
            if event.kind == ev.END:
                events.next()
                return None
            found = {self.prefix + key: parse(text) for key, text in attributes}
            while True:
                event = events.next()
                if event.kind == ev.START:
                    key = self.name(event.text)
                    found[key] = convert(events, key, ())
                elif event.kind == ev.TEXT:
                    if event.text.strip(BLANKS):
                        found[self.value_tag] = parse(event.text)
                else:
                    return list(found.items())

        return read

    def _scalar(self, events: EventSource, parse: Callable[[str], Any]) -> Any:
        kind, text, _ = events.peek()
        while kind == ev.TEXT and not text.strip(BLANKS):
            events.next()
            kind, text, _ = events.peek()
        if kind == ev.START:
            raise MalformedXMLError("a value has elements")
        if kind == ev.TEXT:
            value = parse(text)
            events.next()
            _skip_end(events)
            return value
        events.next()
        return None

    def _string(self, events: EventSource, name: str, _: Attributes) -> Any:
        """Read what is in an element as text, elements included."""
        if events.peek().kind == ev.END:
            events.next()
            return None if self.texts.null == "" else ""
        pieces: list[str] = []
        depth = 0
        if events.peek().kind == ev.TEXT:
            pieces.append(events.next().text)
        while depth or events.peek().kind not in (ev.END, ev.END_DOCUMENT):
            event = events.next()
            if event.kind == ev.START:
                pairs = "".join(f' {key}="{text}"' for key, text in event.attributes)
                pieces.append(f"<{event.text}{pairs}>")
                depth += 1
            elif event.kind == ev.END:
                pieces.append(f"</{event.text}>")
                depth -= 1
            else:
                pieces.append(event.text)
        events.next()
        return self._strings("".join(pieces))

    def _skip(self, events: EventSource) -> None:
        depth = 1
        while depth:
            kind = events.next().kind
            depth += (kind == ev.START) - (kind == ev.END)


class _Shape:
    """The fields of a struct, by their names."""

    def __init__(self, parser: RecordParser, fields: list[pa.Field]) -> None:
        self.width = len(fields)
        self.names = [field.name for field in fields]
        found = [
            _Field(f.name, i, f.type, parser.converter(f.type), parser.attribute_parser(f.type))
            for i, f in enumerate(fields)
        ]
        self.fields = {parser.key(field.name): field for field in reversed(found)}
        #: Of names of elements that were seen, their fields, and their names without a namespace.
        self.known: dict[str, tuple[_Field | None, str]] = {}
        exact = {field.name: field for field in found}
        self.value = exact.get(parser.value_tag)
        if self.value is not None:
            kind = self.value.kind
            texts = parser.parser(kind)
            self.value = _Field(self.value.name, self.value.place, kind, self.value.convert, texts)
        self.wildcard = exact.get(parser.wildcard)


def _put(row: list[Any], field: _Field, value: Any) -> None:
    if field.is_list:
        row[field.place] = [*(row[field.place] or []), value]
    else:
        row[field.place] = value


def _skip_end(events: EventSource) -> None:
    """Read the end of an element.

    Raises:
        MalformedXMLError: something else is before it.

    """
    event = events.next()
    while event.kind == ev.TEXT and not event.text.strip(BLANKS):
        event = events.next()
    if event.kind != ev.END:
        raise MalformedXMLError("a value has something behind it")
