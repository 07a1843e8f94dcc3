"""Decodes CSV files as Spark reads them: by Arrow where that means the same, else exactly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.csv.header import check_header, header_line, positions
from sftp_async.formats.csv.line_cells import BLANKS, LineCells
from sftp_async.formats.csv.read_dialect import ReadDialect
from sftp_async.formats.csv.record_parser import RecordError
from sftp_async.formats.csv.rows import Malformed, RowMaker
from sftp_async.formats.line_decoder import LineBlock, LineReader
from sftp_async.formats.values.from_text import TextRules, reader_of
from sftp_async.formats.values.pattern_reading import PatternReader
from sftp_async.formats.values.text_numbers import LOCALES
from sftp_async.formats.values.zones import zone_of
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.formats.csv.record_parser import Cells
    from sftp_async.options import FormatOptions

#: Rows of a batch on the exact path: bounds what lists of cells take.
_ROWS = 16 * 1024
_SURROGATES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_ENDS = re.compile(r"\r\n|\r|\n")

Path = Literal["auto", "fast", "exact"]


def read_csv(
    options: FormatOptions, schema: pa.Schema | None, *, path: Path = "auto"
) -> CSVReadFormat:
    """Check options and columns, and return the reading half; see `FormatPlugin.decoder`.

    Args:
        options: of files.
        schema: the columns that are wanted; None if they will be inferred.
        path: for tests: `exact` never takes the fast path, `fast` fails where it cannot be taken.

    """
    problems = Problems()
    rules = text_rules(options, problems)
    if options.match_columns == "name" and not options.header:
        problems.add(["match_columns=name needs header=true: the names are in the header."])
    problems.raise_all()
    for entry in schema or []:
        text = entry.name == options.column_name_of_corrupt_record
        if text and not pa.types.is_string(entry.type):
            raise OptionsError(f"The column of corrupt records {entry.name!r} must be a string.")
        if reader_of(entry.type, rules) is None:
            raise DecodeError(
                f"Column {entry.name!r} of type {entry.type} cannot be read from CSV",
                hint="Read it as a string and convert that, for instance with from_json",
            )
    return CSVReadFormat(options, schema, rules, path)


def text_rules(options: FormatOptions, problems: Problems) -> TextRules:
    """Return how the options have text read.

    Args:
        options: of files.
        problems: gets what is wrong with them.

    """
    patterns: dict[str, PatternReader | None] = {}
    for name in ("date_format", "timestamp_format", "timestamp_ntz_format"):
        text = getattr(options, name)
        patterns[name] = None
        if text is not None:
            with problems.collect():
                patterns[name] = PatternReader.parse(text, option=name)
    if options.time_zone is not None:
        try:
            zone_of(options.time_zone)
        except ValueError:
            problems.add([f"time_zone={options.time_zone!r} is no time zone."])
    language = options.locale.replace("_", "-").split("-")[0].lower()
    if language not in LOCALES:
        problems.add([f"locale={options.locale!r} is not supported: its numbers are not known."])
    return TextRules(
        time_zone=options.time_zone,
        date=patterns["date_format"],
        timestamp=patterns["timestamp_format"],
        timestamp_ntz=patterns["timestamp_ntz_format"],
        locale=options.locale,
        nan=options.nan_value,
        positive_inf=options.positive_inf,
        negative_inf=options.negative_inf,
    )


class CSVReadFormat(ReadFormat):
    """CSV files.

    Args:
        options: of files, checked by `read_csv`.
        schema: the columns that are wanted.
        rules: how text is read.
        path: which path blocks take; see `read_csv`.

    Attributes:
        on_path: called for each block with whether it took the fast path, and its bytes; not
            pickled.

    """

    def __init__(
        self, options: FormatOptions, schema: pa.Schema | None, rules: TextRules, path: Path
    ) -> None:
        self.on_path: Callable[[bool, int], None] | None = None
        self._options = options
        self._dialect = ReadDialect.of(options)
        self._lines = LineReader.of(options)
        self._rules = rules
        self._path = path
        self._maker = RowMaker(
            schema if schema is not None else pa.schema([]),
            rules,
            options.null_value,
            options.mode,
            options.column_name_of_corrupt_record,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "on_path": None}

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be decoded by itself; see `ReadFormat`."""
        # A column is found by the header, which only the first range has.
        by_name = self._options.match_columns == "name"
        return not self._options.multi_line and not by_name and self._lines.is_splittable(path)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the lines that begin in a range; see `ReadFormat`."""
        reading = FileReading(self, file.path)
        if self._options.multi_line:
            raise NotImplementedError
        for block in self._lines.blocks(file, start, stop):
            yield from reading.rows(block)

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns of files; see `ReadFormat`."""
        raise NotImplementedError

    def report(self, fast: bool, size: int) -> None:
        """Pass on which path a block took."""
        if self.on_path is not None:
            self.on_path(fast, size)


class FileReading:
    """Reads the blocks of one range of a file, in order.

    Args:
        owner: the format.
        path: of the file.

    """

    def __init__(self, owner: CSVReadFormat, path: str) -> None:
        self._owner = owner
        self._path = path
        self._options = owner._options
        self._dialect = owner._dialect
        self._maker = owner._maker
        self._cells = LineCells(self._dialect)
        self._awaits_header = False
        #: Of each wanted column, its place in the file; None if they are the file's columns.
        self._places: list[int] | None = None
        self._width = len(self._maker.names)

    def rows(self, block: LineBlock) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a block."""
        if block.first and self._options.header:
            self._awaits_header = True
        yield from self._exact(block)

    def _exact(self, block: LineBlock) -> Iterator[pa.RecordBatch]:
        self._owner.report(False, len(block.data))
        lines = text_lines(block.data, self._dialect.line_sep)
        try:
            if self._awaits_header:
                lines = self._without_header(lines)
            comment = self._dialect.comment
            lines = [line for line in lines if line and (line[0] > " " or line.strip(BLANKS))]
            if comment:
                lines = [line for line in lines if not line.startswith(comment)]
            for first in range(0, len(lines), _ROWS):
                yield from self._batch(lines[first : first + _ROWS], block.offset)
        except RecordError as error:
            raise self._failed(error, block.offset) from error

    def _failed(self, error: RecordError, offset: int) -> DecodeError:
        failed = DecodeError(
            f"{error}, in a line of the block from byte {offset} on; Spark fails as well",
            path=self._path,
        )
        failed.offset = offset
        return failed

    def _without_header(self, lines: list[str]) -> list[str]:
        at = header_line(lines, self._dialect)
        if at is None:
            return []
        self._awaits_header = False
        cells = self._cells.of(lines[at])
        if cells is not None:
            self._take_header(cells)
        return lines[at + 1 :]

    def _take_header(self, cells: Cells) -> None:
        options, names = self._options, self._maker.names
        if options.match_columns == "name":
            self._places = positions(
                cells, names, self._path, case_sensitive=options.case_sensitive
            )
            self._width = len(cells)
        else:
            check_header(
                cells,
                names,
                self._path,
                enforce=options.enforce_schema,
                case_sensitive=options.case_sensitive,
            )

    def _batch(self, lines: list[str], offset: int) -> Iterator[pa.RecordBatch]:
        records = [self._cells.of(line) for line in lines]
        texts = [_record_text(line) for line in lines] if self._maker.keeps_records else None
        yield from self.batch_of(records, texts, offset)

    def batch_of(
        self, records: Sequence[Cells | None], texts: Sequence[str | None] | None, offset: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of records."""
        width = self._width
        odd = [row for row, found in enumerate(records) if found is None or len(found) != width]
        columns = self._maker.text_columns(records, width)
        if self._places is not None:
            columns = [columns[place] for place in self._places]
        malformed = Malformed(odd, texts, offset)
        batch = self._maker.batch(columns, len(records), malformed, self._path)
        if batch is not None and batch.num_rows:
            yield batch


def text_lines(data: bytes, line_sep: str | None) -> list[str]:
    """Return the lines of UTF-8 data, without their ends; what is no UTF-8 becomes U+FFFD."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # Java replaces half of a surrogate pair once, Python each of its bytes.
        text = _SURROGATES.sub("\ufffd".encode(), data).decode("utf-8", "replace")
    if line_sep is not None:
        lines = text.split(line_sep)
    elif "\r" in text:
        lines = _ENDS.split(text)
    else:
        lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _record_text(line: str) -> str:
    """Return the text of a malformed record: Scala's stripLineEnd takes a form feed for an end."""
    if line.endswith("\n"):
        return line[:-2] if line.endswith("\r\n") else line[:-1]
    return line.removesuffix("\f")
