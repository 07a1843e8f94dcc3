"""Names in listings that lead elsewhere, or are odd: none is trusted, and none leads a job out."""

from __future__ import annotations

import os
import posixpath
from collections.abc import AsyncIterator, Sequence

import asyncssh
import pytest

from sftp_async.errors import CommitError
from sftp_async.tools.testing.embedded_server import FolderServer
from tests.functional.remote.ssh.connections import connected
from tests.support.hostile_server import Hostile, entry
from tests.support.jobs import lines_in, real_job, upload

pytestmark = pytest.mark.one_python

#: They lead out of the directory, or are no names.
LEADING_OUT = [
    b"../x.txt",
    b"../part-00000-0123456789abcdef-c000.txt",
    b"sub/part-00000-0123456789abcdef-c000.txt",
    b"/x.txt",
    b"../" + b"e" * 32,
    b"../" + b"e" * 32 + b".intent.json",
    b"nul\0.txt",
    b".",
    b"..",
    b"",
]
#: Odd, but a file can be called that.
ODD = [b"new\nline.txt", b"\xff\xfe.txt", b"f" * 32, b"f" * 32 + b".intent.json"]


class FalseNames(FolderServer):
    """Lists, in every directory, names that are not there; notes every path that it is given."""

    names: Sequence[bytes] = (*LEADING_OUT, *ODD)
    paths: set[bytes]

    def map_path(self, path: bytes) -> bytes:
        self.paths.add(path)
        return super().map_path(path)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        with os.scandir(self.map_path(path)) as there:
            for one in there:
                attrs = asyncssh.SFTPAttrs.from_local(one.stat())
                yield asyncssh.SFTPName(one.name, b"", attrs)
        for name in self.names:
            yield entry(name)


@pytest.fixture
def false_names() -> type[FalseNames]:
    """A class of the test's own."""
    return type("FalseNames", (FalseNames,), {"paths": set()})


@pytest.mark.asyncio
async def test_a_listing_has_no_names_that_lead_elsewhere(
    hostile: Hostile, false_names: type[FalseNames]
) -> None:
    server = hostile(false_names)
    false_names.names = [*LEADING_OUT, *ODD, b"n" * 300]

    async with connected(server.options()) as connection:
        listed = [found.name for found in await connection.listdir("/")]
        assert listed == [name.decode(errors="surrogateescape") for name in [*ODD, b"n" * 300]]


@pytest.mark.asyncio
@pytest.mark.parametrize("name", [b"new\nline.txt", b"\xff\xfe.txt", "ä ö".encode()])
async def test_a_file_with_an_odd_name_is_listed_and_removed_by_just_that_name(
    hostile: Hostile, name: bytes
) -> None:
    server = hostile()
    (server.root / name.decode(errors="surrogateescape")).write_bytes(b"x")

    async with connected(server.options()) as connection:
        (found,) = await connection.listdir("/")
        await connection.remove(f"/{found.name}")
    assert list(server.root.iterdir()) == []


@pytest.mark.parametrize("scope", ["own", "directory"])
def test_false_names_never_lead_a_job_out_of_its_target(
    hostile: Hostile, false_names: type[FalseNames], scope: str
) -> None:
    server = hostile(false_names)
    outside = [server.root / "x.txt", server.root / "part-00000-0123456789abcdef-c000.txt"]
    for file in outside:
        file.write_text("precious\n")
    # Overwriting, with what was there before; sweeping of what is old; aborting.
    for text in ("one", "two"):
        job = real_job(
            server.options(), "/out", overwrite=True, overwrite_scope=scope, staging_ttl="1"
        ).prepare()
        job.commit(upload(job, [text], [text]))
    job = real_job(server.options(), "/out", staging_ttl="1").prepare()
    upload(job, ["three"])
    job.abort()
    assert lines_in(server.root / "out") == ["two", "two"]
    assert [file.read_text() for file in outside] == ["precious\n"] * 2
    asked = false_names.paths - {b"/"}  # which the server itself asks for
    assert b"/out/_temporary" in asked
    for path in asked:
        assert path == posixpath.normpath(path)
        assert path == b"/out" or path.startswith(b"/out/")
        assert b"\0" not in path


def test_a_false_name_that_is_too_long_to_be_removed_is_a_clear_error_and_the_data_is_there(
    hostile: Hostile, false_names: type[FalseNames]
) -> None:
    server = hostile(false_names)
    false_names.names = [b"n" * 300 + b".txt"]
    job = real_job(server.options(), "/out", overwrite=True, overwrite_scope="directory").prepare()
    parts = upload(job, ["one"])
    with pytest.raises(CommitError, match="new data is complete and visible"):
        job.commit(parts)
    assert lines_in(server.root / "out") == ["one"]
