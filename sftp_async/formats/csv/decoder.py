"""Decodes CSV files as Spark reads them: plain blocks as a whole, other lines one by one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.csv.block_reader import BlockReader
from sftp_async.formats.csv.documents import document_rows
from sftp_async.formats.csv.fast_cells import FastCells
from sftp_async.formats.csv.inference import infer_columns
from sftp_async.formats.csv.read_dialect import ReadDialect
from sftp_async.formats.csv.rows import RowMaker
from sftp_async.formats.line_decoder import LineReader
from sftp_async.formats.rescued import check_rescued
from sftp_async.formats.text_rules import collected_text_rules
from sftp_async.formats.values.from_text import TextRules, reader_of
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

#: Bytes in which the header of a file is looked for first, by the tasks of its other ranges.
_HEADER = 64 * 1024

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
    rules = collected_text_rules(options, problems)
    if options.match_columns == "name" and not options.header:
        problems.add(["match_columns=name needs header=true: the names are in the header."])
    problems.raise_all()
    check_rescued(schema, options.rescued_data_column)
    for entry in schema or []:
        text = entry.name == options.column_name_of_corrupt_record
        if text and not pa.types.is_string(entry.type):
            raise DecodeError(f"The column of corrupt records {entry.name!r} is no string")
        if reader_of(entry.type, rules) is None:
            raise DecodeError(
                f"Column {entry.name!r} of type {entry.type} cannot be read from CSV",
                hint="Read it as a string and convert that, for instance with from_json",
            )
    return CSVReadFormat(options, schema if schema is not None else pa.schema([]), rules, path)


@dataclass(frozen=True)
class CSVReadFormat(ReadFormat):
    """CSV files.

    Args:
        options: of files, checked by `read_csv`.
        schema: the columns that are wanted.
        rules: how text is read.
        path: which path blocks take; see `read_csv`.
        on_path: called for each block with whether it takes the fast path, and its bytes.

    """

    options: FormatOptions
    schema: pa.Schema
    rules: TextRules
    path: Path = "auto"
    on_path: Callable[[bool, int], None] | None = field(default=None, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        # What was derived is derived again, and a callback belongs to its process.
        names = ("options", "schema", "rules", "path")
        return {name: getattr(self, name) for name in names}

    def reporting(self, on_path: Callable[[bool, int], None]) -> Self:
        """Return the format with a callback; see `ReadFormat.reporting`."""
        return replace(self, on_path=on_path)

    @cached_property
    def dialect(self) -> ReadDialect:
        """Separators and quotes."""
        return ReadDialect.of(self.options)

    @cached_property
    def fast(self) -> FastCells:
        """What cuts plain blocks."""
        return FastCells(self.dialect)

    @cached_property
    def lines(self) -> LineReader:
        """What cuts files into lines."""
        return LineReader.of(self.options)

    @cached_property
    def maker(self) -> RowMaker:
        """What makes rows of cells."""
        options = self.options
        return RowMaker(
            self.schema,
            self.rules,
            options.null_value,
            options.mode,
            options.column_name_of_corrupt_record,
            options.rescued_data_column,
        )

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be decoded by itself; see `ReadFormat`."""
        return not self.options.multi_line and self.lines.is_splittable(path)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the lines that begin in a range; see `ReadFormat`."""
        if self.options.multi_line:
            yield from document_rows(self, file)
            return
        reader = BlockReader(self, file.path)
        if start and self.options.match_columns == "name":
            # The header is in another range, and mostly at once.
            for before in (min(start, _HEADER), start):
                if reader.find_header(self.lines.blocks(file, 0, before)):
                    break
        for block in self.lines.blocks(file, start, stop):
            yield from reader.rows(block)

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns of files; see `ReadFormat`."""
        return infer_columns(self, files)

    def report(self, fast: bool, size: int) -> None:
        """Pass on which path a block takes."""
        if self.on_path is not None:
            self.on_path(fast, size)
