"""`verify=checksum` compares what a read takes with the checksum files next to it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from sftp_async.errors import DecodeError, VerificationError
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import list_scan, scan_of
from sftp_async.read.task import read_task
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.jobs import real_job, upload

pytestmark = pytest.mark.one_python

TEXT = pa.schema([("value", pa.string())])


@pytest.fixture
def folder(embedded_server: EmbeddedServer) -> Path:
    folder = embedded_server.root / "in"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, content: bytes, algorithm: str = "sha256") -> None:
    (folder / name).write_bytes(content)
    digest = hashlib.new(algorithm, content).hexdigest()
    (folder / f"{name}.{algorithm}").write_text(f"{digest}  {name}\n")


def rows(server: EmbeddedServer, path: str, columns: pa.Schema = TEXT, **options: Any) -> list[Any]:
    given = {"verify": "checksum", "format": "text"} | options
    options_, listing = list_scan(SFTPOptions(**server.options(), path=path, **given))
    scan, tasks = scan_of(options_, listing, columns)
    batches = [batch for task in tasks for batch in read_task(scan, task)]
    return sorted(pa.Table.from_batches(batches, columns).column(0).to_pylist())


def test_files_with_their_checksum_are_read_and_those_without_too(
    embedded_server: EmbeddedServer, folder: Path
) -> None:
    put(folder, "a.txt", b"a\n")
    put(folder, "b.txt", b"b\n", "md5")
    (folder / "c.txt").write_bytes(b"c\n")
    for path in ("/in", "/in/*"):
        assert rows(embedded_server, path) == ["a", "b", "c"]
    # A file with a checksum is not split: the checksum is one of all of it.
    put(folder, "large.txt", b"".join(b"%d\n" % number for number in range(50_000)))
    assert len(rows(embedded_server, "/in/large.txt", max_partition_bytes="10000")) == 50_000


@pytest.mark.parametrize("path", ["/in", "/in/a.txt", "/in/*.txt"])
@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_that_differs_from_its_checksum_is_an_error(
    embedded_server: EmbeddedServer, folder: Path, path: str, algorithm: str
) -> None:
    put(folder, "a.txt", b"a\n", algorithm)
    (folder / "a.txt").write_bytes(b"b\n")
    with pytest.raises(
        VerificationError, match=f"The content has the {algorithm.upper()} "
    ) as caught:
        rows(embedded_server, path)
    assert caught.value.path == "/in/a.txt"
    assert rows(embedded_server, path, verify="size") == ["b"]


def test_a_checksum_file_may_have_lines_for_other_files(
    embedded_server: EmbeddedServer, folder: Path
) -> None:
    put(folder, "a.txt", b"a\n")
    line = (folder / "a.txt.sha256").read_text()
    (folder / "a.txt.sha256").write_text(f"{'0' * 64}  b.txt\n{line}")
    assert rows(embedded_server, "/in") == ["a"]


def test_a_checksum_file_without_a_checksum_is_an_error(
    embedded_server: EmbeddedServer, folder: Path
) -> None:
    put(folder, "a.txt", b"a\n")
    (folder / "a.txt.sha256").write_text("will follow\n")
    with pytest.raises(DecodeError, match="has no SHA256 of"):
        rows(embedded_server, "/in")


@pytest.mark.parametrize("changed", [False, True])
def test_files_that_are_read_by_ranges_are_compared_as_well(
    embedded_server: EmbeddedServer, folder: Path, changed: bool
) -> None:
    table = pa.table({"value": [str(number) for number in range(1000)]})
    parquet.write_table(table, folder / "a.parquet", compression="none")
    content = (folder / "a.parquet").read_bytes()
    put(folder, "a.parquet", content)
    if changed:
        (folder / "a.parquet").write_bytes(content.replace(b"777", b"778", 1))
        with pytest.raises(VerificationError):
            rows(embedded_server, "/in", format="parquet")
    else:
        assert len(rows(embedded_server, "/in", format="parquet")) == 1000


def test_the_checksum_files_of_this_package_s_writer_are_used(
    embedded_server: EmbeddedServer,
) -> None:
    options = embedded_server.options()
    job = real_job(options, "/out", checksum_files="sha256", manifest=True).prepare()
    job.commit(upload(job, ["one"], ["two"]))
    assert rows(embedded_server, "/out") == ["one", "two"]
    (part, *_) = sorted((embedded_server.root / "out").glob("part-*"))
    part.write_bytes(part.read_bytes().upper())
    with pytest.raises(VerificationError):
        rows(embedded_server, "/out")
