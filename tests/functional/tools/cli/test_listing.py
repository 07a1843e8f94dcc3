"""`ls` and `tree`, which show what is in a remote directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import AtServer
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python


@pytest.fixture
def root(embedded_server: EmbeddedServer) -> Path:
    root = embedded_server.root
    (root / "a/deep").mkdir(parents=True)
    (root / "a/deep/x.csv").write_bytes(b"x" * 3)
    (root / "b.csv").write_bytes(b"x" * 12_345)
    (root / "b.csv").chmod(0o640)
    (root / "c.json").write_bytes(b"x" * 20)
    (root / ".hidden").touch()
    for age, name in enumerate(("b.csv", "a", "c.json")):
        os.utime(root / name, (1e9 - age, 1e9 - age))
    return root


def last_words(text: str) -> list[str]:
    return [line.split()[-1] for line in text.splitlines()]


def test_a_directory_is_listed_by_name_with_size_and_time(at: AtServer, root: Path) -> None:
    lines = at("ls", "/").out.splitlines()
    assert lines[1:] == [
        "-rw-r-----  12.3 kB  2001-09-09 01:46  b.csv",
        "-rw-r--r--     20 B  2001-09-09 01:46  c.json",
    ]
    assert lines[0].startswith("d")
    assert lines[0].endswith("        -  2001-09-09 01:46  a/")
    assert "  12345  " in at("ls", "/", "--bytes").out
    assert last_words(at("ls", "/", "-a").out) == [".hidden", "a/", "b.csv", "c.json"]
    assert last_words(at("ls", "/b.csv").out) == ["b.csv"]


def test_a_listing_has_a_header_and_a_total_on_a_terminal_or_on_demand(
    at: AtServer, root: Path
) -> None:
    header, *_, total = at("ls", "/", "--long").out.splitlines()
    assert header.split() == ["Mode", "Size", "Modified", "(UTC)", "Name"]
    assert total == "2 files, 1 directory, 12.4 kB"


def test_a_listing_is_sorted_as_asked(at: AtServer, root: Path) -> None:
    assert last_words(at("ls", "/", "-t").out) == ["b.csv", "a/", "c.json"]
    assert last_words(at("ls", "/", "-t", "--reverse").out) == ["c.json", "a/", "b.csv"]
    assert last_words(at("ls", "/*.*", "-S").out) == ["/b.csv", "/c.json"]
    assert at("ls", "/", "-t", "-S").code == 2


def test_a_listing_goes_down_on_demand(at: AtServer, root: Path) -> None:
    names = ["a/", "a/deep/", "a/deep/x.csv", "b.csv", "c.json"]
    assert last_words(at("ls", "/", "-r").out) == names
    assert last_words(at("ls", "/a/", "-r").out) == ["deep/", "deep/x.csv"]


def test_patterns_are_matched_on_the_server(at: AtServer, root: Path) -> None:
    assert last_words(at("ls", "/*.csv").out) == ["b.csv"]
    assert last_words(at("ls", "/**/*.csv").out) == ["/a/deep/x.csv", "/b.csv"]
    assert last_words(at("ls", "/*/deep/*").out) == ["x.csv"]
    assert last_words(at("ls", "/{b,c}.*").out) == ["/b.csv", "/c.json"]
    assert last_words(at("ls", "/.h*").out) == [".hidden"]
    assert last_words(at("ls", "/.hidden").out) == [".hidden"]
    (root / "report[1].csv").touch()
    assert last_words(at("ls", "/report[1].csv").out) == ["report[1].csv"]
    none = at("ls", "/*.xml")
    assert (none.code, none.out) == (1, "")
    assert "Nothing matches the pattern" in none.err


def test_a_listing_for_programs(at: AtServer, root: Path) -> None:
    (root / "link").symlink_to("b.csv")
    document = at("ls", "/[bl]*", "--json").document
    file, link = document["entries"]
    assert file.pop("modified").endswith("+00:00")
    assert file == {"name": "/b.csv", "type": "file", "bytes": 12_345, "mode": "640"}
    assert link["name"] == "/link"
    assert {e["name"]: e["type"] for e in at("ls", "/", "--json").document["entries"]} == {
        "a": "directory",
        "b.csv": "file",
        "c.json": "file",
        "link": "link",
    }
    assert at("ls", "/b.csv", "--json").document["entries"][0]["name"] == "b.csv"


def test_a_tree_has_directories_first_and_counts(at: AtServer, root: Path) -> None:
    assert at("tree", "/").out.splitlines() == [
        "/",
        "├── a/",
        "│   └── deep/",
        "│       └── x.csv  (3 B)",
        "├── b.csv  (12.3 kB)",
        "└── c.json  (20 B)",
        "",
        "2 directories, 3 files, 12.4 kB",
    ]
    shallow = at("tree", "/", "--depth", "1", "-a").out
    assert "├── a/\n├── .hidden  (0 B)\n├── b.csv" in shallow
    assert shallow.endswith("\n1 directory, 3 files, 12.4 kB\n")
    document = at("tree", "/a", "--json").document
    assert document["entries"][0]["entries"][0]["name"] == "x.csv"
    assert (document["files"], document["directories"], document["bytes"]) == (1, 1, 3)


def test_a_tree_of_a_file_is_refused_with_the_reason(at: AtServer, root: Path) -> None:
    (root / "one.txt").touch()
    assert "It is a file, not a directory" in at("tree", "/one.txt").err
    assert "No such file" in at("tree", "/nothing").err


@pytest.mark.parametrize("end", ["", "/", "//", "/."])
def test_a_link_to_a_directory_is_listed_with_any_end(at: AtServer, root: Path, end: str) -> None:
    (root / "target").mkdir()
    (root / "target/only.txt").touch()
    (root / "link").symlink_to("target")
    assert at("ls", f"/link{end}").out.endswith("  only.txt\n")
    assert "only.txt" in at("tree", f"/link{end}").out


def test_openssh_is_listed_too(sshd: SSHD, tmp_path: Path) -> None:
    at = AtServer(sshd, tmp_path)
    (tmp_path / "listed/sub").mkdir(parents=True)
    (tmp_path / "listed/sub/b.csv").write_bytes(b"12")
    (tmp_path / "listed/odd\nname\x1b").touch()
    assert at("tree", tmp_path / "listed").out.splitlines()[1:] == [
        "├── sub/",
        "│   └── b.csv  (2 B)",
        "└── odd?name?  (0 B)",
        "",
        "1 directory, 2 files, 2 bytes",
    ]
