"""rclone's SFTP server, which takes a write only at the end of a file: writes go there in order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sftp_async import SFTPOptions
from sftp_async.read.listing import list_files
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.upload import FileUpload
from sftp_async.tools.cli import transfer
from sftp_async.tools.cli.run import pool_of
from tests.functional.remote.ssh.connections import connected
from tests.support.channels import pool_to
from tests.support.jobs import lines_in, write
from tests.support.keys import KeySet
from tests.support.requirements import skip_without

DATA = os.urandom(20_000_000)
PARTITIONS = [[f"{part} {line} ".ljust(999, "x") for line in range(5000)] for part in range(4)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that rclone serves as `/`."""
    root = tmp_path / "served"
    root.mkdir()
    return root


@pytest.fixture
def options(root: Path, tmp_path: Path, host_keys: KeySet) -> Iterator[dict[str, str]]:
    """The options to log in to `rclone serve sftp`."""
    if shutil.which("rclone") is None:
        skip_without("rclone")
    command = ["rclone", "serve", "sftp", str(root), "--addr", "127.0.0.1:0"]
    command += ["--user", "me", "--pass", "secret", "--key", str(host_keys.path("ed25519"))]
    command += ["--config", str(tmp_path / "rclone.conf"), "--cache-dir", str(tmp_path / "cache")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            port = next(filter(None, map(_port_in, server.stderr)))
            yield {
                "host": "127.0.0.1",
                "port": port,
                "username": "me",
                "password": "secret",
                "host_key_fingerprint": host_keys.fingerprint("ed25519"),
            }
        finally:
            server.terminate()
            server.communicate()


def _port_in(line: str) -> str | None:
    found = re.search(r"server listening on 127\.0\.0\.1:(\d+)", line)
    return found[1] if found else None


@pytest.mark.asyncio
async def test_an_upload_arrives(options: dict[str, str], root: Path) -> None:
    async with pool_to(options) as pool:
        upload = FileUpload("/a", pool, RetryPolicy(0, 0.0), lambda size: None)
        upload.feed(memoryview(DATA))
        upload.end()
        await upload.run()
    assert (root / "a").read_bytes() == DATA


def test_an_exact_file_from_four_partitions_is_joined(options: dict[str, str], root: Path) -> None:
    write(options, "/all.txt", *PARTITIONS)
    found = (root / "all.txt").read_text().splitlines()
    assert found == [line for lines in PARTITIONS for line in lines]


def test_a_directory_of_part_files_is_committed(options: dict[str, str], root: Path) -> None:
    write(options, "/out", *PARTITIONS)
    assert lines_in(root / "out") == sorted(line for lines in PARTITIONS for line in lines)


@pytest.mark.asyncio
async def test_a_small_document_is_replaced(options: dict[str, str], root: Path) -> None:
    async with pool_to(options) as pool, pool.lease() as connection:
        for data in (DATA[:1_000_000], DATA[1_000_000:4_000_000]):
            await connection.write_file("/document", data)
            assert (root / "document").read_bytes() == data


@pytest.mark.asyncio
async def test_put_and_get_carry_a_file(
    options: dict[str, str], root: Path, tmp_path: Path
) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(DATA)
    given, local = SFTPOptions(**options), transfer.Source(source)
    async with pool_of(given) as pool:
        await transfer.upload(pool, given, local, "/a", lambda _: None, replace=False)
        assert (root / "a").read_bytes() == DATA
        await transfer.download(pool, "/a", copy, lambda _: None, replace=False)
    local.close()
    assert copy.read_bytes() == DATA


@pytest.mark.asyncio
async def test_large_directories_are_listed_in_full(options: dict[str, str], root: Path) -> None:
    for number in range(10):
        directory = root / f"k={number}"
        directory.mkdir()
        for file in range(222):
            (directory / f"{file}.csv").write_bytes(b"x")
    async with connected(options) as connection:
        # Its requests are not known to be served in order: one page at a time.
        assert not connection.capabilities.in_order
        found = await list_files(connection, ["/"], SFTPOptions(**options))
    assert len({file.path for file in found.files}) == len(found.files) == 2220
    assert found.partition_by == ("k",)
