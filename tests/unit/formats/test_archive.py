"""The members of archives are files of their own: in order, bounded, and safe."""

from __future__ import annotations

import functools
import gc
import gzip
import io
import random
import tarfile
import tempfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pytest

from sftp_async.errors import DecodeError
from sftp_async.formats import archive_member, open_read_format, zip_archive
from sftp_async.formats.archive import is_archive, members
from tests.support.readable import MemoryFile, read_options
from tests.unit.formats.test_decompression import COMPRESSED, text, zstd

FILES = {
    "orders/1.csv": b"id,name\n1,a\n",
    "orders/large.csv": text(1_300_000),
    "b.csv.gz": gzip.compress(b"id\n2\n"),
    "empty.csv": b"",
    "names/ä €.csv": b"x\n",
}
METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


def tarred(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


ARCHIVES: dict[str, Callable[[dict[str, bytes]], bytes]] = {
    "a.zip": zipped,
    "A.ZIP": lambda files: zipped(files, zipfile.ZIP_STORED),
    "bzip2.zip": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "a.tar": tarred,
    "gnu.tar": lambda files: tarred(files, tarfile.GNU_FORMAT),
    "a.tar.gz": lambda files: gzip.compress(tarred(files)),
    "a.TGZ": lambda files: gzip.compress(tarred(files)),
    "a.tar.bz2": lambda files: COMPRESSED["bzip2"][1](tarred(files)),
    "a.tbz2": lambda files: COMPRESSED["bzip2"][1](tarred(files)),
    "a.tar.xz": lambda files: COMPRESSED["xz"][1](tarred(files)),
    "a.tar.zst": lambda files: zstd(tarred(files)),
}
archives = pytest.mark.parametrize("name", ARCHIVES)


@functools.cache
def usual(name: str) -> bytes:
    return ARCHIVES[name](FILES)


def archive_of(name: str, files: dict[str, bytes], chunk: int = 64 * 1024) -> MemoryFile:
    data = usual(name) if files is FILES else ARCHIVES[name](files)
    return MemoryFile(f"/in/{name}", data, chunk=chunk)


def content(member: MemoryFile) -> bytes:
    with member.chunks(0, member.size) as chunks:
        return b"".join(chunks)


def read_all(archive: MemoryFile, *, in_order: bool = False) -> dict[str, bytes]:
    return {
        member.path: content(member)  # type: ignore[arg-type]
        for member in members(archive, in_order=in_order)
    }


@archives
@pytest.mark.parametrize("chunk", [100_000_000, 65_536, 777])
def test_members_are_files_with_their_content(name: str, chunk: int) -> None:
    found = read_all(archive_of(name, FILES, chunk))
    assert found == {f"/in/{name}!/{path}": data for path, data in FILES.items()}


@archives
def test_a_member_has_size_and_time(name: str) -> None:
    for member in members(archive_of(name, FILES)):
        assert member.size == len(FILES[member.path.partition("!/")[2]])
        assert member.mtime > 0


@archives
def test_a_member_that_is_not_read_to_its_end_is_passed_over(name: str) -> None:
    found = []
    for number, member in enumerate(members(archive_of(name, FILES))):
        with member.chunks(0, member.size) as chunks:
            if number == 1:
                assert next(chunks)
            elif number > 2:
                found.append(b"".join(chunks))
    assert found == [b"", b"x\n"]


@archives
def test_a_member_may_be_read_again_and_after_the_others(name: str) -> None:
    kept = list(members(archive_of(name, FILES)))
    for member in [*reversed(kept), *kept]:
        assert content(member) == FILES[member.path.partition("!/")[2]]  # type: ignore[arg-type]


@archives
def test_a_member_may_be_read_by_ranges(name: str) -> None:
    data = FILES["orders/large.csv"]
    for member in members(archive_of(name, FILES)):
        if not member.path.endswith("large.csv"):
            continue
        wanted = [(10, 20), (len(data) - 5, len(data)), (0, 3)]
        assert member.read_ranges(wanted) == [data[start:stop] for start, stop in wanted]
        with member.chunks(1_000_000, 1_290_000) as chunks:
            assert b"".join(chunks) == data[1_000_000:1_290_000]
        with member.chunks(0, 100) as chunks:
            assert b"".join(chunks) == data[:100]


@archives
def test_the_start_of_a_member_is_read_without_the_rest(name: str) -> None:
    archive = archive_of(name, {"a.csv": random.Random(1).randbytes(5_000_000)}, chunk=10_000)
    [member] = list(members(archive))
    before = archive.served
    with member.chunks(0, 1000) as chunks:
        assert len(b"".join(chunks)) == 1000
    assert archive.served - before < 2_500_000


def test_a_copy_on_the_disk_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_member, "MAX_SPOOLED_BYTES", 1000)
    for name in ("a.zip", "a.tar"):
        [member] = members(archive_of(name, {"a.parquet": bytes(1001)}))
        with pytest.raises(DecodeError, match=r"may have 1\.0 kB.*a\.parquet"):
            member.read_ranges([(0, 1)])


class InOrder(MemoryFile):
    """A file of a server that serves no ranges."""

    def read_ranges(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        raise AssertionError("the server serves no ranges")

    @contextmanager
    def chunks(self, start: int, stop: int) -> Iterator[Iterator[bytes]]:
        assert (start, stop) == (0, self.size)
        assert not self.served
        with super().chunks(start, stop) as pieces:
            yield pieces


@archives
def test_a_server_without_ranges_has_each_byte_read_once(name: str) -> None:
    archive = InOrder(f"/in/{name}", usual(name))
    assert list(read_all(archive, in_order=True).values()) == list(FILES.values())
    assert archive.served == archive.size


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP"])
def test_the_copy_of_a_zip_file_lives_as_long_as_its_members(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    make = tempfile.TemporaryFile

    def noting(**options: str) -> IO[bytes]:
        made.append(make(**options))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noting)
    kept = list(members(InOrder(f"/in/{name}", usual(name)), in_order=True))
    for member in kept:
        data = FILES[member.path.partition("!/")[2]]
        assert content(member) == data  # type: ignore[arg-type]
        assert member.read_ranges([(0, len(data))]) == [data]
    assert len(made) == 1 + len(FILES)
    assert not any(file.closed for file in made)
    del kept, member
    gc.collect()
    assert all(file.closed for file in made)


def test_only_the_directory_and_what_is_wanted_is_read_of_a_zip_file() -> None:
    chosen = random.Random(2)
    files = {f"{number}.csv": chosen.randbytes(500_000) for number in range(20)}
    archive = archive_of("a.zip", files)
    for member in members(archive):
        if member.path.endswith("/7.csv"):
            assert content(member) == files["7.csv"]  # type: ignore[arg-type]
    assert archive.served < 700_000


HIDDEN = {
    "_SUCCESS": b"",
    ".hidden.csv": b"x",
    "__MACOSX/a.csv": b"x",
    "a/.git/b.csv": b"x",
    "_temporary/0/a.csv": b"x",
}


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_hidden_names_and_directories_are_left_out(name: str) -> None:
    files = HIDDEN | {"./a.csv": b"1", "_c=1/b.csv": b"2", "/etc/../../c.csv": b"3", "dir/": b""}
    if name == "a.tar":
        del files["dir/"]
    found = read_all(archive_of(name, files))
    assert list(found.values()) == [b"1", b"2", b"3"]
    assert all(path.startswith(f"/in/{name}!/") for path in found)


def test_links_and_devices_of_a_tar_archive_are_left_out() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("link.csv")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        directory = tarfile.TarInfo("dir.csv")
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        archive.addfile(tarfile.TarInfo("a.csv"))
    assert list(read_all(MemoryFile("/in/a.tar", sink.getvalue()))) == ["/in/a.tar!/a.csv"]


def test_links_of_a_zip_archive_are_left_out() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        link = zipfile.ZipInfo("link.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.csv", "x")
    assert list(read_all(MemoryFile("/in/a.zip", sink.getvalue()))) == ["/in/a.zip!/a.csv"]


@archives
def test_an_archive_of_nothing_has_no_members(name: str) -> None:
    assert read_all(archive_of(name, {})) == {}


@archives
def test_an_archive_that_is_cut_anywhere_is_an_error(name: str) -> None:
    files = {"a.csv": text(3000), "b.csv": text(2000)}
    whole = ARCHIVES[name](files)
    # What follows the last member of a tar archive is zeros, of which a block is enough.
    last_header = whole.rindex(b"ustar") - 257 if name.endswith(".tar") else 0
    end = last_header + 512 + 2048 + 512 if last_header else len(whole)
    for length in sorted({0, 1, 100, 511, 512, 600, end // 2, end - 600, end - 1}):
        archive = MemoryFile(f"/in/{name}", whole[: max(min(length, end - 1), 0)])
        with pytest.raises(DecodeError) as raised:
            read_all(archive)
        assert raised.value.path is not None
        assert raised.value.path.startswith(f"/in/{name}")


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_archive_without_its_end_or_with_a_damaged_header_is_an_error(form: int) -> None:
    whole = tarred({"a.csv": bytes(512), "b.csv": b"x" * 512, "c.csv": b"y"}, form)
    data = whole.rstrip(b"\0")
    at_header = whole.index(b"c.csv")
    for cut in (at_header, at_header + 100):
        with pytest.raises(DecodeError, match="truncated"):
            read_all(MemoryFile("/in/a.tar", whole[:cut]))
    damaged = bytearray(data + bytes(10_240))
    damaged[at_header + 150] ^= 1
    with pytest.raises(DecodeError, match="a header is damaged"):
        read_all(MemoryFile("/in/a.tar", bytes(damaged)))


@archives
def test_two_archives_in_one_file_are_an_error_rather_than_half_of_the_rows(name: str) -> None:
    whole = ARCHIVES[name]({"a.csv": text(3000)}) + ARCHIVES[name]({"b.csv": text(2000)})
    problem = "holds another zip archive" if name.lower().endswith(".zip") else "behind its end"
    with pytest.raises(DecodeError, match=problem) as raised:
        read_all(MemoryFile(f"/in/{name}", whole))
    assert raised.value.path == f"/in/{name}"


def test_a_program_may_be_before_a_zip_archive_and_zeros_behind_a_tar_archive() -> None:
    files = {"a.csv": text(3000)}
    for name, whole in (
        ("a.zip", b"#!/bin/sh\n" + zipped(files)),
        ("a.tar", tarred(files) + bytes(3_000_000)),
        ("a.tar.gz", gzip.compress(tarred(files)) + gzip.compress(bytes(3_000_000))),
    ):
        assert [*read_all(MemoryFile(f"/in/{name}", whole)).values()] == [files["a.csv"]]


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP", "bzip2.zip", "lzma.zip"])
def test_a_changed_byte_of_a_zip_member_is_found(name: str) -> None:
    data = text(50_000)
    whole = bytearray(ARCHIVES[name]({"a.csv": data}))
    chosen = random.Random(3)
    for place in chosen.sample(range(60, 400), 20):
        changed = bytearray(whole)
        changed[place] ^= 1 << chosen.randrange(8)
        with pytest.raises(DecodeError, match=r"!/a\.csv"):
            read_all(MemoryFile(f"/in/{name}", bytes(changed)))


def test_an_encrypted_member_is_an_error_that_says_so() -> None:
    whole = bytearray(zipped({"a.csv": b"x"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(mark) + place] |= 1
    with pytest.raises(DecodeError, match=r"it is encrypted, and not by AES.*!/a\.csv"):
        read_all(MemoryFile("/in/a.zip", bytes(whole)))


def test_an_unknown_method_is_an_error_that_says_so() -> None:
    whole = bytearray(zipped({"a.csv": b"x"}))
    whole[whole.index(b"PK\x01\x02") + 10] = 97
    with pytest.raises(DecodeError, match="method 97 is not known"):
        read_all(MemoryFile("/in/a.zip", bytes(whole)))


def test_a_member_of_zstd_is_read() -> None:
    data = text(100_000)
    packed = zstd(data)
    whole = bytearray(zipped({"a.csv": packed}, zipfile.ZIP_STORED))
    checksum = zlib.crc32(data).to_bytes(4, "little")
    at = whole.index(b"PK\x01\x02")
    whole[at + 10] = 93
    whole[at + 16 : at + 20] = checksum
    whole[at + 24 : at + 28] = len(data).to_bytes(4, "little")
    assert read_all(MemoryFile("/in/a.zip", bytes(whole))) == {"/in/a.zip!/a.csv": data}


def test_a_member_with_more_content_than_it_states_is_an_error_at_once() -> None:
    whole = bytearray(zipped({"a.csv": bytes(50_000_000)}))
    at = whole.index(b"PK\x01\x02")
    whole[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(DecodeError, match="more than the 1,000 bytes"):
        read_all(MemoryFile("/in/a.zip", bytes(whole)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz", "a.tar.zst"])
def test_memory_is_bounded_whatever_the_ratio(name: str) -> None:
    archive = archive_of(name, {"a.csv": bytes(40_000_000)})
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    total = most = 0
    for member in members(archive):
        with member.chunks(0, member.size) as chunks:
            for chunk in chunks:
                total += len(chunk)
                most = max(most, pa.total_allocated_bytes() - before)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 40_000_000
    assert peak + most < 20_000_000


def test_a_tar_archive_of_many_members_takes_no_memory_for_each() -> None:
    archive = archive_of("a.tar", {f"{number}.csv": b"" for number in range(20_000)})
    tracemalloc.start()
    count = sum(1 for _ in members(archive))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 6_000_000


def test_the_directory_of_a_zip_archive_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "_MAX_DIRECTORY", 100_000)
    archive = archive_of("a.zip", {f"{number}.csv": b"" for number in range(2000)})
    with pytest.raises(DecodeError, match=r"directory of the zip archive is larger than 100\.0 kB"):
        read_all(archive)
    assert archive.served < 100_000


@pytest.mark.parametrize("inner", ["b.zip", "b.tar.gz", "b.tgz"])
def test_an_archive_within_an_archive_is_an_error(inner: str) -> None:
    archive = archive_of("a.zip", {f"x/{inner}": b"x"})
    with pytest.raises(DecodeError, match=r"archive within an archive.*Unpack"):
        read_all(archive)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *((f"/in/{name}", True) for name in ARCHIVES),
        ("/in/a.tar.lz4", True),
        ("/in/a.txz", True),
        ("/in/.zip", False),
        ("/in/zip", False),
        ("/in/a.zip/b.csv", False),
        ("/in/a.gz", False),
        ("/in/a.zip.gz", False),
        ("/in/a.tar.csv", False),
        ("/in/a.tar\n", False),
    ],
)
def test_the_extension_tells_an_archive(path: str, expected: bool) -> None:
    assert is_archive(path) == expected


def test_a_decoder_reads_members_as_it_reads_files() -> None:
    files = {"a.txt": b"1\r\n2", "b.txt.gz": gzip.compress(b"3\n")}
    reading = open_read_format(read_options(format="text"), pa.schema({"value": pa.string()}))
    for name in ARCHIVES:
        rows = [
            row
            for member in members(archive_of(name, files))
            for batch in reading.decode(member, 0, member.size)
            for row in batch.column(0).to_pylist()
        ]
        assert rows == ["1", "2", "3"]
