from __future__ import annotations

import functools
import logging
import pickle
import random
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats.csv import inference
from sftp_async.formats.csv.block_reader import NotPlainError
from sftp_async.formats.csv.decoder import CSVReadFormat, read_csv
from sftp_async.formats.csv.line_cells import LineCells
from sftp_async.options import SFTPOptions
from tests.support.readable import MemoryFile, decode_file, read_options

TWO = pa.schema([("a", pa.string()), ("b", pa.int32())])
CORRUPT = TWO.append(pa.field("_corrupt_record", pa.string()))


@functools.cache
def options_of(items: tuple[tuple[str, Any], ...]) -> SFTPOptions:
    return read_options(format="csv", **dict(items))


def rows(
    data: bytes, schema: pa.Schema = TWO, path: Any = "auto", **options: Any
) -> list[tuple[Any, ...]]:
    reading = read_csv(options_of(tuple(options.items())), schema, path=path)
    file = MemoryFile("/in/file.csv", data)
    return [
        tuple(row.values())
        for batch in reading.decode(file, 0, file.size)
        for row in batch.to_pylist()
    ]


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"x,1\ny,2\n", {}),
        (b"x,1\r\ny,2\r\n", {}),
        (b'"x, y",1\n"",2\n,3\n', {}),
        (b'"say ""hi""",1\n"a,""",2\n', {"escape": '"'}),
        (b'"say \\"hi\\"",1\n"a\\b",2\n', {}),
        (b'" x", 1\n', {"ignore_leading_white_space": "false", "mode": "permissive"}),
        (
            b" x ,1 \n",
            {"ignore_leading_white_space": "true", "ignore_trailing_white_space": "true"},
        ),
        (b"#x;1\n", {"sep": ";"}),
        (b"x\n\ny,1,2\n \n", {}),
        (b'"""x""",1\n"""",2\n', {"escape": '"'}),
        (b"#x\ny,1\n#", {"comment": "#"}),
        (b'x\t""\r\n\t1\n', {"sep": "\t", "empty_value": "E"}),
        (b' "x ",\t1\n" ", \n', {"ignore_leading_white_space": "true"}),
        (b'x"y,"1"\n"a, b"c,2\n"a ""b"", c",3\n', {}),
        (b'"x""",1\r\n"y" ,"2" \t\r\n"""",""\r\n', {"empty_value": "E"}),
        (b'#"",""\n"x"" \x1f,,"a,"\n\n"a"," y"" z,\n', {"comment": "#", "null_value": "N"}),
        (b'"x""y",1\n"z",2\n', {"escape": "~", "char_to_escape_quote_escaping": '"'}),
    ],
)
def test_ordinary_exports_take_the_fast_path(data: bytes, options: dict[str, Any]) -> None:
    assert rows(data, path="fast", **options) == rows(data, path="exact", **options)


@pytest.mark.parametrize(
    "data",
    [
        b'"x\ny",1\n',
        b'"x\\\\",1\n',
        b'\\",1\n',
        b'"x,1\n',
        b'"x""y",1\n"\\",2\n',
    ],
)
def test_what_the_parser_may_read_differently_does_not_take_the_fast_path(data: bytes) -> None:
    with pytest.raises(NotPlainError):
        rows(data, path="fast")


_OPTIONS = st.sampled_from(
    [
        {},
        {"escape": '"'},
        {"null_value": "N", "empty_value": "E"},
        {"null_value": "N"},
        {"empty_value": "E"},
        {"comment": "#"},
        {"line_sep": "\n"},
        {"line_sep": "\r\n"},
        {"quote": ""},
        {"escape": ""},
        {"ignore_leading_white_space": "true", "ignore_trailing_white_space": "true"},
        {"ignore_leading_white_space": "true"},
        {"char_to_escape_quote_escaping": "~"},
    ]
)
_CELLS = st.lists(
    st.sampled_from(
        [
            "",
            "a",
            "1",
            '"a"',
            '"a,1"',
            '""',
            '"a\\"1"',
            '"a""1"',
            '\\"',
            '"\0a"',
            "N",
            " ",
            "#",
            '"',
        ]
    ),
    min_size=1,
    max_size=3,
)


def assert_paths_agree(data: bytes, options: dict[str, str]) -> None:
    for schema, mode in [(CORRUPT, "permissive"), (TWO, "permissive"), (TWO, "dropmalformed")]:
        expected = rows(data, schema, "exact", mode=mode, **options)
        assert rows(data, schema, mode=mode, **options) == expected
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sftp_async.formats.csv.fast_cells.cell_index", None)
            assert rows(data, schema, mode=mode, **options) == expected


@given(
    st.lists(_CELLS, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    st.booleans(),
    _OPTIONS,
)
@settings(max_examples=200)
def test_both_paths_read_the_same_rows(
    lines: list[list[str]], end: str, ends: bool, options: dict[str, str]
) -> None:
    data = (end.join(map(",".join, lines)) + (end if ends else "")).encode()
    assert_paths_agree(data, options)


@given(st.binary(max_size=40), _OPTIONS)
@settings(max_examples=100)
def test_both_paths_read_the_same_rows_of_any_bytes(data: bytes, options: dict[str, str]) -> None:
    assert_paths_agree(data, options)


@given(
    st.lists(_CELLS, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r", "\n\n", '"\n']),
    st.booleans(),
    _OPTIONS,
)
@example([['"a""1"'], ["a"], ["#"]], "\n", False, {"comment": "#"})
@example([['"a\\"1"'], ["a"], ["#"]], "\n", False, {"comment": "#"})
@example([["a", '"a""1"'], ["#"]], "\n", False, {"comment": "#"})
@example([['"a"', ""], [""]], "\r\n", False, {"line_sep": "\r\n"})
@example([['"a""1"'], [""]], "\r\n", False, {"line_sep": "\r\n"})
@settings(max_examples=200)
def test_lines_of_a_document_are_read_as_the_parser_reads_them(
    lines: list[list[str]], end: str, ends: bool, options: dict[str, str]
) -> None:
    data = (end.join(map(",".join, lines)) + (end if ends else "")).encode()
    options = {"multi_line": "true", **options}
    quick = rows(data, CORRUPT, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineCells, "quick", lambda *_: None)
        assert rows(data, CORRUPT, **options) == quick


def test_the_ranges_of_a_file_are_the_whole_wherever_it_is_cut() -> None:
    chosen = random.Random(1)
    with_header = read_options(format="csv", header="true")
    without = read_options(format="csv")
    for number in range(500):
        end = chosen.choice([b"\n", b"\r\n", b"\r"])
        cells = [b"x,1", b'"a,b",2', b"", b"#,3", b'"c\\"",4', b"d", "\u00e9,5".encode()]
        data = end.join(chosen.choices(cells, k=chosen.randint(1, 5))) + end * chosen.randint(0, 1)
        # Spark, too, looks for a header in the first range alone.
        options = with_header if number % 2 and data[:1] not in (b"\r", b"\n") else without
        whole = decode_file(MemoryFile("/in/a.csv", data), options, CORRUPT).to_pylist()
        near = {
            at
            for found in re.finditer(rb"[\r\n]", data)
            for at in range(found.start() - 1, found.end() + 2)
            if 0 < at < len(data)
        }
        for at in sorted(near):
            file = MemoryFile("/in/a.csv", data, chunk=chosen.choice([1, 7, 64]))
            cut = decode_file(file, options, CORRUPT, [at]).to_pylist()
            assert cut == whole, (number, data, at)


def test_columns_are_found_by_the_header() -> None:
    options = {"header": "true", "match_columns": "name"}
    data = b"B,x,A\n1,y,one\n2,z\n"
    assert rows(data, CORRUPT, **options) == [("one", 1, None), (None, 2, "2,z")]
    assert rows(data, CORRUPT, "exact", **options) == rows(data, CORRUPT, **options)


def test_a_column_that_the_header_lacks_is_an_error_that_names_it() -> None:
    with pytest.raises(DecodeError, match=r"no column 'b'.*file\.csv.*a, c"):
        rows(b"a,c\n", header="true", match_columns="name")
    with pytest.raises(DecodeError, match="no column 'b'"):
        rows(b"a,B\n", header="true", match_columns="name", case_sensitive="true")
    with pytest.raises(DecodeError, match="2 columns 'b'"):
        rows(b"a,b,B\n", header="true", match_columns="name")


def test_names_need_a_header_and_documents_are_not_split() -> None:
    with pytest.raises(OptionsError, match="needs header=true"):
        read_csv(read_options(format="csv", match_columns="name"), TWO)
    options = read_options(format="csv", match_columns="name", header="true")
    assert read_csv(options, TWO).is_splittable("a.csv")
    assert read_csv(read_options(format="csv"), TWO).is_splittable("a.csv")
    assert not read_csv(read_options(format="csv", multi_line="true"), TWO).is_splittable("a.csv")


def test_another_header_is_a_warning_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    assert rows(b"a,c\nx,1\n", header="true") == [("x", 1)]
    assert "'c' where the schema has 'b'" in caplog.text
    with pytest.raises(DecodeError, match=r"'c' where the schema has 'b'.*enforce_schema"):
        rows(b"a,c\nx,1\n", header="true", enforce_schema="false")
    assert rows(b"A,B\nx,1\n", header="true", enforce_schema="false") == [("x", 1)]


def test_a_malformed_row_is_kept_left_out_or_an_error() -> None:
    data = b"x,1\ny,z\nv\n"
    kept = [("x", 1, None), ("y", None, "y,z"), ("v", None, "v")]
    assert rows(data, CORRUPT) == kept
    assert rows(data, mode="DROPMALFORMED") == [("x", 1)]
    with pytest.raises(DecodeError, match=r"Row 2 .*malformed.*mode=PERMISSIVE") as caught:
        rows(b"x,1\ny,z\n", mode="FAILFAST")
    assert caught.value.path == "/in/file.csv"
    assert caught.value.offset == 0


def test_a_record_at_which_spark_fails_is_an_error_in_every_mode() -> None:
    with pytest.raises(DecodeError, match="max_columns=2"):
        rows(b"x,1,2\n", max_columns=2)
    with pytest.raises(DecodeError, match="not escaped"):
        rows(b'"x"y,1\n', unescaped_quote_handling="raise_error")


def test_one_odd_line_does_not_send_its_whole_block_the_exact_way() -> None:
    shares = [0, 0]

    def count(fast: bool, size: int) -> None:
        shares[fast] += size

    lines = [b"name,%d" % number for number in range(40_000)]
    lines[20_000] = b'"x\\\\",1'
    data = b"\n".join(lines)
    form = read_csv(read_options(format="csv"), TWO)
    counting = CSVReadFormat(form.options, form.schema, form.rules, on_path=count)
    file = MemoryFile("/in/a.csv", data)
    found = pa.Table.from_batches(counting.decode(file, 0, file.size))
    assert found["a"][20_000].as_py() == "x\\"
    assert sum(shares) == len(data)
    assert 0 < shares[False] < 20_000


@pytest.mark.parametrize("schema", [CORRUPT, TWO], ids=["with records", "without"])
@pytest.mark.parametrize("line", [b"1,2,3", b"1", b'"x, ""y""",2,3', b"x,y"])
def test_rows_of_another_length_or_type_take_the_fast_path(schema: pa.Schema, line: bytes) -> None:
    # They were read line by line for the texts of their records.
    data = b"\n".join([b"x,1", b" ", line, b"#x", line, b"y,2"])
    for end, options in [(b"\n", {}), (b"\r\n", {}), (b"\r\n", {"line_sep": "\r\n"})]:
        lines = data.replace(b"\n", end)
        options = {"escape": '"', "comment": "#", **options}
        found = rows(lines, schema, "fast", **options)
        assert found == rows(lines, schema, "exact", **options)
        assert len(found) == 4
        if schema is CORRUPT:
            assert [row[2] for row in found] == [None, line.decode(), line.decode(), None]


def test_the_text_of_a_record_keeps_its_escapes_on_the_fast_path() -> None:
    data = b'"say \\"hi\\"",1\n"a \\"b\\"",z\n'
    expected = [('say "hi"', 1, None), ('a "b"', None, '"a \\"b\\"",z')]
    assert rows(data, CORRUPT, "fast") == expected


@pytest.mark.parametrize("schema", [CORRUPT, TWO], ids=["with records", "without"])
def test_lines_without_quotes_need_no_list_of_cells(
    monkeypatch: pytest.MonkeyPatch, schema: pa.Schema
) -> None:
    # A Python object for each cell takes most of the time that short lines take.
    data = b"1,2,3\n" * 10 + b"x\n \ny,1\n,\n"
    expected = rows(data, schema, "exact")
    assert expected == rows(data, schema, "fast")
    monkeypatch.setattr(LineCells, "of", None)
    monkeypatch.setattr(LineCells, "of_unquoted", None)
    assert rows(data, schema, "exact") == expected


def test_a_format_pickles_without_its_callback() -> None:
    form = read_csv(read_options(format="csv", date_format="dd.MM.yyyy"), TWO)
    counting = CSVReadFormat(form.options, form.schema, form.rules, on_path=print)
    again = pickle.loads(pickle.dumps(counting))
    file = MemoryFile("/in/a.csv", b"x,1\n")
    assert [batch.num_rows for batch in again.decode(file, 0, file.size)] == [1]


def test_a_type_without_text_is_refused() -> None:
    schema = pa.schema([("a", pa.list_(pa.int32()))])
    with pytest.raises(DecodeError, match=r"'a' .* cannot be read from CSV.*from_json"):
        read_csv(read_options(format="csv"), schema)
    numbers = pa.schema([("_corrupt_record", pa.int32())])
    with pytest.raises(DecodeError, match="is no string"):
        read_csv(read_options(format="csv"), numbers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"date_format": "EEE"}, "letter 'E'"),
        ({"timestamp_format": "yyyy["}, "not closed"),
        ({"time_zone": "Nowhere/Else"}, "no time zone"),
        ({"locale": "xx-XX"}, "locale='xx-XX'"),
    ],
)
def test_options_that_cannot_be_read_with_are_errors(options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionsError, match=re.escape(message)):
        read_csv(read_options(format="csv", **options), TWO)


def test_a_value_with_line_breaks_is_read_across_pieces_of_the_file() -> None:
    value = "line\n" * 400_000
    data = f'a,b\n"{value}",1\nx,2\n'.encode()
    reading = read_csv(read_options(format="csv", multi_line="true", header="true"), TWO)
    file = MemoryFile("/in/a.csv", data, chunk=100_000)
    found = pa.Table.from_batches(reading.decode(file, 0, file.size)).to_pylist()
    assert found == [{"a": value, "b": 1}, {"a": "x", "b": 2}]


def test_an_unclosed_quote_takes_a_bounded_part_of_a_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sftp_async.formats.csv.documents.MAX_RECORD", 2_000_000)
    data = b'"' + b"x" * 5_000_000
    with pytest.raises(DecodeError, match="a quote may not be closed"):
        rows(data, multi_line="true")


def test_inference_looks_at_a_bounded_part_of_a_file(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(inference, "INFERENCE_ROWS", 99)
    data = b"1,2\n" * 100 + b"x,y\n" * 1_000_000
    file = MemoryFile("/in/a.csv", data)
    options = read_options(format="csv", infer_schema="true")
    found = read_csv(options, None).infer_schema([file])
    assert found.types == [pa.int32(), pa.int32()]
    assert "2 columns in 100 rows" in caplog.text
    assert file.served < 4 * 1024 * 1024


class _Endless(MemoryFile):
    """A file whose content is made while it is read."""

    def __init__(self, piece: bytes, count: int) -> None:
        super().__init__("/in/a.csv", b"")
        self._piece = piece
        self.size = len(piece) * count

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        assert (start, stop) == (0, self.size)
        yield (self._piece for _ in range(self.size // len(self._piece)))


@pytest.mark.parametrize("line", [b'name,1,"a b%s"\n', b'na"me,1,"a"b%s\n'])
def test_memory_does_not_grow_with_the_file(line: bytes) -> None:
    schema = pa.schema([("a", pa.string()), ("b", pa.int32()), ("c", pa.string())])
    form = read_csv(read_options(format="csv"), schema)

    def peak(count: int) -> int:
        tracemalloc.start()
        before = pa.total_allocated_bytes()
        most = 0
        file = _Endless(line % (b"x" * 2_000) * 500, count)
        for _ in form.decode(file, 0, file.size):
            most = max(most, pa.total_allocated_bytes() - before)
        python = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most + python

    assert peak(18) < 1.5 * peak(6) + 1_000_000
