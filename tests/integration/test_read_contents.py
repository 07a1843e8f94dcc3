"""What is read of files on a real OpenSSH: archives, checked copies, and a choice of columns."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from sftp_async.errors import DecodeError, OptionsError, VerificationError
from sftp_async.options import SFTPOptions
from sftp_async.read.preview import preview
from sftp_async.read.scan import plan_scan, plan_schema
from sftp_async.read.task import ReadCounters, read_task
from tests.support.sshd import SSHD

pytestmark = pytest.mark.usefixtures("runtime")

LINES = pa.schema([("value", pa.string())])
NUMBERS = pa.schema([("a", pa.int32()), ("b", pa.string()), ("c", pa.float64())])


class Server:
    """Reads of a directory, without Spark."""

    def __init__(self, server: SSHD, directory: Path) -> None:
        self._server = server
        self.directory = directory
        self.counters = ReadCounters()

    def options(self, name: str = "", **options: Any) -> SFTPOptions:
        given = {**self._server.options(), **options}
        return SFTPOptions(**{**given, "path": str(self.directory / name)})

    def read(self, schema: pa.Schema, name: str = "", **options: Any) -> list[dict[str, Any]]:
        scan, tasks, _ = plan_scan(self.options(name, **options), schema)
        batches = [batch for task in tasks for batch in read_task(scan, task, self.counters)]
        rows: list[dict[str, Any]] = pa.Table.from_batches(batches, schema).to_pylist()
        return rows

    def schema(self, name: str = "", **options: Any) -> pa.Schema:
        return plan_schema(self.options(name, **options))


@pytest.fixture
def server(sshd: SSHD, remote_dir: Path) -> Server:
    """Reads of `remote_dir`."""
    return Server(sshd, remote_dir)


def values(rows: list[dict[str, Any]]) -> list[str]:
    return [row["value"] for row in rows]


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


MEMBERS = {"a.txt": b"1\n2\n", "in/b.txt": b"3\n", ".hidden": b"no\n"}


@pytest.mark.parametrize(
    ("name", "content"), [("x.zip", zipped(MEMBERS)), ("x.tar.gz", tarred(MEMBERS))]
)
@pytest.mark.parametrize("access", ["auto", "sequential", "once"])
def test_the_members_of_an_archive_are_read_as_files(
    server: Server, name: str, content: bytes, access: str
) -> None:
    (server.directory / name).write_bytes(content)
    assert values(server.read(LINES, format="text", access=access)) == ["1", "2", "3"]


def test_an_archive_is_a_file_like_others_where_members_are_not_asked_for(server: Server) -> None:
    (server.directory / "x.tar.gz").write_bytes(tarred(MEMBERS))
    rows = server.read(LINES, format="text", archive="none")
    assert rows[0]["value"].startswith("a.txt\0")


def test_the_columns_of_members_are_inferred(server: Server) -> None:
    (server.directory / "x.zip").write_bytes(zipped({"a.json": b'{"n":1}\n{"n":2.5,"s":"x"}\n'}))
    schema = server.schema(format="json")
    assert schema.names == ["n", "s"]
    assert server.read(schema, format="json") == [{"n": 1.0, "s": None}, {"n": 2.5, "s": "x"}]


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_with_a_right_checksum_file_is_read(server: Server, algorithm: str) -> None:
    content = b"one\ntwo\n"
    digest = hashlib.new(algorithm, content).hexdigest()
    (server.directory / "a.txt").write_bytes(content)
    (server.directory / f"a.txt.{algorithm}").write_text(f"{digest}  a.txt\n")
    assert values(server.read(LINES, format="text", verify="checksum")) == ["one", "two"]


def test_no_row_comes_of_a_file_whose_checksum_file_says_otherwise(server: Server) -> None:
    (server.directory / "a.txt").write_bytes(b"one\n")
    (server.directory / "a.txt.sha256").write_text(f"{'0' * 64}  a.txt\n")
    with pytest.raises(VerificationError, match="its checksum file says 0000"):
        server.read(LINES, format="text", verify="checksum")
    assert server.counters.rows == 0
    assert values(server.read(LINES, format="text")) == ["one"]


def test_a_write_refuses_what_only_a_read_can_verify(server: Server) -> None:
    from sftp_async.write.plan import plan_job

    with pytest.raises(OptionsError, match="verify=checksum is for reads"):
        plan_job(server.options("out", verify="checksum"), LINES, overwrite=False)


def test_parquet_is_read_from_a_server_that_serves_files_from_their_start_only(
    server: Server,
) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", None], "c": [0.5, 1.5]}, NUMBERS)
    parquet.write_table(table, server.directory / "a.parquet")
    for access in ("auto", "sequential", "once"):
        assert server.read(NUMBERS, access=access) == table.to_pylist()


def test_columns_of_a_csv_file_are_found_by_their_names_or_places(server: Server) -> None:
    (server.directory / "a.csv").write_text("a,b,c\n1,x,0.5\n2,y,1.5\n")
    wanted = server.schema(header=True, columns="c,a", infer_schema=True)
    assert wanted.names == ["c", "a"]
    rows = server.read(wanted, header=True, columns="c,a")
    assert rows == [{"c": 0.5, "a": 1}, {"c": 1.5, "a": 2}]
    wanted = server.schema(columns="_c2,_c0")
    assert server.read(wanted, columns="_c2,_c0")[1] == {"_c2": "0.5", "_c0": "1"}
    with pytest.raises(OptionsError, match=r"columns names nope, but there are a, b, c"):
        server.schema(header=True, columns="nope")


def test_a_file_that_is_given_away_once_needs_a_schema(server: Server) -> None:
    (server.directory / "a.csv").write_text("1\n")
    with pytest.raises(OptionsError, match="access=once reads no file twice"):
        server.schema(access="once")


def test_without_a_file_there_are_no_columns_and_with_them_no_rows(server: Server) -> None:
    (server.directory / "_SUCCESS").touch()
    assert server.read(LINES, format="text") == []
    with pytest.raises(Exception, match="there is no file to look at"):
        server.schema(format="json")


def test_the_bytes_of_csv_are_counted_by_the_path_that_they_take(server: Server) -> None:
    plain = "1,x,0.5\n" * 20_000
    (server.directory / "a.csv").write_text(plain)
    assert len(server.read(NUMBERS)) == 20_000
    assert (server.counters.fast_bytes, server.counters.exact_bytes) == (len(plain), 0)
    (server.directory / "a.csv").write_text('1,"a quote that is not closed,0.5\n')
    assert len(server.read(NUMBERS)) == 1
    assert server.counters.exact_bytes > 0


def test_the_rows_before_the_damage_are_read_where_corrupt_files_are_ignored(
    server: Server,
) -> None:
    text = "".join(f"{number},{number * 7919 % 10007}\n" for number in range(60_000))
    (server.directory / "a.csv.gz").write_bytes(gzip.compress(text.encode())[:-5000])
    schema = pa.schema([("a", pa.int64()), ("b", pa.int64())])
    with pytest.raises(DecodeError, match="truncated"):
        server.read(schema)
    rows = server.read(schema, ignore_corrupt_files=True)
    content = zlib.decompressobj(31).decompress((server.directory / "a.csv.gz").read_bytes())
    assert rows == [
        {"a": number, "b": number * 7919 % 10007} for number in range(content.count(b"\n"))
    ]
    assert server.counters.files_left_out == 1


def test_columns_are_found_without_the_corrupt_files_where_these_are_ignored(
    server: Server,
) -> None:
    (server.directory / "a.csv.gz").write_bytes(gzip.compress(b"x,y\n1,2\n")[:-9])
    (server.directory / "b.csv").write_text("x,y\n3,4\n")
    with pytest.raises(DecodeError):
        server.schema(header=True)
    assert server.schema(header=True, ignore_corrupt_files=True).names == ["x", "y"]
    (server.directory / "b.csv").unlink()
    with pytest.raises(DecodeError):
        server.schema(header=True, ignore_corrupt_files=True)


def test_names_select_among_the_members_of_an_archive(server: Server) -> None:
    files = {"a.txt": b"1\n", "b.txt.part": b"2\n", "c.log": b"3\n"}
    (server.directory / "x.zip").write_bytes(zipped(files))
    assert values(server.read(LINES, format="text")) == ["1", "3"]
    assert values(server.read(LINES, format="text", path_glob_filter="*.log")) == ["3"]


def test_xml_whose_rows_have_another_name_says_what_to_set(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    (server.directory / "a.xml").write_text("<r><x id='1'/></r>")
    with pytest.raises(DecodeError, match=r"No element <ROW> was found.*Set row_tag"):
        server.schema()
    columns = pa.schema([("_id", pa.string())])
    assert server.read(columns) == []
    assert "there is no element <ROW>; set row_tag" in caplog.text
    assert server.schema(row_tag="x").names == ["_id"]
    assert server.read(columns, row_tag="x") == [{"_id": "1"}]


def test_a_manifest_is_required_of_directories_alone(server: Server) -> None:
    (server.directory / "a.txt").write_text("x\n")
    with pytest.raises(OptionsError, match="use_manifest=require reads directories"):
        server.read(LINES, "a.txt", use_manifest="require")


def test_the_metadata_column_needs_a_name_of_its_own(server: Server) -> None:
    (server.directory / "a.csv").write_text("id,m\n1,2\n")
    with pytest.raises(OptionsError, match="metadata_column=m: the files have a column"):
        server.schema(header=True, metadata_column="m")


def test_records_that_are_not_utf_8_are_malformed_where_columns_are_found(server: Server) -> None:
    (server.directory / "a.json").write_bytes(
        b'{"a":"x","b":"\xfc"}\n{"a":"y","b\xfc":"z"}\n{"c":1}\n'
    )
    schema = server.schema()
    assert schema.names == ["_corrupt_record", "c"]
    found = [row["c"] for row in server.read(schema)]
    assert found == [None, None, 1]


def test_half_of_a_surrogate_pair_in_a_name_is_no_error(server: Server) -> None:
    (server.directory / "a.json").write_bytes(b'{"\\ud800":1,"a":"y"}\n')
    assert server.schema().names == ["a", "?"]


def test_a_preview_of_several_formats_shows_the_files(server: Server) -> None:
    (server.directory / "a.csv").write_text("1\n")
    (server.directory / "b.json").write_text("{}\n")
    found = preview(server.options())
    assert [file.path.rpartition("/")[2] for file in found.listing.files] == ["a.csv", "b.json"]
    assert "several formats (csv, json)" in str(found.problem)
