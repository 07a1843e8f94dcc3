"""What a read makes of bad input: rows that are right, or a clear error in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import os
import pickle
import tarfile
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from sftp_async import progress
from sftp_async.errors import DecodeError, RemoteChangedError
from sftp_async.formats import line_decoder
from sftp_async.formats.line_decoder import LineReader
from sftp_async.options import SFTPOptions
from sftp_async.read.columns import METADATA
from sftp_async.read.scan import plan_scan, plan_schema
from sftp_async.read.task import ReadCounters, read_task
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.documents import REPOSITORY

pytestmark = pytest.mark.one_python

TEXT = pa.schema([("value", pa.string())])
MIB = 1024 * 1024


class Inbox:
    """Reads of `/in`, as all tasks of a job do it.

    Attributes:
        folder: of the files.
        counters: of the reads so far.

    """

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.folder = server.root / "in"
        self.folder.mkdir()
        self.counters = ReadCounters()

    def options(self, name: str = "", **options: Any) -> SFTPOptions:
        return SFTPOptions(**self.server.options(), path=f"/in/{name}", **options)

    def read(self, columns: pa.Schema = TEXT, name: str = "", **options: Any) -> pa.Table:
        scan, tasks, _ = plan_scan(self.options(name, **options), columns)
        batches = [batch for task in tasks for batch in read_task(scan, task, self.counters)]
        return pa.Table.from_batches(batches, columns)

    def values(self, **options: Any) -> list[Any]:
        return sorted(self.read(**{"format": "text"} | options).column(0).to_pylist())


@pytest.fixture
def inbox(embedded_server: EmbeddedServer) -> Inbox:
    return Inbox(embedded_server)


# A file that changes while it is read.

LINES = b"".join(b"%07d\n" % number for number in range(250_000))  # 2 MB: several requests


class Changing(FolderServer):
    """Calls `change` with the local path of a file when its middle is first asked for."""

    change: Callable[[Path], None]
    _path: Path
    _lock = threading.Lock()

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        self._path = Path(os.fsdecode(self.map_path(path)))
        return super().open(path, pflags, attrs)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        with self._lock:
            changes = vars(type(self)).get("change")
            if offset and changes is not None:
                del type(self).change
                changes(self._path)
        return super().read(file_obj, offset, size)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more\n")


def shrink(path: Path) -> None:
    os.truncate(path, len(LINES) - 8)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"zzzzzzz\n")
    os.utime(path, (1, 1))


@pytest.mark.parametrize("change", [grow, shrink, rewrite])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_a_file_that_changes_while_it_is_read_is_an_error_with_both_versions(
    tmp_path: Path, change: Callable[[Path], None], name: str
) -> None:
    factory = type("Once", (Changing,), {"change": staticmethod(change)})
    with EmbeddedServer(tmp_path / "served", sftp_factory=factory) as server:
        inbox = Inbox(server)
        content = LINES if name == "a.txt" else gzip.compress(LINES, 0)
        (inbox.folder / name).write_bytes(content)
        os.utime(inbox.folder / name, (1_700_000_000, 1_700_000_000))
        with pytest.raises(RemoteChangedError) as caught:
            inbox.values()
        assert caught.value.path == f"/in/{name}"
        listed = f"it had {len(content):,} bytes, modified 2023-11-14 22:13:20 UTC; now it has "
        assert listed in str(caught.value)
        assert "load again" in str(caught.value)


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was_planned(
    tmp_path: Path,
) -> None:
    def put_another(path: Path) -> None:
        path.with_name("new").write_bytes(b"other\n")
        path.with_name("new").rename(path)

    factory = type("Once", (Changing,), {"change": staticmethod(put_another)})
    with EmbeddedServer(tmp_path / "served", sftp_factory=factory) as server:
        inbox = Inbox(server)
        (inbox.folder / "a.txt").write_bytes(LINES)
        # The open file is the version that was planned; the name leads to another one.
        assert len(inbox.values(name="a.txt")) == 250_000
        assert inbox.values(name="a.txt") == ["other"]


# Damaged content.


def in_memory(write: Callable[[Any], Any]) -> bytes:
    sink = io.BytesIO()
    write(sink)
    return sink.getvalue()


TABLE = pa.table({"value": [f"row {number}" for number in range(1000)]})
PARQUET = in_memory(lambda sink: parquet.write_table(TABLE, sink, compression="none"))
ORC = in_memory(lambda sink: orc.write_table(TABLE, sink))


def zipped(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member.txt", content)
    return sink.getvalue()


def tarred(content: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        entry = tarfile.TarInfo("member.txt")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


#: Name of the format -> name of a file, its content, and a good content.
DAMAGED: dict[str, tuple[str, str, bytes, bytes]] = {
    "gzip that is cut": ("text", "b.txt.gz", gzip.compress(LINES)[:50_000], gzip.compress(b"x\n")),
    "bzip2 that is cut": ("text", "b.txt.bz2", bz2.compress(LINES)[:50_000], bz2.compress(b"x\n")),
    "no gzip at all": ("text", "b.txt.gz", b"plain\n", gzip.compress(b"x\n")),
    "a footer of Parquet beyond the file": (
        "parquet",
        "b.parquet",
        PARQUET[:-8] + b"\xff\xff\xff\x7fPAR1",
        PARQUET,
    ),
    "a footer of Parquet with other bytes": (
        "parquet",
        "b.parquet",
        PARQUET[:-40] + b"\xff" * 32 + PARQUET[-8:],
        PARQUET,
    ),
    "no Parquet at all": ("parquet", "b.parquet", b"id,name\n1,one\n2,two\n", PARQUET),
    "Parquet that is cut": ("parquet", "b.parquet", PARQUET[:-100], PARQUET),
    "no ORC at all": ("orc", "b.orc", b"id,name\n1,one\n2,two\n", ORC),
    "ORC that is cut": ("orc", "b.orc", ORC[:-10], ORC),
    "no Avro at all": ("avro", "b.avro", b"id,name\n1,one\n2,two\n", b""),
    "a zip archive that is cut": ("text", "b.zip", zipped(LINES)[:-30], zipped(b"x\n")),
    "a tar archive that is cut": ("text", "b.tar.gz", tarred(LINES)[:50_000], tarred(b"x\n")),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_an_error_that_names_it_or_left_out_and_counted_if_that_is_asked_for(
    inbox: Inbox, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    form, name, content, good = DAMAGED[damage]
    (inbox.folder / name).write_bytes(content)
    options = {"format": form, "archive": "auto"}
    with pytest.raises(DecodeError) as caught:
        inbox.read(**options)
    assert str(caught.value.path).startswith(f"/in/{name}")
    assert caught.value.offset is not None
    assert f"at byte {caught.value.offset:,}" in str(caught.value)
    caplog.set_level(logging.WARNING)
    rows = 0
    if good:
        (inbox.folder / name.replace("b.", "a.", 1)).write_bytes(good)
        rows = {"text": 1}.get(form, 1000)
    inbox.counters = ReadCounters()
    found = inbox.read(**options, ignore_corrupt_files=True)
    # What was read of a file before its damage is kept, as in Spark.
    assert len(found) >= rows
    assert inbox.counters.files_left_out == 1
    assert f"/in/{name}" in caplog.text


# Content that is much larger than it looks.


@pytest.fixture
def short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the limit of a line from 512 to 16 MiB, so that it is reached soon."""
    of = LineReader.of
    monkeypatch.setattr(
        LineReader, "of", lambda options: replace(of(options), max_line_bytes=16 * MIB)
    )


@pytest.mark.usefixtures("short_lines")
@pytest.mark.parametrize("form", ["text", "csv", "json"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "a bomb of gzip"])
def test_a_line_of_ten_gigabytes_is_an_error_when_its_limit_is_reached(
    inbox: Inbox, form: str, packed: bool
) -> None:
    path = inbox.folder / ("a.txt.gz" if packed else "a.txt")
    if packed:
        # 64 MiB of zeros in 64 KiB, over and over: members of gzip, one after the other.
        path.write_bytes(gzip.compress(bytes(64 * MIB)) * 160)
    else:
        path.touch()
        os.truncate(path, 10 * 1024**3)
    with pytest.raises(DecodeError, match=r"The line at byte 0 is longer than 16\.8 MB") as caught:
        inbox.read(format=form)
    assert caught.value.path == f"/in/{path.name}"
    assert inbox.counters.bytes < 64 * MIB


def test_the_limit_of_a_line_is_the_one_in_the_documents() -> None:
    assert line_decoder.MAX_LINE_BYTES == 512 * MIB
    page = (REPOSITORY / "docs" / "reference" / "reading-differences.md").read_text()
    assert page.count("A line has at most 512 MiB") == 3


COLUMNS = 1_000_000


@pytest.mark.parametrize("columns", [pa.schema([("c0", pa.string())]), None], ids=str)
def test_a_csv_file_of_a_million_columns_is_an_error_that_names_the_option(
    inbox: Inbox, columns: pa.Schema | None
) -> None:
    (inbox.folder / "a.csv").write_bytes(b"," * (COLUMNS - 1) + b"\n")

    def look() -> object:
        if columns is None:
            return plan_schema(inbox.options(format="csv"))
        return inbox.read(columns, format="csv")

    with pytest.raises(DecodeError, match="more than max_columns=20480 values") as caught:
        look()
    assert caught.value.path == "/in/a.csv"


def test_a_record_of_a_hundred_thousand_columns_gives_those_that_are_wanted(inbox: Inbox) -> None:
    columns = pa.schema([("c7", pa.int64()), ("c99999", pa.int64())])
    fields = ",".join(f'"c{number}":{number}' for number in range(COLUMNS // 10))
    (inbox.folder / "a.json").write_text(f"{{{fields}}}\n")
    elements = "".join(f"<c{number}>{number}</c{number}>" for number in range(COLUMNS // 10))
    (inbox.folder / "a.xml").write_text(f"<ROWS><ROW>{elements}</ROW></ROWS>\n")
    expected = [{"c7": 7, "c99999": 99_999}]
    for name in ("a.json", "a.xml"):
        assert inbox.read(columns, name).to_pylist() == expected


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_the_members_of_a_zip_bomb_are_read_piece_by_piece(inbox: Inbox, form: str) -> None:
    sink = io.BytesIO()
    line = {"text": b"x" * 99, "csv": b"x" * 99, "json": b'{"value":"x"}'}[form] + b"\n"
    content = line * (16 * MIB // len(line))
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(2):
            archive.writestr(f"{number}.txt", content)
    (inbox.folder / "a.zip").write_bytes(sink.getvalue())
    scan, tasks, _ = plan_scan(inbox.options(format=form, archive="auto"), TEXT)
    before = pa.total_allocated_bytes()
    rows = most = 0
    for batch in (batch for task in tasks for batch in read_task(scan, task, inbox.counters)):
        rows += len(batch)
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 2 * (len(content) // len(line))
    assert most < 16 * MIB
    assert inbox.counters.bytes < MIB


# Names.

#: Names that a server can send, and a terminal or a pattern cannot take as they are.
NAMES = [
    "ä 漢 🦆.txt", "a'b\"c.txt", "-rf.txt", "*?[x]{y}.txt", "tab\tnew\nline.txt", "%41.txt",
    "\udcff\udcfe.txt", "back\\slash.txt", "n" * 251 + ".txt", "cr\r.txt", "\x1b[31mred.txt",
    " .txt",
]  # fmt: skip


@pytest.mark.parametrize("metadata", [False, True], ids=["rows", "with metadata"])
def test_files_of_any_name_are_read(inbox: Inbox, metadata: bool) -> None:
    for number, name in enumerate(NAMES):
        (inbox.folder / name).write_text(f"{number}\n")
    numbers = [str(number) for number in range(len(NAMES))]
    if not metadata:
        assert sorted(inbox.values(), key=int) == numbers
        return
    columns = TEXT.append(pa.field("_metadata", METADATA))
    found = inbox.read(columns, format="text", metadata_column="_metadata").to_pylist()
    assert {row["value"]: row["_metadata"]["file_name"] for row in found} == {
        str(number): name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for number, name in enumerate(NAMES)
    }


@pytest.mark.parametrize("name", NAMES)
def test_an_error_names_the_file_in_one_line_of_text_whatever_its_name(
    inbox: Inbox, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    (inbox.folder / f"{name[:245]}.gz").write_bytes(b"plain\n")
    with pytest.raises(DecodeError) as caught:
        inbox.values()
    str(caught.value).encode()
    assert not {"\n", "\r", "\x1b"} & set(str(caught.value))
    assert pickle.loads(pickle.dumps(caught.value)).path == caught.value.path
    assert inbox.values(ignore_corrupt_files=True) == []
    caplog.text.encode()


def test_binary_files_of_any_name_are_read(inbox: Inbox) -> None:
    for number, name in enumerate(NAMES):
        (inbox.folder / name).write_text(f"{number}")
    columns = plan_schema(inbox.options(format="binary"))
    rows = inbox.read(columns, format="binary").to_pylist()
    assert sorted((row["content"] for row in rows), key=int) == [
        str(number).encode() for number in range(len(NAMES))
    ]


def test_the_progress_of_a_read_of_any_name_is_sent(inbox: Inbox) -> None:
    (inbox.folder / "\udcff.txt").write_text("x\n")
    address = progress.listen("127.0.0.1")
    scan, [task], tracking = plan_scan(
        inbox.options("\udcff.txt", format="text"), TEXT, listener=address
    )
    assert sum(len(batch) for batch in tracking.read(scan, task, 0, 0)) == 1
    summary = progress.last_read()
    assert summary is not None
    assert (summary.files, summary.rows, summary.target) == (1, 1, "/in/?.txt")


def test_a_partition_directory_of_any_name_gives_its_value(inbox: Inbox) -> None:
    for name in ("k=\udcff", "k=a"):
        (inbox.folder / name).mkdir()
        (inbox.folder / name / "a.txt").write_text("x\n")
    columns = TEXT.append(pa.field("k", pa.string()))
    rows = inbox.read(columns, format="text").to_pylist()
    assert sorted(row["k"] for row in rows) == ["a", "\ufffd"]
