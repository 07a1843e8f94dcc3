from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sftp_async.formats.csv.lines import BLANKS
from sftp_async.formats.csv.read_dialect import ReadDialect
from sftp_async.formats.csv.record_parser import RecordParser

pytest.importorskip("numpy")
from sftp_async.formats.csv.cell_index import cell_index

_DIALECTS = [
    ReadDialect(),
    ReadDialect(null_value="N", empty_value="E", comment="#"),
    ReadDialect(sep="\t", escape="~", escape_escape='"'),
    ReadDialect(sep=" ", quote="'", escape_escape="~"),
]
# Lines of separators that are white space are none that are cut here.
_LINES = st.lists(
    st.text(st.sampled_from('"""\',,\t \0aN#\x1fé')).filter(lambda line: line.strip(BLANKS)),
    max_size=4,
)


def cells_of(data: str, dialect: ReadDialect) -> list[list[str | None]] | None:
    index = cell_index(data.encode(), dialect)
    if index is None:
        return None
    columns = [column.to_pylist() for column in index.columns(index.most, None)]
    return [list(row) for row in zip(*columns, strict=True)]


def cells_of_parser(data: str, dialect: ReadDialect) -> list[list[str | None]]:
    found = [RecordParser(dialect).line(line) for line in data.split("\n") if line]
    rows = [cells for cells in found if cells is not None]
    width = max(map(len, rows), default=0)
    null = dialect.null_value
    return [
        [None if cell in (None, null) else cell for cell in cells] + [None] * (width - len(cells))
        for cells in rows
    ]


@pytest.mark.parametrize("dialect", _DIALECTS, ids=str)
@given(lines=_LINES)
@example(["a", '"b, ""c"", d",e', '","",",","""'])
@example(['"a"""\x1f ,"b" x,"" "', '""",'])
@example(['"a" b"c', '"a""\x1fé"c,'])
@example(['","a","b,c"d","', ' " ,"'])
@settings(max_examples=300)
def test_cells_are_those_of_the_parser(dialect: ReadDialect, lines: list[str]) -> None:
    data = "".join(f"{line}\n" for line in lines)
    found = cells_of(data, dialect)
    assert found is None or found == cells_of_parser(data, dialect)


@pytest.mark.parametrize(
    "line",
    ['"say ""hi"", x",b', '"a""" ,"b"x', 'a"b,"c"', '"","""",', '"a, b"c","d, ""e"""'],
)
def test_quotes_that_are_not_escaped_need_no_parser(line: str) -> None:
    assert cells_of(f"{line}\n", ReadDialect()) == cells_of_parser(line, ReadDialect())


@pytest.mark.parametrize("line", ['"a', '"a""b","c', 'a,"b""c","', '"a\\b""c"', '"a" b"c'])
def test_the_parser_reads_what_is_not_closed_or_has_escapes_or_gets_a_quote(line: str) -> None:
    assert cells_of(f'"x""y"\n{line}\n"z"\n', ReadDialect()) is None


@pytest.mark.parametrize("cell", ['""', '","', '"" ', '"a" \t', '"a""b,","",', '" ""', ',"a"'])
def test_a_line_of_many_cells_is_cut_as_the_parser_does(cell: str) -> None:
    line = f"{cell}," * 501
    data = f'a\n{line}\n"x""y",b\n'
    assert cells_of(data, ReadDialect()) == cells_of_parser(data, ReadDialect())
