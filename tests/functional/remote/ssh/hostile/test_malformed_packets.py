"""Malformed packets: typed errors in time, and connections that are not used again."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytest
from asyncssh.constants import (
    FX_FAILURE,
    FX_OK,
    FXP_CLOSE,
    FXP_DATA,
    FXP_HANDLE,
    FXP_INIT,
    FXP_MKDIR,
    FXP_NAME,
    FXP_OPEN,
    FXP_READ,
    FXP_READDIR,
    FXP_REALPATH,
    FXP_RENAME,
    FXP_STAT,
    FXP_STATUS,
    FXP_WRITE,
)
from asyncssh.packet import Byte, String, UInt32

from sftp_async.errors import (
    ConnectError,
    ConnectionLostError,
    SFTPAsyncError,
    StalledError,
    TransferError,
)
from sftp_async.options import SFTPOptions
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.ssh import Connection, connect, session_text
from tests.support.hostile_server import (
    Ask,
    Hostile,
    HostileSession,
    Kind,
    Lie,
    error_of,
    impatient_with,
    nothing_left,
)
from tests.support.jobs import lines_in, real_job, upload

pytestmark = pytest.mark.one_python


def wrong_kind(session: HostileSession, asked: Kind, number: int) -> None:
    session.answer(FXP_HANDLE if asked == FXP_READ else FXP_DATA, number, String(b"x"))


def half_a_packet(session: HostileSession, asked: Kind, number: int) -> None:
    session.say(UInt32(100) + Byte(FXP_STATUS) + UInt32(number))


def half_a_packet_and_the_end(session: HostileSession, asked: Kind, number: int) -> None:
    half_a_packet(session, asked, number)
    session.hang_up()


#: Answers that make no sense, or are none; and what an error it is that a request ends in.
LIES: dict[str, tuple[Lie, type[SFTPAsyncError]]] = {
    "a packet of 4 GiB": (
        lambda session, asked, number: session.say(b"\xff" * 4 + bytes(60)),
        TransferError,
    ),
    "a packet without content": (
        lambda session, asked, number: session.say(UInt32(0)),
        TransferError,
    ),
    "a packet of a kind and no number": (
        lambda session, asked, number: session.say(UInt32(1) + Byte(FXP_STATUS)),
        TransferError,
    ),
    "noise": (
        lambda session, asked, number: session.say(bytes(range(7, 256)) * 4),
        TransferError,
    ),
    "an unknown kind": (
        lambda session, asked, number: session.answer(250, number),
        TransferError,
    ),
    "another kind than the one due": (wrong_kind, TransferError),
    "an answer to no request": (
        lambda session, asked, number: session.answer(FXP_STATUS, number + 1000, UInt32(FX_OK)),
        TransferError,
    ),
    "a status cut short": (
        lambda session, asked, number: session.answer(FXP_STATUS, number, b"\0\0"),
        TransferError,
    ),
    "a status with a tail": (
        lambda session, asked, number: session.answer(
            FXP_STATUS, number, UInt32(FX_FAILURE) + String("no") + String("en") + b"tail"
        ),
        TransferError,
    ),
    "four thousand million names": (
        lambda session, asked, number: session.answer(FXP_NAME, number, UInt32(0xFFFFFFFF)),
        TransferError,
    ),
    "half a packet, then the end": (half_a_packet_and_the_end, ConnectionLostError),
    "half a packet, then nothing": (half_a_packet, StalledError),
    "an SSH packet of 4 GiB": (
        lambda session, asked, number: session.say_below(b"\xff" * 64),
        ConnectionLostError,
    ),
    "an SSH packet that was never sealed": (
        lambda session, asked, number: session.say_below(UInt32(32) + bytes(64)),
        ConnectionLostError,
    ),
}


#: Requests: what errors call them, the kind of packet, and how to make them.
REQUESTS: list[tuple[str, Kind, Ask]] = [
    ("look at", FXP_STAT, lambda c: c.stat("/there")),
    ("list", FXP_READDIR, lambda c: c.listdir("/")),
    ("resolve", FXP_REALPATH, lambda c: c.realpath(".")),
    ("create", FXP_OPEN, lambda c: c.open_new("/a")),
    ("write", FXP_WRITE, lambda c: c.write_file("/a", b"x" * 100)),
    ("close", FXP_CLOSE, lambda c: c.write_file("/a", b"x" * 100)),
    ("read", FXP_READ, lambda c: c.read_file("/there", 100)),
    ("rename", FXP_RENAME, lambda c: c.rename("/there", "/b")),
    ("create the directory", FXP_MKDIR, lambda c: c.mkdir("/d")),
]


def patience(kind: type[SFTPAsyncError], what: str) -> AbstractContextManager[None]:
    """Do not wait long where it is silence that the server answers `what` with."""
    return impatient_with(what) if kind is StalledError else nullcontext()


@pytest.mark.asyncio
@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_makes_no_sense_is_an_error_of_ours_and_ends_the_connection(
    hostile: Hostile, lie: str
) -> None:
    tell, kind = LIES[lie]
    server = hostile()
    for what, asked, ask in REQUESTS:
        (server.root / "there").write_bytes(b"there")
        (server.root / "a").unlink(missing_ok=True)
        server.lies = {asked: tell}
        with patience(kind, what):
            error = await error_of(server, ask)
        assert isinstance(error, kind)
        assert error.message.startswith(f"Cannot {what}: "), f"{what}: {error}"
        assert error.host == SFTPOptions(**server.options()).address


@pytest.mark.asyncio
async def test_success_without_what_was_asked_for_is_an_error_of_ours_and_ends_the_connection(
    hostile: Hostile,
) -> None:
    server = hostile()
    (server.root / "there").write_bytes(b"there")

    def success(session: HostileSession, asked: Kind, number: int) -> None:
        session.answer(FXP_STATUS, number, UInt32(FX_OK) + String("") + String(""))

    for what, asked, ask in REQUESTS:
        if asked in (FXP_STAT, FXP_READDIR, FXP_REALPATH, FXP_OPEN, FXP_READ):
            server.lies = {asked: success}
            error = await error_of(server, ask)
            assert error.message.startswith(f"Cannot {what}: "), f"{what}: {error}"


@pytest.fixture
def no_text_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for the text of a login: this server prints none."""
    monkeypatch.setattr(session_text, "SECONDS", 0.05)


@pytest.mark.asyncio
@pytest.mark.usefixtures("no_text_to_wait_for")
@pytest.mark.parametrize("lie", LIES)
async def test_a_greeting_that_makes_no_sense_is_no_connection(hostile: Hostile, lie: str) -> None:
    server = hostile()
    server.lies = {FXP_INIT: LIES[lie][0]}

    timeout = {"connect_timeout": "1"} if LIES[lie][1] is StalledError else {}

    with pytest.raises(ConnectError):
        await connect(SFTPOptions(**server.options(), **timeout))
    await nothing_left(server)


@pytest.mark.asyncio
@pytest.mark.usefixtures("no_text_to_wait_for")
@pytest.mark.parametrize("lie", LIES)
async def test_limits_that_make_no_sense_are_no_connection(hostile: Hostile, lie: str) -> None:
    server = hostile()
    server.lies = {b"limits@openssh.com": LIES[lie][0]}

    timeout = {"connect_timeout": "1"} if LIES[lie][1] is StalledError else {}

    with pytest.raises(ConnectError):
        await connect(SFTPOptions(**server.options(), **timeout))
    await nothing_left(server)


@pytest.mark.parametrize("lie", LIES)
def test_a_job_that_met_nonsense_fails_and_goes_on_with_another_connection(
    hostile: Hostile, lie: str
) -> None:
    tell, kind = LIES[lie]
    server = hostile()
    job = real_job(server.options(), "/out", max_retries=0).prepare()
    upload(job, ["one"])
    logins = server.logins
    server.lies = {FXP_WRITE: tell}
    with patience(kind, "write"), pytest.raises(kind):
        upload(job, ["two"])
    server.lies = {}
    parts = upload(job, ["three"])
    assert server.logins == logins + 1
    job.commit(parts)
    assert lines_in(server.root / "out") == ["three"]
    assert [file.name for file in (server.root / "out").iterdir()] == [parts[0].final]


def test_a_pool_never_lends_a_connection_again_that_spoke_nonsense(hostile: Hostile) -> None:
    server = hostile()
    pool = get_runtime().pool(SFTPOptions(**server.options()))

    async def look() -> Connection:
        async with pool.lease() as connection:
            await connection.stat("/")
            return connection

    first = get_runtime().run(look())
    assert get_runtime().run(look()) is first
    server.lies = {FXP_STAT: wrong_kind}
    with pytest.raises(TransferError):
        get_runtime().run(look())
    server.lies = {}
    assert get_runtime().run(look()) is not first
    assert pool.get_stats().lost_total == 1
