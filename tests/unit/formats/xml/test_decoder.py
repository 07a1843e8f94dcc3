"""XML becomes rows in bounded memory; malformed rows become what the mode says."""

from __future__ import annotations

import logging
import pickle
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats import open_read_format
from sftp_async.formats.xml import events, kept_text
from sftp_async.formats.xml.decoder import read_xml
from tests.support.readable import MemoryFile, decode_file, read_options

SCHEMA = pa.schema([("a", pa.int32()), ("b", pa.string())])
BAD = pa.schema([*SCHEMA, pa.field("_corrupt_record", pa.string())])


def rows(
    content: bytes, schema: pa.Schema = SCHEMA, chunk: int = 65536, **options: object
) -> list[tuple[object, ...]]:
    table = decode_file(
        MemoryFile("/in/a.xml", content, chunk=chunk),
        read_options(format="xml", row_tag="r", **options),
        schema,
    )
    return [tuple(row.values()) for row in table.to_pylist()]


def test_each_element_with_the_name_of_a_row_is_one() -> None:
    content = b"<R><r><a>1</a><b>x</b></r><q><r><a>2</a></r></q></R>"
    for chunk in (1, 3, 100):
        assert rows(content, chunk=chunk) == [(1, "x"), (2, None)]


def test_a_malformed_row_is_kept_with_the_text_of_the_file() -> None:
    content = b"<R><r><a>1</a></r><r><b>y</b><a>x</a></r></R>"
    assert rows(content, BAD) == [(1, None, None), (None, "y", content.decode())]


def test_dropmalformed_leaves_malformed_rows_out() -> None:
    assert rows(b"<R><r><a>1</a></r><r><a>x</a></r></R>", mode="DROPMALFORMED") == [(1, None)]


def test_failfast_names_the_file() -> None:
    with pytest.raises(DecodeError, match="FAILFAST") as caught:
        rows(b"<R><r><a>x</a></r></R>", mode="FAILFAST")
    assert caught.value.path == "/in/a.xml"


def test_the_log_says_that_nothing_is_read_behind_a_syntax_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert rows(b"<R><r><a>1</a></r></X><r><a>2</a></r>", BAD)[0] == (1, None, None)
    assert "/in/a.xml is malformed XML" in caplog.text


def bomb() -> bytes:
    levels = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    return f'<!DOCTYPE R [<!ENTITY e0 "lol">{levels}]><R><r><b>&e9;</b></r></R>'.encode()


def test_entities_are_not_expanded() -> None:
    content = bomb()
    tracemalloc.start()
    found = rows(content, BAD)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [(None, None, content.decode())]
    assert peak < 2_000_000


def test_entities_in_attributes_are_not_expanded() -> None:
    content = bomb().replace(b"<r><b>&e9;</b></r>", b'<r b="&e9;"/>')
    assert rows(content, BAD) == [(None, None, content.decode())]


def test_external_entities_are_not_opened() -> None:
    content = b'<!DOCTYPE R [<!ENTITY e SYSTEM "file:///etc/passwd">]><R><r><b>&e;</b></r></R>'
    assert rows(content, BAD) == [(None, None, content.decode())]


class Endless(MemoryFile):
    """A file that is made while it is read."""

    def __init__(self, head: bytes, part: bytes, number: int) -> None:
        super().__init__("/in/a.xml", b"")
        self._head, self._part, self._number = head, part, number
        self.size = len(head) + len(part) * number

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        yield self._made()

    def _made(self) -> Iterator[bytes]:
        yield self._head
        for _ in range(self._number):
            yield self._part


def test_memory_does_not_grow_with_the_file() -> None:
    part = b"<r><a>1</a><b>" + b"x" * 80 + b"</b></r>\n"
    peaks = []
    for number in (400, 2000):
        file = Endless(b"<R>", part * 100, number)
        reading = open_read_format(read_options(format="xml", row_tag="r"), SCHEMA)
        tracemalloc.start()
        found = sum(batch.num_rows for batch in reading.decode(file, 0, file.size))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found == number * 100
        peaks.append(peak)
    assert peaks[1] < peaks[0] * 1.5


def test_a_text_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_BYTES", 10_000)
    file = Endless(b"<R><r><b>", b"x" * 1000, 100)
    reading = open_read_format(read_options(format="xml", row_tag="r"), SCHEMA)
    with pytest.raises(DecodeError, match="10000 bytes"):
        list(reading.decode(file, 0, file.size))


def test_a_corrupt_record_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_text, "CORRUPT_BYTES", 10)
    content = b"<R><r><a>x</a></r></R>"
    with pytest.raises(DecodeError, match="text of the whole file"):
        rows(content, BAD)
    assert rows(content) == [(None, None)]


class OpenedOnce(MemoryFile):
    """A file that a server gives away with its first read."""

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        assert not self.served, "it is gone"
        with super().chunks(start, stop) as found:
            yield found


@pytest.mark.parametrize("kept", [10, 1024 * 1024])
def test_a_file_with_malformed_rows_is_read_once(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(kept_text, "_IN_MEMORY", kept)
    monkeypatch.setattr(kept_text, "_PIECE", 20)
    texts = "".join(f"<r><a>{'x' if n in (3, 50) else n}</a></r>" for n in range(100))
    content = f"<R>{texts}</R>".encode()
    file = OpenedOnce("/in/a.xml", content, chunk=64)
    table = decode_file(file, read_options(format="xml", row_tag="r"), BAD)
    assert file.served == len(content)
    bad = [(row["a"], row["_corrupt_record"]) for row in table.to_pylist()]
    assert bad == [(None, content.decode()) if n in (3, 50) else (n, None) for n in range(100)]


def test_columns_that_xml_cannot_hold_are_refused() -> None:
    options = read_options(format="xml")
    with pytest.raises(DecodeError, match="'z'"):
        open_read_format(options, pa.schema([("z", pa.binary())]))
    with pytest.raises(DecodeError, match="takes malformed rows"):
        open_read_format(options, pa.schema([("_corrupt_record", pa.int32())]))


def test_a_format_is_pickled_to_tasks() -> None:
    reading = open_read_format(read_options(format="xml", row_tag="r"), SCHEMA)
    content = b"<R><r><a>1</a></r></R>"
    [batch] = pickle.loads(pickle.dumps(reading)).decode(
        MemoryFile("/in/a.xml", content), 0, len(content)
    )
    assert batch.to_pylist() == [{"a": 1, "b": None}]


def test_files_are_not_split() -> None:
    assert not open_read_format(read_options(format="xml"), SCHEMA).is_splittable("/in/a.xml")


def test_inference_is_bounded_and_says_what_it_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    file = Endless(b"<R>", b"<r><a>1</a></r>" * 1000, 50)
    reading = read_xml(read_options(format="xml", row_tag="r"), None)
    with caplog.at_level(logging.INFO, logger="sftp_async.formats.xml"):
        schema = reading.infer_schema([file])
    assert schema == pa.schema([("a", pa.int64())])
    assert "1 columns from 10000 rows" in caplog.text
