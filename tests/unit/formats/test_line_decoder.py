"""Lines in ranges: cut anywhere, each line is read once, whatever ends it and how it is encoded."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sftp_async.errors import DecodeError
from sftp_async.formats import line_decoder
from sftp_async.formats.line_decoder import LineBlock, LineReader
from tests.support.readable import MemoryFile, read_options

SEPARATORS = [None, b"\n", b"\r\n", b"\r", b"|", b"#|", b"ab", b"aab", "€".encode()]
OVERLAPPING = [b"aa", b"##", b"aba", b"\n\n"]
#: Few bytes, so that separators and their beginnings are everywhere.
BYTES = st.lists(
    st.sampled_from([b"a", b"b", b"#", b"|", b"\n", b"\r", b"\r\n", "é".encode(), "€".encode()]),
    max_size=24,
).map(b"".join)

Lines = list[tuple[int, bytes]]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks, and requests behind a range, of few bytes: their borders fall everywhere."""
    monkeypatch.setattr(line_decoder, "BLOCK", 3)
    monkeypatch.setattr(line_decoder, "_TAIL", 1)


def lines_of(data: bytes, separator: bytes | None, offset: int = 0) -> Lines:
    """Each line with its end, and where it begins: found byte by byte."""
    found: Lines = []
    begin = at = 0
    while at < len(data):
        if separator is not None:
            length = len(separator) if data.startswith(separator, at) else 0
        elif data.startswith(b"\r\n", at):
            length = 2
        else:
            length = 1 if data[at] in b"\r\n" else 0
        at += length or 1
        if length:
            found.append((offset + begin, data[begin:at]))
            begin = at
    return [*found, (offset + begin, data[begin:])] if begin < len(data) else found


def read(reader: LineReader, file: MemoryFile, start: int, stop: int) -> Lines:
    blocks = list(reader.blocks(file, start, stop))
    assert all(block.data for block in blocks)
    assert [block.first for block in blocks if block.first] == [True] * any(b.first for b in blocks)
    return [
        line for block in blocks for line in lines_of(block.data, reader.separator, block.offset)
    ]


def owned(lines: Lines, start: int, stop: int) -> Lines:
    """The lines of a range, as the module states the rule."""
    return [(at, line) for at, line in lines if start <= at - 1 < stop or at == start == 0]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("separator", SEPARATORS)
@given(data=BYTES, chunk=st.integers(1, 30))
@example(data=b"a\r\nb\r\r\n\n\rc", chunk=1)
@example(data=b"aab#aaab##b", chunk=2)
def test_each_line_is_in_the_range_that_holds_the_byte_before_it(
    separator: bytes | None, data: bytes, chunk: int
) -> None:
    whole = lines_of(data, separator)
    reader = LineReader(separator)
    file = MemoryFile("/in/a.txt", data, chunk=chunk)
    assert read(reader, file, 0, len(data)) == whole
    for cut in range(1, len(data)):
        for start, stop in ((0, cut), (cut, len(data))):
            assert read(reader, file, start, stop) == owned(whole, start, stop)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("separator", SEPARATORS)
@given(data=BYTES, cuts=st.sets(st.integers(1, 60)), chunk=st.integers(1, 30))
def test_ranges_of_any_size_have_each_line_once(
    separator: bytes | None, data: bytes, cuts: set[int], chunk: int
) -> None:
    file = MemoryFile("/in/a.txt", data, chunk=chunk)
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    reader = LineReader(separator)
    parts = [read(reader, file, *edge) for edge in itertools.pairwise(edges)]
    assert list(itertools.chain(*parts)) == lines_of(data, separator)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("separator", OVERLAPPING)
@given(data=BYTES, chunk=st.integers(1, 30))
@example(data=b"baaaaab\n\n\nabababa", chunk=1)
def test_a_separator_that_overlaps_itself_is_found_from_the_start_on(
    separator: bytes, data: bytes, chunk: int
) -> None:
    reader = LineReader(separator)
    assert not reader.is_splittable("/in/a.txt")
    file = MemoryFile("/in/a.txt", data, chunk=chunk)
    assert read(reader, file, 0, len(data)) == lines_of(data, separator)


def test_a_separator_whose_ends_differ_can_be_split() -> None:
    assert all(LineReader(separator).is_splittable("/in/a.txt") for separator in SEPARATORS)


@pytest.mark.parametrize("path", ["/in/a.csv.gz", "/in/A.CSV.GZ", "/in/a.zst", "/in/a.lz4"])
def test_compressed_files_are_not_split(path: str) -> None:
    assert not LineReader().is_splittable(path)


def blocks_of(data: bytes, **options: object) -> list[LineBlock]:
    reader = LineReader.of(read_options(format="text", **options))
    return list(reader.blocks(MemoryFile("/in/a.txt", data), 0, len(data)))


def test_a_byte_order_mark_is_skipped_at_the_start_of_a_file_alone() -> None:
    mark = b"\xef\xbb\xbf"
    assert blocks_of(mark + b"a\n" + mark + b"b") == [LineBlock(b"a\n" + mark + b"b", 3, True)]
    assert blocks_of(mark) == []
    assert blocks_of(mark + b"\n") == [LineBlock(b"\n", 3, True)]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("cut", range(1, 8))
def test_a_byte_order_mark_may_be_cut(cut: int) -> None:
    file = MemoryFile("/in/a.txt", b"\xef\xbb\xbfa\nb\n", chunk=1)
    reader = LineReader()
    assert read(reader, file, 0, cut) + read(reader, file, cut, 7) == [(3, b"a\n"), (5, b"b\n")]


def test_an_empty_file_and_an_empty_range_have_no_lines() -> None:
    assert blocks_of(b"") == []
    file = MemoryFile("/in/a.txt", b"a\nb\nc\n")
    assert list(LineReader().blocks(file, 2, 2)) == []
    assert file.served == 0


def test_blocks_have_about_a_mebibyte_whatever_the_chunks() -> None:
    line = b"x" * 99 + b"\n"
    for chunk in (10_000, 64 * 1024, 5_000_000):
        file = MemoryFile("/in/a.txt", line * 50_000, chunk=chunk)
        sizes = [len(block.data) for block in LineReader().blocks(file, 0, file.size)]
        assert max(sizes) < 2 * line_decoder.BLOCK
        assert min(sizes[:-1]) > line_decoder.BLOCK // 2
        assert sum(sizes) == file.size


def test_little_is_fetched_behind_a_range() -> None:
    line = b"x" * 99 + b"\n"
    file = MemoryFile("/in/a.txt", line * 50_000, chunk=32 * 1024)
    for start in range(0, file.size, file.size // 10):
        list(LineReader().blocks(file, start, start + file.size // 10))
    assert file.served <= file.size + 10 * 64 * 1024


class CountingFile(MemoryFile):
    """Counts the requests that are open."""

    opened = 0

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        self.opened += 1
        try:
            with super().chunks(start, stop) as pieces:
                yield pieces
        finally:
            self.opened -= 1


def test_lines_come_while_the_file_is_read_and_leaving_ends_the_request() -> None:
    file = CountingFile("/in/a.txt", b"x\n" * 5_000_000)
    blocks = LineReader().blocks(file, 0, file.size)
    next(blocks)
    assert file.served < 3 * line_decoder.BLOCK
    assert file.opened == 1
    blocks.close()
    assert file.opened == 0


def test_a_long_line_takes_time_in_proportion_to_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched = 0
    original = line_decoder.line_ends

    def counting(separator: bytes | None) -> object:
        ends = original(separator)

        class Counting:
            lookback = ends.lookback
            begun = staticmethod(ends.begun)

            @staticmethod
            def first(data: bytes) -> int:
                nonlocal searched
                searched += len(data)
                return ends.first(data)

            @staticmethod
            def last(data: bytes) -> int:
                nonlocal searched
                searched += len(data)
                return ends.last(data)

        return Counting()

    monkeypatch.setattr(line_decoder, "line_ends", counting)
    data = b"x" * 30_000_000 + b"\ny\n"
    file = MemoryFile("/in/a.txt", data, chunk=16 * 1024)
    ranges = [(0, 1_000_000), (1_000_000, 20_000_000), (20_000_000, len(data))]
    lines = [b.data for edge in ranges for b in LineReader().blocks(file, *edge)]
    assert lines == [data[:-2], b"y\n"]
    # The first range reads the line to its end, and the two others look for it.
    assert searched < 2.1 * len(data)
    assert file.served < 2.2 * len(data)


@pytest.mark.parametrize("edges", [(0, 50_000), (0, 30_000_006)])
def test_a_line_beyond_the_limit_is_an_error_with_its_offset(edges: tuple[int, int]) -> None:
    file = MemoryFile("/in/a.txt", b"first\n" + b"x" * 30_000_000)
    reader = replace(LineReader(), max_line_bytes=1_000_000)
    with pytest.raises(DecodeError, match=r"line at byte 6 is longer than 1\.0 MB") as raised:
        list(reader.blocks(file, *edges))
    assert raised.value.offset == 6
    assert raised.value.path == "/in/a.txt"
    assert file.served < 5_000_000


def test_a_line_beyond_the_limit_is_no_error_for_the_ranges_within_it() -> None:
    file = MemoryFile("/in/a.txt", b"x" * 3_000_000 + b"\nlast")
    reader = replace(LineReader(), max_line_bytes=1_000_000)
    assert list(reader.blocks(file, 100, 2_000_000)) == []
    [block] = reader.blocks(file, 2_000_000, file.size)
    assert block == LineBlock(b"last", 3_000_001, False)


@pytest.mark.parametrize(
    ("malformed", "text"),
    [
        (b"\xff", "\ufffd"),
        (b"\xc3", "\ufffd"),
        (b"\xe2\x82", "\ufffd"),
        (b"\xed\xa0\x80", "\ufffd"),  # an encoded surrogate, which Python replaces three times
        (b"\xf0\x80\x80\x80", "\ufffd" * 4),
        (b"\xc0\xaf", "\ufffd" * 2),
    ],
)
def test_malformed_utf_8_is_replaced_as_java_does(malformed: bytes, text: str) -> None:
    [block] = blocks_of(b"a" + malformed + b"b\n" + malformed)
    assert block.data.decode() == f"a{text}b\n{text}"


TEXTS = {
    "windows-1252": "äß€\n",
    "ISO-8859-1": "äß\n",
    "cp437": "äß\n",
    "koi8-r": "Привет\r\n",
    "Shift_JIS": "表示ソ\n",  # with backslashes for second bytes
    "GBK": "中文\r\n",
    "GB18030": "中文😀ä\n",
    "Big5": "功許\n",
    "EUC-JP": "日本語\r",
    "EUC-KR": "한국어\n",
    "UTF-16": "aä😀\n",
    "UTF-16LE": "ਊ਍\n",  # Gurmukhi, with the bytes of line ends
    "UTF-16BE": "ĊĀ\r\n",
    "UTF-32": "aä😀\n",
    "cp037": "abc\n",
    "cp1140": "ab€\n",
    "ISO-2022-JP": "日本語\n",
    "UTF-7": "ä+b\n",
    "ASCII": "abc\n",
}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 1000])
def test_lines_of_any_character_set_are_recoded(encoding: str, chunk: int) -> None:
    text = TEXTS[encoding] * 3 + "z"
    data = text.encode(encoding)
    reader = LineReader.of(read_options(format="text", encoding=encoding))
    file = MemoryFile("/in/a.txt", data, chunk=chunk)
    whole = lines_of(text.encode(), None)
    found = [
        line
        for block in reader.blocks(file, 0, len(data))
        for _, line in lines_of(block.data, None)
    ]
    assert found == [line for _, line in whole]
    if reader.is_splittable("/in/a.txt"):
        for cut in range(1, len(data)):
            parts = [*reader.blocks(file, 0, cut), *reader.blocks(file, cut, len(data))]
            assert b"".join(part.data for part in parts) == text.encode()


def test_character_sets_are_split_where_a_line_end_can_be_nothing_else() -> None:
    splittable = {
        encoding
        for encoding in TEXTS
        if LineReader.of(read_options(format="text", encoding=encoding)).is_splittable("/a.txt")
    }
    whole = {"UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "cp037", "cp1140", "ISO-2022-JP", "UTF-7"}
    assert splittable == set(TEXTS) - whole


@pytest.mark.parametrize(
    ("encoding", "separator", "splittable"),
    [
        ("windows-1252", "€", True),
        ("ISO-8859-1", "|", True),
        ("Shift_JIS", "|", False),  # the second byte of a character too
        ("Shift_JIS", "#", True),
        ("GB18030", "0", False),
        ("Shift_JIS", "表", False),
        ("ISO-8859-1", "€", False),  # which the character set lacks
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_separator_is_found_in_any_character_set(
    encoding: str, separator: str, splittable: bool
) -> None:
    reader = LineReader.of(read_options(format="text", encoding=encoding, line_sep=separator))
    assert reader.is_splittable("/in/a.txt") == splittable
    text = "a\nb" if encoding == "ISO-8859-1" and separator == "€" else f"a{separator}b{separator}"
    file = MemoryFile("/in/a.txt", text.encode(encoding), chunk=2)
    assert b"".join(b.data for b in reader.blocks(file, 0, file.size)) == text.encode()


@pytest.mark.parametrize("encoding", ["cp037", "cp1140", "cp500", "cp273"])
def test_ebcdic_has_lines_that_end_in_nel_or_in_line_feeds(encoding: str) -> None:
    nel, feed = b"\x15", b"\x25"
    data = nel.join([b"\xc1", b"\xc2"]) + feed + b"\xc3"
    assert [block.data for block in blocks_of(data, encoding=encoding)] == [b"A\nB\nC"]


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32"])
def test_without_a_byte_order_mark_the_large_end_comes_first_as_in_java(encoding: str) -> None:
    expected = [LineBlock("ä\nb".encode(), 0, True)]
    for order in ("-BE", "-LE"):
        marked = "\ufeffä\nb".encode(encoding + order)
        assert blocks_of(marked, encoding=encoding) == expected
    assert blocks_of("ä\nb".encode(f"{encoding}-BE"), encoding=encoding) == expected


def test_what_no_character_is_becomes_the_replacement_character() -> None:
    assert blocks_of(b"a\x81b", encoding="windows-1252")[0].data.decode() == "a\ufffdb"
    assert blocks_of(b"a\xe4b", encoding="ASCII")[0].data.decode() == "a\ufffdb"
    assert blocks_of(b"\xd8\x00\x00a\x00", encoding="UTF-16")[0].data.decode() == "\ufffda\ufffd"


def test_random_lines_of_a_larger_file_are_the_same_in_ranges() -> None:
    chosen = random.Random(5)
    data = b"".join(
        b"x" * chosen.choice([0, 1, 80, 200_000]) + chosen.choice([b"\n", b"\r", b"\r\n"])
        for _ in range(200)
    )
    file = MemoryFile("/in/a.txt", data, chunk=30_000)
    cuts = sorted(chosen.sample(range(1, len(data)), 20))
    parts = [
        line
        for edge in itertools.pairwise([0, *cuts, len(data)])
        for line in read(LineReader(), file, *edge)
    ]
    assert parts == lines_of(data, None)
