"""Reads the blocks of one range of a CSV file: plain ones as a whole, and else line by line."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.arrow_text import null_where
from sftp_async.formats.csv.file_columns import MAX_CELLS, FileColumns
from sftp_async.formats.csv.header import check_header, header_line
from sftp_async.formats.csv.line_cells import LineCells
from sftp_async.formats.csv.lines import end_of_line, record_text, text_lines, without_blank
from sftp_async.formats.csv.record_parser import RecordError
from sftp_async.formats.csv.rows import Malformed
from sftp_async.formats.csv.unquoted_lines import UnquotedLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.formats.csv.decoder import CSVReadFormat
    from sftp_async.formats.csv.record_parser import Cells
    from sftp_async.formats.line_decoder import LineBlock

#: Rows of a batch on the exact path: bounds what lists of cells take.
ROWS = 16 * 1024
#: Bytes of a piece of a block that is not cut further to find what is plain in it.
_PIECE = 8 * 1024
_MARK = "\ufeff"


class BlockReader:
    """Reads the blocks of one range, in order.

    Args:
        form: the format.
        path: of the file.

    """

    def __init__(self, form: CSVReadFormat, path: str) -> None:
        self._form = form
        self._path = path
        self._dialect = form.dialect
        self._maker = form.maker
        self._cells = LineCells(form.dialect)
        self._awaits_header = False
        self._cuts_blocks = True
        #: Whether no line was parsed yet: the parser drops a mark at the start of the first one.
        self._is_fresh = True
        count = len(self._maker.names)
        self._columns = FileColumns.in_order(count, rescues=self._maker.rescues)

    def rows(self, block: LineBlock) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a block.

        Raises:
            DecodeError: as `ReadFormat.decode`.

        """
        data = block.data
        if block.first and self._form.options.header:
            self._awaits_header = True
        if self._awaits_header:
            data = self._behind_header(data, block.offset)
        if not data:
            return
        fresh, self._is_fresh = self._is_fresh, False
        exact = self._form.path == "exact" or not self._form.fast.suits
        if exact or (fresh and _MARK.encode() in data):
            self._form.report(False, len(data))
            yield from self._exact(data, block.offset, fresh=fresh)
            return
        yield from self._fast(data, block.offset)

    def _fast(self, data: bytes, offset: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a block, of which pieces that are not plain go the exact way."""
        cuts = self._cuts_blocks
        # Where no piece of a block was plain, those of the next one are hardly worth a try.
        self._cuts_blocks = False
        pieces = [(data, offset)]
        end = (self._dialect.line_sep or "\n").encode()
        while pieces:
            piece, at = pieces.pop()
            batch = self._plain_batch(piece, at)
            if batch is not None:
                self._cuts_blocks = True
                self._form.report(True, len(piece))
                if batch.num_rows:
                    yield batch
                continue
            if self._form.path == "fast":
                raise NotPlainError(f"{piece[:200]!r} is not plain")
            middle = piece.find(end, len(piece) // 2) + len(end)
            if cuts and len(piece) > _PIECE and len(piece) // 2 <= middle < len(piece):
                pieces += [(piece[middle:], at + middle), (piece[:middle], at)]
            else:
                self._form.report(False, len(piece))
                yield from self._exact(piece, at, fresh=False)

    def _plain_batch(self, data: bytes, offset: int) -> pa.RecordBatch | None:
        cells = self._form.fast.cells(data, self._columns)
        if cells is None:
            return None
        malformed = Malformed(cells.odd, cells.records, offset)
        columns, unknown = cells.places.divide(cells.columns, cells.rows)
        return self._maker.batch(columns, cells.rows, malformed, self._path, unknown)

    def find_header(self, blocks: Iterator[LineBlock]) -> bool:
        """Take the header from what is before the range, if it is there.

        Args:
            blocks: of the lines before the range, from the start of the file.

        Returns:
            Whether it is there; else it is in the range, or behind it.

        Raises:
            DecodeError: see `take_header`.

        """
        self._awaits_header = True
        for block in blocks:
            self._behind_header(block.data, block.offset)
            if not self._awaits_header:
                break
        self._is_fresh = True
        return not self._awaits_header

    def take_header(self, cells: Cells) -> None:
        """Check a header, or find the columns by it.

        Raises:
            DecodeError: it differs from the schema, as far as the options care.

        """
        options, names = self._form.options, self._maker.names
        exact = options.case_sensitive
        rescues = self._maker.rescues
        # Files from before a column was added do not have it.
        may_lack = rescues or options.schema_evolution == "add_columns"
        if options.match_columns == "name" and may_lack:
            self._columns = FileColumns.lenient(
                cells, names, self._dialect, case_sensitive=exact, rescues=rescues
            )
        elif options.match_columns == "name":
            self._columns = FileColumns.named(cells, names, self._path, case_sensitive=exact)
        else:
            enforce = options.enforce_schema
            check_header(cells, names, self._path, enforce=enforce, case_sensitive=exact)

    def batch_of(
        self, records: Sequence[Cells | None], texts: Callable[[], pa.Array], offset: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of records.

        Args:
            records: the cells of each; None for one that has none.
            texts: returns the texts of the records.
            offset: of the first record in the file, about.

        """
        width = self._columns.width
        counts = [-1 if found is None else len(found) for found in records]
        places = self._columns.with_extra(max(counts, default=0))
        if places is not self._columns and self._are_many(places, len(records)):
            half = len(records) // 2
            yield from self.batch_of(records[:half], lambda: texts().slice(0, half), offset)
            yield from self.batch_of(records[half:], lambda: texts().slice(half), offset)
            return
        odd = [count < width if places.rescues else count != width for count in counts]
        columns = self._maker.text_columns(records, max(places.places, default=-1) + 1)
        malformed = Malformed(pa.array(odd, pa.bool_()), texts, offset)
        yield from self._batch(places, [columns[place] for place in places.places], malformed)

    def _are_many(self, places: FileColumns, rows: int) -> bool:
        """Whether rows are halved, since one of them has many cells more than it should."""
        return rows > 1 and rows * len(places.places) > MAX_CELLS

    def _batch(
        self, places: FileColumns, cells: Sequence[pa.Array], malformed: Malformed
    ) -> Iterator[pa.RecordBatch]:
        rows = len(malformed.rows)
        columns, unknown = places.divide(cells, rows)
        batch = self._maker.batch(columns, rows, malformed, self._path, unknown)
        if batch.num_rows:
            yield batch

    def failed(self, error: RecordError, offset: int) -> DecodeError:
        """Return the error of a record at which Spark fails in every mode."""
        failed = DecodeError(
            f"{error}, in a record behind byte {offset}; Spark fails at it, too", path=self._path
        )
        failed.offset = offset
        return failed

    def _behind_header(self, data: bytes, offset: int) -> bytes:
        """Take the header off a block; nothing is left if it is not in this block."""
        ends = self._dialect.line_sep
        position = 0
        while position < len(data):
            stop = end_of_line(data, position, ends)
            (line,) = text_lines(data[position:stop], ends) or [""]
            position = stop
            if header_line([line], self._dialect) is not None:
                self._awaits_header = False
                self._is_fresh = False
                try:
                    cells = self._cells.of(line.removeprefix(_MARK))
                except RecordError as error:
                    raise self.failed(error, offset) from error
                if cells is not None:
                    self.take_header(cells)
                break
        return data[position:]

    def _exact(self, data: bytes, offset: int, *, fresh: bool) -> Iterator[pa.RecordBatch]:
        lines = without_blank(text_lines(data, self._dialect.line_sep))
        if comment := self._dialect.comment:
            lines = [line for line in lines if not line.startswith(comment)]
        splits = self._cells.splits and self._dialect.quote.encode() not in data
        try:
            for first in range(0, len(lines), ROWS):
                part = lines[first : first + ROWS]
                texts = partial(self._texts, part)
                marked = fresh and not first and part[0].startswith(_MARK)
                if splits and not marked:
                    found = UnquotedLines(part, self._dialect.sep)
                    places = self._columns.with_extra(found.most)
                    many = places is not self._columns and self._are_many(places, len(part))
                    if found.most <= self._dialect.max_columns and not many:
                        yield from self._batch_of_unquoted(found, places, texts, offset)
                        continue
                records = [self._cells.of(line) for line in part]
                if marked:
                    records[0] = self._cells.of(part[0].removeprefix(_MARK))
                yield from self.batch_of(records, texts, offset)
        except RecordError as error:
            raise self.failed(error, offset) from error

    def _batch_of_unquoted(
        self,
        lines: UnquotedLines,
        places: FileColumns,
        texts: Callable[[], pa.Array],
        offset: int,
    ) -> Iterator[pa.RecordBatch]:
        columns = [
            self._maker.nulled(null_where(lines.column(place), "")) for place in places.places
        ]
        odd = lines.odd(places.width, or_more=not places.rescues)
        yield from self._batch(places, columns, Malformed(odd, texts, offset))

    def _texts(self, lines: Sequence[str]) -> pa.Array:
        # Where the usual ends of lines count, none is left in a line.
        if self._dialect.line_sep is not None:
            lines = [record_text(line) for line in lines]
        return pa.array(lines, pa.string())


class NotPlainError(Exception):
    """A block cannot take the fast path, which a test has asked for."""
