"""Gives decoders a file of lines without its control records, and keeps those for a comparison."""

from __future__ import annotations

import codecs
import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from sftp_async.errors import ControlRecordError, OptionsError
from sftp_async.formats.base import ReadableFile
from sftp_async.formats.decompression import PlainFile, codec_of, plain_chunks
from sftp_async.formats.line_ends import overlaps
from sftp_async.formats.recoding import charset_of, raw_separator
from sftp_async.options.control_template import ControlLine, ControlTemplate, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from sftp_async.options import SFTPOptions

#: Bytes of all control records before the data, or behind it, at most.
LONGEST: Final = 64 * 1024
_MARK: Final = codecs.BOM_UTF8
_USUAL_ENDS: Final = rb"\r\n|\r|\n"


@dataclass(frozen=True)
class FoundRecords:
    """The control records of a file, and what is between them.

    Attributes:
        header: the first lines, as many as the template has; None if they do not match it, or the
            file has fewer.
        footer: the last lines.
        next: the line before the footer; None if there is none.
        size: bytes between the records, decompressed.
        sha256: digest of these; empty if it was not asked for.

    """

    header: list[str] | None
    footer: list[str] | None
    next: str | None
    size: int
    sha256: str


@dataclass(frozen=True)
class ControlLines:
    r"""How the control records of files are found; immutable, and pickled with a read.

    Args:
        header: the template of each line before the data.
        footer: the template of each line behind it.
        separator: what ends lines, in the bytes of the file; None: `\n`, `\r` and `\r\n`.
        charset: Python's name of the files' character set, None for UTF-8.
        codec: the option `compression`; a file's extension takes precedence.

    """

    header: tuple[ControlLine, ...]
    footer: tuple[ControlLine, ...]
    separator: bytes | None
    charset: str | None
    codec: str | None

    @classmethod
    def of(cls, options: SFTPOptions) -> Self | None:
        """Return what the options ask for; None if files have no control records.

        Raises:
            OptionsError: lines cannot be found with these options.

        """
        header, footer = (
            ControlTemplate(text).lines if text is not None else ()
            for text in (options.header_lines, options.footer_lines)
        )
        if not header and not footer:
            return None
        charset = charset_of(options.encoding)
        separator = _separator_of(options, charset)
        return cls(header, footer, separator, charset, options.compression)

    def without(
        self, file: ReadableFile, *, digest: bool = False, strict: bool = False
    ) -> LinesBetween:
        """Return a whole file without its control records.

        Args:
            file: as it is on the server, or a member of an archive.
            digest: whether the SHA-256 of what is left is wanted.
            strict: whether a record that is missing is an error; else its lines are data.

        """
        return LinesBetween(file, self, digest=digest, strict=strict)

    def range_of(self, file: ReadableFile) -> FileRange:
        """Return what is between the control records of a file that is not compressed.

        Takes a request for its first bytes and its last ones.
        """
        last = max(0, file.size - LONGEST)
        begin, end = file.read_ranges([(0, min(LONGEST, file.size)), (last, file.size)])
        head = self.head(begin, is_all=file.size <= LONGEST)
        start = head[0] if head is not None and head[1] is not None else 0
        tail = self.tail(end[max(0, start - last) :], is_all=start >= last)
        stop = file.size - tail.size
        return FileRange(file, start, stop)

    def head(self, data: bytes, *, is_all: bool) -> tuple[int, list[str] | None, str] | None:
        """Find the header in the first bytes of a file.

        Args:
            data: the bytes.
            is_all: whether the file has no others.

        Returns:
            Where the data begins, the header's lines, None if they do not match, and the first
            line; None: the bytes do not reach that far.

        """
        if not self.header:
            return 0, [], ""
        mark = len(_MARK) if self.charset is None and data.startswith(_MARK) else 0
        start = mark
        texts: list[str] = []
        ends = self._ends.finditer(data, mark)
        while len(texts) < len(self.header):
            end = next(ends, None)
            # Behind the last byte, the `\n` of a `\r\n` may come yet.
            if not is_all and (end is None or end.end() == len(data)):
                return None
            if end is None:
                if start < len(data):
                    texts.append(self.text(data[start:]))
                    start = len(data)
                break
            texts.append(self.text(data[start : end.start()]))
            start = end.end()
        first = texts[0] if texts else ""
        return (start, texts, first) if _match(self.header, texts) else (0, None, first)

    def tail(self, data: bytes, *, is_all: bool) -> Tail:
        """Find the footer in the last bytes of a file.

        Args:
            data: at most `LONGEST` are looked at.
            is_all: whether they begin where the data does; else perhaps within a line.

        """
        offset = max(0, len(data) - LONGEST)
        starts, stops = [offset], []
        for end in self._ends.finditer(data, offset):
            stops.append(end.start())
            starts.append(end.end())
        if starts[-1] == len(data):
            starts.pop()
        else:
            stops.append(len(data))
        if offset or not is_all:
            del starts[:1], stops[:1]
        count = len(self.footer)
        texts = [
            self.text(data[start:stop])
            for start, stop in zip(starts[-count - 1 :], stops[-count - 1 :], strict=True)
        ]
        last = texts[-1] if texts else ""
        found = texts[len(texts) - count :] if len(texts) >= count else []
        if not _match(self.footer, found):
            return Tail(0, None, last, None)
        size = len(data) - starts[-count] if count else 0
        return Tail(size, found, last, texts[0] if len(texts) > count else None)

    def text(self, line: bytes) -> str:
        """Return a line as text, whatever its bytes are."""
        if self.charset is not None:
            return line.decode(self.charset, "replace")
        return line.decode(errors="surrogateescape")

    @property
    def _ends(self) -> re.Pattern[bytes]:
        return re.compile(_USUAL_ENDS if self.separator is None else re.escape(self.separator))


@dataclass(frozen=True)
class Tail:
    """The end of a file.

    Attributes:
        size: bytes of the footer; 0 if there is none.
        lines: of the footer; None: the last lines do not match.
        last: the last line.
        next: the line before the footer; None if there is none.

    """

    size: int
    lines: list[str] | None
    last: str
    next: str | None


class LinesBetween(PlainFile):
    """A whole file without its control records, decompressed; each `chunks` reads it again.

    Args:
        file: with them.
        lines: how they are found.
        digest: whether the SHA-256 of what is left is wanted.
        strict: see `ControlLines.without`.

    Reading raises ControlRecordError for a record that is missing, if that is an error.

    """

    def __init__(
        self, file: ReadableFile, lines: ControlLines, *, digest: bool, strict: bool
    ) -> None:
        self.path, self.size, self.mtime = file.path, file.size, file.mtime
        self._found: FoundRecords | None = None
        self._strict = strict
        self._file = file
        self._lines = lines
        self._digest = digest

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        """Return the bytes of the whole file; see `ReadableFile.chunks`."""
        codec = codec_of(self.path, self._lines.codec)
        with plain_chunks(self._file, 0, self._file.size, codec) as chunks:
            yield self._between(chunks)

    def records(self) -> FoundRecords:
        """Return the records that were found; reads the file to its end, if nothing did."""
        if self._found is None:
            with self.chunks(0, self.size) as chunks:
                for _ in chunks:
                    pass
        assert self._found is not None
        return self._found

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Refuse: where the data begins is known to those who read in order."""
        raise NotImplementedError

    def _between(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what is between the records. The last bytes are held back: they may be some."""
        digest = hashlib.sha256() if self._digest else None
        size = 0
        head: tuple[int, list[str] | None, str] | None = None
        held = b""
        is_all = True
        for chunk in chunks:
            held = held + chunk if held else chunk
            if head is None:
                head = self._lines.head(held, is_all=False)
                if head is None:
                    if len(held) <= LONGEST:
                        continue
                    head = (0, None if self._lines.header else [], self._lines.text(held[:LONGEST]))
                self._check(head)
                held = held[head[0] :]
            if len(held) > 2 * LONGEST:
                piece, held = held[:-LONGEST], held[-LONGEST:]
                is_all = False
                if digest is not None:
                    digest.update(piece)
                size += len(piece)
                yield piece
        if head is None:
            head = self._lines.head(held, is_all=True)
            assert head is not None
            self._check(head)
            held = held[head[0] :]
        tail = self._lines.tail(held, is_all=is_all)
        rest = held[: len(held) - tail.size]
        if digest is not None:
            digest.update(rest)
        if self._strict and tail.lines is None:
            raise self._missing("footer_lines", self._lines.footer, "ends with", tail.last)
        self._found = FoundRecords(
            head[1],
            tail.lines,
            tail.next,
            size + len(rest),
            "" if digest is None else digest.hexdigest(),
        )
        if rest:
            yield rest

    def _check(self, head: tuple[int, list[str] | None, str]) -> None:
        if self._strict and head[1] is None:
            raise self._missing("header_lines", self._lines.header, "begins with", head[2])

    def _missing(
        self, option: str, templates: Sequence[ControlLine], where: str, line: str
    ) -> ControlRecordError:
        wanted = "\n".join(template.text for template in templates)
        return ControlRecordError(
            f"The file has no lines as {option}={wanted!r} says: it {where} {shown(line)!r}",
            path=self.path,
            hint="It is incomplete or of another kind: ask the sender for it again, correct "
            f"{option}, or set verify_control=false to read it all the same",
        )


class FileRange(ReadableFile):
    """A part of a file as a file of its own.

    Args:
        file: that is not compressed.
        start: its first byte.
        stop: the byte behind its last one.

    """

    def __init__(self, file: ReadableFile, start: int, stop: int) -> None:
        self.path, self.mtime = file.path, file.mtime
        self.size = stop - start
        self._file = file
        self._start = start

    def within(self, start: int, stop: int) -> tuple[int, int]:
        """Return the bytes of the part that are in a range of the file, as a range of the part."""
        first, last = (min(max(at - self._start, 0), self.size) for at in (start, stop))
        return first, last

    def chunks(self, start: int, stop: int) -> AbstractContextManager[Iterator[bytes]]:
        """Return the bytes of a range, in order; see `ReadableFile.chunks`."""
        return self._file.chunks(self._start + start, self._start + stop)

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes of each range; see `ReadableFile.read_ranges`."""
        shift = self._start
        return self._file.read_ranges([(shift + start, shift + stop) for start, stop in ranges])


def _match(templates: Sequence[ControlLine], texts: Sequence[str]) -> bool:
    return len(templates) == len(texts) and all(
        template.matches(text) for template, text in zip(templates, texts, strict=True)
    )


def _separator_of(options: SFTPOptions, charset: str | None) -> bytes | None:
    """Return what ends lines, in the bytes of the file; None: each of the usual ends.

    Raises:
        OptionsError: line ends cannot be found from the end of a file.

    """
    text = options.line_sep if "line_sep" in options.model_fields_set else None
    names = " and ".join(
        name for name in ("header_lines", "footer_lines") if getattr(options, name) is not None
    )
    found = None if text is None else text.encode()
    if charset is not None:
        found = raw_separator(found, charset)
        if found is None:
            raise OptionsError(
                f"{names}: lines of encoding={options.encoding} are found only once they are "
                "decoded: leave it out, or have the files recoded."
            )
    if found and overlaps(found):
        raise OptionsError(
            f"{names}: line_sep={text!r} can overlap with itself, so the last lines of a file "
            "cannot be found: leave it out."
        )
    if text is not None and any(
        text in piece.literal
        for name in ("header_lines", "footer_lines")
        for line in ControlTemplate(getattr(options, name) or "").lines
        for piece in line.pieces
    ):
        raise OptionsError(f"{names}: a line holds line_sep={text!r}, which ends lines.")
    return found or None
