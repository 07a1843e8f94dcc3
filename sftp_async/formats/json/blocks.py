"""Decodes blocks of JSON Lines: each on the quickest path that is sure to read it as Spark does."""

from __future__ import annotations

import codecs
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.json.leftovers import Leftovers
from sftp_async.formats.json.quick_records import QuickRecords, QuickRows
from sftp_async.formats.json.quick_values import OddRecordError
from sftp_async.formats.json.record_text import given_text, record_text
from sftp_async.formats.json.records import Parsed, RecordParser
from sftp_async.formats.json.text_values import TextParser
from sftp_async.formats.json.tokens import Leniency, MalformedJSONError
from sftp_async.formats.json.vectorized_blocks import VectorizedBlocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.line_decoder import LineBlock
    from sftp_async.options import FormatOptions

#: Rows of a batch, at most.
_BATCH = 16_384
# After so many blocks that Arrow could not read, it is tried for one of so many.
_PATIENCE, _RARELY = 3, 16
# Odd lines of a block, about 1 MiB, around which Arrow is tried; more make it slower than without.
_ODD_LINES = 8
# So many odd lines that follow each other closely are taken for the rule.
_CLOSE = 2
# Bytes before an odd line that are worth another call of Arrow.
_WORTH = 16 * 1024


class BlockDecoder:
    """Decodes the blocks of one file.

    Args:
        options: of the read.
        schema: all columns, those of corrupt records and of rescued data included.
        path: of the file, for errors.
        separator: the end of lines; None: each of Hadoop's.
        paths: `all`, or the only one that may be taken: `exact`, `tokens` (`exact`, with nothing
            taken at once), `middle` (and `exact` for what it leaves) or `fast` (and `exact`). For
            tests.

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
        self._corrupt = options.column_name_of_corrupt_record
        self._rescued = options.rescued_data_column
        special = (self._corrupt, self._rescued)
        columns = pa.schema([column for column in schema if column.name not in special])
        self._columns = columns
        texts = TextParser(options)
        leniency = leniency_of(options)
        keeps = "encoding" not in options.model_fields_set
        self._detects = keeps
        self._parser = RecordParser(
            columns, leniency, texts, keeps_source=keeps, by_members=paths != "tokens"
        )
        self._quick = (
            QuickRecords(columns, texts, non_numeric=leniency.non_numeric, keeps_source=keeps)
            if paths in ("all", "middle")
            else None
        )
        rescues = self._rescued in schema.names
        self._leftovers = Leftovers(columns, leniency) if rescues else None
        self._fast = (
            VectorizedBlocks(columns, texts, rescues=rescues)
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
        batches = [*self._batches(block.data, block.offset)]
        if len(batches) > 1:
            batches = pa.Table.from_batches(batches).combine_chunks().to_batches()
        yield from (batch for batch in batches if batch.num_rows)

    def _batches(self, data: bytes, offset: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of lines: on the fast path, but for the few lines that are odd."""
        fast = self._fast if self._tries_fast() else None
        close = 0
        for _ in range(_ODD_LINES if fast is not None else 0):
            assert fast is not None, "it is tried"
            arrays = fast.read(data)
            if arrays is not None:
                self._refused = 0
                self.fast_bytes += len(data)
                yield self._batch(arrays, len(arrays[0]), rescued=fast.rescued)
                return
            if fast.odd_line is None:
                break
            start, stop = _line_at(data, fast.odd_line)
            close = close + 1 if start < _WORTH else 0
            if close == _CLOSE:
                break
            before = fast.read(data[:start]) if start >= _WORTH else None
            if before is not None:
                self.fast_bytes += start
                yield self._batch(before, len(before[0]), rescued=fast.rescued)
                yield from self._exact(data[start:stop], offset + start)
            else:
                yield from self._exact(data[:stop], offset)
            data, offset = data[stop:], offset + stop
            if not data:
                return
        self._refused += 1
        yield from self._exact(data, offset)

    def _exact(self, data: bytes, offset: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of lines, which are read one by one."""
        self.exact_bytes += len(data)
        lines = split_lines(data, self._separator)
        for part in (lines[at : at + _BATCH] for at in range(0, len(lines), _BATCH)):
            yield self._lines(part, offset)
            offset += sum(map(len, part)) + len(part)

    def _tries_fast(self) -> bool:
        """Whether the next block is tried on the fast path."""
        if self._fast is None or self._separator not in (None, b"\n"):
            return False
        self._blocks += 1
        return self._refused < _PATIENCE or not self._blocks % _RARELY

    def document(self, record: bytes) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file that is one document, or an array of documents.

        Raises:
            DecodeError: it is malformed, in mode FAILFAST.

        """
        self.exact_bytes += len(record)
        arrays = self._ordinary_arrays(record)
        if arrays is not None:
            if arrays:
                batch = self._batch(arrays, len(arrays[0]))
                yield from (batch.slice(at, _BATCH) for at in range(0, batch.num_rows, _BATCH))
            return
        parsed, left = self._parsed(record)
        if parsed.malformed and not self._keeps_malformed(0):
            return
        text = record.decode(errors="replace") if parsed.malformed else None
        for start in range(0, len(parsed.rows), _BATCH):
            rows = parsed.rows[start : start + _BATCH]
            rescued = left[start : start + _BATCH]
            yield self._batch(self._arrays(rows), len(rows), [text] * len(rows), rescued)

    def _ordinary_arrays(self, record: bytes) -> list[pa.Array] | None:
        """Return the rows of a document, or of an array of them; None if something is odd.

        One malformed element changes what all others become.
        """
        if self._quick is None or self._leftovers is not None:
            return None
        mark = codecs.BOM_UTF8 if self._detects else b""
        try:
            return self._quick.document(record.removeprefix(mark).decode())
        except (OddRecordError, UnicodeDecodeError):
            return None

    def _lines(self, lines: list[bytes], offset: int) -> pa.RecordBatch:
        """Return the rows of lines.

        Raises:
            DecodeError: a record is malformed, in mode FAILFAST.

        """
        if self._quick is None:
            made = QuickRows([], odd={*range(len(lines))})
        else:
            made = self._quick.lines(lines)
            if self._leftovers is not None:
                made = replace(made, malformed=set(), odd=made.odd | made.malformed)
            elif not made.odd and not made.malformed:
                return self._batch(made.arrays, len(lines))
        behind = len(lines) if self._quick is not None else 0
        rows: list[list[Any]] = []  # of the odd records
        places: list[int] = []  # of all rows; those of odd records are behind the others
        texts: list[str | None] = []
        rescued: list[str | None] = []
        for place, line in enumerate(lines):
            parsed, left = self._parsed(line) if place in made.odd else (None, self._left(line))
            malformed = parsed.malformed if parsed is not None else place in made.malformed
            if not malformed or self._keeps_malformed(offset):
                size = 1 if parsed is None else len(parsed.rows)
                first = place if parsed is None else behind + len(rows)
                places += range(first, first + size)
                texts += [line.decode(errors="replace") if malformed else None] * size
                rows += parsed.rows if parsed is not None else ()
                rescued += left
            offset += len(line) + 1
        arrays = made.arrays
        if rows or not arrays:
            odd = self._arrays(rows)
            arrays = [*map(pa.concat_arrays, zip(arrays, odd, strict=True))] if arrays else odd
        if behind:
            order = pa.array(places, pa.int64())
            arrays = [array.take(order) for array in arrays]
        return self._batch(arrays, len(places), texts, rescued)

    def _keeps_malformed(self, offset: int) -> bool:
        """Whether malformed records become rows.

        Raises:
            DecodeError: in mode FAILFAST.

        """
        if self._mode == "failfast":
            raise DecodeError(
                f"The JSON record at byte {offset} is malformed, and mode=FAILFAST",
                path=self._path,
                hint="Set mode=PERMISSIVE to get what can be read of it",
            )
        return self._mode != "dropmalformed"

    def _parsed(self, record: bytes) -> tuple[Parsed, list[str | None]]:
        """Return what a record became, and what is left over of each of its rows."""
        try:
            text = record_text(record) if self._detects else given_text(record)
            parsed = self._parser.parse(text)
        except (MalformedJSONError, UnicodeDecodeError):
            parsed = Parsed([[None] * len(self._columns)], malformed=True)
        nothing: list[str | None] = [None] * len(parsed.rows)
        if self._leftovers is None or parsed.malformed > parsed.partial or not parsed.rows:
            return parsed, nothing
        try:
            return Parsed(parsed.rows), self._leftovers.of_record(text, parsed.rows)
        except MalformedJSONError:
            return parsed, nothing

    def _left(self, line: bytes) -> list[str | None]:
        """Return what is left over of an ordinary record, whose values fit."""
        if self._leftovers is None:
            return [None]
        return self._leftovers.of_record(line.decode())

    def _arrays(self, rows: list[list[Any]]) -> list[pa.Array]:
        """Return the columns of rows, without that of corrupt records."""
        columns = zip(*rows, strict=True) if rows else itertools.repeat(())
        return [pa.array(next(columns), kind) for kind in self._columns.types]

    def _batch(
        self,
        arrays: list[pa.Array],
        size: int,
        texts: Sequence[str | None] | None = None,
        rescued: Sequence[str | None] | pa.Array | None = None,
    ) -> pa.RecordBatch:
        """Return columns, texts of corrupt records, and what is left over, as a batch."""
        special = {self._corrupt: texts, self._rescued: rescued}
        ordinary = iter(arrays)
        columns = [
            _text_column(special[name], size) if name in special else next(ordinary)
            for name in self._schema.names
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


def _text_column(texts: Sequence[str | None] | pa.Array | None, size: int) -> pa.Array:
    return pa.nulls(size, pa.string()) if texts is None else pa.array(texts, pa.string())


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


def _line_at(data: bytes, place: int) -> tuple[int, int]:
    r"""Return where a line starts, and where its end `\n` does."""
    parts = data.split(b"\n", place + 1)
    start = sum(map(len, parts[:place])) + place
    return start, min(start + len(parts[place]) + 1, len(data))


def split_lines(data: bytes, separator: bytes | None) -> list[bytes]:
    """Return lines without their ends."""
    if separator is None:
        return data.splitlines()
    lines = data.split(separator)
    return lines if lines[-1] else lines[:-1]
