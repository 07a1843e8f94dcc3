"""Encodes Excel files of one sheet through XlsxWriter, row by row, by way of the local disk."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sftp_async.errors import EncodeError, OptionsError, SFTPAsyncError
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.excel.cells import MAX_CHARACTERS, CellKind, cell_kind, cells_of
from sftp_async.formats.schema_checks import check_columns, check_intervals
from sftp_async.formats.values.cell_text import is_zone
from sftp_async.options.excel import MAX_COLUMNS, MAX_ROWS, sheet_has_header
from sftp_async.options.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from typing_extensions import Buffer

    from sftp_async.options import FormatOptions

#: Rows made into Python objects at a time.
SLICE_ROWS: Final = 4_096
#: Bytes of memory of one open file, besides its rows: XlsxWriter's objects and buffers; measured.
BUFFERED_BYTES: Final = 1024 * 1024
#: Bytes of a piece of a finished file.
_PIECE: Final = 1024 * 1024
#: Of the names of the temporary files, where a system shows any.
_PREFIX: Final = "sftp_async-"
#: A sheet's name has at most so many characters, and none of these.
_LONGEST_NAME: Final = 31
_NOT_IN_NAMES: Final = "[]:*?/\\"
DEFAULT_SHEET: Final = "Sheet1"


def open_excel(options: FormatOptions, schema: pa.Schema) -> ExcelFormat:
    """Check options, columns and packages; return the format; see `FormatPlugin.encoder`."""
    problems = Problems()
    sheet = options.sheet or DEFAULT_SHEET
    with problems.collect():
        _check_package()
    problems.add(_problems(options, sheet))
    with problems.collect():
        check_columns(schema, "excel", case_sensitive=options.case_sensitive)
        check_intervals(schema)
    with problems.collect():
        _check_size(schema)
    kinds = []
    for field in schema:
        with problems.collect():
            kinds.append(cell_kind(field, options.time_zone))
    problems.raise_all()
    return ExcelFormat(
        tuple(schema.names), tuple(kinds), sheet=sheet, header=sheet_has_header(options)
    )


def _check_package() -> None:
    try:
        import xlsxwriter  # noqa: F401 - tasks need it
    except ImportError as error:
        raise OptionsError(
            "format=excel needs XlsxWriter, here and on every worker: "
            "pip install 'sftp-async[excel]'"
        ) from error


def _problems(options: FormatOptions, sheet: str) -> Iterator[str]:
    """Yield what is wrong with the options, as sentences."""
    if options.range is not None:
        yield "range is for reading: a sheet is written from A1 on. Leave it out."
    if options.time_zone is not None and not is_zone(options.time_zone):
        yield f"time_zone={options.time_zone!r} is not known here: take one such as Europe/Berlin."
    if (
        len(sheet.encode("utf-16-le")) // 2 > _LONGEST_NAME
        or any(mark in sheet for mark in _NOT_IN_NAMES)
        or sheet.startswith("'")
        or sheet.endswith("'")
        or not sheet.isprintable()
        or sheet.lower() == "history"
    ):
        yield (
            f"sheet={sheet!r} is no name of a sheet in Excel: it has at most {_LONGEST_NAME} "
            f"characters, none of {' '.join(_NOT_IN_NAMES)}, no apostrophe at an end, and is not "
            "History."
        )


def _check_size(schema: pa.Schema) -> None:
    if len(schema) > MAX_COLUMNS:
        raise EncodeError(
            f"There are {len(schema):,} columns, and a sheet of Excel has {MAX_COLUMNS:,}",
            hint="Select fewer, or write another format",
        )
    for name in schema.names:
        if len(name.encode("utf-16-le", "surrogatepass")) // 2 > MAX_CHARACTERS:
            raise EncodeError(
                f"The name of column {name[:40]!r}… is longer than the {MAX_CHARACTERS:,} "
                "characters of a cell of Excel",
                hint="Rename it with withColumnRenamed or toDF",
            )


@dataclass(frozen=True)
class ExcelFormat(Format):
    """Excel workbooks (`.xlsx`) of one sheet.

    Args:
        names: of the columns.
        kinds: how their values become cells.
        sheet: its name.
        header: whether the first row has the names of the columns.

    """

    names: tuple[str, ...]
    kinds: tuple[CellKind, ...]
    sheet: str
    header: bool

    extension = "xlsx"
    concatenable = False
    buffered_bytes = BUFFERED_BYTES

    def open(self, *, header: bool = True) -> PartEncoder:
        """Start one part file; every one has its header."""
        return _ExcelEncoder(self)


class _ExcelEncoder(PartEncoder):
    """One file: XlsxWriter keeps its rows in a temporary file, and packs them when it ends."""

    def __init__(self, form: ExcelFormat) -> None:
        import xlsxwriter

        self._form = form
        #: What is in it is gone with the object, if the file is never finished.
        self._directory = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self._file = tempfile.TemporaryFile(dir=self._directory.name)  # noqa: SIM115
        self._book: Any = xlsxwriter.Workbook(
            self._file,
            {
                "constant_memory": True,
                "tmpdir": self._directory.name,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._sheet: Any = self._book.add_worksheet(form.sheet)
        formats: dict[str | None, Any] = {None: None}
        self._cells = []
        for column, kind in enumerate(form.kinds):
            style = kind.number_format
            if style not in formats:
                formats[style] = self._book.add_format({"num_format": style})
            if kind.width is not None:
                self._sheet.set_column(column, column, kind.width)
            write = getattr(self._sheet, kind.method)
            if kind.method == "write_string":
                write = partial(_write_text, self._sheet)
            self._cells.append((column, write, formats[style]))
        self._rows = 0
        if form.header:
            for column, name in enumerate(form.names):
                _write_text(self._sheet, 0, column, name)
            self._rows = 1

    def encode(self, batch: pa.RecordBatch) -> Buffer:
        """Take the rows; there are no bytes before the file ends.

        Raises:
            EncodeError: the sheet has no more rows, or Excel cannot hold a value.
            SFTPAsyncError: the local disk fails or is full.

        """
        if self._rows + batch.num_rows > MAX_ROWS:
            raise EncodeError(
                f"The file would have more rows than the {MAX_ROWS:,} of a sheet of Excel"
                + (", the header included" if self._form.header else ""),
                hint="Write a directory, with max_records_per_file=1000000, or another format",
            )
        with _on_local_disk():
            for start in range(0, batch.num_rows, SLICE_ROWS):
                self._write(batch.slice(start, SLICE_ROWS))
        return b""

    def _write(self, batch: pa.RecordBatch) -> None:
        names, kinds = self._form.names, self._form.kinds
        columns = [
            cells_of(kind, name, values, self._rows + 1)
            for name, kind, values in zip(names, kinds, batch.columns, strict=True)
        ]
        cells = self._cells
        for row, values in enumerate(zip(*columns, strict=True), self._rows):
            for (column, write, style), value in zip(cells, values, strict=True):
                if value is not None:
                    write(row, column, value, style)
        self._rows += batch.num_rows

    def tail(self) -> Iterator[Buffer]:
        """Pack the file, and yield it.

        Raises:
            EncodeError: the sheet is larger than 4 GiB before compression.
            SFTPAsyncError: the local disk fails or is full.

        """
        from xlsxwriter.exceptions import FileSizeError

        try:
            with _on_local_disk():
                self._book.close()
        except FileSizeError as error:
            raise EncodeError(
                "The sheet has more than 4 GiB before compression, which Excel does not open",
                hint="Write a directory, with max_records_per_file, or another format",
            ) from error
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece
        self._file.close()
        self._directory.cleanup()

    def finish(self) -> Buffer:
        """Return the whole file."""
        return b"".join(self.tail())


@contextmanager
def _on_local_disk() -> Iterator[None]:
    """Make errors of the temporary files those of this package."""
    from xlsxwriter.exceptions import FileCreateError

    try:
        yield
    except (OSError, FileCreateError) as error:
        raise SFTPAsyncError(
            f"The sheet cannot be kept on the local disk until the file ends: {error}",
            hint=f"Make space in {tempfile.gettempdir()} on the worker, or set TMPDIR",
        ) from error


def _write_text(sheet: Any, row: int, column: int, text: str, style: Any = None) -> None:
    if text.startswith("<r>") and text.endswith("</r>"):
        # XlsxWriter takes this for formatted text that is XML already, and does not escape it.
        sheet.write_rich_string(row, column, text[0], text[1], text[2:])
    else:
        sheet.write_string(row, column, text, style)
