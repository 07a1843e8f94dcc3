"""Checks, before a sheet is loaded into memory, how large a workbook says that it is."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Final

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.excel.workbook_parts import sheet_part, stated_range
from sftp_async.humanize import in_units

if TYPE_CHECKING:
    from pathlib import Path

#: Cells of a sheet, empty ones between others included: calamine takes 32 bytes for each, and 75
#: while it loads them (measured), so this is 1.2 GiB of memory.
MAX_CELLS: Final = 16 * 1024**2
#: Bytes of a workbook before compression.
MAX_UNPACKED: Final = 1024**3


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
        part = sheet_part(parts, sheet)
        area = stated_range(parts, part) if part is not None else None
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
