"""One file over several SFTP channels: when, how many, and through what may go wrong."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import asyncssh
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import TransferError
from sftp_async.lanes import FAR, LANE_BYTES
from sftp_async.pool import ConnectionPool
from sftp_async.retry import RetryPolicy
from sftp_async.server import EmbeddedServer, FolderServer
from sftp_async.transfer import FileTransfer
from sftp_async.transport import connect
from tests.support.delay import DelayProxy
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD

MIB = 1024 * 1024
BLOCK = os.urandom(MIB)
FAR_AWAY = 0.1  # seconds of round trip: far more than a loaded machine needs to answer


class Lines(FolderServer):
    """One instance a channel: counts the writes of each."""

    all: ClassVar[list[Lines]] = []

    def __init__(self, chan: Any, root: bytes) -> None:
        super().__init__(chan, root)
        self.writes = 0
        self.number = len(Lines.all)
        Lines.all.append(self)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        self.writes += 1
        return super().write(file_obj, offset, data)


def carried() -> int:
    """How many channels carried writes."""
    return sum(line.writes > 0 for line in Lines.all)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Start an embedded server that counts; `kind` is its sftp_factory."""
    Lines.all.clear()
    started: list[EmbeddedServer] = []

    def start(kind: type[Lines] = Lines) -> EmbeddedServer:
        server = EmbeddedServer(tmp_path / "served", sftp_factory=kind).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def far() -> Iterator[Callable[..., DelayProxy]]:
    """Put a server far away: `far(server)`."""
    started: list[DelayProxy] = []

    def start(server: Any, round_trip: float = FAR_AWAY) -> DelayProxy:
        started.append(DelayProxy(server.host, server.port, round_trip))
        return started[-1].start()

    yield start
    for link in started:
        link.stop()


@asynccontextmanager
async def pool_to(
    options: dict[str, str], way: Any = None, **more: object
) -> AsyncIterator[ConnectionPool]:
    if way is not None:
        more |= {"host": way.host, "port": way.port}
    given = SFTPOptions(**{**options, **more})
    retry = RetryPolicy(4, 0.01)
    pool = ConnectionPool(
        lambda: connect(given),
        address=given.address,
        max_size=1,
        max_idle=60,
        timeout=60,
        retry=retry,
    )
    try:
        yield pool
    finally:
        await pool.close()


class Upload:
    """A file of as many blocks as are fed, a bounded number of them in memory."""

    def __init__(self, pool: ConnectionPool, path: str, lanes: int | None) -> None:
        self._room = asyncio.Semaphore(32)
        self._digest = hashlib.sha256()
        self.transfer = FileTransfer(
            path, pool, RetryPolicy(4, 0.01), lambda size: self._room.release(), lanes
        )
        self.done = asyncio.create_task(self.transfer.run())

    async def feed(self, blocks: int) -> None:
        for _ in range(blocks):
            waiting = asyncio.create_task(self._room.acquire())
            await asyncio.wait([waiting, self.done], return_when=asyncio.FIRST_COMPLETED)
            if self.done.done():
                waiting.cancel()
                return
            self._digest.update(BLOCK)
            self.transfer.feed(memoryview(BLOCK))

    async def end(self) -> str:
        self.transfer.end()
        await self.done
        return self._digest.hexdigest()


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def upload(pool: ConnectionPool, path: str, lanes: int | None, blocks: int) -> str:
    one = Upload(pool, path, lanes)
    await one.feed(blocks)
    return await one.end()


def test_four_lanes_are_four_channels_that_carry_one_file(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            one = Upload(pool, "a", 4)
            while carried() < 4:
                await one.feed(1)
            sha256 = await one.end()
            assert sha256 == digest_of(server.root / "a")
            assert pool.get_stats().lanes == 4

    asyncio.run(scene())
    assert len(Lines.all) == 4
    assert server.logins == 1


def test_one_lane_is_one_channel(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            sha256 = await upload(pool, "a", 1, 16)
            assert sha256 == digest_of(server.root / "a")

    asyncio.run(scene())
    assert len(Lines.all) == 1


def test_a_file_of_one_chunk_asks_for_no_further_lane(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            await upload(pool, "a", 8, 1)

    asyncio.run(scene())
    assert len(Lines.all) == 1


def test_lanes_stay_with_the_connection_and_serve_its_next_file(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            for name in "abc":
                one = Upload(pool, name, 4)
                for line in Lines.all:
                    line.writes = 0
                while carried() < 4:
                    await one.feed(1)
                assert await one.end() == digest_of(server.root / name)

    asyncio.run(scene())
    assert len(Lines.all) == 4


def test_files_side_by_side_share_the_lanes_of_their_connection(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            names = [f"file{number}" for number in range(5)]
            found = await asyncio.gather(*(upload(pool, name, 3, 24) for name in names))
            assert found == [digest_of(server.root / name) for name in names]

    asyncio.run(scene())
    assert len(Lines.all) == 3


# Auto


@pytest.mark.usefixtures("as_openssh")
def test_auto_adds_lanes_on_a_distant_openssh_server(
    serve: Callable[..., EmbeddedServer], far: Callable[..., DelayProxy]
) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options(), far(server)) as pool:
            one = Upload(pool, "a", None)
            while carried() < 2:
                await one.feed(1)
            assert await one.end() == digest_of(server.root / "a")
            assert pool.get_stats().lanes > 1

    asyncio.run(scene())
    assert server.logins == 1


def test_auto_adds_lanes_before_a_distant_sshd(
    sshd: SSHD, remote_dir: Path, far: Callable[..., DelayProxy]
) -> None:
    options = sshd.options()
    del options["known_hosts"]  # it names the port

    async def scene() -> None:
        pinned = sshd.fingerprints["ed25519"]
        async with pool_to(options, far(sshd), host_key_fingerprint=pinned) as pool:
            one = Upload(pool, str(remote_dir / "a"), None)
            while pool.get_stats().lanes < 2:
                await one.feed(1)
            await one.feed(8)
            assert await one.end() == digest_of(remote_dir / "a")

    asyncio.run(scene())


def test_auto_stays_at_one_lane_on_a_near_sshd(sshd: SSHD, remote_dir: Path) -> None:
    async def scene() -> None:
        async with pool_to(sshd.options()) as pool:
            async with pool.lease() as connection:
                for _ in range(50):  # one quick answer shows that the server is near
                    await connection.stat(str(remote_dir))
                assert connection.round_trip < FAR
            assert await upload(pool, str(remote_dir / "a"), None, 32) == digest_of(
                remote_dir / "a"
            )
            assert pool.get_stats().lanes == 1

    asyncio.run(scene())


def test_auto_stays_at_one_lane_where_no_plain_files_are_known_to_be(
    serve: Callable[..., EmbeddedServer], far: Callable[..., DelayProxy]
) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options(), far(server, 0.03)) as pool:
            await upload(pool, "a", None, 3 * LANE_BYTES // MIB)

    asyncio.run(scene())
    assert len(Lines.all) == 1


# What may go wrong


def test_a_server_of_one_session_is_written_to_over_one_lane_and_asked_once(
    start_sshd: Callable[..., SSHD], remote_dir: Path
) -> None:
    server = start_sshd(MaxSessions=1)

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            refused = "no more sessions"
            one = Upload(pool, str(remote_dir / "a"), 2)
            while server.log_text().count(refused) < 1:
                await one.feed(1)
            assert await one.end() == digest_of(remote_dir / "a")
            for name in "bc":
                path = remote_dir / name
                assert await upload(pool, str(path), 2, 16) == digest_of(path)
            assert pool.get_stats().lanes == 1
            assert server.log_text().count(refused) == 1

    asyncio.run(scene())
    assert server.logins() == 1


class OneHandle(Lines):
    """Opens files on the first channel only."""

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if self.number:
            raise asyncssh.SFTPPermissionDenied("The file is in use")
        return super().open(path, pflags, attrs)


def test_a_server_that_opens_a_file_only_once_is_written_to_over_one_lane(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve(OneHandle)

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            one = Upload(pool, "a", 4)
            while len(Lines.all) < 4:
                await one.feed(1)
            await one.feed(8)
            assert await one.end() == digest_of(server.root / "a")

    asyncio.run(scene())
    assert carried() == 1
    assert server.logins == 1


@pytest.mark.parametrize("after", [3 * MIB, 9 * MIB])
def test_lanes_cut_in_the_middle_resume_over_a_new_connection(
    serve: Callable[..., EmbeddedServer], proxy: Callable[..., FaultProxy], after: int
) -> None:
    server = serve()
    line = proxy(server)
    line.cut_after(after)

    async def scene() -> None:
        async with pool_to(server.options(), line) as pool:
            assert await upload(pool, "a", 4, 24) == digest_of(server.root / "a")

    asyncio.run(scene())
    assert line.cuts == 1
    assert server.logins == 2


class DyingLane(Lines):
    """The second channel of the first connection ends in the middle of a write."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self.number == 1:
            self.channel.close()
        return super().write(file_obj, offset, data)


def test_a_lane_that_dies_alone_is_noticed_and_the_file_resumed(
    serve: Callable[..., EmbeddedServer],
) -> None:
    server = serve(DyingLane)

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            one = Upload(pool, "a", 2)
            while len(Lines.all) < 2 or not Lines.all[1].writes:
                await one.feed(1)
            assert await one.end() == digest_of(server.root / "a")

    asyncio.run(scene())
    assert server.logins == 2


class Strict(Lines):
    """Refuses what other lanes bring."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self.number:
            raise asyncssh.SFTPFailure("the quota is used up")
        return super().write(file_obj, offset, data)


def test_an_error_on_any_lane_is_the_errors_own(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve(Strict)

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            one = Upload(pool, "a", 3)
            while not one.done.done():
                await one.feed(1)
            with pytest.raises(TransferError, match="The server answered: the quota is used up"):
                await one.end()

    asyncio.run(scene())


def test_a_cancelled_upload_ends_all_its_lanes(serve: Callable[..., EmbeddedServer]) -> None:
    server = serve()

    async def scene() -> None:
        async with pool_to(server.options()) as pool:
            one = Upload(pool, "a", 4)
            while carried() < 4:
                await one.feed(1)
            await one.feed(4)
            one.done.cancel()
            with pytest.raises(asyncio.CancelledError):
                await one.done
            assert await upload(pool, "b", 4, 8) == digest_of(server.root / "b")

    asyncio.run(scene())
