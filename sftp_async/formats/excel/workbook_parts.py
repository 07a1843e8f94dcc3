"""Finds the part of a workbook in Office Open XML that holds a sheet, and the size it states."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from sftp_async.options.excel import CellRange

if TYPE_CHECKING:
    import zipfile

#: The parts that list the sheets, and where they are.
BOOK: Final = "xl/workbook.xml"
LINKS: Final = "xl/_rels/workbook.xml.rels"
#: Bytes of a sheet's start in which its dimension is.
_START: Final = 64 * 1024

_DIMENSION: Final = re.compile(rb"""<(?:\w+:)?dimension\s[^>]*?ref=["']([^"']+)""")


def sheet_part(parts: zipfile.ZipFile, sheet: str) -> str | None:
    """Return the part of a workbook that holds a sheet; None if it is not XML of Excel.

    Raises:
        zipfile.BadZipFile, ET.ParseError: the workbook is damaged.

    """
    names = {*parts.namelist()}
    if not {BOOK, LINKS} <= names:
        return None
    # Any namespace: a workbook in strict Office Open XML has others.
    reference = next(
        (
            next((text for key, text in entry.items() if key.rpartition("}")[2] == "id"), None)
            for entry in ET.fromstring(parts.read(BOOK)).iterfind(".//{*}sheet")  # noqa: S314
            if entry.get("name") == sheet
        ),
        None,
    )
    for link in ET.fromstring(parts.read(LINKS)):  # noqa: S314 - expat stops at entity bombs
        if reference is not None and link.get("Id") == reference:
            found = posixpath.normpath(posixpath.join("/xl", link.get("Target", ""))).lstrip("/")
            return found if found in names else None
    return None


def stated_range(parts: zipfile.ZipFile, part: str) -> CellRange | None:
    """Return the range of cells that a sheet says it has; None if it does not say so.

    Args:
        parts: of the workbook.
        part: that holds the sheet.

    """
    with parts.open(part) as data:
        found = _DIMENSION.search(data.read(_START))
    if found is None:
        return None
    try:
        return CellRange.parse(found[1].decode("ascii", "replace"))
    except ValueError:
        return None
