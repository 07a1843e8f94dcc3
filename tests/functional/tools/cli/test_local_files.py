"""Pipes at the local end of `get` and `put`, and the permissions of files at both ends."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.cli import AtServer, Ended

pytestmark = pytest.mark.one_python

#: More than a pipe holds.
CONTENT = bytes(range(256)) * 1_000


@pytest.fixture
def root(embedded_server: EmbeddedServer) -> Path:
    (embedded_server.root / "file").write_bytes(CONTENT)
    return embedded_server.root


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def bits(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def reading(pipe: Path, size: int = -1) -> Iterator[list[bytes]]:
    """Read a pipe on another thread, up to this number of bytes."""
    read: list[bytes] = []

    def work() -> None:
        with pipe.open("rb", buffering=0) as file:
            read.append(file.readall() if size < 0 else file.read(size))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield read
    thread.join(60)


# --- pipes


@pytest.mark.parametrize("through_link", [False, True])
def test_a_pipe_is_written_into_and_not_replaced(
    at: AtServer, root: Path, pipe: Path, through_link: bool
) -> None:
    target = pipe
    if through_link:
        target = pipe.with_name("link")
        target.symlink_to(pipe)
    assert "Write into it with --force" in at("get", "/file", target).err
    with reading(pipe) as read:
        assert at("get", "/file", target, "-f").code == 0
    assert read == [CONTENT]
    assert pipe.is_fifo()
    assert target.is_symlink() == through_link
    assert not list(pipe.parent.glob(".sftp_async*"))


def test_a_pipe_whose_reader_ends_early_is_an_error(at: AtServer, root: Path, pipe: Path) -> None:
    with reading(pipe, 10):
        ended = at("get", "/file", pipe, "-f")
    assert (ended.code, pipe.is_fifo()) == (1, True)
    assert "its reader has ended" in ended.err


def test_a_name_of_an_open_file_is_not_replaced(at: AtServer, root: Path, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        (link := tmp_path / "stdout").symlink_to(f"/proc/self/fd/{out.fileno()}")
        assert "has open" in at("get", "/file", link, "-f").err
    assert link.is_symlink()


def test_a_pipe_is_uploaded(at: AtServer, root: Path, pipe: Path) -> None:
    thread = threading.Thread(target=pipe.write_bytes, args=(CONTENT,), daemon=True)
    thread.start()
    assert at("put", "/from_pipe", before=pipe).code == 0
    thread.join(60)
    assert (root / "from_pipe").read_bytes() == CONTENT


@pytest.mark.parametrize("command", ["get", "put"])
def test_a_signal_ends_the_wait_for_the_other_end_of_a_pipe(
    at: AtServer, root: Path, pipe: Path, command: str
) -> None:
    ends = [f"{at.address}:/file", str(pipe)]
    if command == "put":
        ends.reverse()
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, command, "-f", *ends, *at.login],
        env={**os.environ, **at.env},
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == b"waits\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 128 + signal.SIGTERM
            # It has not waited for the clean-up in vain.
            assert b"cleaning up" not in process.stderr.read()
        finally:
            process.kill()
    assert pipe.is_fifo()
    assert [path.name for path in root.iterdir()] == ["file"]


#: The command, which says when it is about to open the pipe.
WAITING = """
import os, sys
from sftp_async.tools.cli import main

def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith("/pipe"):
        os.write(2, b"waits\\n")

sys.addaudithook(watch)
main(sys.argv[1:])
"""


# --- permissions


def test_a_new_remote_file_has_the_permissions_of_the_local_one(
    at: AtServer, root: Path, tmp_path: Path, umask: None
) -> None:
    for mode, expected in ((0o600, 0o600), (0o400, 0o400), (0o640, 0o640), (0o777, 0o755)):
        (local := tmp_path / f"{mode:o}").write_bytes(b"secret")
        local.chmod(mode)
        assert at("put", "/", before=local).code == 0
        assert bits(root / f"{mode:o}") == expected
    assert at("put", "/set", "-o", "file_permissions=660", before=tmp_path / "400").code == 0
    assert bits(root / "set") == 0o660


def test_a_replaced_file_keeps_its_permissions_at_both_ends(
    at: AtServer, root: Path, tmp_path: Path, umask: None
) -> None:
    (local := tmp_path / "local").write_bytes(b"local")
    for mode in (0o600, 0o440, 0o664):
        (root / "file").chmod(mode)
        assert at("put", "/file", "-f", before=local).code == 0
        assert bits(root / "file") == mode
    (root / "file").chmod(0o644)
    for mode in (0o600, 0o440, 0o664):
        local.chmod(mode)
        assert at("get", "/file", local, "-f").code == 0
        assert bits(local) == mode


def test_a_new_local_file_has_the_permissions_of_the_umask(
    at: AtServer, root: Path, tmp_path: Path, umask: None
) -> None:
    (root / "file").chmod(0o600)
    assert at("get", "/file", tmp_path / "new").code == 0
    assert bits(tmp_path / "new") == 0o644


def test_an_unfinished_file_is_as_closed_as_the_one_that_it_replaces(
    tmp_path: Path, umask: None
) -> None:
    seen: dict[str, int] = {}

    class Watching(FolderServer):
        def look(self, at: Path) -> None:
            seen.update({path.name[:15]: bits(path) for path in at.glob(".sftp_async*")})

        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            self.look(server.root)
            return super().write(file_obj, offset, data)

        def read(self, file_obj: object, offset: int, size: int) -> bytes:
            self.look(here)
            return super().read(file_obj, offset, size)

    (here := tmp_path / "here").mkdir()
    with EmbeddedServer(tmp_path / "watching", sftp_factory=Watching) as server:
        at = AtServer(server, tmp_path)
        for path in (here / "file", server.root / "file"):
            path.write_bytes(CONTENT)
            path.chmod(0o600)
        assert at("get", "/file", here / "file", "-f").code == 0
        assert at("put", "/file", "-f", before=here / "file").code == 0
    assert seen == {".sftp_async-get": 0o600, ".sftp_async-put": 0o600}


class NoAttributes(FolderServer):
    """Ignores the permissions of new files, and refuses to change any."""

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:  # type: ignore[override]
        opened = super().open(path, pflags, asyncssh.SFTPAttrs())
        return await opened if asyncio.iscoroutine(opened) else opened

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        raise asyncssh.SFTPOpUnsupported("no")


def test_a_server_that_sets_no_permissions_gets_the_file(tmp_path: Path, umask: None) -> None:
    (local := tmp_path / "local").write_bytes(CONTENT)
    local.chmod(0o600)
    with EmbeddedServer(tmp_path / "fixed", sftp_factory=NoAttributes) as server:
        ended: Ended = AtServer(server, tmp_path)("put", "/up", before=local)
        assert (ended.code, ended.err) == (0, "")
        assert (server.root / "up").read_bytes() == CONTENT
