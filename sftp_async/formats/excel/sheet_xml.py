"""Cuts the XML of a sheet into windows, each of which is a sheet with some of its rows.

A window has all that is before the first row, some rows, and an end. It is cut only where a reader
has no state but what the next row's number sets: behind the end of a row, before one with a number.
A place that only looks like that, within a comment or an attribute, leaves a window whose XML does
not end, which is an error wherever it is read. The caller ensures that rows are in order.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Final
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes of a sheet that are read at a time.
PIECE_BYTES: int = 256 * 1024
#: Bytes that a window may have beyond its size, until there is a place to cut it.
MAX_OVERRUN: Final = 16 * 1024**2
#: Bytes before the first row, among them the widths of up to 16,384 columns.
_MAX_HEAD: Final = 4 * 1024**2
#: Bytes that are kept until more are read: what is looked for may reach from one piece to the next.
_MARGIN: Final = 4 * 1024

_NAME: Final = rb"""(?:[^\s<>/:"'=]+:)?"""
_ROWS: Final = re.compile(rb"<%bsheetData(?:\s[^<>]*)?(?<!/)>" % _NAME)
_ROWS_END: Final = re.compile(rb"</%bsheetData\s*>" % _NAME)
#: The end of a row, and behind it the next one with its number.
_CUT: Final = re.compile(
    rb"""(?:</%brow\s*>|<%brow(?:\s[^<>]*)?/>)\s*"""
    rb"""(?=<%brow\s+(?:[^\s<>"'=/]+\s*=\s*(?:"[^"<]*"|'[^'<]*')\s+)*?"""
    rb"""r\s*=\s*["']0{,9}(?P<row>[1-9][0-9]{,6})["'])""" % (_NAME, _NAME, _NAME)
)
#: calamine looks for merged cells in all of a sheet that has none before. They do not matter here.
_NONE_MERGED: Final = b"<mergeCells></mergeCells>"
_END: Final = b"</sheetData></worksheet>"


class UnusualSheet(Exception):  # noqa: N818 - no failure: it is loaded as a whole
    """A sheet that cannot be cut; the message says why."""


class SheetCutter:
    """Cuts the XML of one sheet.

    Args:
        part: the XML, at its start.
        size: bytes of a window, about.

    Attributes:
        row: the number of the first row of the next window, from 1; 1 for the first window.
        ended: whether all rows were in windows.

    Raises:
        UnusualSheet: it has no rows, or a beginning that is not plain XML.

    """

    def __init__(self, part: IO[bytes], size: int) -> None:
        self.row = 1
        self.ended = False
        self._part = part
        self._size = size
        head = b""
        while (found := _ROWS.search(head)) is None:
            piece = part.read(PIECE_BYTES)
            if not piece or len(head) > _MAX_HEAD:
                raise UnusualSheet("its XML has no rows near its beginning")
            head += piece
        _check_head(head[: found.end()])
        self._head, self._opening = head[: found.start()], found[0]
        self._rest = head[found.end() :]

    def window(self) -> Iterator[bytes]:
        """Yield the pieces of the next window, which has rows.

        Raises:
            UnusualSheet: there is no place to cut it, or the sheet does not end.

        """
        yield self._head + _NONE_MERGED + self._opening
        written = 0
        while not self.ended:
            end = _end_of_rows(self._rest)
            stop = len(self._rest) if end is None else end
            least = min(max(0, self._size - written), stop)
            cut = _CUT.search(self._rest, least, stop)
            if cut is not None:
                stop, self.row = cut.end(), int(cut["row"])
            elif end is not None:
                self.ended = True
            else:
                stop = max(0, len(self._rest) - _MARGIN)
            yield self._rest[:stop]
            written += stop
            self._rest = self._rest[stop:]
            if cut is not None:
                break
            if written > self._size + MAX_OVERRUN:
                raise UnusualSheet("its rows are very long, or have no numbers")
            if not self.ended:
                self._read_on()
        yield _END

    def with_rows(self, rows: bytes) -> Iterator[bytes]:
        """Yield the pieces of the sheet with other rows, when its own were in windows."""
        yield self._head + self._opening + rows + self._rest
        while piece := self._part.read(PIECE_BYTES):
            yield piece

    def _read_on(self) -> None:
        piece = self._part.read(PIECE_BYTES)
        if not piece:
            raise UnusualSheet("its XML ends within the rows")
        self._rest += piece


def _check_head(head: bytes) -> None:
    """Check that a sheet begins with well-formed XML, whose last tag begins the rows."""
    names: list[str] = []
    ended: list[str] = []

    def document_type(*_: object) -> None:
        raise UnusualSheet("its XML has a document type")

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: names.append(name.rpartition(":")[2])
    parser.EndElementHandler = lambda name: ended.append(name.rpartition(":")[2])
    parser.StartDoctypeDeclHandler = document_type
    try:
        parser.Parse(head, False)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise UnusualSheet(f"its XML begins in an unknown way: {error}") from error
    if names.count("sheetData") != 1 or names[-1] != "sheetData" or "sheetData" in ended:
        raise UnusualSheet("its XML begins in an unknown way")


def _end_of_rows(xml: bytes) -> int | None:
    """Return where the tag is that ends the rows; None: not in these bytes."""
    place = xml.find(b"sheetData")
    if place < 0:
        return None
    found = _ROWS_END.search(xml, max(0, place - _MARGIN))
    return found.start() if found is not None else None
