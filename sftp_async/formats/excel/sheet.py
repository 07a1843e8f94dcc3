"""Opens one sheet of a spreadsheet file through calamine, and yields its cells block by block."""

from __future__ import annotations

import logging
import posixpath
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from sftp_async.errors import DecodeError
from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.excel.sheet_size import check_sheet
from sftp_async.formats.excel.windowed import WindowedCells, plan_windows
from sftp_async.options.excel import CellRange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.base import ReadableFile

_log = logging.getLogger(__name__)

#: What a cell may hold; an empty one has an empty text.
Cell = Any
#: Rows of a block, and its cells at most.
BLOCK_ROWS: Final = 4_096
BLOCK_CELLS: Final = 1024**2
#: Of the names of the temporary files, where a system shows any.
_PREFIX: Final = "sftp_async-"


@dataclass(frozen=True)
class Block:
    """Some rows of a sheet.

    Attributes:
        row: of the first one, from 0.
        rows: how many there are.
        columns: the cells of each column of the range.

    """

    row: int
    rows: int
    columns: Sequence[Sequence[Cell]]


class Cells(Protocol):
    """The cells of a sheet: calamine's, or those of its windows.

    Attributes:
        start: row and column of the first cell with a value, from 0; None: there is none.
        end: row and column of the last one, if there is one.

    """

    @property
    def start(self) -> tuple[int, int] | None: ...  # noqa: D102
    @property
    def end(self) -> Any: ...  # noqa: D102

    def iter_rows(self) -> Iterator[list[Cell]]:
        """Yield the cells of each row, from row 0 and the first column that is used."""


@dataclass(frozen=True)
class Sheet:
    """The cells of a range of one sheet.

    Attributes:
        name: of the sheet.
        path: of the file.
        cells: of the sheet: in memory, or in windows.
        area: the range.

    """

    name: str
    path: str
    cells: Cells
    area: CellRange

    @classmethod
    @contextmanager
    def open(cls, file: ReadableFile, name: str | None, area: CellRange | None) -> Iterator[Sheet]:
        """Yield a sheet of a file, which is fetched by way of the local disk.

        The windows of a large sheet are there until the end of the block.

        Args:
            file: a workbook.
            name: of the sheet; None: the first one.
            area: the range; None: all cells from A1 on.

        Raises:
            DecodeError: the file is no workbook, is encrypted, or has no such sheet.

        """
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as directory:
            copy = Path(directory) / "book"
            with file.chunks(0, file.size) as chunks, copy.open("wb") as out:
                for chunk in chunks:
                    out.write(chunk)
            if not zipfile.is_zipfile(copy):
                # Among zip files calamine looks at the content: some are `.xls` by name alone.
                copy = copy.rename(copy.with_suffix(posixpath.splitext(file.path)[1].lower()))
            with _errors_named(file.path):
                found, cells = _load(copy, file.path, name)
            copy.unlink()
            try:
                yield cls(found, file.path, cells, area or CellRange())
            finally:
                if isinstance(cells, WindowedCells):
                    cells.close()

    @property
    def used_columns(self) -> tuple[int, int]:
        """The first column with a value, and the one behind the last, from 0."""
        if self.cells.start is None:
            return 0, 0
        return self.cells.start[1], self.cells.end[1] + 1

    def blocks(self) -> Iterator[Block]:
        """Yield the rows of the range, up to the last one that has a value."""
        area = self.area
        if self.cells.start is None:
            return
        first, behind = self.used_columns
        last = area.last_column if area.last_column is not None else behind - 1
        places = range(area.first_column, last + 1)
        most = max(1, min(BLOCK_ROWS, BLOCK_CELLS // (behind - first)))
        pending: list[Sequence[Cell]] = []
        at = area.first_row
        for number, row in enumerate(self.cells.iter_rows()):
            if number < area.first_row:
                continue
            if area.last_row is not None and number > area.last_row:
                break
            pending.append(row)
            if len(pending) == most:
                yield _block(at, pending, places, first, behind)
                at, pending = number + 1, []
        if pending:
            yield _block(at, pending, places, first, behind)


def _block(row: int, rows: list[Sequence[Cell]], places: range, first: int, behind: int) -> Block:
    columns = list(zip(*rows, strict=True))
    empty = ("",) * len(rows)
    return Block(
        row,
        len(rows),
        [columns[place - first] if first <= place < behind else empty for place in places],
    )


def _load(copy: Path, path: str, name: str | None) -> tuple[str, Cells]:
    """Return a sheet's name and cells.

    Raises:
        DecodeError: there is no such sheet, or it is too large.
        BaseException: of calamine's, or of `zipfile`.

    """
    import python_calamine as calamine

    with calamine.load_workbook(str(copy)) as book:
        found = _name(book, path, name)
        plan = plan_windows(copy, found)
        if plan is None:
            check_sheet(copy, path, found)
            return found, book.get_sheet_by_name(found)
    # The book is closed, with the memory of its texts, before windows are loaded.
    try:
        return found, WindowedCells(plan)
    except MemoryError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        _log.info("Excel: %s is not read in windows: %s", path, error)
        try:
            check_sheet(copy, path, found)
        except DecodeError:
            if isinstance(error, calamine.CalamineError) or _is_panic(error):
                raise error from None  # what is wrong with it says more than its size
            raise
    with calamine.load_workbook(str(copy)) as book:
        return found, book.get_sheet_by_name(found)


def _name(book: Any, path: str, name: str | None) -> str:
    """Return the name of the sheet that is read.

    Raises:
        DecodeError: there is no such sheet.

    """
    import python_calamine as calamine

    sheets = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ == calamine.SheetTypeEnum.WorkSheet
    ]
    if name is None and not sheets:
        raise malformed("The workbook has no sheet of cells", path)
    found = name if name is not None else sheets[0]
    if found not in sheets:
        raise malformed(
            f"The workbook has no sheet {found!r}",
            path,
            hint=f"It has {', '.join(map(repr, sheets))}",
        )
    return found


@contextmanager
def _errors_named(path: str) -> Iterator[None]:
    """Raise what is wrong with a workbook as a `DecodeError` that names the file."""
    try:
        yield
    except DecodeError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not _is_panic(error):
            raise
        raise _unreadable(error, path) from error


def _is_panic(error: BaseException) -> bool:
    """Whether an error is a bug of calamine's: it has an exception of its own kind, from Rust."""
    return type(error).__name__ == "PanicException"


def _unreadable(error: BaseException, path: str) -> DecodeError:
    if type(error).__name__ == "PasswordError":
        return malformed(
            "The workbook is encrypted with a password, which this reader cannot open",
            path,
            hint="Ask the sender for a file without one",
        )
    return malformed(
        f"The file is no workbook that can be read: {error}",
        path,
        hint="It must be .xlsx, .xlsm, .xlsb, .xls or .ods",
    )
