"""A sealed file holds what is written, and what it is kept in does not show it."""

from __future__ import annotations

import io
import random

import pyarrow as pa
import pytest

from sftp_async.formats.sealed_file import SealedFile, sealed_file

pytestmark = pytest.mark.one_python

TEXT = b"in the clear, " * 5000


def test_any_range_is_read_as_it_was_written_and_the_other_file_does_not_show_it() -> None:
    inner = io.BytesIO()
    file = SealedFile(inner)
    for start in range(0, len(TEXT), 777):
        assert file.write(TEXT[start : start + 777]) == len(TEXT[start : start + 777])
    assert file.tell() == len(TEXT)
    assert len(inner.getvalue()) == len(TEXT)
    assert b"in the" not in inner.getvalue()
    chosen = random.Random(1)
    for _ in range(200):
        start, size = chosen.randrange(len(TEXT)), chosen.randrange(200)
        file.seek(start)
        assert file.read(size) == TEXT[start : start + size]
        assert file.read(size) == TEXT[start + size : start + 2 * size]
    file.seek(0)
    assert file.read() == TEXT


def test_bytes_can_be_appended_after_some_were_read() -> None:
    with sealed_file(in_memory=100) as file:
        file.write(b"abc")
        file.seek(1)
        assert file.read(1) == b"b"
        file.seek(0, io.SEEK_END)
        file.write(b"d" * 1000)
        file.seek(2)
        assert file.read() == b"c" + b"d" * 1000


def test_two_files_of_one_content_differ() -> None:
    inner = io.BytesIO(), io.BytesIO()
    files = [SealedFile(each) for each in inner]
    for file in files:
        file.write(TEXT)
    assert inner[0].getvalue() != inner[1].getvalue()


@pytest.mark.parametrize("in_memory", [0, 10_000_000])
def test_arrow_writes_and_reads_streams_in_it(in_memory: int) -> None:
    batch = pa.record_batch([pa.array(range(10_000))], names=["number"])
    with sealed_file(in_memory) as file:
        with pa.ipc.new_stream(pa.PythonFile(file, mode="w"), batch.schema) as sink:
            sink.write_batch(batch)
        file.seek(0)
        assert pa.ipc.open_stream(pa.PythonFile(file, mode="r")).read_all() == pa.table(batch)
    assert file.closed
