"""Reads CSV files as a whole, whose values may have line breaks: the option `multi_line`."""

from __future__ import annotations

import codecs
import re
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.csv.block_reader import ROWS, BlockReader
from sftp_async.formats.csv.line_cells import LineCells
from sftp_async.formats.csv.lines import record_text
from sftp_async.formats.csv.record_parser import RecordError, RecordParser
from sftp_async.formats.decompression import codec_of, plain_chunks
from sftp_async.formats.recoding import charset_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import ReadableFile
    from sftp_async.formats.csv.decoder import CSVReadFormat
    from sftp_async.formats.csv.record_parser import Cells

#: Characters in which the parser looks for the end of lines: its buffer.
_DETECTED = 1024 * 1024
#: Most characters of a record: an unclosed quote takes the rest of the file, as in Spark.
MAX_RECORD = 64 * 1024 * 1024
#: Characters of the records of a batch, about.
_BATCH = 4 * 1024 * 1024
_END = re.compile(r"\r\n|\r|\n")
# Java replaces half of a surrogate pair once, Python each of its bytes.
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_CUT_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]?\Z")


def document_rows(form: CSVReadFormat, file: ReadableFile) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file.

    Args:
        form: the format.
        file: to be decoded.

    Raises:
        DecodeError: as `ReadFormat.decode`.

    """
    reader = BlockReader(form, file.path)
    records = document_records(form, file)
    if form.options.header:
        first = next(records, None)
        if first is not None:
            reader.take_header(first[0])
    rows: list[Cells | None] = []
    texts: list[str | None] = []
    size = 0
    for cells, text in records:
        rows.append(cells)
        texts.append(record_text(text))
        size += len(text)
        if len(rows) >= ROWS or size >= _BATCH:
            form.report(False, size)
            yield from reader.batch_of(rows, partial(pa.array, texts, pa.string()), 0)
            rows, texts, size = [], [], 0
    if rows:
        form.report(False, size)
        yield from reader.batch_of(rows, partial(pa.array, texts, pa.string()), 0)


def document_records(form: CSVReadFormat, file: ReadableFile) -> Iterator[tuple[Cells, str]]:
    """Yield the cells and the text of each record of a file.

    Raises:
        DecodeError: Spark fails at a record, or a record is too long.

    """
    codec = codec_of(file.path, form.options.compression)
    with plain_chunks(file, 0, file.size, codec) as chunks:
        pieces = _text(chunks, charset_of(form.options.encoding) or "utf-8")
        text = _filled("", pieces, _DETECTED)
        done = len(text) < _DETECTED
        text = text.removeprefix("\ufeff")
        end = form.dialect.line_sep or _line_end(text)
        parser = RecordParser(form.dialect, end)
        lines = LineCells(form.dialect)
        position = 0
        while True:
            # Most records are lines in which each quote has its place; they need no parser.
            stop = -1 if parser.has_pending else text.find(end, position)
            if stop >= 0 and (cells := _of_line(text[position:stop], lines, form, end)) is not None:
                stop += len(end)
                yield cells, text[position:stop]
                position = stop
                parser.pass_line()
                continue
            try:
                cells = parser.following(text, position)
            except RecordError as error:
                raise BlockReader(form, file.path).failed(error, 0) from error
            if parser.position >= len(text) and not done:
                parser.forget()
                text = text[position:]
                position = 0
                if len(text) > MAX_RECORD:
                    raise DecodeError(
                        f"A record has more than {MAX_RECORD} characters: a quote may not be "
                        "closed",
                        path=file.path,
                        hint="Without multi_line each line is a record of its own",
                    )
                wanted = max(2 * len(text), _DETECTED)
                text = _filled(text, pieces, wanted)
                done = len(text) < wanted
                continue
            if cells is None:
                return
            yield cells, text[parser.start : parser.position]
            if parser.ended:
                return
            position = parser.position


def _of_line(line: str, lines: LineCells, form: CSVReadFormat, end: str) -> Cells | None:
    """Return the cells of a record that is a line; None if the parser must find out."""
    dialect = form.dialect
    # Whatever ends lines, a line feed may end a record.
    if not line or (end != "\n" and "\n" in line):
        return None
    # How the last quoted cell ended matters to a comment that ends the file without a line end.
    if dialect.comment and (
        line.startswith(dialect.comment)
        or dialect.quote * 2 in line
        or (dialect.escape != dialect.quote and dialect.escape in line)
    ):
        return None
    return lines.quick(line)


def _line_end(text: str) -> str:
    """Return the end of lines: the first in the first characters (LineSeparatorDetector)."""
    found = _END.search(text[:_DETECTED])
    return found.group() if found else "\n"


def _filled(text: str, pieces: Iterator[str], size: int) -> str:
    parts = [text]
    length = len(text)
    while length < size:
        piece = next(pieces, None)
        if piece is None:
            break
        parts.append(piece)
        length += len(piece)
    return "".join(parts)


def _text(chunks: Iterator[bytes], charset: str) -> Iterator[str]:
    """Yield what bytes say in a character set; what they do not becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(charset)("replace")
    utf_8 = codecs.lookup(charset).name == "utf-8"
    held = b""
    for chunk in chunks:
        data = held + chunk
        held = b""
        if utf_8 and b"\xed" in data:
            if found := _CUT_SURROGATE.search(data):
                held = found.group()
                data = data[: found.start()]
            data = _SURROGATE.sub("\ufffd".encode(), data)
        yield decoder.decode(data)
    yield decoder.decode(held, final=True)
