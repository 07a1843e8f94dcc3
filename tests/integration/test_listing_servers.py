"""Directories of several pages on servers that are not OpenSSH: every name, and each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sftp_async.options import SFTPOptions
from sftp_async.read.listing import list_files
from tests.functional.remote.ssh.connections import connected
from tests.support.keys import KeySet
from tests.support.proftpd import ProFTPD

DIRECTORIES = 40
FILES = 333


@pytest.fixture(scope="module")
def proftpd(tmp_path_factory: pytest.TempPathFactory, host_keys: KeySet) -> Iterator[ProFTPD]:
    server = ProFTPD(tmp_path_factory.mktemp("proftpd"), host_keys)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.mark.asyncio
async def test_proftpd_is_asked_for_several_pages_at_once(
    proftpd: ProFTPD, remote_dir: Path
) -> None:
    for number in range(DIRECTORIES):
        directory = remote_dir / f"k={number}"
        directory.mkdir()
        for file in range(FILES):
            (directory / f"{file}.csv").write_bytes(b"x")
    async with connected(proftpd.options()) as connection:
        assert connection.capabilities.in_order
        options = SFTPOptions(**proftpd.options())
        found = await list_files(connection, [str(remote_dir)], options)
    expected = {
        f"{remote_dir}/k={number}/{file}.csv"
        for number in range(DIRECTORIES)
        for file in range(FILES)
    }
    assert len(found.files) == len(expected)
    assert {file.path for file in found.files} == expected
