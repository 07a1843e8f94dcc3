"""Offsets of streams: what Spark keeps, and compares as text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sftp_async.read.ingest_log.known_files import KnownFiles
from sftp_async.read.ingest_log.offset import StreamOffset
from sftp_async.read.listing import FoundFile

# A server's names may be no UTF-8: the others are surrogates.
names = st.text(st.characters(codec="utf-8") | st.sampled_from("\udc80\udcff"), min_size=1)
files = st.builds(
    FoundFile,
    names,
    st.integers(0, 1 << 50),
    st.integers(0, (1 << 32) - 1),
    st.lists(names | st.none(), max_size=2).map(tuple),
)


@given(
    st.integers(1, 1 << 40), st.lists(files, max_size=3), st.lists(names, max_size=2), st.booleans()
)
def test_an_offset_comes_back_as_the_same_text(
    batch: int, found: list[FoundFile], partition_by: list[str], inferred: bool
) -> None:
    known = KnownFiles()
    for file in found:
        known.add(file.path, file.size, file.mtime)
    columns = "0a" if inferred else None
    source = "you@here:22: /in" if inferred else None
    offset = StreamOffset(
        batch, "0b", tuple(found), tuple(partition_by), known.to_text(), columns, source
    )
    text = json.dumps(offset.to_dict())
    assert text.isascii()
    again = StreamOffset.from_dict(json.loads(text))
    assert again == offset
    assert json.dumps(again.to_dict()) == text


def test_the_offset_of_a_log_is_a_number_and_the_stream() -> None:
    assert StreamOffset(7, "0a").to_dict() == {"version": 1, "batch": 7, "stream": "0a"}
    assert StreamOffset.from_dict({"version": 1, "batch": 0}) == StreamOffset()
