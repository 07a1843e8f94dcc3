"""Finds the elements of a block of XML in a few passes over its bytes, without a loop over them.

A block is cut at the ends of tags and at the quotes of attributes into tokens and the texts between
them: neither is copied. Equal tokens get one number, and each kind of token is looked at once. The
levels of elements are sums over the tokens. A block that holds anything but elements, attributes
and text, or that is not well-formed, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

import pyarrow as pa

try:
    import numpy as np
except ImportError:  # such blocks then become trees
    np = None  # type: ignore[assignment]

if TYPE_CHECKING:
    #: An array of numbers.
    Numbers = Any

_CONTROLS = bytes({*range(32)} - {9, 10, 13})
_LEGAL = bytes(byte for byte in range(256) if byte not in _CONTROLS)
#: References to XML's own entities; that of the ampersand is last.
ENTITIES = (b"&lt;", b"&gt;", b"&quot;", b"&apos;", b"&amp;")
#: Most different tokens of a block, and most levels of elements.
_MOST_TOKENS = 8192
_MOST_LEVELS = 64
# Of a token: it begins or ends an element, or neither; and what it does with attributes.
_NAME = rb"([^\s<>/\"'=&]+)"
_TOKEN = re.compile(
    rb"<(?:(?P<close>/)%(n)s\s*>|%(n)s(?:\s*(?P<empty>/)?>|\s+%(n)s\s*=\s*(?P<quote>[\"'])))"
    rb"|(?P<after>[\"'])(?:\s+%(n)s\s*=\s*[\"']|\s*(?P<end>/)?>)" % {b"n": _NAME}
)


class OddBlockError(Exception):
    """A block holds something that is not read this way, or is malformed."""


@dataclass(frozen=True)
class Structure:
    """The elements of a block.

    Tokens and texts alternate in `pieces`: the text behind token `t` is piece `2 * t + 2`. An
    element has the number of its place among all of the same level.

    Attributes:
        data: the bytes.
        offsets: where the pieces begin, and the last one ends.
        pieces: all of them, and an empty text at the end.
        names: of elements and attributes, by number.
        levels: of each level its elements, and those of the level below belong to them.
        depths: of each token, how many elements are around the text behind it; -1: it is the
            value of an attribute.
        has_entities: whether there are references to XML's own entities.

    """

    data: bytes
    offsets: Numbers
    pieces: pa.Array
    names: list[str]
    levels: list[Level]
    depths: Numbers
    has_entities: bool

    @property
    def empty(self) -> int:
        """The number of an empty piece."""
        return len(self.pieces) - 1


@dataclass(frozen=True)
class Level:
    """The elements of one level, in their order.

    Attributes:
        first: of each, its first token.
        last: of each, its last token.
        opened: of each, the token behind which its content begins; the last one if it is empty.
        name: of each, the number of its name.
        parent: of each, the number of the element around it.
        attribute_token: of each attribute of these elements, the token before its value.
        attribute_name: of each attribute, the number of its name.
        attribute_owner: of each attribute, the number of its element.

    """

    first: Numbers
    last: Numbers
    opened: Numbers
    name: Numbers
    parent: Numbers
    attribute_token: Numbers
    attribute_name: Numbers
    attribute_owner: Numbers


def structure_of(data: bytes) -> Structure:
    """Return the elements of a block.

    Args:
        data: UTF-8, without the root; all elements begin and end in it.

    Raises:
        OddBlockError: it is not well-formed, or has other things than elements, attributes and
            text in it.

    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    has_entities = _check_characters(data)
    offsets, quotes = _offsets(data)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    pieces = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    count = len(pieces) // 2 - 1
    found = pieces.take(pa.array(np.arange(1, 2 * count, 2, dtype=np.int32))).dictionary_encode()
    tokens = _Tokens(found.dictionary.to_pylist(), quotes)
    return _Elements(tokens, found.indices.to_numpy()).structure(
        data, offsets, pieces, has_entities=has_entities
    )


def _check_characters(data: bytes) -> bool:
    """Check that all characters are those of XML; return whether there are entities."""
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            raise OddBlockError from None
        if b"\xef\xbf\xbe" in data or b"\xef\xbf\xbf" in data:
            raise OddBlockError
    # The end of a CDATA section is no text.
    if data.translate(None, _LEGAL) or b"]]>" in data:
        raise OddBlockError
    references = data.count(b"&")
    if references and references != sum(map(data.count, ENTITIES)):
        raise OddBlockError
    return references > 0


def _offsets(data: bytes) -> tuple[Numbers, bytes]:
    """Return where pieces begin, and the quote of attributes; text is first, and an empty one last.

    Raises:
        OddBlockError: tags are in tags, or quotes are open.

    """
    codes = np.frombuffer(data, np.uint8)
    begins = np.flatnonzero(codes == ord("<"))
    ends = np.flatnonzero(codes == ord(">"))
    if not len(begins) or not len(ends):
        raise OddBlockError
    if len(ends) != len(begins):
        # Text may have such characters, too.
        places = np.searchsorted(ends, begins)
        if places[-1] >= len(ends):
            raise OddBlockError
        ends = ends[places]
    if (ends < begins).any() or (ends[:-1] > begins[1:]).any():
        raise OddBlockError
    quote, marks = b'"', None
    for quote in (b'"', b"'"):
        marks = _quotes_in_tags(codes, quote, begins, ends)
        if marks is not None:
            break
    number = len(begins)
    offsets = np.empty(2 * number + 3 + (0 if marks is None else len(marks)), np.int32)
    offsets[0] = 0
    offsets[-2:] = len(data)
    inner = offsets[1:-2]
    if marks is None:
        inner[0::2] = begins
        inner[1::2] = ends + 1
    else:
        inner[:number] = begins
        inner[number : 2 * number] = ends + 1
        inner[2 * number :] = marks
        inner[2 * number :: 2] += 1
        inner.sort()
    return offsets, quote


def _quotes_in_tags(codes: Numbers, quote: bytes, begins: Numbers, ends: Numbers) -> Numbers:
    """Return where quotes are in tags; None if there are none."""
    marks = np.flatnonzero(codes == quote[0])
    if not len(marks):
        return None
    tags = np.searchsorted(begins, marks) - 1
    inside = (tags >= 0) & (marks < ends[tags])
    if not inside.any():
        return None
    if (np.bincount(tags[inside]) % 2).any():
        raise OddBlockError
    return marks[inside]


class _Tokens:
    """The different tokens of a block.

    Attributes:
        step: of each, how it changes the level.
        name: the number of the name of an element that it begins or ends; else -1.
        attribute: the number of the name of an attribute that it begins; else -1.
        begins: whether it begins an element.
        resumes: whether it is in a tag from its start.

    """

    def __init__(self, tokens: list[bytes], quote: bytes) -> None:
        if len(tokens) > _MOST_TOKENS:
            raise OddBlockError
        self._numbers: dict[bytes, int] = {}
        rows = [self._read(token, quote) for token in tokens]
        columns = np.array(rows, np.int32).reshape(-1, 5).T
        self.step, self.name, self.attribute = columns[:3]
        self.begins, self.resumes = columns[3:].astype(bool)
        self.names = self._checked_names()

    def _read(self, token: bytes, quote: bytes) -> tuple[int, int, int, bool, bool]:
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise OddBlockError
        closed, opened, first, later = match.group(2, 3, 5, 8)
        attribute = first or later
        if match["after"] is not None:
            if match["after"] != quote or (later and token[-1:] != quote):
                raise OddBlockError
            step = -1 if match["end"] else 0
            return step, -1, self._number(attribute), False, True
        if attribute and match["quote"] != quote:
            raise OddBlockError
        step = -1 if closed else 0 if match["empty"] else 1
        return step, self._number(closed or opened), self._number(attribute), not closed, False

    def _number(self, name: bytes | None) -> int:
        return -1 if name is None else self._numbers.setdefault(name, len(self._numbers))

    def _checked_names(self) -> list[str]:
        """Return the names, if Expat takes all of them for names."""
        names = list(self._numbers)
        parser = expat.ParserCreate("utf-8")
        try:
            parser.Parse(b"<x>%b</x>" % b"".join(b"<%b/>" % name for name in names), True)
        except expat.ExpatError:
            raise OddBlockError from None
        return [name.decode() for name in names]


class _Elements:
    """Puts tokens together to elements.

    Args:
        tokens: the different ones.
        ids: of each token of the block, its number among them.

    """

    def __init__(self, tokens: _Tokens, ids: Numbers) -> None:
        self._tokens = tokens
        self._ids = ids
        step, self._begins = tokens.step[ids], tokens.begins[ids]
        self._attribute = tokens.attribute[ids]
        in_tag = self._attribute >= 0
        # What is in a tag comes behind the start of an attribute, and nothing else does.
        resumes = tokens.resumes[ids]
        if resumes[0] or in_tag[-1] or (resumes[1:] != in_tag[:-1]).any():
            raise OddBlockError
        self._depth = np.cumsum(step)
        if self._depth[-1] != 0 or (self._depth < 0).any():
            raise OddBlockError
        self._step = step

    def structure(
        self, data: bytes, offsets: Numbers, pieces: pa.Array, *, has_entities: bool
    ) -> Structure:
        """Return the elements of all levels."""
        most = int(self._depth.max())
        if most > _MOST_LEVELS:
            raise OddBlockError
        ids, begins, depth, step = self._ids, self._begins, self._depth, self._step
        # The level of elements that a token begins or ends, or whose attributes it has.
        level = np.where(step > 0, depth - 1, depth)
        resumes = self._tokens.resumes[ids]
        level = np.where(resumes & (step == 0), depth - 1, level)
        name = self._tokens.name[ids]
        attributes = self._attribute >= 0
        levels = []
        above = None
        for number in range(most + 1):
            here = level == number
            first = np.flatnonzero(here & begins)
            if not len(first):
                break
            # The last token of an element takes its level off again, or is all of it.
            last = np.flatnonzero(here & ((step < 0) | (begins & (step == 0))))
            closing = name[last]
            if len(last) != len(first) or (closing != np.where(closing < 0, -1, name[first])).any():
                raise OddBlockError
            tokens = np.flatnonzero(here & attributes)
            owner = np.searchsorted(first, tokens, "right") - 1
            opened = first.copy()
            if len(tokens):
                _check_repeated(owner, self._attribute[tokens], len(self._tokens.names))
                opened[owner] = tokens + 1  # the last of several stays
            parent = np.full(len(first), -1)
            if above is not None:
                parent = np.searchsorted(above, first, "right") - 1
            levels.append(
                Level(
                    first, last, opened, name[first], parent, tokens, self._attribute[tokens], owner
                )
            )
            above = first
        depths = np.where(attributes, -1, depth)
        return Structure(data, offsets, pieces, self._tokens.names, levels, depths, has_entities)


def _check_repeated(owner: Numbers, name: Numbers, names: int) -> None:
    """Refuse elements with several attributes of one name."""
    if len(owner) > 1 and (owner[1:] == owner[:-1]).any():
        keys = owner.astype(np.int64) * names + name
        keys.sort()
        if (keys[1:] == keys[:-1]).any():
            raise OddBlockError
