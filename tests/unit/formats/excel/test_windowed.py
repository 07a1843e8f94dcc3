"""A sheet in windows has the cells, the positions and the errors of one that is loaded whole."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats import open_read_format
from sftp_async.formats.excel import sheet, sheet_size, sheet_xml, windowed
from tests.support.excel_windows import (
    MAIN,
    STRICT,
    blocks,
    no_windows,
    shown,
    small_windows,
    workbook,
)
from tests.support.readable import MemoryFile, decode_file, read_options

pytestmark = pytest.mark.one_python

HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="{MAIN}">'
END = "</sheetData></worksheet>"
#: Ten rows are about a window.
ROWS = range(1, 61)


def sheet_of(rows: str, *, head: str = HEAD, before: str = "<sheetData>", end: str = END) -> str:
    """Return the XML of a sheet."""
    return f"{head}{before}{rows}{end}"


def numbers(row: int, columns: str = "ABC") -> str:
    """Return the cells of a row."""
    return "".join(f'<c r="{letter}{row}"><v>{row}.5</v></c>' for letter in columns)


def plain(rows: Any = ROWS, columns: str = "ABC") -> str:
    """Return rows of numbers."""
    return "".join(f'<row r="{row}">{numbers(row, columns)}</row>' for row in rows)


def compared(data: bytes, area: str | None = None, **small: int) -> int:
    """Read a workbook both ways, compare the cells, and return the number of windows."""
    with no_windows():
        whole, columns, none = blocks(data, area)
    assert none == 0
    with small_windows(**small):
        found, used, windows = blocks(data, area)
    assert shown(found) == shown(whole)
    assert used == columns
    return windows


def number_of(row: int) -> str:
    """Return the attribute of a row's element."""
    return f' r="{row}"'


INLINE = "".join(
    f'<row r="{row}"><c r="A{row}" t="inlineStr"><is>{text}</is></c></row>'
    for row, text in enumerate(
        [
            *("<t>plain</t>", '<t xml:space="preserve"> kept </t>', "<t> cut </t>", "<t/>"),
            "<r><t>rich </t></r><r><rPr><b/></rPr><t>text</t></r><rPh><t>no</t></rPh>",
            "<t>&lt;row r=&quot;9&quot;&gt; &amp; &#8364;_x000D_ sheetData</t>",
            "<t><![CDATA[plain]]></t>",
            *("<t>é € 😀</t>" for _ in range(30)),
        ],
        1,
    )
)
KINDS = "".join(
    f'<row r="{row}" spans="1:5"><c r="A{row}" s="1"><v>{45000 + row}</v></c>'
    f'<c r="B{row}" s="2"><v>0.25</v></c><c r="C{row}" s="3"><v>1.5</v></c>'
    f'<c r="D{row}" t="b"><v>1</v></c><c r="E{row}" t="e"><v>#N/A</v></c>'
    f'<c r="F{row}" t="str"><f>A{row}&amp;""</f><v>x&amp;y</v></c>'
    f'<c r="G{row}"><f t="shared" si="0"/><v>{row}</v></c><c r="H{row}"><f>1+1</f></c>'
    f'<c r="I{row}"><f t="array" ref="I{row}">SUM(A1:A2)</f><v>7</v></c>'
    f'<c r="J{row}" t="d"><v>2026-01-02T03:04:05</v></c><c r="K{row}" s="1"/></row>'
    for row in ROWS
)
SHEETS = {
    "numbers": sheet_of(plain()),
    "whitespace": sheet_of(
        plain().replace("<row", "\n  <row").replace("</row>", "\n  </row >\n"), end=f"\n{END}"
    ),
    "single quotes": sheet_of(plain().replace('"', "'")),
    "attributes before the number": sheet_of(
        plain().replace("<row ", '<row spans="1:3" x:d="&lt;r&gt; r=" ')
    ),
    "rows that are empty elements": sheet_of(
        "".join(plain([row]) if row % 3 else f'<row r="{row}" ht="12"/>' for row in ROWS)
    ),
    "cells without a position": sheet_of(
        "".join(f'<row r="{row}"><c><v>{row}</v></c><c><v>2</v></c></row>' for row in ROWS)
    ),
    "few rows with a number": sheet_of(
        "".join(
            f"<row{'' if row % 9 else number_of(row * 2)}><c><v>{row}</v></c></row>" for row in ROWS
        )
    ),
    "blank rows": sheet_of(plain([5, 6, 90, *range(200, 260), 700])),
    "columns that begin and end later": sheet_of(
        plain(range(3, 40), "CD") + plain(range(40, 60), "BC") + plain(range(60, 90), "DEF")
    ),
    "cells without a value": sheet_of(
        "".join(
            f'<row r="{row}"><c r="B{row}"><v>1</v></c><c r="XFD{row}" s="1"/></row>'
            for row in ROWS
        )
        + '<row r="9000"><c r="A9000" s="1"/></row>'
    ),
    "texts": sheet_of(INLINE),
    "types": sheet_of(KINDS),
    "a mark of the byte order": f"\ufeff{sheet_of(plain())}",
    "the size": sheet_of(plain(), before='<dimension ref="A1:C60"/><sheetData>'),
    "a wrong size": sheet_of(plain(), before='<dimension ref="A1"/><sheetData>'),
    "columns, and a comment before": sheet_of(
        plain(),
        before='<!-- sheets --><cols><col min="1" max="3" width="9"/></cols><sheetData x="">',
    ),
    "no tag that ends the part": sheet_of(plain(), end="</sheetData>"),
    "merged cells, comments, breaks": sheet_of(
        plain(),
        end='</sheetData><!-- </sheetData> --><mergeCells count="1"><mergeCell ref="A1:B2"/>'
        '</mergeCells><rowBreaks count="1"><brk id="3"/></rowBreaks></worksheet>',
    ),
    "prefixes": sheet_of(plain(), end="</sheetData></worksheet>")
    .replace("</", "</x:")
    .replace("<row", "<x:row")
    .replace("<c ", "<x:c ")
    .replace("<v>", "<x:v>")
    .replace("<sheetData", "<x:sheetData")
    .replace(f'<worksheet xmlns="{MAIN}"', f'<x:worksheet xmlns:x="{MAIN}"'),
}


@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize(("size", "piece"), [(100, 50), (900, 4096)])
def test_cells_are_those_of_the_whole_sheet(name: str, size: int, piece: int) -> None:
    assert compared(workbook(SHEETS[name]), size=size, piece=piece) > 1


@pytest.mark.parametrize("area", ["A1:B", "B5:D9", "A30", "A1:ZZ70", "3:3", "Z1:AB", "A9000:B"])
def test_ranges_are_those_of_the_whole_sheet(area: str) -> None:
    for name in ("numbers", "blank rows", "columns that begin and end later"):
        assert compared(workbook(SHEETS[name]), area, size=900) > 1


def test_shared_texts_and_dates_since_1904_are_those_of_the_workbook() -> None:
    texts = "".join(f"<si><t>text {number}</t></si>" for number in range(50))
    strings = f'{HEAD[:39]}<sst xmlns="{MAIN}" count="60" uniqueCount="51">{texts}<si><r><t>a</t>'
    strings += "</r><r><t>b</t></r></si></sst>"
    rows = "".join(
        f'<row r="{row}"><c r="A{row}" t="s"><v>{row % 51}</v></c>'
        f'<c r="B{row}" s="1"><v>{40000 + row}</v></c></row>'
        for row in ROWS
    )
    old = '<workbookPr date1904="1"/>'
    data = workbook(sheet_of(rows), strings=strings, properties=old)
    assert compared(data) > 5


@pytest.mark.parametrize("encoding", ["iso-8859-1", "us-ascii", "iso-2022-jp", "utf-16"])
def test_other_encodings_are_read_or_refused_as_in_a_whole_sheet(encoding: str) -> None:
    text = sheet_of(INLINE).replace("UTF-8", encoding).replace("€ 😀", "")
    data = workbook(
        text.replace("é", "e" if encoding[0] == "u" else "é").encode(encoding, "replace")
    )
    results = []
    for way in (no_windows, small_windows):
        with way():
            try:
                results.append(shown(blocks(data)[0]))
            except DecodeError as error:
                results.append([str(error)])
    assert results[0] == results[1]


def test_a_strict_workbook_is_read() -> None:
    office = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    data = workbook(sheet_of(plain()).replace(MAIN, STRICT), main=STRICT, office=office)
    assert compared(data) > 5


def test_a_strict_workbook_that_would_not_fit_in_memory_is_refused() -> None:
    office = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    xml = sheet_of(plain(), before='<dimension ref="A1:XFD9999"/><sheetData>')
    with pytest.raises(DecodeError, match=r"163,823,616 cells .*Ctrl\+End"):
        blocks(workbook(xml.replace(MAIN, STRICT), main=STRICT, office=office))


def test_blocks_of_many_columns_have_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "BLOCK_CELLS", 13)
    with small_windows():
        found, _, _ = blocks(workbook(SHEETS["numbers"]))
    assert [block.rows for block in found] == [4] * 15


#: Sheets that are not cut, or where a cut turns out to be none.
UNCUT = {
    "rows without a number": sheet_of(
        "".join(f"<row><c><v>{row}</v></c></row>" for row in range(200))
    ),
    "rows without an end": sheet_of(
        "".join(f'<row r="{row}"><c><v>{row}</v></c>' for row in range(1, 200))
    ),
    "rows that are not in order": sheet_of(plain([*range(40, 80), *range(1, 40)])),
    "a row twice": sheet_of(plain([*range(1, 60), *range(30, 80)])),
    "cells of other rows": sheet_of(plain(range(1, 40)) + f'<row r="40">{numbers(2)}</row>'),
    "a comment that looks like rows": sheet_of(
        f'{plain(range(1, 9))}<!-- {"<row></row>" * 30}<row r="10"> -->{plain(range(9, 40))}'
    ),
    "a comment that looks like the end": sheet_of(
        f"{plain(range(1, 20))}<!-- </sheetData> -->{plain(range(20, 40))}"
    ),
    "a text in CDATA that looks like rows": sheet_of(
        f'{plain(range(1, 9))}<row r="9"><c r="A9" t="inlineStr"><is><t><![CDATA['
        f"{plain(range(9, 30))}]]></t></is></c></row>{plain(range(30, 50))}"
    ),
    "an attribute that looks like rows": sheet_of(
        f"{plain(range(1, 9))}<row r='9' x='{plain(range(9, 30))}'></row>{plain(range(30, 50))}"
    ),
    "a comment that looks like the beginning": sheet_of(
        plain(), before="<!-- <sheetData> --><sheetData>"
    ),
    "an attribute that looks like the beginning": sheet_of(
        plain(), before="<sheetPr x='<sheetData>'/><sheetData>"
    ),
    "a document type": sheet_of(plain(), head=HEAD.replace("\n", "<!DOCTYPE worksheet>")),
    "two lists of rows": sheet_of(plain(), before="<sheetData/><sheetData>"),
    "no rows": sheet_of("", before="<sheetData/>", end="</worksheet>"),
}


@pytest.mark.parametrize("name", UNCUT)
@pytest.mark.parametrize("size", [100, 900])
def test_what_cannot_be_cut_is_loaded_as_a_whole(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_xml, "MAX_OVERRUN", 500)
    monkeypatch.setattr(sheet_xml, "_MARGIN", 200)
    assert compared(workbook(UNCUT[name]), size=size) == 0


def test_the_part_is_the_one_that_calamine_finds() -> None:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    links = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{kind}" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId1" Type="{kind}" Target="worksheets/sheet2.xml"/></Relationships>'
    )
    parts = {
        "xl/_rels/workbook.xml.rels": links,
        "xl/worksheets/sheet2.xml": sheet_of(plain(range(1, 90), "DE")),
    }
    data = workbook(sheet_of(plain()), more=parts)
    assert compared(data) == 0
    # Another part that has values must not be taken for the sheet, either.
    parts["xl/_rels/workbook.xml.rels"] = links.replace("worksheets/sheet2.xml", "styles.xml")
    assert compared(workbook(sheet_of(plain()), more=parts)) == 0


def test_rows_beyond_the_last_one_of_excel_are_read_as_in_a_whole_sheet() -> None:
    far = 1_048_577
    rows = plain(range(far - 30, far + 9), "A")
    assert compared(workbook(sheet_of(rows)), f"A{far - 40}") == 0


#: Sheets that calamine does not read.
BROKEN = {
    "a text that is not there": sheet_of(
        plain() + '<row r="61"><c r="A61" t="s"><v>7</v></c></row>' + plain(range(62, 90))
    ),
    "an unknown type": sheet_of(plain() + '<row r="61"><c r="A61" t="zz"><v>7</v></c></row>'),
    "an unknown error": sheet_of('<row r="1"><c r="A1" t="e"><v>#ODD!</v></c></row>' + plain()),
    "a malformed position": sheet_of(plain() + '<row r="61"><c r="A-61"><v>7</v></c></row>'),
    "an unknown element": sheet_of(plain() + '<row r="61"><c r="A61"><w>7</w></c></row>'),
    "a part that is cut": sheet_of(plain(), end="")[:-9],
    "rows without an end": sheet_of(plain(), end=""),
    "malformed merged cells": sheet_of(
        plain(), end='</sheetData><mergeCells><mergeCell ref="-"/></mergeCells></worksheet>'
    ),
    "a malformed end": sheet_of(plain(), end="</sheetData><!-- "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_errors_are_those_of_the_whole_sheet(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook(BROKEN[name])
    with no_windows(), pytest.raises(DecodeError, match=r"/in/a\.xlsx") as whole:
        blocks(data)
    with small_windows():
        with pytest.raises(DecodeError) as windows:
            blocks(data)
        assert str(windows.value) == str(whole.value)
        if "end" in name or "cut" in name or "merged" in name:
            return
        # One that is too large to be loaded as a whole has the same error.
        monkeypatch.setattr(sheet_size, "MAX_UNPACKED", 10)
        monkeypatch.setattr(windowed, "MAX_UNPACKED", 10**9)
        with pytest.raises(DecodeError) as large:
            blocks(data)
        assert str(large.value) == str(whole.value)


def test_a_damaged_archive_is_the_error_of_the_whole_sheet() -> None:
    data = bytearray(workbook(sheet_of(plain()), method=zipfile.ZIP_STORED))
    place = data.index(b"<v>40.5</v>")
    data[place + 3] = ord("5")  # the checksum is another one
    with no_windows(), pytest.raises(DecodeError) as whole:
        blocks(bytes(data))
    with small_windows(), pytest.raises(DecodeError) as windows:
        blocks(bytes(data))
    assert str(windows.value) == str(whole.value)


def test_only_a_large_sheet_is_read_in_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    text = sheet_of(plain())
    with small_windows():
        monkeypatch.setattr(windowed, "MAX_WHOLE", len(text))
        assert blocks(workbook(text))[2] == 0
        monkeypatch.setattr(windowed, "MAX_WHOLE", len(text) - 1)
        assert blocks(workbook(text))[2] > 0
        # It is not certain which of two parts calamine reads.
        assert blocks(workbook(text, more={"XL/styles.XML": "<styleSheet/>"}))[2] == 0


def test_a_sheet_in_windows_may_have_any_number_of_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook(SHEETS["the size"])
    monkeypatch.setattr(sheet_size, "MAX_CELLS", 100)
    with no_windows(), pytest.raises(DecodeError, match="180 cells"):
        blocks(data)
    with small_windows():
        assert blocks(data)[2] > 5


def test_a_cell_far_from_the_others_is_refused_as_in_a_whole_sheet() -> None:
    far = plain() + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    data = workbook(sheet_of(far, before='<dimension ref="A1:XFD1048576"/><sheetData>'))
    with small_windows(), pytest.raises(DecodeError, match=r"17,179,869,184 cells .*Ctrl\+End"):
        blocks(data)


def test_rows_with_far_fewer_values_than_others_are_not_loaded_in_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = plain(range(1, 300), "ABCDEFGHIJ") + plain(range(300, 20_000, 400), "A")
    data = workbook(sheet_of(rows, before='<dimension ref="A1:J20000"/><sheetData>'))
    monkeypatch.setattr(windowed, "WINDOW_CELLS", 1500)
    assert compared(data, size=500) == 0


def test_only_the_sheet_that_is_read_counts() -> None:
    made = openpyxl.Workbook()
    made.active.append(["first"])
    for row in range(100):
        made.create_sheet("Other") if row == 0 else made["Other"].append([row, f"text {row}"])
    data = io.BytesIO()
    made.save(data)
    with small_windows():
        found, _, windows = blocks(data.getvalue(), name="Other")
        assert windows > 5
    assert sum(block.rows for block in found) == 99


def test_nothing_is_left_on_the_local_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = workbook(SHEETS["numbers"])
    options = read_options(format="excel", header=False, mode="FAILFAST")
    file = MemoryFile("/in/a.xlsx", data)
    with small_windows():
        reading = open_read_format(options, pa.schema({"a": pa.float64()})).decode(
            file, 0, file.size
        )
        next(reading)
        # While windows are read, they have no name.
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
        assert len([*tmp_path.iterdir()]) == 1
        reading.close()
        assert [*tmp_path.iterdir()] == []
        with pytest.raises(DecodeError, match="Cell A1 "):
            decode_file(file, options, pa.schema({"a": pa.bool_()}))
        with pytest.raises(DecodeError):
            blocks(workbook(BROKEN["an unknown type"]))
    assert [*tmp_path.iterdir()] == []
