"""Reads a large sheet through calamine window by window, in memory that rows do not add to.

The windows are sheets of a second workbook on the local disk. The other parts that calamine needs
are in it as they are, so that a cell means what it means in the first one. All windows are loaded
twice: to find the columns that are used and whatever is wrong, and then for their cells.
"""

from __future__ import annotations

import itertools
import secrets
import zipfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from sftp_async.formats.excel.sheet_size import MAX_UNPACKED
from sftp_async.formats.excel.sheet_xml import SheetCutter, UnusualSheet
from sftp_async.formats.excel.workbook_parts import BOOK, LINKS, sheet_part, stated_range
from sftp_async.options.excel import MAX_COLUMNS, MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sftp_async.options.excel import CellRange

#: Whether large sheets are read in windows.
WINDOWS: bool = True
#: Bytes of a sheet before compression up to which it is loaded as a whole.
MAX_WHOLE: int = 32 * 1024**2
#: Bytes of a window before compression.
WINDOW_BYTES: int = 8 * 1024**2
#: Cells of a window, empty ones included.
WINDOW_CELLS: int = 1024**2
#: How many times that a window may have, since rows differ in what they hold.
_MANY: Final = 4
#: Bytes of a sheet before compression: what a zip archive holds without extensions.
MAX_SHEET: Final = 4 * 1024**3 - 1
#: What calamine reads besides the sheet, in lower case.
_KEPT: Final = frozenset(
    {"[content_types].xml", "_rels/.rels", BOOK, LINKS, "xl/styles.xml", "xl/sharedstrings.xml"}
)
#: Compression that calamine reads, too.
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
#: Ends as the types of relationships to sheets do, of which calamine reads no more.
_TYPE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
_PIECE: Final = 256 * 1024


@dataclass(frozen=True)
class WindowPlan:
    """How a sheet is read in windows.

    Attributes:
        book: the workbook on the local disk; the second one is next to it.
        sheet: the name of the sheet.
        part: that has the sheet.
        kept: the other parts that are needed.
        size: bytes of a window.
        area: that the sheet says it has.

    """

    book: Path
    sheet: str
    part: str
    kept: tuple[str, ...]
    size: int
    area: CellRange | None


def plan_windows(book: Path, sheet: str) -> WindowPlan | None:
    """Return how a sheet is read in windows; None: it is to be loaded as a whole.

    Args:
        book: the workbook on the local disk.
        sheet: the name of the sheet.

    Raises:
        zipfile.BadZipFile, ET.ParseError: the workbook is damaged.

    """
    if not WINDOWS or not zipfile.is_zipfile(book):
        return None
    with zipfile.ZipFile(book) as parts:
        kept = [each for each in parts.infolist() if each.filename.lower() in _KEPT]
        if sum(each.file_size for each in kept) > MAX_UNPACKED:
            return None
        part = sheet_part(parts, sheet)
        if part is None or not MAX_WHOLE < parts.getinfo(part).file_size <= MAX_SHEET:
            return None
        needed = [*kept, parts.getinfo(part)]
        if any(each.compress_type not in _METHODS for each in needed):
            return None
        # Names are the same to calamine in any case, and with either slash.
        times = Counter(name.replace("\\", "/").lower() for name in parts.namelist())
        if any(times[each.filename.lower()] > 1 for each in needed):
            return None
        area, size = stated_range(parts, part), WINDOW_BYTES
        if area is not None and (stated := _rows(area) * _columns(area)) > 0:
            filled = parts.getinfo(part).file_size * WINDOW_CELLS // stated
            if filled < size // 8:
                return None  # few of its cells have a value
            size = min(size, filled)
        return WindowPlan(book, sheet, part, tuple(each.filename for each in kept), size, area)


class WindowedCells:
    """The cells of a sheet, with what `Sheet` uses of a sheet of calamine's.

    Args:
        plan: how it is read; its workbook is needed until this returns.

    Attributes:
        start: row and column of the first cell with a value, from 0; None: there is none.
        end: row and column of the last one.
        windows: the names of those that have values.

    Raises:
        UnusualSheet: it is to be loaded as a whole.
        BaseException: what calamine, or `zipfile`, raises of the workbook.

    """

    def __init__(self, plan: WindowPlan) -> None:
        import python_calamine as calamine

        self.start: tuple[int, int] | None = None
        self.end = (-1, -1)
        self.windows: list[str] = []
        path = plan.book.with_name("windows.xlsx")
        token = secrets.token_hex(8)  # no name of a sheet
        names = _write_windows(plan, path, token)
        self._book = calamine.load_workbook(str(path))
        # It is open: without a name, nothing of it is left if the worker is killed.
        with suppress(PermissionError):  # Windows keeps the names of open files
            path.unlink()
        try:
            if self._book.get_sheet_by_name(plan.sheet).to_python() != [[token]]:
                raise UnusualSheet("its part is not where it should be")
            for name in names:
                self._add(name)
        except BaseException:
            self._book.close()
            raise

    def close(self) -> None:
        """Close the second workbook."""
        self._book.close()

    def _add(self, name: str) -> None:
        cells = self._book.get_sheet_by_name(name)
        start, end = cells.start, cells.end
        if start is None or end is None:
            return
        if start[0] <= self.end[0]:
            raise UnusualSheet("its rows are not in order")
        if end[0] >= MAX_ROWS or end[1] >= MAX_COLUMNS:
            raise UnusualSheet("it has cells beyond the last one of a sheet")
        row, column = self.start or start
        self.start = row, min(column, start[1])
        self.end = end[0], max(self.end[1], end[1])
        self.windows.append(name)

    def iter_rows(self) -> Iterator[list[Any]]:
        """Yield the cells of each row, from the first to the last column that is used.

        The rows are those from 0 on to the last one with a value.
        """
        if self.start is None:
            return
        first, last = self.start[1], self.end[1]
        blank = [""] * (last + 1 - first)
        row = 0
        for name in self.windows:
            cells = self._book.get_sheet_by_name(name)
            assert cells.start is not None
            assert cells.end is not None
            yield from itertools.repeat(blank, cells.start[0] - row)
            row = cells.end[0] + 1
            rows = cells.to_python(skip_empty_area=True)
            before, behind = blank[: cells.start[1] - first], blank[: last - cells.end[1]]
            if before or behind:
                yield from ([*before, *found, *behind] for found in rows)
            else:
                yield from rows


def _write_windows(plan: WindowPlan, path: Path, token: str) -> list[str]:
    """Write the second workbook, and return the names of its windows.

    The first sheet's part has its beginning, its end, and between them the token in a cell: whether
    calamine finds it by the sheet's name, and reads the end, is seen there.

    Args:
        plan: how the sheet is read.
        path: of the second workbook.
        token: begins the names of the windows.

    Raises:
        UnusualSheet: it cannot be cut.
        zipfile.BadZipFile, zlib.error: the workbook is damaged.

    """
    windows: dict[str, str] = {}
    with zipfile.ZipFile(plan.book) as parts, zipfile.ZipFile(path, "w") as book:
        with parts.open(plan.part) as xml:
            cutter = SheetCutter(xml, plan.size)
            while not cutter.ended:
                row, name = cutter.row, f"{token}-{len(windows)}"
                windows[name] = f"xl/worksheets/{name}.xml"
                _write(book, windows[name], cutter.window())
                _check_cells(plan, row, None if cutter.ended else cutter.row)
            cell = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{token}</t></is></c></row>'
            _write(book, plan.part, cutter.with_rows(cell.encode()))
        for part in plan.kept:
            if part == BOOK:
                sheets = (f'<sheet name="{name}" sheetId="1" id="{name}"/>' for name in windows)
                _write(book, part, [_inserted(parts.read(part), sheets)])
            elif part == LINKS:
                links = (
                    f'<Relationship Id="{name}" Type="{_TYPE}" Target="/{target}"/>'
                    for name, target in windows.items()
                )
                _write(book, part, [_inserted(parts.read(part), links)])
            else:
                with parts.open(part) as source:
                    _write(book, part, _pieces(source))
    return [*windows]


def _write(book: zipfile.ZipFile, part: str, data: Iterable[bytes]) -> None:
    with book.open(part, "w", force_zip64=True) as target:
        for piece in data:
            target.write(piece)


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece


def _inserted(xml: bytes, elements: Iterable[str]) -> bytes:
    """Return XML with more elements at its end, before the last tag."""
    place = xml.rfind(b"</")
    return b"".join((xml[:place], "".join(elements).encode(), xml[place:]))


def _check_cells(plan: WindowPlan, row: int, following: int | None) -> None:
    """Check that a window does not have far more cells than it should.

    Args:
        plan: how the sheet is read.
        row: the first one of the window, from 1.
        following: the first row of the next window; None: it is the last one.

    Raises:
        UnusualSheet: it does.

    """
    if plan.area is None:
        return
    behind = following if following is not None else (plan.area.last_row or 0) + 2
    if (behind - row) * _columns(plan.area) > _MANY * WINDOW_CELLS:
        raise UnusualSheet("few of the cells of some rows have a value")


def _rows(area: CellRange) -> int:
    return 0 if area.last_row is None else area.last_row + 1 - area.first_row


def _columns(area: CellRange) -> int:
    return 0 if area.last_column is None else area.last_column + 1 - area.first_column
