"""Reads an XML document as a stream of events, in bounded memory, and never resolves an entity.

Spark reads XML with Woodstox, without namespaces and DTDs, with adjacent text in one event.
Comments and processing instructions separate texts, and are left out. Expat gives the same events.
"""

from __future__ import annotations

import re
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol
from xml.parsers import expat

from sftp_async.formats.decode_errors import malformed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Kinds of events.
START, END, TEXT, ENTITY, END_DOCUMENT, BROKEN, EARLY_END = range(7)
#: Most bytes of a file between two events: a larger text does not fit into memory with its row.
MOST_BYTES = 128 * 1024 * 1024
_ENTITY = re.compile(rb"&(?!#|(?:amp|lt|gt|quot|apos);)")
# A tag with its attributes.
_TAG = re.compile(rb"""<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*""")
#: Errors of a document that ends before its root does.
_EARLY = frozenset(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


class MalformedXMLError(ValueError):
    """A document is malformed, or a value does not fit its column's type."""


class BrokenXMLError(MalformedXMLError):
    """The document itself is malformed there, or refers to an entity."""


class Event(NamedTuple):
    """A piece of a document.

    Attributes:
        kind: one of the kinds above.
        text: the name of an element, or characters, or what is wrong.
        attributes: names and values, in their order.

    """

    kind: int
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


# An event from its three parts: in a third of the time that its class takes.
_event = partial(tuple.__new__, Event)


class EventSource(Protocol):
    """Events, in order; see `Events`.

    Attributes:
        stopped: whether a row was malformed so that no other can follow.

    """

    stopped: bool

    @property
    def is_filled(self) -> bool:
        """Whether there are events that were read and not taken."""
        ...

    def peek(self) -> Event:
        """Return the next event, which stays the next one."""
        ...

    def next(self) -> Event:
        """Return the next event."""
        ...

    def stop(self) -> None:
        """Read nothing more."""
        ...


class Events:
    """The events of a document.

    Args:
        chunks: the document, in UTF-8.
        path: of the file, for errors.

    Attributes:
        size: bytes that were read, here or by others.
        stopped: whether a row was malformed so that no other can follow.

    """

    def __init__(self, chunks: Iterator[bytes], path: str) -> None:
        self._chunks = chunks
        self._path = path
        self._ready: deque[Event] = deque()
        self._text: list[str] = []
        self._text_size = 0
        self._behind_entity = False
        self._ampersand = False
        self._parser: expat.XMLParserType | None = None
        self._parsed = 0
        self._open: list[str] = []
        self._in_cdata = False
        self._has_types = False
        self.size = 0
        self.stopped = False

    def peek(self) -> Event:
        """Return the next event, which stays the next one.

        Raises:
            BrokenXMLError: the document is malformed there, or refers to an entity.
            DecodeError: an event does not fit into memory.

        """
        ready = self._ready
        if not ready:
            self.fill()
        event = ready[0]
        kind = event[0]
        if kind >= ENTITY and kind != END_DOCUMENT:
            if kind == ENTITY:
                ready.popleft()
            raise BrokenXMLError(event.text)
        return event

    def next(self) -> Event:
        """Return the next event.

        Raises:
            BrokenXMLError: as `peek`.
            DecodeError: as `peek`.

        """
        ready = self._ready
        if ready and ready[0][0] < ENTITY:
            return ready.popleft()
        event = self.peek()
        if event.kind != END_DOCUMENT:
            ready.popleft()
        return event

    @property
    def ends_early(self) -> bool:
        """Whether the document is incomplete, and nothing else is wrong with it."""
        return bool(self._ready) and self._ready[0].kind == EARLY_END

    @property
    def has_ended(self) -> bool:
        """Whether the document was read to its end."""
        return bool(self._ready) and self._ready[0].kind == END_DOCUMENT

    def stop(self) -> None:
        """Read nothing more."""
        self.stopped = True
        self._chunks = iter(())

    def _break(self, why: str) -> None:
        self._ready.append(Event(BROKEN, why))
        self._chunks = iter(())

    @property
    def is_filled(self) -> bool:
        """Whether there are events that were read and not taken."""
        return bool(self._ready)

    @property
    def is_between(self) -> bool:
        """Whether all that was read was taken, up to the end of a tag or of text in an element.

        Elements that are left out here change nothing for what is behind them. And what they are
        depends on nothing before them, unless a DTD gives types to attributes.
        """
        return (
            bool(self._open)
            and not self._ready
            and not self._in_cdata
            and not self._has_types
            and self._parser is not None
            and self._parser.CurrentByteIndex == self._parsed
        )

    def fill(self) -> None:
        """Read on, until there are events."""
        while not self._ready:
            self._read()

    def skip(self, size: int, between: Sequence[bytes] = ()) -> bool:
        """Take note of rows that were read by others, where `is_between` is true.

        Args:
            size: of all that is left out here.
            between: what is before, between and behind the rows; if it is empty, nothing of it
                matters.

        Returns:
            Whether it is well-formed between the rows; if not, nothing has changed.

        """
        if between:
            probe = expat.ParserCreate("utf-8")
            try:
                probe.Parse("".join(f"<{name}>" for name in self._open), False)
                probe.Parse(b"<x/>".join(between), False)
            except expat.ExpatError:
                return False
            self._parse(b"".join(between), final=False)
            self._ready.clear()
        self._text.clear()
        self.size += size
        return True

    def _read(self) -> None:
        try:
            chunk = next(self._chunks, None)
        except (UnicodeError, LookupError) as error:
            self._break(str(error))
            return
        if chunk is None:
            self._finish()
            return
        self.size += len(chunk)
        self._text_size += len(chunk)
        if self._text_size > MOST_BYTES:
            raise malformed(
                f"The XML has a text, a comment or a tag of more than {MOST_BYTES} bytes",
                self._path,
                offset=self.size,
            )
        self._parse(chunk, final=False)
        if self._ready:
            self._text_size = 0

    def _finish(self) -> None:
        if self._parser is None:
            self._ready.append(Event(EARLY_END, "it is empty"))
            return
        self._parse(b"", final=True)
        if not self._ready or self._ready[-1].kind not in (BROKEN, EARLY_END):
            self._ready.append(Event(END_DOCUMENT))

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        if self._parser is None:
            self._parser = self._started()
        self._ampersand = self._ampersand or b"&" in chunk
        self._parsed += len(chunk)
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            if error.code in _EARLY and final:
                self._ready.append(Event(EARLY_END, str(error)))
            else:
                self._break(str(error))

    def _started(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8")
        parser.ordered_attributes = True
        parser.specified_attributes = True
        parser.buffer_text = True
        parser.XmlDeclHandler = self._on_declaration
        parser.AttlistDeclHandler = self._on_type
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        parser.CommentHandler = self._on_comment
        parser.ProcessingInstructionHandler = self._on_instruction
        parser.StartCdataSectionHandler = self._on_cdata
        parser.EndCdataSectionHandler = self._on_cdata_end
        # An entity that is not predefined goes to one of these, and is not expanded.
        parser.UseForeignDTD(True)
        parser.SkippedEntityHandler = self._on_entity
        parser.DefaultHandler = self._on_other
        parser.ExternalEntityRefHandler = self._on_external
        return parser

    def _on_declaration(self, version: str, *_: object) -> None:
        if version not in ("1.0", "1.1"):
            self._break(f"XML {version} is unknown")

    def _on_type(self, *_: object) -> None:
        self._has_types = True

    def _on_cdata(self) -> None:
        self._in_cdata = True

    def _on_cdata_end(self) -> None:
        self._in_cdata = False

    def _on_start(self, name: str, attributes: list[str]) -> None:
        if self._text:
            self._flush()
        self._behind_entity = False
        self._open.append(name)
        if not attributes:
            self._ready.append(_event((START, name, ())))
            return
        if self._ampersand and self._has_entity():
            self._break("An attribute refers to an entity that is not predefined")
            return
        pairs = tuple(zip(attributes[::2], attributes[1::2], strict=True))
        self._ready.append(_event((START, name, pairs)))

    def _on_end(self, name: str) -> None:
        if self._text:
            self._flush()
        self._behind_entity = False
        self._open.pop()
        self._ready.append(_event((END, name, ())))

    def _has_entity(self) -> bool:
        """Whether the current tag refers to an entity: Expat leaves it out without a word."""
        assert self._parser is not None
        source = self._parser.GetInputContext() or b""
        tag = _TAG.match(source)
        return tag is not None and _ENTITY.search(tag[0]) is not None

    def _on_text(self, text: str) -> None:
        if not self._behind_entity:
            self._text.append(text)

    def _on_comment(self, _: str) -> None:
        self._flush()

    def _on_instruction(self, target: str, data: str) -> None:
        self._flush()

    def _on_entity(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            # The text around it is lost, as in Woodstox.
            self._text.clear()
            self._behind_entity = True
            self._ready.append(Event(ENTITY, f"The entity {name!r} is not predefined"))

    def _on_other(self, text: str) -> None:
        if text.startswith("&") and text.endswith(";"):
            self._on_entity(text[1:-1], False)

    def _on_external(self, context: str | None, *_: object) -> int:
        if context:
            self._on_entity(context, False)
        return 1

    def _flush(self) -> None:
        self._behind_entity = False
        if self._text:
            self._ready.append(_event((TEXT, "".join(self._text), ())))
            self._text.clear()
