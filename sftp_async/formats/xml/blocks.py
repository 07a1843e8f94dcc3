"""Cuts the text of an XML document into blocks of whole rows, for the quick paths."""

from __future__ import annotations

import codecs
import re
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes of a block, about: what is found in it fits the processor's caches.
BLOCK = 1024 * 1024
#: Most bytes that are searched for the end of a row; larger rows go the exact way.
MOST_BLOCK = 8 * 1024 * 1024
#: Bytes of a piece of a block that goes the exact way: bounds the events that wait.
_PIECE = 64 * 1024
#: Bytes in which a declaration ends.
_HEAD = 1024
_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def utf8_chunks(chunks: Iterator[bytes], charset: str) -> Iterator[bytes]:
    """Yield the text of a document in UTF-8; its declaration is in the first piece.

    Args:
        chunks: the bytes.
        charset: of a document that declares none.

    Raises:
        UnicodeError: bytes are not of the character set.
        LookupError: the character set is not known.

    """
    head = b""
    for chunk in chunks:
        head += chunk
        if head[:5] != b"<?xml"[: len(head)] or b">" in head or len(head) >= _HEAD:
            break
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    name = codecs.lookup(declared[1].decode() if declared else charset).name
    if name in ("utf-8", "ascii"):
        if head:
            yield head
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(name)("strict")
    yield decoder.decode(head).encode()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    decoder.decode(b"", True)


class Blocks:
    """The text of a document: in pieces, as an iterator, or in blocks of whole rows.

    Where a row seems to begin may be in a comment: who takes a block has to check it.

    Args:
        chunks: of `utf8_chunks`.
        row_tag: name of the rows' elements.
        namespaces: whether the name may have a prefix before it.

    Attributes:
        pushed_back: bytes of blocks that are read in pieces.

    """

    def __init__(self, chunks: Iterator[bytes], row_tag: str, *, namespaces: bool) -> None:
        prefix = rb"(?:[^\s<>/:]+:)*" if namespaces else b""
        name = re.escape(row_tag.encode())
        self._start = re.compile(rb"<%b%b[\s/>]" % (prefix, name))
        self._end = re.compile(rb"</%b%b\s*>|/>" % (prefix, name))
        self._chunks = chunks
        self._text = b""
        self._pieces: deque[bytes] = deque()
        self._is_complete = False
        self._error: Exception | None = None
        self.pushed_back = 0

    def __iter__(self) -> Blocks:
        return self

    def __next__(self) -> bytes:
        """Return the next bytes: up to the next row, a piece of a block, or whatever there is.

        Raises:
            UnicodeError: as `utf8_chunks`, behind what can be read before.
            LookupError: as `utf8_chunks`.

        """
        if self._pieces:
            return self._pieces.popleft()
        while not self._text and self._read():
            pass
        if not self._text:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            raise StopIteration
        first = self._start.search(self._text)
        if first is None:
            # The start of a row may be incomplete.
            return self._take(self._text.rfind(b"<") if not self._is_complete else 0)
        if first.start():
            return self._take(first.start())
        block = self.block()
        self.push_back(self._take(0) if block is None else block)
        return self._pieces.popleft()

    @property
    def is_whole(self) -> bool:
        """Whether the next bytes are not those of a block that was pushed back."""
        return not self._pieces

    def block(self) -> bytes | None:
        """Return whole rows, and what is between them; None if none end within `MOST_BLOCK`."""
        wanted = BLOCK
        while True:
            while len(self._text) < wanted and self._read():
                pass
            cut = self._cut()
            if cut:
                return self._take(cut)
            if self._is_complete or wanted >= MOST_BLOCK:
                return None
            wanted *= 2

    def push_back(self, block: bytes) -> None:
        """Let a block be read in pieces."""
        self.pushed_back += len(block)
        self._pieces.extend(block[at : at + _PIECE] for at in range(0, len(block), _PIECE))

    def _cut(self) -> int:
        """Return where the last row begins; behind the last one, at the end of the text."""
        found = _last(self._end if self._is_complete else self._start, self._text)
        if found is None:
            return 0
        return found.end() if self._is_complete else found.start()

    def _take(self, size: int) -> bytes:
        """Take bytes off the start of the text; 0 or less: all of it."""
        if size <= 0:
            size = len(self._text)
        taken, self._text = self._text[:size], self._text[size:]
        return taken

    def _read(self) -> bool:
        """Read more; return whether there is any."""
        if self._is_complete:
            return False
        pieces = [self._text]
        size = len(self._text)
        wanted = max(BLOCK, 2 * size) if size else 1
        try:
            while size < wanted and (chunk := next(self._chunks, None)) is not None:
                pieces.append(chunk)
                size += len(chunk)
        except (UnicodeError, LookupError) as error:
            self._error = error
        self._text = b"".join(pieces)
        self._is_complete = size < wanted or self._error is not None
        return True


def _last(pattern: re.Pattern[bytes], text: bytes) -> re.Match[bytes] | None:
    """Return the last match of a pattern that begins with `<` or ends with `>`."""
    window = 4096
    while True:
        matches = deque(pattern.finditer(text, max(len(text) - window, 0)), maxlen=1)
        if matches or window >= len(text):
            return matches[0] if matches else None
        window *= 8
