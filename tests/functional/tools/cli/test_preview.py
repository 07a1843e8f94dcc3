"""`preview`: files, reasons, columns, tasks and rows, without Spark; and errors with exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.cli import AtServer
from tests.support.gnupg import GnuPG
from tests.support.tree import snapshot

pytestmark = pytest.mark.one_python


@pytest.fixture
def root(at: AtServer) -> Path:
    """The folder that the server serves, with a directory of mixed files."""
    root: Path = at.server.root  # type: ignore[union-attr]
    orders = root / "in"
    orders.mkdir()
    (orders / "a.csv").write_text("id,name\n1,one\n2,\n")
    (orders / "b.csv").write_text("id,name\n3,three\n")
    (orders / "c.csv.part").write_text("id,na")
    (orders / "_SUCCESS").touch()
    (orders / "old").mkdir()
    (orders / "old" / "d.csv").write_text("id,name\n4,four\n")
    for name in "ab":
        os.utime(orders / f"{name}.csv", (1_700_000_000, 1_700_000_000))
    return root


AS_CSV = ("-o", "header=true", "-o", "infer_schema=true")


def test_a_folder_of_mixed_files_is_shown_as_a_read_would_take_it(at: AtServer, root: Path) -> None:
    before = snapshot(root)
    ended = at("preview", "/in", *AS_CSV)
    assert snapshot(root) == before
    assert (ended.code, ended.err) == (0, "")
    lines = [line.rstrip() for line in ended.out.splitlines()]
    assert lines[0] == f"{at.address}, path /in"
    assert "2 files, 33 bytes" in lines
    assert f"  {17:>15,}  2023-11-14 22:13  /in/a.csv" in lines
    [suffix] = [line for line in lines if line.startswith("  /in/c.csv.part: ")]
    assert "ignore_suffixes" in suffix
    [below] = [line for line in lines if line.startswith("  /in/old")]
    assert "recursive_file_lookup=true" in below
    assert "Format: csv" in lines
    assert "Schema: id INT, name STRING" in lines
    assert "Tasks: 1, which read 2 ranges" in lines
    assert [line.split() for line in lines[-4:]] == [
        ["id", "name"],
        ["1", "one"],
        ["2", "null"],
        ["3", "three"],
    ]


def test_a_preview_for_programs_has_all_of_it(at: AtServer, root: Path) -> None:
    document = at("preview", "/in/*.csv", "--json", "-n", "1", *AS_CSV).document
    assert document["files"] == [
        {"path": "/in/a.csv", "bytes": 17, "modified": 1_700_000_000},
        {"path": "/in/b.csv", "bytes": 16, "modified": 1_700_000_000},
    ]
    assert (document["format"], document["schema"]) == ("csv", "id INT, name STRING")
    assert document["rows"] == [{"id": "1", "name": "one"}]
    [task] = document["tasks"]
    assert [(each["path"], each["start"], each["stop"]) for each in task] == [
        ("/in/a.csv", 0, 17),
        ("/in/b.csv", 0, 16),
    ]
    assert document["problem"] is None


def test_the_log_says_how_much_of_the_files_the_columns_come_from(
    at: AtServer, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sftp_async.read.schema")
    at("preview", "/in", "-n", "0", "-o", "infer_files=1", *AS_CSV)
    [message] = caplog.messages
    assert "columns found in 1 of 2 files, 17 bytes of them read" in message


def test_rows_of_several_tasks_are_shown_and_large_files_are_split(
    at: AtServer, root: Path
) -> None:
    (root / "lines.txt").write_text("a line\n" * 1000)
    small = ("-o", "max_partition_bytes=1KiB", "-o", "open_cost_bytes=0")
    document = at("preview", "/lines.txt", "--json", "-n", "500", *small).document
    assert len(document["tasks"]) == 7
    assert document["rows"] == [{"value": "a line"}] * 500


def test_partition_directories_are_columns(at: AtServer, root: Path) -> None:
    for country in ("DE", "FR"):
        (root / f"out/country={country}").mkdir(parents=True)
        (root / f"out/country={country}" / "a.txt").write_text("x\n")
    document = at("preview", "/out", "--json").document
    assert document["partition_columns"] == ["country"]
    assert document["schema"] == "value STRING, country STRING"
    assert document["rows"] == [{"value": "x", "country": each} for each in ("DE", "FR")]


def test_a_path_without_files_is_an_error_that_says_what_is_there(at: AtServer, root: Path) -> None:
    ended = at("preview", "/in/*.json")
    assert ended.code == 1
    assert "/in/*.json" in ended.err
    assert "error" in at("preview", "/missing", "--json").document


def test_files_that_do_not_parse_are_listed_and_the_problem_ends_with_1(
    at: AtServer, root: Path
) -> None:
    (root / "in" / "broken.parquet").write_text("this is no parquet file")
    ended = at("preview", "/in/broken.parquet")
    assert ended.code == 1
    assert "1 file, 23 bytes" in ended.out
    assert "/in/broken.parquet" in ended.err
    document = at("preview", "/in/broken.parquet", "--json").document
    assert (document["schema"], document["rows"]) == (None, [])
    assert "/in/broken.parquet" in document["problem"]


def test_wrong_options_are_all_in_one_error(at: AtServer, root: Path) -> None:
    ended = at("preview", "/in", "-o", "acess=once", "-o", "max_partition_bytes=many")
    assert ended.code == 2
    for name in ("acess", "max_partition_bytes"):
        assert name in ended.err
    assert at("preview", "/in", "--rows", "-1").code == 2


def test_a_mailbox_is_listed_and_not_opened(at: AtServer, root: Path) -> None:
    ended = at("preview", "/in", "--json", "-o", "access=once")
    assert (ended.code, len(ended.document["files"])) == (1, 2)
    assert "no file is opened" in ended.document["problem"]


def test_a_name_cannot_send_control_characters_to_the_terminal(at: AtServer, root: Path) -> None:
    (root / "bad").mkdir()
    (root / "bad" / "a\x1b[2J.txt").write_text("\x1b[2Jx\n")
    assert "\x1b" not in at("preview", "/bad").out


def test_encrypted_files_are_shown_with_what_they_hold(
    at: AtServer, root: Path, gnupg: GnuPG, tmp_path: Path
) -> None:
    (root / "pgp").mkdir()
    message = gnupg.encrypt(b"id,name\n1,one\n", "ecc")
    (root / "pgp" / "a.csv.pgp").write_bytes(message)
    key = tmp_path / "ours.asc"
    key.write_bytes(gnupg.private("ecc"))
    ended = at("preview", "/pgp", *AS_CSV, "-o", f"pgp_private_key=file:{key}", "--rows", "5")
    assert (ended.code, ended.err) == (0, "")
    assert "Format: csv" in ended.out
    assert "Schema: id INT, name STRING" in ended.out
    assert "one" in ended.out
    ended = at("preview", "/pgp", *AS_CSV)
    assert ended.code != 0
    assert "set pgp_private_key" in ended.err
