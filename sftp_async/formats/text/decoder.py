"""Decodes text files as Spark's text source does: a row of one string for each line, or file."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.decompression import codec_of, plain_chunks
from sftp_async.formats.line_decoder import LineReader
from sftp_async.formats.recoding import recoded_pieces
from sftp_async.formats.values.cell_text import is_text
from sftp_async.humanize import in_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

#: Spark's name of the column, in org.apache.spark.sql.execution.datasources.text.TextFileFormat.
COLUMN = "value"
#: Rows of a batch at most: a block of empty lines has a million.
_MAX_ROWS = 64 * 1024
#: Bytes of a file that becomes one row: the bound of a line.
MAX_FILE_BYTES = 512 * 1024 * 1024


def read_text(options: FormatOptions, schema: pa.Schema | None) -> TextReadFormat:
    """Check options and columns, and return the reading half; see `FormatPlugin.decoder`."""
    field = pa.field(COLUMN, pa.string())
    if schema is not None and len(schema):
        _check(schema)
        field = schema.field(0)
    # Spark's strings of a text file are its bytes, whether they are UTF-8 or not.
    lines = replace(LineReader.of(options), checked=False)
    return TextReadFormat(
        pa.schema([field]) if schema is None else schema, lines, options.wholetext
    )


def _check(schema: pa.Schema) -> None:
    if len(schema) > 1:
        raise DecodeError(
            f"Text files hold one column, but the schema has {len(schema)}: "
            f"{', '.join(schema.names)}",
            hint="Give a schema of one string column, or none",
        )
    field = schema.field(0)
    if not is_text(field.type):
        raise DecodeError(
            f"Text files hold strings, but column {field.name!r} is of the type {field.type}",
            hint="Read it as STRING, and cast it in the DataFrame",
        )


class TextReadFormat(ReadFormat):
    """Text files, as Spark's.

    Args:
        schema: one column of strings, or none: then rows are only counted.
        lines: cuts files into lines.
        whole: whether each file is one row.

    """

    def __init__(self, schema: pa.Schema, lines: LineReader, whole: bool) -> None:
        self._schema = schema
        self._lines = lines
        self._whole = whole

    def is_splittable(self, path: str) -> bool:
        """Whether lines can be found from any byte on."""
        return not self._whole and self._lines.is_splittable(path)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the lines of a range, or the file; see `ReadFormat.decode`."""
        if self._whole:
            if not file.size:
                return  # Spark plans no empty file
            yield self._batch(pa.array([self._content(file)], pa.binary()))
            return
        for block in self._lines.blocks(file, start, stop):
            rows = split_lines(block.data, self._lines.separator)
            for first in range(0, len(rows), _MAX_ROWS):
                yield self._batch(rows.slice(first, _MAX_ROWS))

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the one column; no file is looked at."""
        return self._schema

    def _batch(self, rows: pa.Array) -> pa.RecordBatch:
        if not len(self._schema):
            return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
        # Not a cast, which would fail on what is no UTF-8.
        column = rows.view(pa.string()).cast(self._schema.field(0).type)
        return pa.RecordBatch.from_arrays([column], schema=self._schema)

    def _content(self, file: ReadableFile) -> bytes:
        codec, charset = codec_of(file.path, self._lines.codec), self._lines.charset
        pieces = []
        size = 0
        with plain_chunks(file, 0, file.size, codec) as chunks:
            for piece in recoded_pieces(chunks, charset) if charset else chunks:
                size += len(piece)
                if size > MAX_FILE_BYTES:
                    limit = in_units(MAX_FILE_BYTES)
                    raise DecodeError(
                        f"The file is larger than {limit}, too large for one row",
                        path=file.path,
                        hint="Read it without wholetext",
                    )
                pieces.append(piece)
        return b"".join(pieces)


def split_lines(data: bytes, separator: bytes | None) -> pa.Array:
    r"""Return the lines of a block, without their ends, as binary values.

    Args:
        data: whole lines; the last one may lack its end.
        separator: the end; None: each of `\n`, `\r` and `\r\n`.

    """
    if separator is not None:
        return _lines(_split(data, separator))
    returns = data.count(b"\r")
    if not returns:
        return _lines(_split(data, b"\n"))
    if data.count(b"\n") == returns:
        pieces = _split(data, b"\r\n")
        if len(pieces) - 1 == returns:
            return _lines(pieces)
    return _lines(_split(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), b"\n"))


def _split(data: bytes, separator: bytes) -> pa.Array:
    offsets = pa.py_buffer(struct.pack("=ii", 0, len(data)))
    text = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(data)])
    return pc.split_pattern(text, separator).values


def _lines(pieces: pa.Array) -> pa.Array:
    # What follows the last end is no line.
    return pieces if pieces[-1].as_py() else pieces.slice(0, len(pieces) - 1)
