"""Infers the columns of CSV files by Spark's rules, from the first lines of some files.

Spark looks at all rows of all files. Here at most `INFERENCE_BYTES` and `INFERENCE_ROWS` of each of
the files that are given are looked at, and the log tells how much that was.
"""

from __future__ import annotations

import itertools
import logging
import random
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.csv.block_reader import BlockReader
from sftp_async.formats.csv.documents import document_records
from sftp_async.formats.csv.header import safe_names
from sftp_async.formats.csv.line_cells import LineCells
from sftp_async.formats.csv.lines import BLANKS, text_lines
from sftp_async.formats.csv.record_parser import RecordError
from sftp_async.formats.values import text_numbers, text_times
from sftp_async.formats.values.pattern_reading import PatternReader

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.formats.csv.decoder import CSVReadFormat
    from sftp_async.formats.csv.record_parser import Cells

logger = logging.getLogger(__name__)

#: Most bytes, and most rows, of a file that are looked at.
INFERENCE_BYTES = 1024 * 1024
INFERENCE_ROWS = 10_000
#: Of the samples of `sampling_ratio`: the same in each run, as in Spark.
_SEED = 1
#: Spark takes more than this for all rows (CSVUtils.sample).
_ALL = 0.99

# The types of CSVInferSchema, in its order. A decimal is a tuple of precision and scale.
_NULL, _INT, _LONG, _DOUBLE, _DATE, _TIMESTAMP, _BOOLEAN, _STRING = (
    *("null", "int", "long", "double"),
    *("date", "timestamp", "boolean", "string"),
)
_ARROW = {
    _NULL: pa.string(),
    _INT: pa.int32(),
    _LONG: pa.int64(),
    _DOUBLE: pa.float64(),
    _DATE: pa.date32(),
    _TIMESTAMP: pa.timestamp("us", "UTC"),
    _BOOLEAN: pa.bool_(),
    _STRING: pa.string(),
}
#: Patterns of dates that are timestamps, too (CSVInferSchema.canParseDateAsTimestamp).
_LENIENT_DATES = frozenset(
    {"yyyy-MM-dd", "yyyy-M-d", "yyyy-M-dd", "yyyy-MM-d", "yyyy-MM", "yyyy-M", "yyyy"}
)
Kind = str | tuple[int, int]


def infer_columns(form: CSVReadFormat, files: Sequence[ReadableFile]) -> pa.Schema:
    """Return the columns that files hold; see `ReadFormat.infer_schema`.

    Args:
        form: the format, opened without columns.
        files: in the order of their paths.

    Raises:
        DecodeError: there is no record in them, or Spark's parser fails at one.

    """
    options = form.options
    samples = [_Sample(form, file) for file in files]
    first = next((sample.first for sample in samples if sample.first is not None), None)
    if first is None:
        raise DecodeError(
            "No columns can be inferred: the files that are looked at hold no record",
            path=files[0].path,
            hint="Give the columns with schema()",
        )
    names = safe_names(
        first, form.dialect.null_value, header=options.header, case_sensitive=options.case_sensitive
    )
    kinds: list[Kind] = [_STRING] * len(names)
    rows = 0
    if options.infer_schema:
        types = CellTypes(form)
        chance = random.Random(_SEED)  # noqa: S311 - a sample is no secret
        kinds = [_NULL] * len(names)
        for cells in itertools.chain.from_iterable(sample.rows for sample in samples):
            if options.sampling_ratio <= _ALL and chance.random() >= options.sampling_ratio:
                continue
            rows += 1
            types.add(kinds, cells)
    logger.info(
        "CSV: found %d columns in %d rows, %d bytes, of %d files; Spark would look at all rows",
        *(len(names), rows, sum(sample.size for sample in samples), len(files)),
    )
    return pa.schema([(name, _arrow(kind)) for name, kind in zip(names, kinds, strict=True)])


class _Sample:
    """The first records of one file.

    Attributes:
        first: the cells of the first one, which may be a header; None if there is none.
        rows: the records below the header.
        size: bytes, or characters, that were looked at.

    """

    def __init__(self, form: CSVReadFormat, file: ReadableFile) -> None:
        self.size = 0
        records = self._records(form, file)
        with closing(records):
            found = list(itertools.islice(records, INFERENCE_ROWS + 1))
        self.first = found[0] if found else None
        self.rows = found[1:] if form.options.header else found

    def _records(self, form: CSVReadFormat, file: ReadableFile) -> Generator[Cells]:
        return (
            self._of_document(form, file) if form.options.multi_line else self._of_lines(form, file)
        )

    def _of_document(self, form: CSVReadFormat, file: ReadableFile) -> Generator[Cells]:
        for cells, text in document_records(form, file):
            yield cells
            self.size += len(text)
            if self.size >= INFERENCE_BYTES:
                return

    def _of_lines(self, form: CSVReadFormat, file: ReadableFile) -> Generator[Cells]:
        cutter = LineCells(form.dialect)
        comment = form.dialect.comment
        header: str | None = None
        awaits_header = form.options.header
        for block in form.lines.blocks(file, 0, file.size):
            for line in text_lines(block.data, form.dialect.line_sep):
                self.size += len(line) + 1
                if not line.strip(BLANKS) or (comment and line.startswith(comment)):
                    continue
                if awaits_header:
                    header, awaits_header = line, False
                elif line == header:  # Spark leaves out each line that is equal to the header
                    continue
                try:
                    cells = cutter.of(line)
                except RecordError as error:
                    raise BlockReader(form, file.path).failed(error, block.offset) from error
                if cells is not None:
                    yield cells
                if self.size >= INFERENCE_BYTES:
                    return


class CellTypes:
    """Finds the type of cells, and one for several, as Spark's CSVInferSchema.

    Args:
        form: with the options.

    """

    def __init__(self, form: CSVReadFormat) -> None:
        rules = form.rules
        self._null = form.options.null_value
        self._odd = {rules.nan, rules.negative_inf, rules.positive_inf}
        self._prefers_date = form.options.prefer_date
        # A date must be of the pattern in full, also without one (CSVOptions.dateFormatInRead).
        self._date = (rules.date or PatternReader.parse("yyyy-MM-dd", option="date_format")).date
        if not self._prefers_date and rules.date is None:
            self._date = text_times.date
        zone = rules.zone
        pattern = rules.timestamp
        date_format = form.options.date_format or "yyyy-MM-dd"
        self._dates_are_timestamps = pattern is None and date_format in _LENIENT_DATES
        self._timestamp: Callable[[str], int] = (
            (lambda text: text_times.timestamp(text, zone))
            if pattern is None
            else (lambda text: pattern.timestamp(text, zone))
        )
        self._decimal = (
            text_numbers.big_decimal
            if rules.locale.replace("_", "-").lower() == "en-us"
            else text_numbers.decimal_reader(rules.locale)
        )

    def add(self, kinds: list[Kind], cells: Cells) -> None:
        """Widen the types of columns so that they hold the cells of one more record."""
        for index, cell in enumerate(cells[: len(kinds)]):
            so_far = kinds[index]
            if not cell or cell == self._null or so_far == _STRING:
                continue
            found = self._of(cell, so_far)
            if {so_far, found} == {_DATE, _TIMESTAMP} and self._dates_are_timestamps:
                kinds[index] = _TIMESTAMP
            else:
                kinds[index] = _common(so_far, found)

    def _of(self, cell: str, so_far: Kind) -> Kind:
        """Return the type of a cell; what a column cannot be any more is not tried."""
        if so_far in (_NULL, _INT) and _reads(lambda text: text_numbers.integer(text, 32), cell):
            return _INT
        if so_far in (_NULL, _INT, _LONG) and _reads(
            lambda text: text_numbers.integer(text, 64), cell
        ):
            return _LONG
        numeric = so_far in (_NULL, _INT, _LONG)
        if (numeric or isinstance(so_far, tuple)) and (found := self._decimal_of(cell)):
            return found
        if (numeric or isinstance(so_far, tuple) or so_far == _DOUBLE) and (
            cell in self._odd or _reads(text_numbers.floating, cell)
        ):
            return _DOUBLE
        number = numeric or isinstance(so_far, tuple) or so_far == _DOUBLE
        tries_date = so_far == _DATE or (number and self._prefers_date)
        if tries_date and _reads(self._date, cell):
            return _DATE
        if so_far != _BOOLEAN and _reads(self._timestamp, cell):
            return _TIMESTAMP
        return _BOOLEAN if _reads(text_numbers.boolean, cell) else _STRING

    def _decimal_of(self, cell: str) -> Kind | None:
        with suppress(ValueError):
            number = self._decimal(cell)
            exponent = number.as_tuple().exponent
            digits = len(number.as_tuple().digits)
            # Spark's DecimalType refuses precisions above 38 and scales below 0 here.
            if isinstance(exponent, int) and exponent == 0 and digits <= 38:
                return (digits, 0)
        return None


def _reads(read: Callable[[str], Any], cell: str) -> bool:
    try:
        read(cell)
    except (ValueError, OverflowError):
        return False
    return True


def _common(one: Kind, other: Kind) -> Kind:
    """Return the type that holds both (CSVInferSchema.compatibleType)."""
    if one == other or other == _NULL:
        return one
    if one == _NULL:
        return other
    both = {one, other}
    if _STRING in both or _BOOLEAN in both:
        return _STRING
    if {_DATE, _TIMESTAMP} & both:
        return _STRING
    if _DOUBLE in both:
        return _DOUBLE
    if both == {_INT, _LONG}:
        return _LONG
    decimals = [_AS_DECIMAL.get(kind, kind) for kind in (one, other)]
    precision = max(kind[0] for kind in decimals if isinstance(kind, tuple))
    return (precision, 0)


#: DecimalType.forType
_AS_DECIMAL: dict[Kind, Kind] = {_INT: (10, 0), _LONG: (20, 0)}


def _arrow(kind: Kind) -> pa.DataType:
    return pa.decimal128(*kind) if isinstance(kind, tuple) else _ARROW[kind]
