from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sftp_async.formats.csv.quick_lines import QuickLines
from sftp_async.formats.csv.read_dialect import NUL, ReadDialect
from sftp_async.formats.csv.record_parser import RecordError, RecordParser

_DIALECTS = [
    ReadDialect(),
    ReadDialect(escape='"', escape_escape=NUL),
    ReadDialect(escape='"', escape_escape="\\"),
    ReadDialect(escape_escape="~"),
    ReadDialect(escape="~", escape_escape='"'),
    ReadDialect(null_value="N", empty_value="E"),
    ReadDialect(escape='"', escape_escape=NUL, null_value="N", empty_value="E"),
    ReadDialect(trim_left=True, trim_right=True),
    ReadDialect(trim_left=True, trim_right=True, sep="\t", null_value="N"),
    ReadDialect(trim_left=True, escape='"', escape_escape=NUL),
    ReadDialect(sep="\t"),
    ReadDialect(sep=" ", empty_value="E"),
    ReadDialect(unescaped="stop_at_closing_quote"),
    ReadDialect(unescaped="back_to_delimiter"),
    ReadDialect(unescaped="skip_value"),
    ReadDialect(unescaped="raise_error"),
    ReadDialect(quote="'", sep=";"),
]
#: Marks of all dialects, blanks of each kind, and what stands for quoted parts.
_LINES = st.text(st.sampled_from('""""\',,,;\t \0\\~aN\r\x1f\ufdd0\ufdd1é'), min_size=1)


@pytest.mark.parametrize("dialect", _DIALECTS, ids=str)
@given(line=_LINES)
@example(line='"a""b",c')
@example(line='"say ""hi"", x",b')
@example(line='"a"" ,b')
@example(line='"a"""" \t,"b" x,')
@example(line='"","""a""",""""')
@example(line='a"b,"c" ,"d')
@example(line='"a\\"b\\",c",\\"d')
@example(line='"a" b"c')
@example(line='a,"a""\x1fé"c')
@settings(max_examples=300)
def test_cells_are_those_of_the_parser(dialect: ReadDialect, line: str) -> None:
    assert QuickLines.suits(dialect)
    found = QuickLines(dialect).cells(line)
    if found is not None:
        try:
            expected = RecordParser(dialect).line(line)
        except RecordError as error:
            expected = [repr(error)]
        assert found == expected


@pytest.mark.parametrize(
    ("line", "dialect"),
    [
        ('a,"b, c",,"",d', ReadDialect()),
        ('"a","b"', ReadDialect()),
        ('"say ""hi"", x",b,"c', ReadDialect(escape='"', escape_escape=NUL)),
        ('"say \\"hi\\", x",b', ReadDialect()),
        ('"say ""hi"", x",b', ReadDialect()),
        ('"a""","b" \t,c', ReadDialect()),
        (' a ,\t"b " , c', ReadDialect(trim_left=True, trim_right=True)),
    ],
)
def test_usual_lines_need_no_parser(line: str, dialect: ReadDialect) -> None:
    assert QuickLines(dialect).cells(line.removesuffix(',"c')) is not None


@pytest.mark.parametrize("length", [10, 10_000])
def test_a_line_without_a_last_quote_takes_no_more_time_than_its_length(length: int) -> None:
    # Patterns that try all ways to divide the fields would never end.
    line = '"a"b,' * length + '"c'
    assert QuickLines(ReadDialect()).cells(line) is None
