"""Reads JSON as Spark does: one record in each line, or one document in each file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.json.blocks import BlockDecoder
from sftp_async.formats.line_decoder import LineReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions


def read_json(options: FormatOptions, schema: pa.Schema | None) -> ReadFormat:
    """Return the reading half of the format; see `FormatPlugin.decoder`."""
    return JSONReadFormat(options, schema)


@dataclass(frozen=True)
class JSONReadFormat(ReadFormat):
    """Decodes JSON files."""

    options: FormatOptions
    schema: pa.Schema | None
    lines: LineReader = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", LineReader.of(self.options))
        corrupt = self.options.column_name_of_corrupt_record
        if self.schema is not None and corrupt in self.schema.names:
            if self.schema.field(corrupt).type == pa.string():
                return
            raise DecodeError(
                f"Column {corrupt!r} takes malformed rows, and is no string",
                hint="Make it a STRING, or set another column_name_of_corrupt_record",
            )

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be decoded by itself."""
        return not self.options.multi_line and self.lines.is_splittable(path)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a range; see `ReadFormat.decode`."""
        assert self.schema is not None, "decode() needs columns"
        decoder = BlockDecoder(self.options, self.schema, file.path, self.lines.separator)
        for block in self.lines.blocks(file, start, stop):
            yield from decoder.decode(block)

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns of the files; see `ReadFormat.infer_schema`."""
        raise DecodeError("The columns of JSON cannot be inferred yet", path=files[0].path)
