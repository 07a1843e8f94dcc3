"""`get`, `put` and `cat` of several files, directories, patterns and pipes."""

from __future__ import annotations

import errno
import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from sftp_async.tools.cli import copy_run
from sftp_async.tools.cli.transfer import Source
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.cli import AtServer, sftp_async
from tests.support.sshd import SSHD

pytestmark = pytest.mark.one_python

FILES = {"a.csv": b"a" * 10, "sub/b.csv": b"b" * 200_000, "sub/deep/c.csv": b""}


def grow(top: Path) -> Path:
    for name, content in FILES.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (top / "empty").mkdir()
    return top


def grown(top: Path) -> dict[str, bytes]:
    return {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}


@pytest.fixture
def root(embedded_server: EmbeddedServer) -> Path:
    return embedded_server.root


def test_a_directory_goes_there_and_back(at: AtServer, root: Path, tmp_path: Path) -> None:
    grow(tmp_path / "local")
    put = at("put", "/in", "-r", "--json", before=tmp_path / "local")
    assert (put.code, put.document["bytes"]) == (0, 200_010)
    assert grown(root / "in") == FILES
    assert (root / "in/empty").is_dir()
    got = at("get", "/in", tmp_path / "copy", "-r")
    assert got.out.startswith(f"3 files to {tmp_path}/copy: 200.0 kB in ")
    assert grown(tmp_path / "copy") == FILES
    assert (tmp_path / "copy/empty").is_dir()
    # An existing directory takes it in under its own name, and nothing is replaced.
    assert at("put", "/in", "-r", before=tmp_path / "local").code == 0
    assert grown(root / "in/local") == FILES
    refused = at("put", "/in", "-r", before=tmp_path / "local")
    assert "The file already exists" in refused.err
    assert at("put", "/in", "-r", "--force", before=tmp_path / "local").code == 0


def test_openssh_takes_a_directory_too(sshd: SSHD, tmp_path: Path) -> None:
    at = AtServer(sshd, tmp_path)
    grow(tmp_path / "local")
    assert at("put", tmp_path / "there", "-r", before=tmp_path / "local").code == 0
    assert at("get", tmp_path / "there", tmp_path / "back", "-r").code == 0
    assert grown(tmp_path / "back") == FILES
    again = at("mv", tmp_path / "there", tmp_path / "moved")
    assert again.code == 0
    assert at("rm", tmp_path / "moved", "-r", "--yes").code == 0
    assert not (tmp_path / "moved").exists()


def test_several_files_and_patterns_go_into_a_directory(
    at: AtServer, root: Path, tmp_path: Path
) -> None:
    grow(root)
    (root / "d.json").write_bytes(b"{}")
    here = tmp_path / "new/here"
    refused = at("get", "/**/*.csv", ":/d.json", here)
    assert "is not a directory, and there are several files for it" in refused.err
    assert at("get", "/**/*.csv", ":/d.json", here, "--create-dirs").code == 0
    assert grown(here) == {
        "a.csv": b"a" * 10,
        "b.csv": b"b" * 200_000,
        "c.csv": b"",
        "d.json": b"{}",
    }
    (root / "other").mkdir()
    (root / "other/a.csv").touch()
    assert "would both become" in at("get", "/a.csv", ":/other/a.csv", here, "-f").err
    elsewhere = at("get", "/a.csv", "else:S3cret@elsewhere:/b", here)
    assert (elsewhere.code, "S3cret" in elsewhere.err) == (2, False)
    assert "is not on the server of" in elsewhere.err


def test_several_local_files_go_into_a_remote_directory(
    at: AtServer, root: Path, tmp_path: Path
) -> None:
    grow(tmp_path / "local")
    names = [str(tmp_path / "local/a.csv"), str(tmp_path / "local/sub/b.csv")]

    def put(*more: str) -> int:
        target = f"{at.address}:/to/there"
        return sftp_async("put", *names, target, *more, *at.login, env=at.env).code

    assert put() == 1
    assert list(root.iterdir()) == []
    assert put("--create-dirs") == 0
    assert set(grown(root)) == {"to/there/a.csv", "to/there/b.csv"}


def test_what_is_in_the_way_of_a_directory_is_named(
    at: AtServer, root: Path, tmp_path: Path
) -> None:
    grow(tmp_path / "local")
    grow(root / "in")
    put = at("put", "/in/a.csv", "-r", before=tmp_path / "local")
    assert "A file is where the directory is to be" in put.err
    get = at("get", "/in", tmp_path / "local/a.csv", "-r", "-f")
    assert "local/a.csv is a file, and a directory is to be there" in get.err
    missing = at("put", "/none/a.csv", before=tmp_path / "local/a.csv")
    assert "path /none)" in missing.err
    assert "--create-dirs" in missing.err


def test_a_link_is_uploaded_under_its_own_name(at: AtServer, root: Path, tmp_path: Path) -> None:
    (tmp_path / "today.csv").write_bytes(b"1")
    (tmp_path / "link.csv").symlink_to("today.csv")
    assert at("put", "/", before=tmp_path / "link.csv").code == 0
    assert grown(root) == {"link.csv": b"1"}


def test_standard_output_takes_no_directory(at: AtServer, root: Path) -> None:
    grow(root / "in")
    ended = at("get", "/in", "-", "-r")
    assert (ended.code, "standard output takes files" in ended.err) == (2, True)


def test_the_parent_of_a_directory_is_copied_into_no_parent(
    at: AtServer, root: Path, tmp_path: Path
) -> None:
    grow(root / "in")
    (tmp_path / "copies").mkdir()
    assert at("get", "/in/sub/..", tmp_path / "copies", "-r").code == 0
    assert grown(tmp_path / "copies") == FILES


def test_links_are_followed_to_files_and_nothing_else(
    at: AtServer, root: Path, tmp_path: Path
) -> None:
    grow(root / "in")
    (root / "in/link.csv").symlink_to("a.csv")
    (root / "in/none.csv").symlink_to("nothing")
    (root / "in/loop").symlink_to("sub")
    got = at("get", "/in", tmp_path / "copy", "-r")
    assert got.code == 0
    assert grown(tmp_path / "copy") == {**FILES, "link.csv": b"a" * 10}
    assert sorted(got.err.splitlines()) == [
        "Left out: /in/loop, a link to a directory",
        "Left out: /in/none.csv, a link that leads to nothing",
    ]


def test_a_failure_keeps_what_is_complete_and_leaves_nothing_unfinished(tmp_path: Path) -> None:
    class PickyServer(FolderServer):
        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
            if b"sub" in path:
                raise asyncssh.SFTPPermissionDenied("not there")
            return super().open(path, pflags, attrs)

    with EmbeddedServer(tmp_path / "picky", sftp_factory=PickyServer) as server:
        at = AtServer(server, tmp_path)
        ended = at("put", "/in", "-r", before=grow(tmp_path / "local"))
        assert ended.code == 1
        assert ended.err.startswith("1 of 3 files are complete.\nError: Cannot create: ")
        assert set(grown(server.root)) == {"in/a.csv"}


# --- pipes


def pipe(at: AtServer, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "sftp_async", *arguments, *at.login]
    env = {**os.environ, **at.env}
    return subprocess.run(command, input=given, capture_output=True, env=env, check=False)


def test_standard_input_and_output_are_binary(at: AtServer, root: Path) -> None:
    content = bytes(range(256)) * 1000
    put = pipe(at, "put", "-", f"{at.address}:/up.bin", given=content)
    assert put.returncode == 0, put.stderr
    assert (root / "up.bin").read_bytes() == content
    (root / "b.gz").write_bytes(gzip.compress(b"zipped"))
    got = pipe(at, "cat", f"{at.address}:/up.bin", ":/b.gz")
    assert got.stdout == content + (root / "b.gz").read_bytes()
    assert got.stderr == b""


def test_nothing_appears_if_the_input_ends_with_an_error(
    at: AtServer, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingSource(Source):
        def blocks(self, size: int) -> Iterator[bytes]:
            yield bytes(100_000)
            raise OSError(errno.EIO, "Input/output error", "the disk")

    (tmp_path / "source").write_bytes(bytes(200_000))
    monkeypatch.setattr(copy_run, "Source", FailingSource)
    ended = at("put", "/up.bin", before=tmp_path / "source")
    assert (ended.code, ended.err) == (1, "Error: the disk: Input/output error\n")
    assert list(root.iterdir()) == []


def test_standard_input_needs_a_name_and_output_no_json(at: AtServer, root: Path) -> None:
    (root / "dir").mkdir()
    assert "standard input has no name" in at("put", "/dir", before="-").err
    assert at("cat", "/dir", "--json").code == 2
    assert "It is a directory" in at("cat", "/dir").err
    (root / "up.bin").touch()
    assert "already exists" in at("put", "/up.bin", before="-").err
    assert at("get", "/up.bin", "-").out == ""
