"""Decodes blocks of JSON Lines: each on the quickest path that is sure to read it as Spark does."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.json.quick_records import OddRecordError, QuickRecords
from sftp_async.formats.json.record_text import given_text, record_text
from sftp_async.formats.json.records import Parsed, RecordParser
from sftp_async.formats.json.text_values import TextParser
from sftp_async.formats.json.tokens import Leniency, MalformedJSONError
from sftp_async.formats.json.vectorized_blocks import VectorizedBlocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.line_decoder import LineBlock
    from sftp_async.options import FormatOptions

#: Rows of a batch, at most.
_BATCH = 16_384
# After so many blocks that Arrow could not read, it is tried for one of so many.
_PATIENCE, _RARELY = 3, 16


class BlockDecoder:
    """Decodes the blocks of one file.

    Args:
        options: of the read.
        schema: all columns, that of corrupt records included.
        path: of the file, for errors.
        separator: the end of lines; None: each of Hadoop's.
        paths: `all`, or the only one that may be taken: `exact`, `middle` (and `exact` for what it
            leaves) or `fast` (and `exact`). For tests.

    Attributes:
        fast_bytes: bytes that were decoded on the fast path.
        exact_bytes: bytes that were decoded one record at a time.

    """

    def __init__(
        self,
        options: FormatOptions,
        schema: pa.Schema,
        path: str,
        separator: bytes | None,
        paths: str = "all",
    ) -> None:
        self._schema = schema
        self._path = path
        self._separator = separator
        self._mode = options.mode
        name = options.column_name_of_corrupt_record
        self._corrupt = schema.names.index(name) if name in schema.names else None
        columns = schema if self._corrupt is None else schema.remove(self._corrupt)
        self._width = len(columns)
        texts = TextParser(options)
        leniency = leniency_of(options)
        keeps = "encoding" not in options.model_fields_set
        self._detects = keeps
        self._parser = RecordParser(columns, leniency, texts, keeps_source=keeps)
        self._quick = (
            QuickRecords(columns, texts, non_numeric=leniency.non_numeric, keeps_source=keeps)
            if paths in ("all", "middle")
            else None
        )
        self._fast = (
            VectorizedBlocks(columns, texts)
            if paths in ("all", "fast") and VectorizedBlocks.can_read(columns, options.locale)
            else None
        )
        self._refused = self._blocks = 0
        self.fast_bytes = 0
        self.exact_bytes = 0

    def decode(self, block: LineBlock) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a block.

        Raises:
            DecodeError: a record is malformed, in mode FAILFAST.

        """
        arrays = self._fast_arrays(block.data)
        if arrays is not None:
            self.fast_bytes += len(block.data)
            yield self._batch(arrays)
            return
        self.exact_bytes += len(block.data)
        rows: list[list[Any]] = []
        offset = block.offset
        for line in split_lines(block.data, self._separator):
            rows += self.rows(line, offset)
            offset += len(line) + 1
            if len(rows) >= _BATCH:
                yield self.batch(rows)
                rows = []
        if rows:
            yield self.batch(rows)

    def rows(self, record: bytes, offset: int) -> list[list[Any]]:
        """Return the rows of a record, with the column of corrupt records.

        Raises:
            DecodeError: it is malformed, in mode FAILFAST.

        """
        parsed = self._parsed(record)
        if parsed.malformed:
            if self._mode == "failfast":
                raise DecodeError(
                    f"The JSON record at byte {offset} is malformed, and mode=FAILFAST",
                    path=self._path,
                    hint="Set mode=PERMISSIVE to get what can be read of it",
                )
            if self._mode == "dropmalformed":
                return []
        text = record.decode(errors="replace") if parsed.malformed else None
        return self._with_text(parsed.rows, text)

    def document(self, record: bytes) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file that is one document, or an array of documents.

        Raises:
            DecodeError: it is malformed, in mode FAILFAST.

        """
        batches = self._ordinary_batches(record)
        if batches is not None:
            self.exact_bytes += len(record)
            yield from batches
            return
        rows = self.rows(record, 0)
        for start in range(0, len(rows), _BATCH):
            yield self.batch(rows[start : start + _BATCH])

    def _with_text(self, rows: list[list[Any]], text: str | None = None) -> list[list[Any]]:
        """Add the column of corrupt records."""
        if self._corrupt is not None:
            for row in rows:
                row.insert(self._corrupt, text)
        return rows

    def _ordinary_batches(self, record: bytes) -> list[pa.RecordBatch] | None:
        """Return the rows of a document, or of an array of them; None if something is odd.

        One malformed element changes what all others become, so none is yielded before the last.
        """
        if self._quick is None:
            return None
        batches = []
        rows: list[list[Any]] = []
        mark = codecs.BOM_UTF8 if self._detects else b""
        try:
            for row in self._quick.elements(record.removeprefix(mark).decode()):
                rows.append(row)
                if len(rows) == _BATCH:
                    batches.append(self.batch(self._with_text(rows)))
                    rows = []
        except (OddRecordError, UnicodeDecodeError):
            return None
        if rows:
            batches.append(self.batch(self._with_text(rows)))
        return batches

    def batch(self, rows: list[list[Any]]) -> pa.RecordBatch:
        """Return rows as a batch."""
        columns = zip(*rows, strict=True) if self._schema.names else ()
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _parsed(self, record: bytes) -> Parsed:
        if self._quick is not None and record.startswith(b"{"):
            try:
                quick = self._quick.parse(record.decode())
            except UnicodeDecodeError:
                quick = None
            if quick is not None:
                return quick
        try:
            text = record_text(record) if self._detects else given_text(record)
            return self._parser.parse(text)
        except (MalformedJSONError, UnicodeDecodeError):
            return Parsed([[None] * self._width], malformed=True)

    def _fast_arrays(self, data: bytes) -> list[pa.Array] | None:
        if self._fast is None or self._separator not in (None, b"\n"):
            return None
        self._blocks += 1
        if self._refused >= _PATIENCE and self._blocks % _RARELY:
            return None
        arrays = self._fast.read(data)
        self._refused = 0 if arrays is not None else self._refused + 1
        return arrays

    def _batch(self, arrays: list[pa.Array]) -> pa.RecordBatch:
        if self._corrupt is not None:
            arrays.insert(self._corrupt, pa.nulls(len(arrays[0]), pa.string()))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def leniency_of(options: FormatOptions) -> Leniency:
    """Return what the options accept besides JSON."""
    return Leniency(
        options.allow_comments,
        options.allow_unquoted_field_names,
        options.allow_single_quotes,
        options.allow_numeric_leading_zeros,
        options.allow_non_numeric_numbers,
        options.allow_backslash_escaping_any_character,
        options.allow_unquoted_control_chars,
        reads_characters="encoding" in options.model_fields_set,
    )


def split_lines(data: bytes, separator: bytes | None) -> list[bytes]:
    """Return lines without their ends."""
    if separator is None:
        return data.splitlines()
    lines = data.split(separator)
    return lines if lines[-1] else lines[:-1]
