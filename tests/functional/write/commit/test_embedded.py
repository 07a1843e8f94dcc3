"""Whole jobs, without Spark, against the embedded server: with all extensions, and without some."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from sftp_async.errors import CommitError
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.jobs import lines_in, real_job, upload, write

KINDS = {
    "all extensions": (),
    "no copy-data": ("copy-data",),
    "no posix-rename": ("posix-rename@openssh.com",),
    "bare": ("copy-data", "posix-rename@openssh.com", "limits@openssh.com"),
}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "served", without=KINDS[request.param]) as server:
        yield server


def names(directory: Path) -> set[str]:
    return {entry.name for entry in directory.iterdir()}


def test_append_overwrite_and_foreign_files(server: EmbeddedServer) -> None:
    out = server.root / "out"
    write(server.options(), "/out", ["a0"], ["a1", "a2"])
    write(server.options(), "/out", ["b0"])
    assert lines_in(out) == ["a0", "a1", "a2", "b0"]
    (out / "foreign.csv").write_text("foreign")
    (out / "sub").mkdir()
    write(server.options(), "/out", ["new"], overwrite=True, success_file=True)
    assert lines_in(out) == ["foreign", "new"]
    assert {"sub", "_SUCCESS", "foreign.csv"} < names(out)
    assert "_temporary" not in names(out)


def test_a_name_that_is_not_utf8_is_removed_by_an_overwrite_of_the_directory(
    server: EmbeddedServer,
) -> None:
    out = server.root / "out"
    out.mkdir()
    Path(os.fsdecode(os.fsencode(out) + b"/caf\xe9.csv")).write_text("old")
    write(server.options(), "/out", ["new"], overwrite=True, overwrite_scope="directory")
    assert lines_in(out) == ["new"]


def test_an_exact_file_from_several_partitions(server: EmbeddedServer) -> None:
    write(server.options(), "/out/all.txt", ["a", "b"], ["c"], ["d"])
    assert (server.root / "out/all.txt").read_text() == "a\nb\nc\nd\n"
    assert names(server.root / "out") == {"all.txt"}


def test_an_exact_file_is_replaced_by_overwrite_and_refused_to_append(
    server: EmbeddedServer,
) -> None:
    write(server.options(), "/out/all.txt", ["old"])
    with pytest.raises(CommitError, match="exists already"):
        real_job(server.options(), "/out/all.txt").prepare()
    write(server.options(), "/out/all.txt", ["new"], ["er"], overwrite=True)
    assert (server.root / "out/all.txt").read_text() == "new\ner\n"
    assert names(server.root / "out") == {"all.txt"}


@pytest.mark.parametrize("path", ["/out", "/out/all.txt"])
def test_direct_mode_needs_no_rename(server: EmbeddedServer, path: str) -> None:
    write(server.options(), path, ["old"], commit_mode="direct")
    write(server.options(), path, ["a"], ["b"], commit_mode="direct", overwrite=True)
    assert lines_in(server.root / "out") == ["a", "b"]
    assert "_temporary" not in names(server.root / "out")


@pytest.mark.parametrize("path", ["/out", "/out/all.txt"])
@pytest.mark.parametrize("mode", ["rename", "direct"])
def test_an_aborted_job_leaves_nothing(server: EmbeddedServer, path: str, mode: str) -> None:
    write(server.options(), "/out", ["old"])
    before = names(server.root / "out")
    job = real_job(server.options(), path, overwrite=True, commit_mode=mode).prepare()
    upload(job, ["a"], ["b"])
    job.abort()
    job.abort()
    assert names(server.root / "out") == before


@pytest.mark.parametrize("path", ["/data", "/data/sub", "/data/sub/deeper", "/data/all.txt"])
def test_a_file_where_a_directory_should_be_is_named(server: EmbeddedServer, path: str) -> None:
    (server.root / "data").write_text("a file")
    with pytest.raises(CommitError, match="A file is where a directory should be") as caught:
        real_job(server.options(), path).prepare()
    assert caught.value.path == "/data"
    assert names(server.root) == {"data"}


def test_a_missing_directory_is_refused_with_create_dirs_false(server: EmbeddedServer) -> None:
    with pytest.raises(CommitError, match="create_dirs=true"):
        real_job(server.options(), "/no/such", create_dirs=False).prepare()
    assert names(server.root) == set()


class DroppingServer(FolderServer):
    """Carries out the first renames and loses each reply."""

    drops: ClassVar[int] = 0

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        if DroppingServer.drops:
            DroppingServer.drops -= 1
            self.connection.abort()


def test_renames_whose_replies_are_lost_are_not_done_twice(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=DroppingServer) as server:
        write(server.options(), "/out", ["old"])
        DroppingServer.drops = 3
        write(server.options(), "/out", ["a"], ["b"], ["c"], overwrite=True)
        assert not DroppingServer.drops
        assert lines_in(server.root / "out") == ["a", "b", "c"]
        assert "_temporary" not in names(server.root / "out")


class FussyServer(FolderServer):
    """Refuses to make the second part visible."""

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if b"/part-00001" in newpath:
            raise OSError(errno.EACCES, "no")
        super().rename(oldpath, newpath)


def test_a_half_visible_job_is_rolled_back(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=FussyServer) as server:
        write(server.options(), "/out", ["old"])
        job = real_job(server.options(), "/out", overwrite=True).prepare()
        parts = upload(job, ["a"], ["b"], ["c"])
        with pytest.raises(CommitError, match="cannot be made visible"):
            job.commit(parts)
        assert lines_in(server.root / "out") == ["a", "c", "old"]
        job.abort()
        assert lines_in(server.root / "out") == ["old"]
        assert "_temporary" not in names(server.root / "out")


def test_the_next_job_finishes_what_could_not_be_finished(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=FussyServer) as server:
        job = real_job(server.options(), "/out").prepare()
        parts = upload(job, ["a"], ["b"])
        with pytest.raises(CommitError):
            job.commit(parts)
        # The driver dies: no abort. Then the server is mended.
        server.sftp_factory = FolderServer
        server.drop_connections()
        write(server.options(), "/out", ["c"])
        assert lines_in(server.root / "out") == ["a", "b", "c"]
        assert "_temporary" not in names(server.root / "out")


@pytest.mark.parametrize("path", ["all.txt", "./sub/../all.txt", "/all.txt"])
def test_a_path_may_be_relative_to_the_login_directory(server: EmbeddedServer, path: str) -> None:
    write(server.options(), path, ["a"], ["b"])
    assert (server.root / "all.txt").read_text() == "a\nb\n"
    assert names(server.root) == {"all.txt"}
