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
    from collections.abc import Callable

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
    rb"<(?:(?P<close>/)%(n)s\s*>|%(n)s(?:\s*(?P<empty>/)?>|\s+%(n)s\s*=\s*[\"']))"
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
        levels: of each level its elements; the first are the rows.
        depths: of each token, how many elements are around the text behind it; -1: it is the
            value of an attribute.
        has_entities: whether there are references to XML's own entities.
        between: if tags are between the rows, what is before, between and behind them.

    """

    data: bytes
    offsets: Numbers
    pieces: pa.Array
    names: list[str]
    levels: list[Level]
    depths: Numbers
    has_entities: bool
    between: list[bytes]

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


def structure_of(data: bytes, is_row: Callable[[str], bool]) -> Structure:
    """Return the elements of a block of rows.

    Args:
        data: UTF-8; all rows begin and end in it.
        is_row: whether an element of a name is a row.

    Raises:
        OddBlockError: a row is not well-formed, or is in another one; or the block has other things
            than elements, attributes and text in it.

    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    has_entities = _check_characters(data)
    offsets = _offsets(data)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    pieces = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    count = len(pieces) // 2 - 1
    found = pieces.take(pa.array(np.arange(1, 2 * count, 2, dtype=np.int32))).dictionary_encode()
    tokens = _Tokens(found.dictionary.to_pylist())
    ids = found.indices.to_numpy()
    begins, ends = _rows(tokens, ids, is_row)
    depths = np.full(count, -1, np.int32)
    if int((ends - begins).sum()) + len(ends) == count:
        levels = _levels(tokens, ids, np.arange(count), depths)
        between = []
    else:
        marks = np.zeros(count + 1, np.int8)
        marks[begins] += 1
        marks[ends + 1] -= 1
        places = np.flatnonzero(np.cumsum(marks[:-1]))
        levels = _levels(tokens, ids[places], places, depths)
        between = _between(data, offsets[2 * begins + 1], offsets[2 * ends + 2])
    if len(levels[0].first) != len(begins):
        raise OddBlockError
    return Structure(data, offsets, pieces, tokens.names, levels, depths, has_entities, between)


def _rows(tokens: _Tokens, ids: Numbers, is_row: Callable[[str], bool]) -> tuple[Numbers, Numbers]:
    """Return the first and the last token of each row; check what is in tags."""
    step, begins = tokens.step[ids], tokens.begins[ids]
    # What is in a tag comes behind the start of an attribute, and nothing else does.
    resumes, opens = tokens.resumes[ids], tokens.opens[ids]
    if resumes[0] or opens[-1] or (resumes[1:] != opens[:-1]).any():
        raise OddBlockError
    # What has no name has the number -1.
    named = np.array([*map(is_row, tokens.names), False])[tokens.name[ids]]
    first = np.flatnonzero(named & begins)
    if not len(first):
        raise OddBlockError
    outside = np.flatnonzero(opens == 0)
    tag_end = outside[np.searchsorted(outside, first)]
    is_empty = step[tag_end] == np.where(tag_end == first, 0, -1)
    last = np.concatenate([tag_end[is_empty], np.flatnonzero(named & ~begins)])
    last.sort()
    if len(last) != len(first) or (last < first).any() or (last[:-1] > first[1:]).any():
        raise OddBlockError
    return first, last


def _between(data: bytes, starts: Numbers, stops: Numbers) -> list[bytes]:
    """Return what is before, between and behind rows."""
    edges = zip([0, *stops.tolist()], [*starts.tolist(), len(data)], strict=True)
    return [data[start:stop] for start, stop in edges]


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


def _offsets(data: bytes) -> Numbers:
    """Return where pieces begin: text is first, and an empty one last.

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
    marks = _quotes(codes, begins, ends)
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
    return offsets


def _quotes(codes: Numbers, begins: Numbers, ends: Numbers) -> Numbers | None:
    """Return where the quotes around the values of attributes are; None if there are none.

    Quotes of one kind may be in a value between those of the other kind.
    """
    double, single = (_in_tags(codes, quote, begins, ends) for quote in b"\"'")
    if double is None or single is None:
        marks = single if double is None else double
    else:
        marks = np.concatenate([double, single])
        marks.sort()
        found = codes[marks]
        if len(marks) % 2 or (found[::2] != found[1::2]).any():
            marks = double
    if marks is not None and (np.bincount(np.searchsorted(begins, marks)) % 2).any():
        raise OddBlockError
    return marks


def _in_tags(codes: Numbers, quote: int, begins: Numbers, ends: Numbers) -> Numbers | None:
    """Return where a character is in tags; None if it is in none."""
    marks = np.flatnonzero(codes == quote)
    if not len(marks):
        return None
    tags = np.searchsorted(begins, marks) - 1
    inside = marks[(tags >= 0) & (marks < ends[tags])]
    return inside if len(inside) else None


class _Tokens:
    """The different tokens of a block.

    Attributes:
        step: of each, how it changes the level.
        name: the number of the name of an element that it begins or ends; else -1.
        attribute: the number of the name of an attribute that it begins; else -1.
        begins: whether it begins an element.
        resumes: the quote that it begins with, behind a value; else 0.
        opens: the quote that it ends with, before a value; else 0.

    """

    def __init__(self, tokens: list[bytes]) -> None:
        if len(tokens) > _MOST_TOKENS:
            raise OddBlockError
        self._numbers: dict[bytes, int] = {}
        rows = [self._read(token) for token in tokens]
        columns = np.array(rows, np.int32).reshape(-1, 6).T
        self.step, self.name, self.attribute, begins, self.resumes, self.opens = columns
        self.begins = begins.astype(bool)
        self.names = self._checked_names()

    def _read(self, token: bytes) -> tuple[int, int, int, bool, int, int]:
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise OddBlockError
        closed, opened, first, later = match.group(2, 3, 5, 7)
        attribute = self._number(first or later)
        opens = 0 if attribute < 0 else token[-1]
        if match["after"] is not None:
            return -1 if match["end"] else 0, -1, attribute, False, token[0], opens
        step = -1 if closed else 0 if match["empty"] else 1
        return step, self._number(closed or opened), attribute, not closed, 0, opens

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


def _levels(tokens: _Tokens, ids: Numbers, places: Numbers, depths: Numbers) -> list[Level]:
    """Return the elements of rows, level by level.

    Args:
        tokens: the different ones.
        ids: of each token of a row, its number among them.
        places: of each token of a row, its place in the block.
        depths: takes, of each token of the block, the level of the text behind it.

    """
    step, begins = tokens.step[ids], tokens.begins[ids]
    name, attribute = tokens.name[ids], tokens.attribute[ids]
    depth = np.cumsum(step)
    most = int(depth.max())
    if depth[-1] != 0 or depth.min() < 0 or most > _MOST_LEVELS:
        raise OddBlockError
    depths[places] = np.where(attribute >= 0, -1, depth)
    # The level of elements that a token begins or ends, or whose attributes it has.
    is_inner = (step > 0) | ((tokens.resumes[ids] > 0) & (step == 0))
    level = np.where(is_inner, depth - 1, depth)
    levels: list[Level] = []
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
        inside = np.flatnonzero(here & (attribute >= 0))
        owner = np.searchsorted(first, inside, "right") - 1
        opened = first.copy()
        if len(inside):
            _check_repeated(owner, attribute[inside], len(tokens.names))
            opened[owner] = inside + 1  # the last of several stays
        parent = np.full(len(first), -1)
        if above is not None:
            parent = np.searchsorted(above, first, "right") - 1
        levels.append(
            Level(
                *(places[first], places[last], places[opened], name[first], parent),
                *(places[inside], attribute[inside], owner),
            )
        )
        above = first
    return levels


def _check_repeated(owner: Numbers, name: Numbers, names: int) -> None:
    """Refuse elements with several attributes of one name."""
    if len(owner) > 1 and (owner[1:] == owner[:-1]).any():
        keys = owner.astype(np.int64) * names + name
        keys.sort()
        if (keys[1:] == keys[:-1]).any():
            raise OddBlockError
