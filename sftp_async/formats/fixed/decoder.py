"""Decodes fixed-width files: cuts records into fields, and checks lengths and record types."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.csv.rows import Malformed, RowMaker
from sftp_async.formats.decompression import codec_of, plain_chunks
from sftp_async.formats.fixed.byte_set import ByteSet
from sftp_async.formats.fixed.columns import field_of_each, layout_problems, wanted_layout
from sftp_async.formats.fixed.control import (
    ControlCheck,
    ControlRecord,
    control_problems,
    control_records,
    counts_rows,
)
from sftp_async.formats.fixed.field_reading import field_reader
from sftp_async.formats.fixed.plain_lines import PlainLineReader
from sftp_async.formats.fixed.records import Records, records_of_bytes, records_of_lines
from sftp_async.formats.line_decoder import BLOCK, LineReader
from sftp_async.formats.line_ends import gathered
from sftp_async.formats.rescued import check_rescued
from sftp_async.formats.spark_schema import without_columns
from sftp_async.formats.text_rules import collected_text_rules
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.formats.fixed.layout import Field, Layout
    from sftp_async.formats.values.from_text import FromText, TextRules
    from sftp_async.options import FormatOptions

#: Rows of a batch at most.
_MAX_ROWS = 64 * 1024


def read_fixed(options: FormatOptions, schema: pa.Schema | None) -> FixedReadFormat:
    """Check options and columns, and return the reading half; see `FormatPlugin.decoder`."""
    problems = Problems()
    rules = collected_text_rules(options, problems)
    given = schema
    if schema is not None:
        check_rescued(schema, options.rescued_data_column)
        names = (options.column_name_of_corrupt_record, options.rescued_data_column or "")
        given = without_columns(schema, [name for name in names if name in schema.names])
    layout = None
    controls: tuple[ControlRecord, ...] = ()
    with problems.collect():
        layout = wanted_layout(options, given)
        problems.add(layout_problems(layout, options))
        controls = control_records(options, layout.width)
        problems.add(control_problems(controls, layout))
    problems.raise_all()
    assert layout is not None
    if schema is None or given is None:
        given = schema = pa.schema([(field.name, field.type) for field in layout.columns])
    corrupt = options.column_name_of_corrupt_record
    if corrupt in schema.names and not pa.types.is_string(schema.field(corrupt).type):
        raise DecodeError(f"The column of corrupt records {corrupt!r} is no string")
    fields = field_of_each(layout, given, options, DecodeError)
    return FixedReadFormat(options, schema, layout, tuple(fields), rules, controls)


@dataclass(frozen=True)
class FixedRowMaker(RowMaker):
    """Makes rows of fields, each of which is read in its own way.

    Args:
        fields: of `names`.
        blank_is_null: whether a blank string is null.

    """

    fields: tuple[Field, ...] = ()
    blank_is_null: bool = True

    @cached_property
    def _readers(self) -> list[FromText]:
        readers: list[FromText] = []
        for name, field in zip(self.names, self.fields, strict=True):
            kind = self.schema.field(name).type
            readers.append(field_reader(field, kind, self.rules, blank_is_null=self.blank_is_null))
        return readers


@dataclass(frozen=True)
class FixedReadFormat(ReadFormat):
    """Fixed-width files.

    Args:
        options: of files, checked by `read_fixed`.
        schema: the columns that are wanted.
        layout: of a record.
        fields: those of the wanted columns, in order.
        rules: how text is read.
        controls: the types of records that are no rows.

    """

    options: FormatOptions
    schema: pa.Schema
    layout: Layout
    fields: tuple[Field, ...]
    rules: TextRules
    controls: tuple[ControlRecord, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        names = ("options", "schema", "layout", "fields", "rules", "controls")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def charset(self) -> ByteSet | None:
        """The character set of blocks, which have plain bytes; None: they are in UTF-8."""
        return ByteSet.named(self.options.encoding)

    @cached_property
    def lines(self) -> LineReader:
        """What cuts files into lines."""
        if self.charset is None:
            return LineReader.of(self.options)
        return PlainLineReader.plain(self.options, self.charset)

    @cached_property
    def maker(self) -> FixedRowMaker:
        """What makes rows of fields."""
        options = self.options
        return FixedRowMaker(
            self.schema,
            self.rules,
            "",
            options.mode,
            options.column_name_of_corrupt_record,
            options.rescued_data_column,
            self.fields,
            options.fixed_blank_strings == "null",
        )

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be decoded by itself; see `ReadFormat`."""
        if counts_rows(self.controls):
            return False
        if self.options.fixed_line_ends:
            return self.lines.is_splittable(path)
        return codec_of(path, self.options.compression) == "none"

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the records that begin in a range; see `ReadFormat`."""
        check = ControlCheck(self.controls, file.path)
        for records, offset in self._records(file, start, stop):
            rows = check.rows_of(records, offset)
            if len(rows):
                yield from self._batches(rows, offset, file.path)
        if counts_rows(self.controls):  # the file was not split
            check.finish()

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns of the layout; no file is looked at."""
        return self.schema

    def _records(self, file: ReadableFile, start: int, stop: int) -> Iterator[tuple[Records, int]]:
        width = self.layout.width
        if self.options.fixed_line_ends:
            separator = self.lines.separator
            for block in self.lines.blocks(file, start, stop):
                yield (
                    records_of_lines(block.data, width, self.charset, separator),
                    block.offset,
                )
            return
        codec = codec_of(file.path, self.options.compression)
        if codec == "none":
            start, stop = (-(-place // width) * width for place in (start, stop))
            stop = min(stop, file.size)
        if start >= stop:
            return
        size = -(-BLOCK // width) * width
        offset, held = start, b""
        with plain_chunks(file, start, stop, codec) as chunks:
            for piece in gathered(chunks, size):
                data = held + piece
                whole = len(data) - len(data) % width
                if whole:
                    yield self._of_bytes(data[:whole]), offset
                held = data[whole:]
                offset += whole
        if held:
            yield self._of_bytes(held), offset

    def _of_bytes(self, data: bytes) -> Records:
        charset = self.charset
        assert charset is not None, "options are checked"
        plain = data if charset.to_plain is None else data.translate(charset.to_plain)
        return records_of_bytes(plain, self.layout.width, charset)

    def _batches(self, records: Records, offset: int, path: str) -> Iterator[pa.RecordBatch]:
        rows = len(records)
        bad = records.odd if records.odd is not None else pa.array([False] * rows, pa.bool_())
        for field in self.layout.constants:
            text = (field.constant or "").ljust(field.width)
            bad = pc.or_(bad, pc.not_equal(records.texts(field.start, field.stop), text))
        columns = [
            records.texts(field.start, field.stop, signed=bool(field.sign)) for field in self.fields
        ]
        malformed = Malformed(bad, records.whole, offset)
        batch = self.maker.batch(columns, rows, malformed, path, {})
        if batch.num_rows:
            yield batch
