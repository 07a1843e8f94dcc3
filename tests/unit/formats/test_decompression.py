"""Files are decompressed as they come, in bounded memory; damage is an error that tells where."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
import pytest

from sftp_async.errors import ConnectionLostError, DecodeError, OptionsError
from sftp_async.formats.decompression import codec_of, decompressed, plain_chunks
from sftp_async.options import codecs, decompressors
from tests.support.readable import MemoryFile


def zstd(data: bytes) -> bytes:
    return stream(data, "zstd")


def stream(data: bytes, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as out:
        out.write(data)
    return bytes(sink.getvalue())


def blocks(codec: str, *, chunk: int, block: int) -> Callable[[bytes], bytes]:
    """What Hadoop's BlockCompressorStream writes: blocks of one chunk or several."""

    def compress(data: bytes) -> bytes:
        out = b""
        for start in range(0, len(data), block):
            content = data[start : start + block]
            out += struct.pack(">I", len(content))
            for first in range(0, len(content), chunk):
                packed = pa.compress(content[first : first + chunk], codec, asbytes=True)
                out += struct.pack(">I", len(packed)) + packed
        return out or bytes(4)

    return compress


def snappy_frames(data: bytes) -> bytes:
    out = b"\xff\x06\x00\x00sNaPpY" + b"\xfe\x02\x00\x00ab"  # and a frame of padding
    for number, start in enumerate(range(0, len(data), 65536)):
        content = data[start : start + 65536]
        packed = content if number % 3 == 2 else pa.compress(content, "snappy", asbytes=True)
        kind = 1 if number % 3 == 2 else 0
        out += bytes([kind]) + (len(packed) + 4).to_bytes(3, "little") + b"\0\0\0\0" + packed
    return out


def snappy_java(data: bytes) -> bytes:
    out = b"\x82SNAPPY\x00" + struct.pack(">II", 1, 1)
    for start in range(0, len(data), 32768):
        packed = pa.compress(data[start : start + 32768], "snappy", asbytes=True)
        out += struct.pack(">I", len(packed)) + packed
    return out


#: Extension and compressor of everything that can be read.
COMPRESSED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gz", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bzip2": ("bz2", bz2.compress),
    "xz": ("xz", lzma.compress),
    "lzma": ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    "zstd": ("zst", zstd),
    "lz4 frames": ("lz4", lambda data: stream(data, "lz4")),
    "lz4 of Hadoop": ("lz4", blocks("lz4_raw", chunk=2**20, block=2**18)),
    "lz4 of Hadoop in chunks": ("lz4", blocks("lz4_raw", chunk=10_000, block=25_000)),
    "snappy of Hadoop": ("snappy", blocks("snappy", chunk=2**20, block=2**18)),
    "snappy of Hadoop in chunks": ("snappy", blocks("snappy", chunk=10_000, block=25_000)),
    "snappy frames": ("sz", snappy_frames),
    "snappy of Java": ("snappy", snappy_java),
}
# The older format of xz cannot be concatenated.
SEVERAL = [name for name in COMPRESSED if name != "lzma"]
kinds = pytest.mark.parametrize("kind", COMPRESSED)


def text(size: int) -> bytes:
    chosen = random.Random(size)
    words = [chosen.randbytes(chosen.randrange(1, 12)).hex().encode() for _ in range(500)]
    return b"\n".join(chosen.choice(words) for _ in range(size // 8))[:size]


def read(kind: str, data: bytes, *, chunk: int = 64 * 1024) -> bytes:
    path = f"/in/a.csv.{COMPRESSED[kind][0]}"
    file = MemoryFile(path, data, chunk=chunk)
    with plain_chunks(file, 0, file.size, codec_of(path, None)) as pieces:
        found = list(pieces)
    assert max(map(len, found), default=0) <= 1024 * 1024
    assert all(found)
    return b"".join(found)


@kinds
@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_a_file_is_decompressed(kind: str, size: int) -> None:
    content = text(size)
    data = COMPRESSED[kind][1](content)
    assert read(kind, data) == content
    assert read(kind, data, chunk=len(data)) == content
    assert read(kind, data, chunk=max(len(data) // 3000, 1)) == content


@kinds
def test_a_file_may_come_in_single_bytes(kind: str) -> None:
    content = text(3000)
    assert read(kind, COMPRESSED[kind][1](content), chunk=1) == content


@pytest.mark.parametrize("kind", SEVERAL)
@pytest.mark.parametrize("chunk", [1, 1000, 64 * 1024])
def test_a_file_may_have_several_streams(kind: str, chunk: int) -> None:
    contents = [text(size) for size in (5000, 0, 70, 20_000)]
    data = b"".join(map(COMPRESSED[kind][1], contents))
    assert read(kind, data, chunk=chunk) == b"".join(contents)


@kinds
def test_no_bytes_have_no_content(kind: str) -> None:
    assert read(kind, b"") == b""


@kinds
def test_a_truncated_file_is_an_error_that_tells_where(kind: str) -> None:
    data = COMPRESSED[kind][1](text(60_000))
    for length in sorted({1, 3, 5, len(data) // 2, len(data) - 9, len(data) - 1}):
        if kind == "snappy of Java" and length == 16:
            continue
        with pytest.raises(DecodeError, match=r"damaged at byte [\d,]+.*/in/a\.csv\.") as raised:
            read(kind, data[:length])
        assert raised.value.offset is not None
        assert 0 <= raised.value.offset <= length


@kinds
def test_other_content_than_the_extension_says_is_an_error(kind: str) -> None:
    for data in (b"id,name\n1,a\n2,b\n" * 100, b"\x00\x01" * 100, b"\xff" * 100):
        with pytest.raises(DecodeError):
            read(kind, data)


@pytest.mark.parametrize("kind", ["gzip", "deflate", "bzip2", "xz"])
def test_a_changed_bit_is_found_by_the_checksum(kind: str) -> None:
    content = text(50_000)
    data = bytearray(COMPRESSED[kind][1](content))
    chosen = random.Random(1)
    for place in chosen.sample(range(20, len(data)), 30):
        data[place] ^= 1 << chosen.randrange(8)
        with pytest.raises(DecodeError):
            read(kind, bytes(data))
        data = bytearray(COMPRESSED[kind][1](content))


@kinds
def test_damaged_data_is_an_error_or_other_data_but_nothing_else(kind: str) -> None:
    original = COMPRESSED[kind][1](text(20_000))
    chosen = random.Random(2)
    for _ in range(100):
        data = bytearray(original)
        for _ in range(3):
            data[chosen.randrange(len(data))] = chosen.randrange(256)
        try:
            read(kind, bytes(data), chunk=1000)
        except DecodeError as error:
            assert error.path  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("kind", ["gzip", "deflate", "bzip2", "xz", "zstd", "lz4 frames"])
@pytest.mark.parametrize("rest", [b"\0", b"\0" * 600, b"garbage" * 3, b"\0" * 70_000 + b"x"])
def test_what_follows_the_last_stream_is_an_error(kind: str, rest: bytes) -> None:
    data = COMPRESSED[kind][1](text(1000))
    if kind == "xz" and not rest.strip(b"\0") and len(rest) % 4 == 0:
        assert read(kind, data + rest) == text(1000)  # the format's own padding
        return
    with pytest.raises(DecodeError) as raised:
        read(kind, data + rest)
    assert raised.value.offset is not None
    assert raised.value.offset >= len(data) - 1


@pytest.mark.parametrize("kind", ["gzip", "deflate", "bzip2", "xz", "zstd", "lz4 frames"])
def test_memory_is_bounded_whatever_the_ratio(kind: str) -> None:
    bomb = COMPRESSED[kind][1](bytes(40_000_000))
    path = f"/in/a.{COMPRESSED[kind][0]}"
    file = MemoryFile(path, bomb, chunk=len(bomb))
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    most = total = 0
    with plain_chunks(file, 0, file.size, codec_of(path, None)) as pieces:
        for piece in pieces:
            total += len(piece)
            most = max(most, pa.total_allocated_bytes() - before)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 40_000_000
    assert peak + most < 13_000_000  # of which 8 MiB are the window of xz


@kinds
def test_a_consumer_that_stops_early_reads_no_further(kind: str) -> None:
    data = COMPRESSED[kind][1](random.Random(3).randbytes(3_000_000))
    path = f"/in/a.{COMPRESSED[kind][0]}"
    file = MemoryFile(path, data, chunk=50_000)
    with plain_chunks(file, 0, file.size, codec_of(path, None)) as pieces:
        next(pieces)
    assert file.served < 2_500_000


class LostFile(MemoryFile):
    """Loses its connection."""

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            yield self._data[:10]
            raise ConnectionLostError("gone", path=self.path)

        yield pieces()


@kinds
def test_an_error_of_the_network_stays_what_it_is(kind: str) -> None:
    path = f"/in/a.{COMPRESSED[kind][0]}"
    file = LostFile(path, COMPRESSED[kind][1](text(5000)))
    with (
        pytest.raises(ConnectionLostError, match="gone"),
        plain_chunks(file, 0, file.size, codec_of(path, None)) as pieces,
    ):
        list(pieces)


def test_a_file_without_a_codec_is_passed_on() -> None:
    file = MemoryFile("/in/a.csv", b"0123456789", chunk=4)
    with plain_chunks(file, 2, 9, "none") as pieces:
        assert list(pieces) == [b"2345", b"678"]


@pytest.mark.parametrize(
    ("path", "option", "codec"),
    [
        ("/in/a.csv", None, "none"),
        ("/in/a.csv", "gzip", "gzip"),
        ("/in/a.csv.gz", None, "gzip"),
        ("/in/a.csv.gz", "none", "gzip"),  # the extension takes precedence, as in Spark
        ("/in/A.CSV.GZ", None, "gzip"),
        ("/in/a.Bz2", "xz", "bzip2"),
        ("/in/a.gz/b.csv", None, "none"),
        ("/in/gz", None, "none"),
        ("gz", None, "none"),
        ("/in/a.lzma", None, "xz"),
        ("/in/a.deflate", None, "deflate"),
        ("/in/a.SNAPPY", None, "snappy"),
        ("/in/a.sz", None, "snappy"),
        ("/in/a.lz4", None, "lz4"),
        ("/in/a.zst", None, "zstd"),
    ],
)
def test_the_extension_names_the_codec_in_any_case(
    path: str, option: str | None, codec: str
) -> None:
    assert codec_of(path, option) == codec


def test_gzip_is_read_without_the_fast_library_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompressors, "isal", lambda: None)
    content = text(100_000)
    data = gzip.compress(content)
    for chunk in (1, 1000, len(data)):
        assert read("gzip", data, chunk=chunk) == content
    with pytest.raises(DecodeError, match="ends too early"):
        read("gzip", data[:-1])
    with pytest.raises(DecodeError, match="at byte"):
        read("gzip", data + b"garbage")


def test_a_window_too_large_for_the_memory_is_an_error() -> None:
    header = b"\x5d" + struct.pack("<I", 2**31) + b"\xff" * 8
    with pytest.raises(DecodeError, match=r"[Mm]emory"):
        read("lzma", header + bytes(100))


def test_a_codec_of_blocks_inside_files_is_refused() -> None:
    file = MemoryFile("/in/a.csv", b"x")
    with (
        pytest.raises(OptionsError, match="compression=brotli is of no whole files; none, gzip"),
        plain_chunks(file, 0, 1, "brotli") as pieces,
    ):
        list(pieces)


def test_every_codec_that_compresses_files_decompresses_them() -> None:
    for codec in codecs.CODECS:
        if codec.whole_file is None:
            continue
        assert codec.decompress is not None
        compressor = codec.whole_file.open(None)
        data = bytes(compressor.compress(b"abc")) + bytes(compressor.flush())
        file = MemoryFile("/in/a", data)
        with plain_chunks(file, 0, file.size, codec.name) as pieces:
            assert b"".join(pieces) == b"abc"


def test_the_sizes_of_pieces_do_not_matter() -> None:
    content = text(30_000)
    for kind, seed in itertools.product(COMPRESSED, range(5)):
        data = COMPRESSED[kind][1](content)
        chosen = random.Random(seed)
        source = compressed_pieces(data, chosen)
        path = f"/in/a.{COMPRESSED[kind][0]}"
        assert b"".join(decompressed(source, codec_of(path, None), path)) == content


def compressed_pieces(data: bytes, chosen: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = chosen.choice([1, 2, 7, 100, 5000])
        yield data[at : at + size]
        at += size
