"""Cuts blocks of a file into records, and records into the texts of their fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import any_true, text_buffer
from sftp_async.formats.text.decoder import split_lines

if TYPE_CHECKING:
    from sftp_async.formats.fixed.byte_set import ByteSet

#: Further bytes of a character in UTF-8, and a table that makes one byte, of no character, of the
#: first ones: so each character is one byte, and those of ASCII are their own.
_FURTHER: Final = bytes(range(0x80, 0xC0))
_FIRST: Final = bytes(min(code, 0x80) for code in range(256))


class Records:
    """Records of equal length, of which each character is one byte.

    Args:
        rows: fixed-size binary; a line end may be at the end of each. In plain bytes of a character
            set (see `ByteSet`), or in those of `_single`.
        width: characters of a record.
        charset: None: UTF-8.
        text: in UTF-8 the records as strings; None: all characters are of ASCII.
        odd: for each record whether its length is wrong; None: all are right.
        lines: the records as they are in the file, where a length is wrong.

    """

    def __init__(
        self,
        rows: pa.Array,
        width: int,
        charset: ByteSet | None,
        *,
        text: pa.Array | None = None,
        odd: pa.Array | None = None,
        lines: pa.Array | None = None,
    ) -> None:
        self.odd = odd
        self._rows = rows
        self._width = width
        self._charset = charset
        self._text = text
        self._lines = lines

    def __len__(self) -> int:
        return len(self._rows)

    def texts(self, start: int, stop: int, *, signed: bool = False) -> pa.Array:
        """Return the characters from a place to another of each record, as strings.

        Args:
            start: first place, from 0.
            stop: the place behind the last one.
            signed: whether the last character may hold digit and sign of a zoned number.

        """
        part = pc.binary_slice(self._rows, start, stop)
        charset = self._charset
        if charset is None and self._text is None:
            return part.cast(pa.string())
        width = stop - start
        size = width * len(part)
        data = part.buffers()[1].slice(part.offset * width, size).to_pybytes()
        if signed and charset is not None and charset.signed_to_plain is not None:
            data = data.translate(charset.signed_to_plain)
            part = _rows(pa.py_buffer(data), len(part), width)
        if data.isascii():
            return part.cast(pa.string())
        if charset is None:
            return pc.utf8_slice_codeunits(self._text, start, stop)
        text = charset.decode(data)
        return pa.array([text[at : at + width] for at in range(0, size, width)], pa.string())

    def whole(self) -> pa.Array:
        """Return the records as they are in the file, as strings."""
        if self._lines is None:
            return self.texts(0, self._width)
        if self._charset is None:
            return self._lines.cast(pa.string())
        return pa.array(map(self._charset.decode, self._lines.to_pylist()), pa.string())

    def filter(self, mask: pa.Array) -> Records:
        """Return the records for which a mask is true."""
        kept = {"text": self._text, "odd": self.odd, "lines": self._lines}
        return Records(
            self._rows.filter(mask),
            self._width,
            self._charset,
            **{name: array and array.filter(mask) for name, array in kept.items()},
        )

    def take(self, places: list[int]) -> Records:
        """Return the records of these numbers, which are in order."""
        flags = bytearray(len(self))
        for place in places:
            flags[place] = 1
        mask = pa.Array.from_buffers(pa.uint8(), len(self), [None, pa.py_buffer(flags)])
        return self.filter(mask.cast(pa.bool_()))


def records_of_lines(
    data: bytes, width: int, charset: ByteSet | None, separator: bytes | None
) -> Records:
    """Return the records of a block of lines, without blank ones.

    Args:
        data: whole lines in plain bytes, or in UTF-8; the last one may lack its end.
        width: characters of a record.
        charset: None: UTF-8.
        separator: what ends lines; None: the usual ones.

    """
    single = charset is not None or data.isascii()
    if separator is None or single or separator.isascii():
        equal = _equal_lines(data if single else _single(data), width, separator)
        if equal is not None:
            text = None if single else split_lines(data, separator).cast(pa.string())
            return Records(equal, width, charset, text=text)
    lines = split_lines(data, separator)
    lengths = pc.binary_length(lines)
    if any_true(pc.equal(lengths, 0)):  # as in CSV, blank lines are no rows
        lines = lines.filter(pc.greater(lengths, 0))
    lengths = pc.binary_length(lines) if single else pc.utf8_length(lines.cast(pa.string()))
    odd = pc.not_equal(lengths, width)
    if not any_true(odd):
        odd, filled = None, lines
    else:
        fitted = [_fitted(line, width, single=single) for line in lines.filter(odd).to_pylist()]
        filled = pc.replace_with_mask(lines, odd, pa.array(fitted, pa.binary()))
    text = None if single else filled.cast(pa.string())
    content = text_buffer(filled)
    if not single:
        content = pa.py_buffer(_single(content.to_pybytes()))
    rows = _rows(content, len(filled), width)
    return Records(rows, width, charset, text=text, odd=odd, lines=None if odd is None else lines)


def _single(data: bytes) -> bytes:
    """Return UTF-8 with one byte for each character."""
    return data.translate(_FIRST, _FURTHER)


def _fitted(line: bytes, width: int, *, single: bool) -> bytes:
    """Return a record of another length, filled with blanks or cut."""
    return line.ljust(width)[:width] if single else line.decode().ljust(width)[:width].encode()


def _equal_lines(data: bytes, width: int, separator: bytes | None) -> pa.Array | None:
    """Return lines of which each has the right length and one end; None if some have not."""
    ends = [separator] if separator is not None else [b"\n", b"\r\n"]
    for end in ends:
        size = width + len(end)
        whole = data if data.endswith(end) else data + end
        count, rest = divmod(len(whole), size)
        if rest or not count:
            continue
        if any(whole[width + at :: size] != end[at : at + 1] * count for at in range(len(end))):
            continue
        # No line end is anywhere else.
        if separator is None:
            returns = count if end == b"\r\n" else 0
            if whole.count(b"\n") != count or whole.count(b"\r") != returns:
                continue
        elif whole.count(separator) != count:
            continue
        return _rows(pa.py_buffer(whole), count, size)
    return None


def _rows(data: pa.Buffer, count: int, size: int) -> pa.Array:
    return pa.Array.from_buffers(pa.binary(size), count, [None, data])


def records_of_bytes(data: bytes, width: int, charset: ByteSet) -> Records:
    """Return the records of a block without line ends; the last one may be too short.

    Args:
        data: records one after the other, in plain bytes.
        width: bytes of each.
        charset: of the data.

    """
    count, rest = divmod(len(data), width)
    if not rest:
        return Records(_rows(pa.py_buffer(data), count, width), width, charset)
    whole = _rows(pa.py_buffer(data.ljust((count + 1) * width)), count + 1, width)
    lines = [data[at : at + width] for at in range(0, len(data), width)]
    odd = pa.array([False] * count + [True])
    return Records(whole, width, charset, odd=odd, lines=pa.array(lines, pa.binary()))
