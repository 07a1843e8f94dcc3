"""Checks, before a sheet is loaded into memory, how large a workbook says that it is."""

from __future__ import annotations

import posixpath
import re
import zipfile
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from sftp_async.formats.decode_errors import malformed
from sftp_async.humanize import in_units
from sftp_async.options.excel import CellRange

if TYPE_CHECKING:
    from pathlib import Path

#: Cells of a sheet, empty ones between others included: calamine takes 32 bytes for each, and 75
#: while it loads them (measured), so this is 1.2 GiB of memory.
MAX_CELLS: Final = 16 * 1024**2
#: Bytes of a workbook before compression.
MAX_UNPACKED: Final = 1024**3
#: Bytes of a sheet's start in which its dimension is.
_START: Final = 64 * 1024

_DIMENSION: Final = re.compile(rb'<(?:\w+:)?dimension\s[^>]*?ref="([^"]+)"')
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REFERENCE: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def check_sheet(book: Path, path: str, sheet: str) -> None:
    """Check that a sheet fits in memory, as far as the workbook says how large it is.

    Args:
        book: the workbook on the local disk.
        path: of the file on the server, for errors.
        sheet: the name of the sheet.

    Raises:
        DecodeError: it is too large.
        zipfile.BadZipFile, ET.ParseError: the workbook is damaged.

    """
    if not zipfile.is_zipfile(book):
        return  # .xls, whose sheets have no more than 16,777,216 cells
    with zipfile.ZipFile(book) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > MAX_UNPACKED:
            raise malformed(
                f"The workbook has {in_units(unpacked)} before compression; of up to "
                f"{in_units(MAX_UNPACKED)}, a sheet is read",
                path,
                hint="Split it, or ask for CSV",
            )
        area = _dimension(parts, sheet)
    if area is None or area.last_row is None or area.last_column is None:
        return
    cells = (area.last_row - area.first_row + 1) * (area.last_column - area.first_column + 1)
    if cells > MAX_CELLS:
        raise malformed(
            f"Sheet {sheet!r} has {cells:,} cells from the first to the last one with a value; one "
            f"of up to {MAX_CELLS:,} is read",
            path,
            hint="Remove cells that are far from the others (Ctrl+End finds the last), split the "
            "sheet, or ask for CSV",
        )


def _dimension(parts: zipfile.ZipFile, sheet: str) -> CellRange | None:
    """Return the range of cells that a sheet says it has; None if it does not say so."""
    part = _part(parts, sheet)
    if part is None:
        return None
    with parts.open(part) as data:
        found = _DIMENSION.search(data.read(_START))
    if found is None:
        return None
    try:
        return CellRange.parse(found[1].decode("ascii", "replace"))
    except ValueError:
        return None


def _part(parts: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the part of a workbook that holds a sheet; None if it is not XML of Excel."""
    names = {*parts.namelist()}
    book, links = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
    if not {book, links} <= names:
        return None
    reference = next(
        (
            entry.get(_REFERENCE)
            for entry in ET.fromstring(parts.read(book)).iter(f"{_MAIN}sheet")  # noqa: S314
            if entry.get("name") == sheet
        ),
        None,
    )
    for link in ET.fromstring(parts.read(links)):  # noqa: S314 - expat stops at entity bombs
        if reference is not None and link.get("Id") == reference:
            found = posixpath.normpath(posixpath.join("/xl", link.get("Target", ""))).lstrip("/")
            return found if found in names else None
    return None
