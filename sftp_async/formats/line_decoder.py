"""Cuts files of lines into blocks of whole lines in UTF-8, for any range, codec and character set.

A line belongs to the range that holds the byte before its first one, or to the range that starts at
0, as in Hadoop's LineRecordReader. So ranges are chosen without looking at the file, and a line end
of two bytes may be cut by a range.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError
from sftp_async.formats.decompression import codec_of, plain_chunks
from sftp_async.formats.line_ends import LineCutter, gathered, line_ends, overlaps
from sftp_async.formats.recoding import charset_of, raw_separator, recoded, recoded_pieces
from sftp_async.formats.values.utf8 import well_formed_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

#: Bytes of a block, about: what Arrow's CSV reader parses at its best speed.
BLOCK = 1024 * 1024
#: Bytes behind a range that are asked for to complete its last line; doubled, up to the second,
#: while that is not enough. Most of what a range fetches beyond its end is fetched twice.
_TAIL = 64 * 1024
_LARGEST_TAIL = 4 * 1024 * 1024
#: Spark's own limit is that of Java's arrays, 2 GiB; a line is in memory several times.
MAX_LINE_BYTES = 512 * 1024 * 1024
#: Hadoop's LineRecordReader skips it at the start of a file.
_MARK = codecs.BOM_UTF8


@dataclass(frozen=True)
class LineBlock:
    """Some whole lines of a file, in UTF-8.

    Attributes:
        data: the lines, each with its end, but for the last one of a file, which may lack it.
        offset: of the first one, in bytes of the file's content; in files that are compressed or of
            a character set such as UTF-16 it counts the bytes of the UTF-8 text.
        first: whether the first line is the file's first.

    """

    data: bytes
    offset: int
    first: bool


@dataclass(frozen=True)
class LineReader:
    r"""Reads files of lines; immutable, and pickled with a format.

    Args:
        separator: the end of lines, in UTF-8; None: each of `\n`, `\r` and `\r\n`, as in Hadoop.
        codec: the option `compression`; a file's extension takes precedence.
        charset: Python's name of the files' character set, None for UTF-8.
        checked: whether malformed UTF-8 is replaced by U+FFFD, as Java does; else blocks have the
            bytes of the file.
        max_line_bytes: of a line; a longer one is an error.

    """

    separator: bytes | None = None
    codec: str | None = None
    charset: str | None = None
    checked: bool = True
    max_line_bytes: int = MAX_LINE_BYTES

    @classmethod
    def of(cls, options: FormatOptions) -> LineReader:
        """Return the reader that the options ask for."""
        given = "line_sep" in options.model_fields_set
        return cls(
            options.line_sep.encode() if given else None,
            options.compression,
            charset_of(options.encoding),
        )

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be read by itself."""
        if codec_of(path, self.codec) != "none" or self._recodes_first:
            return False
        # Where two separators can overlap, a range does not see where one begins.
        return not overlaps(self._raw_separator or b"")

    def blocks(self, file: ReadableFile, start: int, stop: int) -> Iterator[LineBlock]:
        """Yield the lines of a range, in order, in blocks of about `BLOCK` bytes.

        A line of any length is in one block. Takes memory for a few blocks, or for three times the
        longest line.

        Raises:
            DecodeError: the file cannot be decompressed, or a line is longer than the limit.

        """
        if start >= stop:
            return
        ends = line_ends(self.separator if self._recodes_first else self._raw_separator)
        begin = max(start - ends.lookback, 0)
        cutter = LineCutter(ends, begin, self.max_line_bytes, file.path)
        skipping = start > 0
        with plain_chunks(file, begin, stop, codec_of(file.path, self.codec)) as chunks:
            for piece, is_last in _marking_last(gathered(self._recoded_first(chunks), BLOCK)):
                rest = cutter.skip(piece) if skipping else piece
                if rest is None:
                    continue
                skipping = False
                offset = cutter.offset
                lines = cutter.whole_lines(rest)
                if is_last and stop == file.size:
                    lines += cutter.release()
                yield from self._block(lines, offset)
        if stop < file.size:
            yield from self._beyond(file, stop, cutter, skipping=skipping)

    def _beyond(
        self, file: ReadableFile, stop: int, cutter: LineCutter, *, skipping: bool
    ) -> Iterator[LineBlock]:
        """Yield the lines that begin before `stop`, or at it, and end behind it."""
        if skipping and not cutter.may_be_at_end:
            return  # the whole range is within a line that began before it
        for piece in _tail(file, stop):
            rest = cutter.skip(piece) if skipping else piece
            if rest is None:
                continue
            skipping = False
            while cutter.offset <= stop:
                offset = cutter.offset
                line = cutter.first_line(rest)
                if not line:
                    break
                yield from self._block(line, offset)
                rest = cutter.release()
            else:
                return
        if not skipping and cutter.offset <= stop:
            yield from self._block(cutter.release(), cutter.offset)

    @property
    def _raw_separator(self) -> bytes | None:
        """The separator in the bytes of the file; None for the usual ones."""
        if self.charset is None:
            return self.separator
        return raw_separator(self.separator, self.charset) or None

    @property
    def _recodes_first(self) -> bool:
        """Whether line ends can be found only after recoding to UTF-8."""
        return self.charset is not None and raw_separator(self.separator, self.charset) is None

    def _recoded_first(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        if self.charset is None or not self._recodes_first:
            return chunks
        return recoded_pieces(chunks, self.charset)

    def _block(self, data: bytes, offset: int) -> Iterator[LineBlock]:
        first = offset == 0
        if first and data.startswith(_MARK) and not self._recodes_first:
            data, offset = data[len(_MARK) :], len(_MARK)
        if not data:
            return
        if self.charset is None:
            data = well_formed_bytes(data) if self.checked else data
        elif not self._recodes_first:
            data = recoded(data, self.charset)
        yield LineBlock(data, offset, first)


def _marking_last(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each piece, and whether it is the last one."""
    held = next(pieces, None)
    while held is not None:
        try:
            following = next(pieces, None)
        except DecodeError:
            yield held, False  # what came before the damage can be read
            raise
        yield held, following is None
        held = following


def _tail(file: ReadableFile, start: int) -> Iterator[bytes]:
    """Yield what follows a range, of which little is wanted: in requests that grow."""
    size = _TAIL
    while start < file.size:
        stop = min(start + size, file.size)
        with file.chunks(start, stop) as chunks:
            yield from chunks
        start = stop
        size = min(2 * size, _LARGEST_TAIL)
