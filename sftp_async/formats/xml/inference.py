"""Infers the columns of XML rows, by the rules of Spark's XmlInferSchema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats import inferred_types as it
from sftp_async.formats.xml import events as ev
from sftp_async.formats.xml.events import BrokenXMLError, EventSource, MalformedXMLError
from sftp_async.formats.xml.text_values import BLANKS, TextParser, unsigned

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.formats.xml.records import RecordParser
    from sftp_async.options import FormatOptions

    Attributes = tuple[tuple[str, str], ...]

_LONG = re.compile(r"[+-]?\d+")
_LONGS = range(-(1 << 63), 1 << 63)


class Inference:
    """Collects the types of rows.

    Args:
        options: of the read.
        parser: names fields as a read does.

    Attributes:
        rows: how many were looked at.

    """

    def __init__(self, options: FormatOptions, parser: RecordParser) -> None:
        self._options = options
        self._parser = parser
        self._texts = TextParser(options)
        self._types = it.Merging(options.value_tag, parser.key)
        self._root = it.Struct({})
        self.rows = 0

    def add(self, events: EventSource, attributes: Attributes, path: str) -> None:
        """Look at a row behind its start.

        Raises:
            DecodeError: it is malformed, in mode FAILFAST.

        """
        self.rows += 1
        try:
            self._merge(self._object(events, attributes))
        except MalformedXMLError as error:
            if isinstance(error, BrokenXMLError):
                events.stop()
            self.add_malformed(path, str(error))

    def add_malformed(self, path: str, why: str) -> None:
        """Take note of a malformed row.

        Raises:
            DecodeError: in mode FAILFAST.

        """
        if self._options.mode == "failfast":
            raise DecodeError(
                f"An XML row is malformed ({why}), and mode=FAILFAST",
                path=path,
                hint="Set mode=PERMISSIVE to get what can be read of such rows",
            )
        if self._options.mode == "permissive":
            self._merge(it.Struct({self._options.column_name_of_corrupt_record: it.STRING}))

    def schema(self) -> pa.Schema:
        """Return the columns."""
        root = it.arrow_type(self._root)
        return pa.schema([] if root is None else list(root))

    def _merge(self, kind: it.Type) -> None:
        root = self._types.merged(self._root, kind)
        assert isinstance(root, it.Struct)
        self._root = root

    def _object(self, events: EventSource, attributes: Attributes = ()) -> it.Struct:
        found: dict[str, it.Type] = {}
        names: dict[str, str] = {}

        def add(name: str, kind: it.Type) -> None:
            name = names.setdefault(self._parser.key(name), name)
            old = found.get(name)
            if old is None:
                found[name] = kind
            elif isinstance(old, it.Array):
                found[name] = self._types.merged(old, kind)
            else:
                found[name] = it.Array(self._types.merged(old, kind))

        for name, value in self._parser.values_of(attributes).items():
            add(name, self._of_text(value))
        while (event := events.next()).kind not in (ev.END, ev.END_DOCUMENT):
            if event.kind == ev.START:
                add(self._parser.name(event.text), self._element(events, event.attributes))
            elif event.text.strip(BLANKS):
                add(self._options.value_tag, self._of_text(event.text))
        return it.Struct(found)

    def _element(self, events: EventSource, attributes: Attributes) -> it.Type:
        kind = self._field(events)
        values = self._parser.values_of(attributes)
        if not values:
            return kind
        fields: dict[str, it.Type] = {}
        if isinstance(kind, it.Struct):
            fields = dict(kind.fields)
        elif kind != it.NULL:
            fields[self._options.value_tag] = kind
        for name, value in values.items():
            fields[name] = self._of_text(value)
        return it.Struct(fields)

    def _field(self, events: EventSource) -> it.Type:
        event = events.peek()
        if event.kind == ev.END:
            events.next()
            return it.NULL
        kind = self._object(events)
        if event.kind == ev.START:
            return kind
        if not kind.fields:
            return it.NULL
        [name, *others] = kind.fields
        inner = kind.fields[name]
        is_value = self._parser.key(name) == self._parser.key(self._options.value_tag)
        if others or not is_value or isinstance(inner, it.Struct | it.Array):
            return kind
        return inner

    def _of_text(self, text: str | None) -> it.Type:
        if self._options.infer_schema is False:
            return it.STRING
        value = text.strip(BLANKS) if text is not None and self._texts.trims else text
        if not value or value == self._texts.null:
            return it.NULL
        if value.lower() in ("true", "false"):
            return it.BOOLEAN
        return self._of_number(value) or self._of_time(value)

    def _of_number(self, text: str) -> it.Type | None:
        digits = unsigned(text)
        if not digits or not (digits[0].isdecimal() or digits[0] == "."):
            return None
        if _LONG.fullmatch(digits) and int(digits) in _LONGS:
            return it.LONG
        if digits[-1] in "dDfF":
            return None
        if self._options.prefers_decimal and (found := _parsed(self._texts.decimal, text)):
            return it.decimal_of(str(found)) or it.DOUBLE
        return it.DOUBLE if _parsed(self._texts.double, digits) is not None else None

    def _of_time(self, text: str) -> it.Type:
        if self._options.prefer_date and _parsed(self._texts.date, text) is not None:
            return it.DATE
        if _parsed(self._texts.timestamp, text) is not None:
            return it.TIMESTAMP
        return it.STRING


def _parsed(parse: Callable[[str], object], text: str) -> object:
    try:
        return parse(text)
    except ValueError:
        return None
