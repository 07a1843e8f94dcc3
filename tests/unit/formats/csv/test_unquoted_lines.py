from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sftp_async.formats.csv.read_dialect import ReadDialect
from sftp_async.formats.csv.record_parser import RecordParser
from sftp_async.formats.csv.unquoted_lines import UnquotedLines

_LINES = st.lists(st.text(st.sampled_from(",;|aé\0 "), min_size=1), max_size=5)


@given(lines=_LINES, sep=st.sampled_from([",", "||", ";,", "é"]), width=st.integers(1, 4))
def test_cells_are_those_of_the_parser(lines: list[str], sep: str, width: int) -> None:
    dialect = ReadDialect(sep=sep)
    assert dialect.splits_plainly
    expected = [RecordParser(dialect).line(line) or [] for line in lines]
    found = UnquotedLines(lines, sep)
    assert found.most == max(map(len, expected), default=0)
    assert found.odd(width).to_pylist() == [len(cells) != width for cells in expected]
    for place in range(width):
        cells = [cells[place] if place < len(cells) else None for cells in expected]
        assert found.column(place).to_pylist() == cells
