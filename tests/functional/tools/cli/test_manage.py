"""`rm`, `mkdir` and `mv`, which change names on the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from sftp_async.tools.cli.output import Output
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import AtServer

pytestmark = pytest.mark.one_python


@pytest.fixture
def root(embedded_server: EmbeddedServer) -> Path:
    root = embedded_server.root
    (root / "sub/deep").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"):
        (root / name).write_text(name)
    return root


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


ALL = {"a.csv", "b.csv", "sub", "sub/c.csv", "sub/deep", "sub/deep/d.csv"}

# --- rm


def test_files_are_removed_by_name_and_pattern(at: AtServer, root: Path) -> None:
    assert at("rm", "/a.csv", ":/sub/*.csv").out == "Removed: 2 files, 0 directories\n"
    assert names(root) == ALL - {"a.csv", "sub/c.csv"}
    assert at("rm", "/a.csv").code == 1
    assert at("rm", "/a.csv", "-f").code == 0


def test_a_directory_is_removed_only_with_everything_that_was_asked_for(
    at: AtServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Add -r" in at("rm", "/sub").err
    refused = at("rm", "/sub", "-r")
    assert refused.code == 1
    assert "Add --yes to remove 2 files, 2 directories" in refused.out
    monkeypatch.setattr(Output, "interactive", True)
    at.answers = "n\n"
    assert at("rm", "/sub", "-r").code == 1
    assert names(root) == ALL
    at.answers = "y\n"
    assert at("rm", "/sub", "-r").code == 0
    assert names(root) == {"a.csv", "b.csv"}


def test_links_are_removed_and_not_followed(at: AtServer, root: Path) -> None:
    (root / "links").mkdir()
    (root / "links/to").symlink_to("../sub")
    assert at("rm", "/links", "-r", "--yes", "--json").document["files"] == 1
    assert names(root) == ALL


@pytest.mark.parametrize("end", ["", "/", "//", "/.", "/./", "//.//."])
def test_a_slash_behind_a_link_does_not_lead_through_it(at: AtServer, root: Path, end: str) -> None:
    (root / "link").symlink_to("sub")
    assert at("mv", f"/link{end}", "/moved").out == "/link to /moved\n"
    assert (root / "moved").is_symlink()
    assert names(root) == ALL | {"moved"}
    removed = at("rm", f"/moved{end}", ":/moved", "-r", "--yes")
    assert removed.out == "Removed: 1 file, 0 directories\n"
    assert names(root) == ALL


def test_a_slash_asks_for_a_directory(at: AtServer, root: Path) -> None:
    (root / "link").symlink_to("sub")
    assert "without the slash" in at("rm", "/a.csv/", "-r", "--yes").err
    assert "without the slash" in at("mv", "/a.csv/.", "/b").err
    assert at("rm", "/sub/deep/.", "-r", "--yes").code == 0
    assert at("mv", "/sub/./", "/up").code == 0
    assert at("rm", "/l*/", "-r", "--yes").code == 0
    assert names(root) == {"a.csv", "b.csv", "up", "up/c.csv"}


def test_a_pattern_matches_nothing_in_hidden_directories(at: AtServer, root: Path) -> None:
    (root / ".hidden/in").mkdir(parents=True)
    (root / ".hidden/in/a.csv").touch()
    assert at("rm", "**/a.csv").out == "Removed: 1 file, 0 directories\n"
    assert at("rm", "/**/b.csv").out == "Removed: 1 file, 0 directories\n"
    assert (root / ".hidden/in/a.csv").exists()
    assert at("rm", ".hidden/**/a.csv").out == "Removed: 1 file, 0 directories\n"


def test_the_root_and_the_login_directory_stay(at: AtServer, root: Path) -> None:
    for path in ("/", ".", "/sub/..", "./", "/.", "//", "/./."):
        ended = at("rm", path, "-r", "--yes", "-f")
        assert ended.code == 1
        assert "are not removed" in ended.err
    assert names(root) == ALL


# --- mkdir


def test_directories_are_created(at: AtServer, root: Path) -> None:
    assert at("mkdir", "/new", ":/other").out == "Created: /new, /other\n"
    assert "Add -p" in at("mkdir", "/x/y/z").err
    assert at("mkdir", "/x/y/z", "-p").code == 0
    assert at("mkdir", "/x/y/z").code == 1
    assert names(root) == ALL | {"new", "other", "x", "x/y", "x/y/z"}


def test_a_directory_that_exists_is_not_called_created(at: AtServer, root: Path) -> None:
    ended = at("mkdir", "/sub/", ":/new", "-p")
    assert (ended.code, ended.out) == (0, "Created: /new\nExists already: /sub/\n")
    again = at("mkdir", "/sub/", ":/new", "-p", "--json").document
    assert again == {"directories": ["/sub/", "/new"], "created": []}


def test_a_file_in_the_way_of_a_directory_is_named(at: AtServer, root: Path) -> None:
    for arguments in (["/a.csv/new", "-p"], ["/a.csv"]):
        refused = at("mkdir", *arguments)
        assert "A file is where the directory is to be" in refused.err
        assert "path /a.csv)" in refused.err
    assert "It exists already" in at("mkdir", "/sub").err


# --- mv


def test_a_directory_is_not_moved_into_itself(at: AtServer, root: Path) -> None:
    assert "cannot be moved into itself" in at("mv", "/*", "/sub").err
    assert "cannot be moved into itself" in at("mv", "/sub", "/sub/deep/new").err
    assert names(root) == ALL


def test_a_file_gets_another_name(at: AtServer, root: Path) -> None:
    moved = at("mv", "/a.csv", "/sub/new.csv")
    assert moved.out == "/a.csv to /sub/new.csv\n"
    assert (root / "sub/new.csv").read_text() == "a.csv"
    assert at("mv", "/*.csv", ":/sub", "--json").document == {
        "moved": [{"from": "/b.csv", "to": "/sub/b.csv"}]
    }
    assert at("mv", "/sub/deep", "/up").code == 0
    assert (root / "up/d.csv").exists()


def test_nothing_is_replaced_without_force(at: AtServer, root: Path) -> None:
    refused = at("mv", "/a.csv", "/b.csv")
    assert "Replace it with --force" in refused.err
    assert names(root) == ALL
    assert at("mv", "/a.csv", "/b.csv", "-f").code == 0
    assert (root / "b.csv").read_text() == "a.csv"


def test_a_file_is_not_moved_onto_itself_nor_several_onto_one(at: AtServer, root: Path) -> None:
    assert "It has this path already" in at("mv", "/a.csv", "/sub/../a.csv", "-f").err
    assert "It is not a directory" in at("mv", "/*.csv", "/new").err
    (root / "sub/a.csv").mkdir()
    assert "Remove it first" in at("mv", "/a.csv", "/sub", "-f").err
    assert at("mv", "/a.csv").code == 2
    assert (root / "a.csv").read_text() == "a.csv"


def test_force_replaces_without_posix_rename_too(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "plain", without=["posix-rename@openssh.com"]) as server:
        (server.root / "a").write_text("new")
        (server.root / "b").write_text("old")
        assert AtServer(server, tmp_path)("mv", "/a", "/b", "--force").code == 0
        assert names(server.root) == {"b"}
        assert (server.root / "b").read_text() == "new"


def test_a_name_with_a_line_break_is_a_name(at: AtServer, root: Path) -> None:
    (root / "odd\nname").write_text("odd")
    assert at("cat", "/odd\nname", ":/a.csv").out == "odda.csv"
    assert at("mv", "/odd\nname", ":/sub/odd\nname").out == "/odd?name to /sub/odd?name\n"
    missing = at("cat", "/odd\nname")
    assert (missing.code, "path /odd?name)" in missing.err) == (1, True)
    assert at("rm", "/sub/odd\nname").code == 0
    assert names(root) == ALL
