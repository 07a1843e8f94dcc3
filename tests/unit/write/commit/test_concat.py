"""Joining files: on the server in ranges, through the client in blocks, never with more memory."""

from __future__ import annotations

import hashlib

import pytest

from sftp_async.errors import CommitError, ConnectionLostError, RemoteNotFoundError
from sftp_async.remote import download
from sftp_async.write.commit import concat
from sftp_async.write.commit.concat import join
from tests.support.memory_server import Fault, MemoryServer, Operation

#: The largest read that the server in memory serves.
BLOCK = 32768


def put(server: MemoryServer, *sizes: int) -> tuple[list[tuple[str, int]], bytes]:
    server.make("/in")
    whole = b""
    sources = []
    for i, size in enumerate(sizes):
        content = hashlib.shake_128(bytes([i])).digest(size)
        server.put(f"/in/{i}", content)
        sources.append((f"/in/{i}", size))
        whole += content
    return sources, whole


@pytest.mark.asyncio
@pytest.mark.parametrize("copy_data", [True, False])
async def test_the_bytes_of_all_files_follow_each_other(copy_data: bool) -> None:
    server = MemoryServer(copy_data=copy_data)
    sources, whole = put(server, 10, 0, BLOCK, 2 * BLOCK + 1, 1)
    assert await join(server.connect(), sources, "/in/joined") == len(whole)
    assert server.read("/in/joined") == whole


@pytest.mark.asyncio
async def test_large_files_are_copied_in_ranges_that_each_answer_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(concat, "COPY_RANGE", 1000)
    server = MemoryServer()
    sources, whole = put(server, 2500, 1000)
    await join(server.connect(), sources, "/in/joined")
    assert server.read("/in/joined") == whole
    assert len(server.operations("copy")) == 4


@pytest.mark.asyncio
async def test_through_the_client_only_a_few_blocks_are_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "IN_FLIGHT_BYTES", 4 * BLOCK)
    monkeypatch.setattr(concat, "IN_FLIGHT_BYTES", 4 * BLOCK)
    server = MemoryServer(copy_data=False)
    sources, whole = put(server, 20 * BLOCK, 3 * BLOCK)
    held = most = 0

    def count(operation: Operation) -> None:
        nonlocal held, most
        held += {"read": 1, "write": -1}.get(operation.name, 0)
        most = max(most, held)

    server.meanwhile = count
    await join(server.connect(), sources, "/in/joined")
    assert server.read("/in/joined") == whole
    assert held == 0
    assert 1 < most <= 8


@pytest.mark.asyncio
async def test_through_the_client_the_writes_follow_each_other_without_a_gap() -> None:
    server = MemoryServer(copy_data=False)
    sources, whole = put(server, 3 * BLOCK + 1, 2 * BLOCK, 5)
    sizes = []

    def look(operation: Operation) -> None:
        if operation.name == "write":
            sizes.append(len(server.read("/in/joined")))

    server.meanwhile = look
    await join(server.connect(), sources, "/in/joined")
    assert server.read("/in/joined") == whole
    assert sizes == [
        size * BLOCK + one for size, one in ((1, 0), (2, 0), (3, 0), (3, 1), (4, 1), (5, 1), (5, 6))
    ]


@pytest.mark.asyncio
async def test_what_was_there_is_replaced() -> None:
    server = MemoryServer()
    sources, whole = put(server, 5)
    server.put("/in/joined", b"a longer old content")
    await join(server.connect(), sources, "/in/joined")
    assert server.read("/in/joined") == whole


@pytest.mark.asyncio
@pytest.mark.parametrize("copy_data", [True, False])
async def test_every_file_is_closed_whatever_happens(copy_data: bool) -> None:
    server = MemoryServer(copy_data=copy_data)
    sources, _ = put(server, 5, 5)

    def refuse(operation: Operation) -> None:
        if operation.name in ("copy", "write"):
            raise RemoteNotFoundError("gone", path=operation.path)

    server.refuse = refuse
    with pytest.raises(RemoteNotFoundError):
        await join(server.connect(), sources, "/in/joined")
    assert len(server.operations("open")) == len(server.operations("close")) > 0


@pytest.mark.asyncio
async def test_a_lost_connection_is_raised_as_such_and_not_in_a_group() -> None:
    server = MemoryServer(copy_data=False)
    sources, _ = put(server, 3 * BLOCK)
    server.faults = {4: Fault("lost", "before")}
    with pytest.raises(ConnectionLostError):
        await join(server.connect(), sources, "/in/joined")


@pytest.mark.asyncio
async def test_a_file_that_shrinks_while_it_is_copied_is_noticed() -> None:
    server = MemoryServer(copy_data=False)
    sources, _ = put(server, 10, 10)

    def shrink(operation: Operation) -> None:
        if operation.name == "open" and operation.path == "/in/0":
            server.nodes["/in/0"].data.pop()

    server.meanwhile = shrink
    with pytest.raises(CommitError, match="9 bytes instead of 10"):
        await join(server.connect(), sources, "/in/joined")


@pytest.mark.asyncio
async def test_a_missing_file_is_reported_before_anything_is_written() -> None:
    server = MemoryServer()
    sources, _ = put(server, 10)
    with pytest.raises(RemoteNotFoundError):
        await join(server.connect(), [*sources, ("/in/9", 1)], "/in/joined")
    assert "joined" not in server.names("/in")
