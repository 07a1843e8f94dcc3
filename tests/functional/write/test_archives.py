"""Archives of parts and of exact files over real SSH, opened by other tools and read back."""

from __future__ import annotations

import gzip
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import DecodeError, EncodeError
from sftp_async.formats import open_read_format, zip_frame
from sftp_async.formats.archive import members
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.write.job import Job
from sftp_async.write.plan import plan_job
from tests.support.jobs import write_part
from tests.support.readable import MemoryFile, read_options

pytestmark = pytest.mark.one_python

SCHEMA = pa.schema([("id", pa.int64()), ("country", pa.string())])
KINDS = pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
#: 2026-11-23 00:00:01 UTC, which zip archives have in two seconds.
MOMENT = 1_795_392_001


def rows(start: int, stop: int, country: str = "DE") -> pa.RecordBatch:
    numbers = range(start, stop)
    return pa.record_batch([pa.array(numbers), pa.array([country] * len(numbers))], schema=SCHEMA)


def write(
    server: EmbeddedServer, path: str, *partitions: list[pa.RecordBatch], **options: Any
) -> Job:
    given = {**server.options(), "header": True, "path": path, **options}
    job = plan_job(SFTPOptions(**given), SCHEMA, overwrite=True).prepare()
    parts = [
        part for number, some in enumerate(partitions) for part in write_part(job, number, some)
    ]
    job.commit(parts)
    return job


def four(rows_each: int = 1000) -> list[list[pa.RecordBatch]]:
    return [[rows(n * rows_each, (n + 1) * rows_each)] for n in range(4)]


def contents(path: Path, password: str | None = None) -> dict[str, bytes]:
    """What our own reader finds, which is compared with other tools where it matters."""
    file = MemoryFile(str(path), path.read_bytes())
    options = read_options(**({"archive_password": password} if password else {}))
    found: dict[str, bytes] = {}
    for member in members(file, password=options.archive_password):
        with member.chunks(0, member.size) as pieces:
            found[member.path.partition("!/")[2]] = b"".join(pieces)
    return found


def checked(path: Path, password: str = "none") -> None:
    """Let the tools that partners use look at an archive."""
    commands: list[list[str]] = [["7z", "t", f"-p{password}"]]
    if path.suffix == ".zip":
        commands += [["unzip", "-t"]] if password == "none" else []
    else:
        commands += [["tar", "-tvf"]]
    for command in commands:
        subprocess.run([*command, str(path)], check=True, capture_output=True)


def lines(start: int, stop: int) -> bytes:
    return "".join(f"{n},DE\n" for n in range(start, stop)).encode()


@KINDS
def test_the_parts_of_an_exact_file_are_one_member(
    embedded_server: EmbeddedServer, kind: str
) -> None:
    options = {"header_lines": "H|{name}", "footer_lines": "T|{rows}", "modified_time": MOMENT}
    write(embedded_server, f"out/daily.{kind}", *four(), **options)
    path = embedded_server.root / f"out/daily.{kind}"
    checked(path)
    text = b"H|daily.csv\nid,country\n" + lines(0, 4000) + b"T|4000\n"
    assert contents(path) == {"daily.csv": text}
    if kind == "zip":
        with zipfile.ZipFile(path) as archive:
            assert archive.read("daily.csv") == text
            assert archive.infolist()[0].date_time == (2026, 11, 23, 0, 0, 0)
    else:
        with tarfile.open(path) as tar:
            found = tar.getmembers()
            assert [(one.name, one.mtime, one.mode) for one in found] == [
                ("daily.csv", MOMENT, 0o644)
            ]
            file = tar.extractfile(found[0])
            assert file is not None
            assert file.read() == text


def test_a_gzipped_tar_is_one_gzip_member_for_readers_that_stop_after_the_first(
    embedded_server: EmbeddedServer,
) -> None:
    import zlib

    write(embedded_server, "out/daily.tgz", *four(10))
    data = (embedded_server.root / "out/daily.tgz").read_bytes()
    stream = zlib.decompressobj(31)
    assert stream.decompress(data) == gzip.decompress(data)
    assert (stream.eof, stream.unused_data) == (True, b"")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"format": "parquet"}, [f"daily-{n:05d}.snappy.parquet" for n in range(4)]),
        ({"archive_member_template": "{stem}_{seq}.csv"}, [f"daily_{n}.csv" for n in (1, 2, 3, 4)]),
        ({"archive_password": "s3cret ä"}, [f"daily-{n:05d}.csv" for n in range(4)]),
    ],
)
def test_parts_that_cannot_be_one_member_are_members_of_one_archive(
    embedded_server: EmbeddedServer, options: dict[str, str], names: list[str]
) -> None:
    password = options.get("archive_password")
    write(embedded_server, "out/daily.zip", *four(), **options)
    path = embedded_server.root / "out/daily.zip"
    checked(path, password or "none")
    found = contents(path, password)
    assert [*found] == names
    if "format" not in options:
        for number, text in enumerate(found.values()):
            assert text == b"id,country\n" + lines(number * 1000, number * 1000 + 1000)


def test_one_part_of_such_a_format_needs_no_number(embedded_server: EmbeddedServer) -> None:
    write(embedded_server, "out/daily.zip", [], [rows(0, 3)], format="parquet")
    assert [*contents(embedded_server.root / "out/daily.zip")] == ["daily.snappy.parquet"]


def test_a_job_without_rows_makes_an_archive_with_the_header(
    embedded_server: EmbeddedServer,
) -> None:
    for name in ("out/none.zip", "out/none.tar"):
        write(embedded_server, name, [], [])
        assert contents(embedded_server.root / name) == {"none.csv": b"id,country\n"}


@KINDS
def test_each_part_file_is_an_archive(embedded_server: EmbeddedServer, kind: str) -> None:
    options = {"archive": kind, "partition_by": "country", "checksum_files": "sha256"}
    template = {"archive_member_template": "{country}_{partition:02d}.csv"}
    both = [[rows(0, 20), rows(20, 40, "FR")], [rows(40, 50)]]
    write(embedded_server, "out", *both, **options, **template, manifest=True)
    found: dict[str, bytes] = {}
    for path in (embedded_server.root / "out").rglob(f"part-*.csv.{kind}"):
        checked(path)
        found |= contents(path)
        sums = path.with_name(f".{path.name}.sha256")
        subprocess.run(["sha256sum", "-c", sums.name], cwd=path.parent, check=True)
    assert {name: text.count(b"\n") - 1 for name, text in found.items()} == {
        "DE_00.csv": 20,
        "DE_01.csv": 10,
        "FR_00.csv": 20,
    }


@KINDS
def test_part_files_end_at_their_limit(embedded_server: EmbeddedServer, kind: str) -> None:
    limit = 20_000
    some = [rows(n * 5000, n * 5000 + 5000) for n in range(10)]
    write(embedded_server, "out", some, archive=kind, max_file_bytes=limit)
    files = sorted((embedded_server.root / "out").iterdir())
    assert len(files) > 1
    texts = [text for file in files for text in contents(file).values()]
    assert b"".join(text.removeprefix(b"id,country\n") for text in texts) == lines(0, 50_000)


def test_the_names_of_a_template_are_archives_too(embedded_server: EmbeddedServer) -> None:
    template = {"file_name_template": "orders_{seq}.csv.zip", "archive_member_template": "o.csv"}
    write(embedded_server, "out", *four(2)[:2], **template)
    for number in (1, 2):
        assert [*contents(embedded_server.root / f"out/orders_{number}.csv.zip")] == ["o.csv"]


def test_members_of_a_tar_archive_may_be_compressed(embedded_server: EmbeddedServer) -> None:
    write(embedded_server, "out/daily.csv.gz.tar", *four(2), footer_lines="T|{rows}")
    found = contents(embedded_server.root / "out/daily.csv.gz.tar")
    text = b"id,country\n" + lines(0, 8) + b"T|8\n"
    assert {name: gzip.decompress(data) for name, data in found.items()} == {"daily.csv.gz": text}


def test_xml_in_an_archive_has_one_root(embedded_server: EmbeddedServer) -> None:
    write(embedded_server, "out/rows.xml.zip", *four(2))
    [(name, text)] = contents(embedded_server.root / "out/rows.xml.zip").items()
    assert (name, text.count(b"<ROWS>"), text.count(b"</ROWS>"), text.count(b"<ROW>")) == (
        *("rows.xml", 1),
        *(1, 8),
    )


def test_a_password_keeps_every_byte_of_the_rows_from_the_server(
    embedded_server: EmbeddedServer,
) -> None:
    options = {"archive": "zip", "archive_password": "s3cret", "compression": "none"}
    write(embedded_server, "out", [rows(0, 100, "TOPSECRET")], **options)
    [path] = (embedded_server.root / "out").iterdir()
    assert b"TOPSECRET" not in path.read_bytes()
    checked(path, "s3cret")
    assert subprocess.run(["7z", "t", "-pwrong", str(path)], capture_output=True).returncode
    [text] = contents(path, "s3cret").values()
    assert text.count(b"TOPSECRET") == 100
    with pytest.raises(DecodeError, match="archive_password is not its password"):
        contents(path, "wrong")
    with pytest.raises(DecodeError, match="it is encrypted: set archive_password"):
        contents(path)


def test_a_member_that_7_zip_encrypts_is_read_and_a_changed_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n" * 1000)
    for bits in (128, 256):
        path = tmp_path / f"{bits}.zip"
        method = f"-mem=AES{bits}"
        command = ["7z", "a", "-tzip", method, "-ps3cret", str(path), "a.csv"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        assert contents(path, "s3cret") == {"a.csv": b"id\n1\n" * 1000}
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(DecodeError, match="its authentication code is wrong"):
        contents(path, "s3cret")


def test_large_archives_have_the_fields_of_zip64(
    embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_frame, "ZIP64_SIZE", 100)
    monkeypatch.setattr(zip_frame, "ZIP64_COUNT", 3)
    write(embedded_server, "exact.zip", *four(), archive_member_template="{seq}.csv")
    write(embedded_server, "out", *four(), archive="zip")
    write(embedded_server, "secret", *four(), archive="zip", archive_password="s3cret")
    root = embedded_server.root
    for path in (root / "exact.zip", *(root / "out").iterdir(), *(root / "secret").iterdir()):
        password = "s3cret" if path.parent.name == "secret" else None
        checked(path, password or "none")
        found = b"".join(contents(path, password).values())
        assert found.count(b",DE\n") == (4000 if path.parent == root else 1000)
    with zipfile.ZipFile(root / "exact.zip") as archive:
        assert archive.testzip() is None


def test_a_second_part_needs_a_number_in_the_template(embedded_server: EmbeddedServer) -> None:
    with pytest.raises(EncodeError, match=r"put \{partition\} into archive_member_template"):
        write(
            embedded_server,
            "out/daily.zip",
            *four(2),
            format="parquet",
            archive_member_template="daily.parquet",
        )


def test_a_value_cannot_name_a_member_outside_of_it(embedded_server: EmbeddedServer) -> None:
    template = {"archive_member_template": "{country}", "partition_by": "country"}
    for value in ("..", ".ssh", "_x"):
        with pytest.raises(EncodeError, match="No member of an archive can have the name"):
            write(embedded_server, "out", [rows(0, 1, value)], archive="zip", **template)
    # Spark's directories have no slash and no colon in their names.
    write(embedded_server, "out", [rows(0, 1, "C:\\..\\x/../y")], archive="zip", **template)


def test_the_extension_of_a_read_archive_may_name_none(tmp_path: Path) -> None:
    path = tmp_path / "DAILY.DAT"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "1,DE\n")
    file = MemoryFile(str(path), path.read_bytes())
    [member] = members(file, kind="zip")
    reading = open_read_format(read_options(format="csv"), SCHEMA)
    [batch] = reading.decode(member, 0, member.size)
    assert batch.to_pylist() == [{"id": 1, "country": "DE"}]
