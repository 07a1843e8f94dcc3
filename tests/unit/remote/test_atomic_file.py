"""Small files that appear complete or not at all."""

from __future__ import annotations

import pytest

from sftp_async.errors import RemoteExistsError, RemoteUnsupportedError
from sftp_async.remote import atomic_file
from tests.support.memory_server import MemoryServer

OLD, NEW = b"old", b"a new content"


def server_with(old: bytes | None = None, **offers: bool) -> MemoryServer:
    server = MemoryServer(**offers)
    server.make("/d")
    if old is not None:
        server.put("/d/a", old)
    return server


def seen_in(server: MemoryServer) -> list[bytes | None]:
    """What readers of the file see, from now on, after each request."""
    seen: list[bytes | None] = []
    server.watch = lambda: seen.append(server.files("/d").get("a"))
    return seen


@pytest.mark.asyncio
async def test_readers_see_all_of_a_new_file_or_nothing() -> None:
    server = server_with()
    seen = seen_in(server)
    connection = server.connect()
    await atomic_file.create(connection, "/d/a", NEW, draft="/d/draft")
    assert set(seen) == {None, NEW}
    assert server.names("/d") == {"a"}
    assert await atomic_file.holds(connection, "/d/a", NEW)
    assert not await atomic_file.holds(connection, "/d/a", OLD)


@pytest.mark.asyncio
async def test_a_name_that_is_taken_stays_as_it_is() -> None:
    server = server_with(OLD)
    with pytest.raises(RemoteExistsError):
        await atomic_file.create(server.connect(), "/d/a", NEW, draft="/d/draft")
    assert server.read("/d/a") == OLD


@pytest.mark.asyncio
async def test_a_server_without_rename_is_an_error() -> None:
    server = server_with(rename=False)
    with pytest.raises(RemoteUnsupportedError):
        await atomic_file.create(server.connect(), "/d/a", NEW, draft="/d/draft")
    assert server.names("/d") == {"draft"}


@pytest.mark.asyncio
@pytest.mark.parametrize("old", [OLD, None])
async def test_readers_see_all_of_the_old_or_all_of_the_new_file(old: bytes | None) -> None:
    server = server_with(old)
    seen = seen_in(server)
    await atomic_file.replace(server.connect(), "/d/a", NEW, draft="/d/draft")
    assert set(seen) == {old, NEW}
    assert server.names("/d") == {"a"}


@pytest.mark.asyncio
@pytest.mark.parametrize("old", [OLD, None])
async def test_without_posix_rename_there_is_no_file_for_a_moment(old: bytes | None) -> None:
    server = server_with(old, posix_rename=False)
    seen = seen_in(server)
    await atomic_file.replace(server.connect(), "/d/a", NEW, draft="/d/draft")
    assert set(seen) == {old, None, NEW}
    assert server.names("/d") == {"a"}
