"""Cuts files of lines into blocks of whole lines in UTF-8, for any range, codec and character set.

A line belongs to the range that holds the byte before its first one, or to the range that starts at
0, as in Hadoop's LineRecordReader. So ranges are chosen without looking at the file, and a line end
of two bytes may be cut by a range.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.formats.decompression import codec_of, plain_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

#: Bytes of a block, about: what Arrow's CSV reader parses at its best speed.
BLOCK = 1024 * 1024
#: Bytes behind a range that are asked for to complete its last line; doubled while that is not
#: enough.
_TAIL = 64 * 1024
#: Hadoop's LineRecordReader skips it at the start of a file.
_MARK = codecs.BOM_UTF8
#: The character sets of several bytes whose further bytes are never those of a line end.
_SAFE_MULTIBYTE = frozenset(
    {"big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jis_2004", "euc_jisx0213", "euc_jp"}
    | {"euc_kr", "gb18030", "gb2312", "gbk", "johab", "shift_jis", "shift_jis_2004"}
    | {"shift_jisx0213"}
)


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

    """

    separator: bytes | None = None
    codec: str | None = None
    charset: str | None = None

    @classmethod
    def of(cls, options: FormatOptions) -> LineReader:
        """Return the reader that the options ask for."""
        given = "line_sep" in options.model_fields_set
        charset = codecs.lookup(options.encoding).name.replace("-", "_")
        return cls(
            options.line_sep.encode() if given else None,
            options.compression,
            None if charset in ("utf_8", "utf_8_sig", "ascii") else charset,
        )

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be read by itself."""
        if codec_of(path, self.codec) != "none" or self._recodes_first:
            return False
        # Where two separators can overlap, a range does not see where one begins.
        end = self.separator or b""
        return not any(end.startswith(end[start:]) for start in range(1, len(end)))

    def blocks(self, file: ReadableFile, start: int, stop: int) -> Iterator[LineBlock]:
        """Yield the lines of a range, in order, in blocks of about `BLOCK` bytes.

        A line of any length is in one block.

        Raises:
            DecodeError: the file cannot be decompressed.

        """
        # Slice: holds the range in memory.
        with plain_chunks(file, start, file.size, codec_of(file.path, self.codec)) as chunks:
            data = b"".join(chunks)
        end = self.separator or rb"\r\n|\r|\n"
        pattern = re.compile(re.escape(end) if self.separator else end)
        begin = 0
        if start:
            found = pattern.search(data)
            begin = found.end() if found else len(data)
        last = begin
        while last < len(data) and (stop >= file.size or start + last <= stop):
            found = pattern.search(data, last)
            last = found.end() if found else len(data)
        if data[begin:last]:
            yield self._block(data[begin:last], start + begin)

    @property
    def _recodes_first(self) -> bool:
        """Whether line ends can be found only after recoding to UTF-8."""
        if self.charset is None:
            return False
        controls = not (self.separator or b"").strip(b"\r\n")
        if self.charset in _SAFE_MULTIBYTE:
            return not controls
        return not (controls and _is_single_byte(self.charset))

    def _block(self, data: bytes, offset: int) -> LineBlock:
        first = offset == 0
        if self.charset is not None and not self._recodes_first:
            data = data.decode(self.charset, "replace").encode()
        return LineBlock(data.removeprefix(_MARK) if first else data, offset, first)


def _is_single_byte(charset: str) -> bool:
    return (
        len(bytes(range(256)).decode(charset, "replace")) == 256 and "\n".encode(charset) == b"\n"
    )
