"""Reads workbooks as a whole and in small windows, and makes workbooks of XML."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sftp_async.formats.excel import sheet, sheet_xml, windowed
from sftp_async.formats.excel.sheet import Block, Sheet
from sftp_async.formats.excel.windowed import WindowedCells
from sftp_async.options.excel import CellRange
from tests.support.readable import MemoryFile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
#: Formats of cells: general, a date, a time of day, hours beyond a day.
_STYLES = f"""{_DECLARATION}<styleSheet xmlns="{MAIN}">
<numFmts count="1"><numFmt numFmtId="165" formatCode="[hh]:mm:ss"/></numFmts>
<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="21"/><xf numFmtId="165"/>
</cellXfs></styleSheet>"""


def workbook(
    xml: str | bytes,
    *,
    strings: str | None = None,
    properties: str = "",
    main: str = MAIN,
    office: str = _OFFICE,
    method: int = zipfile.ZIP_DEFLATED,
    more: dict[str, str] | None = None,
) -> bytes:
    """Return a workbook with one sheet, `One`.

    Args:
        xml: of the sheet.
        strings: the part of shared texts; None: there is none.
        properties: elements of the workbook before its sheets.
        main: the namespace of Excel's elements.
        office: the namespace of relationships.
        method: of compression.
        more: other parts.

    """
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'{_DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'{_DECLARATION}<workbook xmlns="{main}" xmlns:r="{office}">'
        f'{properties}<sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/'
        f'relationships"><Relationship Id="rId1" Type="{office}/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/styles.xml": _STYLES,
        "xl/worksheets/sheet1.xml": xml,
        **(more or {}),
    }
    if strings is not None:
        parts["xl/sharedStrings.xml"] = strings
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as book:
        for name, text in parts.items():
            book.writestr(name, text)
    return made.getvalue()


@contextmanager
def small_windows(size: int = 300, piece: int = 4096, block_rows: int = 7) -> Iterator[None]:
    """Read every workbook in windows, within the block, if that is possible.

    Args:
        size: bytes of a window, about.
        piece: bytes of a sheet that are read at a time.
        block_rows: rows of a block.

    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "MAX_WHOLE", 0)
        patch.setattr(windowed, "WINDOW_BYTES", size)
        patch.setattr(sheet_xml, "PIECE_BYTES", piece)
        patch.setattr(sheet, "BLOCK_ROWS", block_rows)
        yield


@contextmanager
def no_windows(block_rows: int = 7) -> Iterator[None]:
    """Read every workbook as a whole, within the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windowed, "WINDOWS", False)
        patch.setattr(sheet, "BLOCK_ROWS", block_rows)
        yield


def blocks(
    data: bytes, area: str | None = None, name: str | None = None
) -> tuple[list[Block], tuple[int, int], int]:
    """Return the blocks of a sheet, its used columns, and in how many windows it is read.

    Args:
        data: the workbook.
        area: the option `range`.
        name: of the sheet.

    """
    given = CellRange.parse(area) if area is not None else None
    with Sheet.open(MemoryFile("/in/a.xlsx", data), name, given) as found:
        count = 0
        if isinstance(found.cells, WindowedCells):
            count = len(found.cells.windows)
        return list(found.blocks()), found.used_columns, count


def shown(found: list[Block]) -> list[Any]:
    """Return blocks with the type of each cell: 1, 1.0 and True are equal."""
    return [
        (
            block.row,
            block.rows,
            [[(type(cell), repr(cell)) for cell in cells] for cells in block.columns],
        )
        for block in found
    ]
