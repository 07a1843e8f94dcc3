"""The check of all bytes together agrees with Python's decoder, whatever the bytes are."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

utf8_vectorized = pytest.importorskip("sftp_async.formats.values.utf8_vectorized")

from sftp_async.formats.arrow_text import text_buffer  # noqa: E402 - after what may be missing

#: The first and last byte of each kind, and what is between two kinds.
EDGES = bytes.fromhex("00417f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5f8ff")
CHARACTERS = "\x00A\x7f\x80é߿ࠀ一\ud7ff\ue000￿\U00010000😀\U000fffff\U0010ffff"


def is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def agrees(values: list[bytes], kind: pa.DataType, skipped: int = 0) -> None:
    raw = pa.array(values, pa.large_binary() if kind == pa.large_string() else pa.binary())
    column = pa.Array.from_buffers(kind, len(raw), raw.buffers()).slice(skipped)
    wanted = all(map(is_text, values[skipped:]))
    assert utf8_vectorized.is_utf8(column, text_buffer(column)) == wanted, values


@pytest.mark.parametrize("before", ["", "é", "ab一"])
def test_every_row_of_three_kinds_of_bytes_is_judged_as_python_judges_it(before: str) -> None:
    for three in itertools.product(EDGES, repeat=3):
        agrees([before.encode(), bytes(three)], pa.string())


def test_every_character_is_text() -> None:
    whole = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF)
    agrees([whole.encode()], pa.string())


pieces = st.lists(
    st.one_of(
        st.sampled_from(CHARACTERS).map(str.encode),
        st.sampled_from(EDGES).map(lambda code: bytes([code])),
        st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    ),
    max_size=8,
).map(b"".join)


@given(st.lists(pieces, max_size=6), st.sampled_from([pa.string(), pa.large_string()]), st.data())
@example([b"a", "é".encode(), b""], pa.string(), None)
def test_any_column_in_chunks_of_any_size_is_judged_as_python_judges_it(
    values: list[bytes], kind: pa.DataType, data: st.DataObject | None
) -> None:
    skipped = data.draw(st.integers(0, len(values))) if data else 1
    with pytest.MonkeyPatch.context() as patch:
        for size in (1, 2, 3, 4, 7, 64):
            patch.setattr(utf8_vectorized, "_CHUNK", size)
            agrees(values, kind, skipped)


@pytest.mark.parametrize("value", ["Grüße " * 50_000, "一二三 " * 50_000, "😀" * 50_000])
def test_a_character_is_found_cut_anywhere_in_a_long_text(value: str) -> None:
    raw = value.encode()
    agrees([raw], pa.string())
    chunk = utf8_vectorized._CHUNK
    for place in (0, 1, chunk - 2, chunk - 1, chunk, chunk + 1, len(raw) - 1):
        agrees([raw[:place] + b"\xff" + raw[place + 1 :]], pa.string())
        agrees([raw[:place] + b"\x80" + raw[place:]], pa.string())
    agrees([raw[:-1]], pa.string())
