"""`get` and `put` of one file: atomic, in bounded memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.options import SFTPOptions
from sftp_async.tools.cli import transfer
from sftp_async.tools.cli.run import pool_of, run
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.cli import AtServer

pytestmark = pytest.mark.one_python

#: Several chunks and requests, and an odd rest.
CONTENT = bytes(range(256)) * 12_345 + b"end"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def root(embedded_server: EmbeddedServer) -> Path:
    return embedded_server.root


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# --- put


def test_put_and_get_keep_the_content(
    at: AtServer, root: Path, source: Path, tmp_path: Path
) -> None:
    put = at("put", "/up.bin", "--json", before=source)
    assert put.code == 0
    assert (put.document["path"], put.document["bytes"]) == ("/up.bin", len(CONTENT))
    assert (root / "up.bin").read_bytes() == CONTENT
    got = at("get", "/up.bin", tmp_path / "down.bin", "--json")
    assert got.document["bytes"] == len(CONTENT)
    assert (tmp_path / "down.bin").read_bytes() == CONTENT
    assert names(root) == ["up.bin"]
    assert names(tmp_path) == ["down.bin", "served", "source.bin"]


def test_an_empty_file_is_put_and_fetched(at: AtServer, root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert at("put", "/empty", before=tmp_path / "empty").code == 0
    assert (root / "empty").read_bytes() == b""
    assert at("get", "/empty", tmp_path / "fetched").code == 0
    assert (tmp_path / "fetched").read_bytes() == b""


@pytest.mark.parametrize("target", ["/out", "/out/"])
def test_a_file_put_into_a_directory_keeps_its_name(
    at: AtServer, root: Path, source: Path, target: str
) -> None:
    (root / "out").mkdir()
    assert at("put", target, "--json", before=source).document["path"] == "/out/source.bin"
    assert (root / "out/source.bin").read_bytes() == CONTENT


def test_an_existing_file_is_replaced_only_by_force(at: AtServer, root: Path, source: Path) -> None:
    (root / "up.bin").write_bytes(b"old")
    refused = at("put", "/up.bin", before=source)
    assert refused.code == 1
    assert "Replace it with --force" in refused.err
    assert (root / "up.bin").read_bytes() == b"old"
    assert at("put", "/up.bin", "--force", before=source).code == 0
    assert (root / "up.bin").read_bytes() == CONTENT


def test_force_replaces_without_posix_rename_too(tmp_path: Path, source: Path) -> None:
    with EmbeddedServer(tmp_path / "plain", without=["posix-rename@openssh.com"]) as server:
        (server.root / "up.bin").write_bytes(b"old")
        assert AtServer(server, tmp_path)("put", "/up.bin", "--force", before=source).code == 0
        assert (server.root / "up.bin").read_bytes() == CONTENT
        assert names(server.root) == ["up.bin"]


class FailingServer(FolderServer):
    """Refuses what is behind the first MiB."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if offset > 1024 * 1024:
            raise asyncssh.SFTPFailure("no more")
        return super().write(file_obj, offset, data)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if offset > 1024 * 1024:
            raise asyncssh.SFTPFailure("no more")
        return super().read(file_obj, offset, size)


def test_a_failed_put_leaves_only_the_old_file(tmp_path: Path, source: Path) -> None:
    with EmbeddedServer(tmp_path / "failing", sftp_factory=FailingServer) as server:
        (server.root / "up.bin").write_bytes(b"old")
        ended = AtServer(server, tmp_path)("put", "/up.bin", "--force", before=source)
        assert ended.code == 1
        assert "no more" in ended.err
        assert names(server.root) == ["up.bin"]
        assert (server.root / "up.bin").read_bytes() == b"old"


class NoRename(FolderServer):
    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no")


def test_a_put_to_a_server_without_rename_is_an_error_with_the_reason(
    tmp_path: Path, source: Path
) -> None:
    with EmbeddedServer(tmp_path / "fixed", sftp_factory=NoRename) as server:
        ended = AtServer(server, tmp_path)("put", "/up.bin", before=source)
        assert "The server cannot rename files, so an upload cannot be atomic" in ended.err
        assert names(server.root) == []


def test_a_put_has_no_more_than_its_budget_in_memory(tmp_path: Path) -> None:
    limit, block, count = 256 * 1024, 64 * 1024, 20
    full = threading.Event()
    taken = acknowledged = most = 0

    class WaitingServer(FolderServer):
        async def write(self, file_obj: object, offset: int, data: bytes) -> int:  # type: ignore[override]
            # It acknowledges nothing before the budget is used up.
            await asyncio.to_thread(full.wait)
            return super().write(file_obj, offset, data)

    def blocks() -> Iterator[bytes]:
        nonlocal taken, most
        for _ in range(count):
            most = max(most, taken - acknowledged)
            if taken == limit:
                full.set()
            taken += block
            yield bytes(block)

    def on_bytes(size: int) -> None:
        nonlocal acknowledged
        acknowledged += size

    async def send(options: SFTPOptions) -> int:
        async with pool_of(options) as pool:
            return await transfer.send(pool, options, blocks(), "/up.bin", on_bytes)

    with EmbeddedServer(tmp_path / "waiting", sftp_factory=WaitingServer) as server:
        given: dict[str, Any] = server.options()
        options = SFTPOptions(**given, max_buffer_bytes=limit, chunk_size=block)
        assert run(send(options)) == count * block
        assert (server.root / "up.bin").stat().st_size == count * block
    assert acknowledged == count * block
    assert most == limit


def test_an_unreadable_local_file_is_an_error_in_json_too(at: AtServer, tmp_path: Path) -> None:
    for local, reason in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        ended = at("put", "/x", "--json", before=local)
        assert ended.code == 1
        assert ended.document["error"]["message"].startswith(f"{local}: {reason}")
    assert at.server.logins == 0  # type: ignore[operator]


# --- get


def test_an_existing_local_file_is_replaced_only_by_force(
    at: AtServer, root: Path, source: Path
) -> None:
    (root / "new.bin").write_bytes(b"new")
    assert "already exists" in at("get", "/new.bin", source).err
    assert source.read_bytes() == CONTENT
    assert at("get", "/new.bin", source, "--force").code == 0
    assert source.read_bytes() == b"new"


def test_a_file_fetched_into_a_directory_keeps_its_name(
    at: AtServer, root: Path, tmp_path: Path
) -> None:
    (root / "new.bin").write_bytes(b"new")
    at("get", "/new.bin", tmp_path)
    assert (tmp_path / "new.bin").read_bytes() == b"new"


def test_a_failed_get_leaves_no_local_file(tmp_path: Path) -> None:
    (here := tmp_path / "here").mkdir()
    with EmbeddedServer(tmp_path / "failing", sftp_factory=FailingServer) as server:
        (server.root / "big.bin").write_bytes(CONTENT)
        ended = AtServer(server, tmp_path)("get", "/big.bin", here)
    assert ended.code == 1
    assert "no more" in ended.err
    assert names(here) == []


def test_a_file_that_changes_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    class GrowingServer(FolderServer):
        def read(self, file_obj: object, offset: int, size: int) -> bytes:
            with (server.root / "big.bin").open("ab") as file:
                file.write(b"more")
            return super().read(file_obj, offset, size)

    (here := tmp_path / "here").mkdir()
    with EmbeddedServer(tmp_path / "growing", sftp_factory=GrowingServer) as server:
        (server.root / "big.bin").write_bytes(CONTENT)
        ended = AtServer(server, tmp_path)("get", "/big.bin", here)
    assert "The file changed while it was read" in ended.err
    assert names(here) == []


def test_a_file_is_not_downloaded_to_an_impossible_path(
    at: AtServer, root: Path, tmp_path: Path
) -> None:
    (root / "new.bin").touch()
    (tmp_path / "new.bin").mkdir()
    assert f"{tmp_path}/new.bin is a directory" in at("get", "/new.bin", tmp_path, "--force").err
    nowhere = tmp_path / "nowhere"
    assert (
        f"The local directory {nowhere} does not exist"
        in at("get", "/new.bin", nowhere / "new.bin").err
    )


def test_a_directory_is_not_downloaded(at: AtServer, root: Path, tmp_path: Path) -> None:
    (root / "sub").mkdir()
    assert "It is a directory, not a file" in at("get", "/sub", tmp_path).err
    assert at("get", "/sub/", tmp_path).code == 2


# --- progress


def test_progress_is_shown_on_a_terminal_only(
    at: AtServer, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = at("put", "/one.bin", before=source)
    assert ended.err == ""
    assert ended.out.startswith(f"{source} to /one.bin: 3.2 MB in ")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich takes the stream for a terminal
    monkeypatch.setenv("TTY_INTERACTIVE", "1")
    assert "put " in at("put", "/two.bin", before=source).err
    assert at("put", "/three.bin", "--json", before=source).err == ""
