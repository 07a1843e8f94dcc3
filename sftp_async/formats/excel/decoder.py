"""Decodes spreadsheets: one sheet of each file, its cells as rows of typed columns."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.csv.header import safe_names
from sftp_async.formats.excel.sheet import Block, Sheet
from sftp_async.formats.excel.values import ColumnType, ValueReader, cell_text
from sftp_async.formats.text_rules import text_rules
from sftp_async.formats.values.from_text import TextRules, reader_of
from sftp_async.options.excel import (
    MAX_ROWS,
    CellRange,
    cell_name,
    goes_by_name,
    sheet_has_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

_log = logging.getLogger(__name__)

#: Characters of a value that an error shows.
_SHOWN = 80


def read_excel(options: FormatOptions, schema: pa.Schema | None) -> ExcelReadFormat:
    """Check options, columns and packages; return the format; see `FormatPlugin.decoder`."""
    try:
        import python_calamine  # noqa: F401 - tasks need it
    except ImportError as error:
        raise OptionsError(
            "format=excel needs python-calamine, here and on every worker: "
            "pip install 'sftp-async[excel]'"
        ) from error
    rules = text_rules(options)
    for field in schema or []:
        corrupt = field.name == options.column_name_of_corrupt_record
        if corrupt and not pa.types.is_string(field.type):
            raise DecodeError(f"The column of corrupt records {field.name!r} is no string")
        if pa.types.is_binary(field.type) or reader_of(field.type, rules) is None:
            raise DecodeError(
                f"Column {field.name!r} of type {field.type} cannot be read from Excel",
                hint="Read it as a string and convert that, as with from_json or unbase64",
            )
    return ExcelReadFormat(options, schema if schema is not None else pa.schema([]), rules)


@dataclass(frozen=True)
class ExcelReadFormat(ReadFormat):
    """Spreadsheets, of which one sheet is read, in memory or, if it is large, in windows.

    Args:
        options: of files.
        schema: the columns that are wanted.
        rules: how cells of text become values of other types.

    """

    options: FormatOptions
    schema: pa.Schema
    rules: TextRules

    def is_splittable(self, path: str) -> bool:
        """Return False: a sheet is read as a whole."""
        return False

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the sheet; see `ReadFormat.decode`."""
        with _Table.open(file, self.options) as table:
            rows = _Rows(self, table)
            for block in table.blocks():
                yield rows.batch(block)

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns that the sheets have, with types that hold all of their cells.

        The columns are those of the first file; with `merge_schema`, those of all.
        """
        typed = self.options.infer_schema is not False
        columns: dict[str, tuple[str, ColumnType]] = {}
        rows = 0
        for file in files:
            fold = str if self.options.case_sensitive else str.lower
            with _Table.open(file, self.options) as table:
                if not columns or self.options.merge_schema or not goes_by_name(self.options):
                    for name in table.names:
                        columns.setdefault(fold(name), (name, ColumnType()))
                known = [columns.get(fold(name)) for name in table.names]
                for block in table.blocks():
                    rows += block.rows
                    if typed:
                        for column, cells in zip(known, block.columns, strict=True):
                            if column is not None:
                                column[1].add(cells)
        if not columns:
            raise DecodeError(
                "No columns can be inferred: the sheets that are looked at are empty",
                path=files[0].path,
                hint="Give the columns with schema()",
            )
        _log.info(
            "Excel: found %d columns in all %d rows of %d files", len(columns), rows, len(files)
        )
        return pa.schema(
            [(name, kind.arrow if typed else pa.string()) for name, kind in columns.values()]
        )


@dataclass(frozen=True)
class _Table:
    """A sheet's columns and the rows below its header.

    Attributes:
        sheet: which is open.
        names: of its columns.
        first_column: of the sheet, from 0, that is the first of them.
        first_row: the first one below the header, from 0.

    """

    sheet: Sheet
    names: list[str]
    first_column: int
    first_row: int

    @classmethod
    @contextmanager
    def open(cls, file: ReadableFile, options: FormatOptions) -> Iterator[_Table]:
        """Yield the table of a file; see `Sheet.open`."""
        given = CellRange.parse(options.range) if options.range is not None else None
        with Sheet.open(file, options.sheet, given) as sheet:
            yield cls._of(sheet, options, skip_empty=given is None)

    @classmethod
    def _of(cls, sheet: Sheet, options: FormatOptions, *, skip_empty: bool) -> _Table:
        first = sheet.area.first_column
        if not sheet_has_header(options):
            width = max((len(block.columns) for block in _first(sheet)), default=0)
            return cls(sheet, [f"_c{place}" for place in range(width)], first, sheet.area.first_row)
        for block in sheet.blocks():
            for place, cells in enumerate(zip(*block.columns, strict=True)):
                if all(cell == "" for cell in cells):
                    continue
                skipped = max(0, sheet.used_columns[0] - first) if skip_empty else 0
                names = safe_names(
                    [cell_text(cell) for cell in cells[skipped:]],
                    "",
                    header=True,
                    case_sensitive=options.case_sensitive,
                )
                return cls(sheet, names, first + skipped, block.row + place + 1)
        return cls(sheet, [], first, MAX_ROWS)  # without a header there is nothing below it

    def blocks(self) -> Iterator[Block]:
        """Yield the rows below the header, with the columns that have names."""
        skipped = self.first_column - self.sheet.area.first_column
        for block in self.sheet.blocks():
            above = max(0, self.first_row - block.row)
            if above >= block.rows:
                continue
            columns = block.columns[skipped:]
            if above:
                columns = [cells[above:] for cells in columns]
            yield Block(block.row + above, block.rows - above, columns)


def _first(sheet: Sheet) -> Iterator[Block]:
    for block in sheet.blocks():
        yield block
        return


class _Rows:
    """Makes the rows that are wanted of the blocks of one sheet.

    Args:
        form: the format.
        table: the sheet.

    """

    def __init__(self, form: ExcelReadFormat, table: _Table) -> None:
        options = form.options
        self._schema = form.schema
        self._table = table
        self._mode = options.mode
        self._corrupt = options.column_name_of_corrupt_record
        wanted = [field for field in form.schema if field.name != self._corrupt]
        self._fields = wanted
        self._places = _places(wanted, table, options)
        self._readers = [ValueReader(field.type, form.rules) for field in wanted]

    def batch(self, block: Block) -> pa.RecordBatch:
        """Return the rows of a block.

        Raises:
            DecodeError: a cell is malformed in mode FAILFAST; names sheet and cell.

        """
        values: dict[str, pa.Array] = {}
        bad: dict[int, int] = {}
        for field, place, reader in zip(self._fields, self._places, self._readers, strict=True):
            if place is None or place >= len(block.columns):
                values[field.name] = pa.nulls(block.rows, field.type)
                continue
            values[field.name], wrong = reader.column(block.columns[place])
            for row in wrong:
                bad[row] = min(place, bad.get(row, place))
        if bad and self._mode == "failfast":
            raise self._failed(block, bad)
        if self._corrupt in self._schema.names:
            values[self._corrupt] = self._records(block, bad)
        schema = self._schema.remove_metadata()
        if not schema.names:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * block.rows, pa.struct([])))
        batch = pa.RecordBatch.from_arrays([values[name] for name in schema.names], schema=schema)
        if bad and self._mode == "dropmalformed":
            batch = batch.filter(pa.array([row not in bad for row in range(block.rows)]))
        return batch

    def _records(self, block: Block, bad: dict[int, int]) -> pa.Array:
        """Return for each malformed row its first bad cell and all cells, as JSON; else null."""
        texts: list[str | None] = [None] * block.rows
        for row, place in bad.items() if self._mode == "permissive" else ():
            cells = [cells[row] for cells in block.columns]
            record = {
                "sheet": self._table.sheet.name,
                "cell": self._cell(block, row, place),
                "values": [None if cell == "" else _json_value(cell) for cell in cells],
            }
            texts[row] = json.dumps(record, ensure_ascii=False)
        return pa.array(texts, pa.string())

    def _cell(self, block: Block, row: int, place: int) -> str:
        return cell_name(block.row + row, self._table.first_column + place)

    def _failed(self, block: Block, bad: dict[int, int]) -> DecodeError:
        row = min(bad)
        place = bad[row]
        field = self._fields[self._places.index(place)]
        shown = cell_text(block.columns[place][row])[:_SHOWN]
        return DecodeError(
            f"Cell {self._cell(block, row, place)} of sheet {self._table.sheet.name!r} holds "
            f"{shown!r}, which is no value of column {field.name!r} of the type {field.type}",
            path=self._table.sheet.path,
            hint="mode=PERMISSIVE reads it as null; or read the column as a string",
        )


def _json_value(cell: Any) -> Any:
    return cell if isinstance(cell, bool | int | float | str) else cell_text(cell)


def _places(wanted: Sequence[pa.Field], table: _Table, options: FormatOptions) -> list[int | None]:
    """Return where a sheet has each column; None: nowhere.

    Raises:
        DecodeError: the header lacks a column, or has it twice.

    """
    if not goes_by_name(options):
        return list(range(len(wanted)))
    fold = str if options.case_sensitive else str.lower
    places = {fold(name): place for place, name in enumerate(table.names)}
    found = [places.get(fold(field.name)) for field in wanted]
    missing = [field.name for field, place in zip(wanted, found, strict=True) if place is None]
    if missing and not options.merge_schema:
        sheet = table.sheet
        header = f", in row {table.first_row}," if table.names else ""
        raise DecodeError(
            f"The header of sheet {sheet.name!r}{header} has no column {missing[0]!r}",
            path=sheet.path,
            hint=f"It has {', '.join(map(repr, table.names)) or 'none'}; merge_schema=true reads "
            "columns that are not there as null, match_columns=position goes by their place",
        )
    return found
