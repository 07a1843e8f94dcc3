"""OpenSSH behind OpenSSH: logins over bastions, whom each side trusts, connections that break."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    HostKeyError,
    OptionsError,
    ServerBusyError,
    SFTPAsyncWarning,
    StalledError,
)
from sftp_async.remote.ssh import Connection, connect
from sftp_async.remote.ssh.fast import STOCK_VARIABLE
from sftp_async.remote.ssh.fast.channel import FastTunnel
from sftp_async.tools.doctor.tester import SFTPConnectionTester
from tests.functional.remote.ssh.connections import connected, login, refused
from tests.functional.remote.ssh.fast_path import inside, on_both_loops
from tests.support.cli import sftp_async
from tests.support.jobs import real_job, upload
from tests.support.keys import KeySet
from tests.support.network_faults import SMALL, content, impatient, lines, visible
from tests.support.proxied_connections import behind, refused_on_the_way
from tests.support.proxy import FaultProxy
from tests.support.sshd import SSHD
from tests.support.waiting import soon

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("home"),
]

Start = Callable[..., SSHD]
Link = Callable[..., FaultProxy]


@pytest.fixture(scope="module")
def bastion(
    tmp_path_factory: pytest.TempPathFactory, host_keys: KeySet, user_keys: KeySet
) -> Iterator[SSHD]:
    """A bastion that shows another host key than the server, and changes session keys often."""
    own = {"HostKey": host_keys.path("ecdsa"), "RekeyLimit": "1M"}
    server = SSHD(tmp_path_factory.mktemp("bastion"), host_keys, user_keys, **own).start()
    yield server
    server.stop()


def address(server: SSHD) -> str:
    return f"{server.username}@{server.host}:{server.port}"


def a_key() -> str:
    """A private key that no server accepts."""
    return asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


# The way


@pytest.mark.asyncio
@pytest.mark.parametrize("count", [1, 2])
async def test_a_login_passes_every_bastion(
    sshd: SSHD, bastion: SSHD, start_sshd: Start, count: int
) -> None:
    way = [start_sshd(), bastion][-count:]
    before = [one.logins() for one in (*way, sshd)]
    line = await login(behind(sshd, *way))
    assert [one.logins() for one in (*way, sshd)] == [number + 1 for number in before]
    assert line == f"[127.0.0.1]:{sshd.port} {sshd.host_keys.public('ed25519')}"


async def megabytes_pass_two_bastions(
    sshd: SSHD, bastion: SSHD, target: Path, *, tunnels: list[bool]
) -> None:
    """Write and read over two bastions; `tunnels` are the connections on the fast path."""
    data = os.urandom(5_000_000)  # more than the windows and the keys of all channels on the way
    async with connected(behind(sshd, bastion, bastion)) as connection:
        fast = [isinstance(one._transport, FastTunnel) for one in inner(connection)]
        assert fast == tunnels
        await connection.write_file(str(target), data)
        assert await connection.read_file(str(target), len(data)) == data
    assert target.read_bytes() == data


@on_both_loops
async def test_megabytes_pass_two_bastions_while_session_keys_change(
    sshd: SSHD, bastion: SSHD, remote_dir: Path
) -> None:
    tunnels = [False, True, True]
    await megabytes_pass_two_bastions(sshd, bastion, remote_dir / "x", tunnels=tunnels)


@pytest.mark.asyncio
async def test_megabytes_pass_two_bastions_without_the_fast_path_too(
    sshd: SSHD, bastion: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STOCK_VARIABLE, "1")
    await megabytes_pass_two_bastions(sshd, bastion, remote_dir / "x", tunnels=[False] * 3)


def inner(connection: Connection) -> list[Any]:
    """asyncssh's connections on the way, in their order."""
    return [*connection._guard._bastions, inside(connection)]


@pytest.mark.asyncio
async def test_a_bastion_may_have_a_user_and_a_key_of_its_own(
    sshd: SSHD, start_sshd: Start, tmp_path: Path
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_public_key(tmp_path / "jump.pub")
    other = start_sshd(AuthorizedKeysFile=tmp_path / "jump.pub")
    own = {
        "proxy_jump": f"{other.username}@{other.host}:{other.port}",
        "proxy_jump_username": "not-needed",
        "proxy_jump_private_key_content": key.export_private_key(
            "openssh", "hunter2", rounds=50
        ).decode(),
        "proxy_jump_private_key_passphrase": "hunter2",
    }
    await login(behind(sshd, other, **own))
    await refused_on_the_way(
        behind(sshd, other), AuthenticationError, "The bastion refused", at=address(other)
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("end", ["closed", "aborted", "lost"])
async def test_a_bastion_ends_with_its_connection(
    bastion: SSHD, proxy: Link, start_sshd: Start, end: str
) -> None:
    server, link = start_sshd(), proxy(bastion)

    async with connected(by(server, link, bastion)) as connection:
        assert link.open_connections == 1
        if end == "closed":
            await connection.close()
        elif end == "aborted":
            connection.abort()
        else:
            server.kill_sessions()
        assert await asyncio.to_thread(soon, lambda: link.open_connections == 0)
        assert not connection.usable


def by(server: SSHD, link: FaultProxy, bastion: SSHD) -> dict[str, Any]:
    """Return the options that lead to a server over a network and the bastion behind that."""
    return server.options() | {
        "proxy_jump": f"{link.host}:{link.port}",
        "proxy_jump_host_key_fingerprint": bastion.fingerprints["ecdsa"],
    }


# Whom to trust


@pytest.mark.asyncio
async def test_an_unknown_bastion_is_refused_with_its_fingerprint_and_the_option_for_it(
    sshd: SSHD, bastion: SSHD
) -> None:
    options = behind(sshd, bastion, known_hosts=sshd.known_hosts)
    before = bastion.logins()
    error = await refused_on_the_way(
        options, HostKeyError, "The bastion's host key is unknown", at=address(bastion)
    )
    assert isinstance(error, HostKeyError)
    assert error.fingerprint == bastion.fingerprints["ecdsa"]
    assert f"set proxy_jump_host_key_fingerprint to {error.fingerprint}" in str(error)
    assert bastion.logins() == before
    await login({**options, "proxy_jump_host_key_fingerprint": error.fingerprint})


@pytest.mark.asyncio
async def test_a_bastion_with_another_key_is_refused_and_so_is_the_second_of_two(
    sshd: SSHD, bastion: SSHD, start_sshd: Start
) -> None:
    first = start_sshd()
    keys = [first.fingerprints["ed25519"], bastion.fingerprints["ecdsa"]]
    options = behind(sshd, first, bastion)
    await login({**options, "proxy_jump_host_key_fingerprint": keys})
    before = bastion.logins()
    for wrong, at in (([keys[1], keys[1]], first), ([keys[0], keys[0]], bastion)):
        await refused_on_the_way(
            {**options, "proxy_jump_host_key_fingerprint": wrong},
            HostKeyError,
            "The bastion's host key is not the expected one",
            at=address(at),
        )
    assert bastion.logins() == before


@pytest.mark.asyncio
async def test_the_server_behind_a_bastion_is_checked_as_ever(sshd: SSHD, bastion: SSHD) -> None:
    before = sshd.logins()
    await refused(
        behind(sshd, bastion, known_hosts=bastion.known_hosts),
        HostKeyError,
        "The server's host key is unknown",
    )
    assert sshd.logins() == before


@pytest.mark.asyncio
async def test_an_insecure_way_is_warned_of_with_all_that_is_not_checked(
    sshd: SSHD, bastion: SSHD
) -> None:
    options = behind(sshd, bastion, host_key_policy="insecure", known_hosts=None)
    with pytest.warns(SFTPAsyncWarning, match=f"{address(bastion)} and of {address(sshd)} is not"):
        await login(options)


# Refusals, and whose they are


@pytest.mark.asyncio
async def test_a_refused_key_is_reported_with_the_host_that_refused_it(
    sshd: SSHD, bastion: SSHD
) -> None:
    at_bastion = behind(sshd, bastion, proxy_jump_private_key_content=a_key())
    error = await refused_on_the_way(
        at_bastion, AuthenticationError, r"The bastion refused .*private key", at=address(bastion)
    )
    assert "proxy_jump_password" in str(error)
    at_server = behind(
        sshd,
        bastion,
        private_key_content=a_key(),
        proxy_jump_private_key_content=bastion.user_keys.private("ed25519"),
    )
    await refused(at_server, AuthenticationError, "The server refused the login")


@pytest.mark.asyncio
async def test_a_key_that_cannot_be_read_is_reported_by_the_options_name(
    sshd: SSHD, bastion: SSHD
) -> None:
    with pytest.raises(OptionsError, match="proxy_jump_private_key_content is not a private key"):
        await login(behind(sshd, bastion, proxy_jump_private_key_content="nonsense"))
    with pytest.raises(OptionsError, match=": private_key_content is not a private key"):
        await login(behind(sshd, bastion, private_key_content="nonsense"))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "config", [{"AllowTcpForwarding": "no"}, {"PermitOpen": "127.0.0.1:1"}], ids=str
)
async def test_a_bastion_that_does_not_forward_is_named_as_the_cause(
    sshd: SSHD, start_sshd: Start, config: dict[str, str]
) -> None:
    closed = start_sshd(**config)
    error = await refused_on_the_way(
        behind(sshd, closed),
        ConnectError,
        f"The bastion does not forward to 127.0.0.1:{sshd.port}",
        at=address(closed),
    )
    assert "AllowTcpForwarding" in str(error)
    assert not error.retryable


@pytest.mark.asyncio
async def test_a_server_that_the_bastion_cannot_reach_is_named_as_the_cause(
    sshd: SSHD, bastion: SSHD
) -> None:
    for place, why in (({"port": "1"}, "Connection refused"), ({"host": "no.such.invalid"}, "")):
        error = await refused_on_the_way(
            behind(sshd, bastion, **place),
            ConnectError,
            f"The bastion cannot reach .*{why}",
            at=address(bastion),
        )
        assert error.retryable


@pytest.mark.asyncio
async def test_a_bastion_that_cannot_be_reached_is_named_as_the_cause(sshd: SSHD) -> None:
    at = f"{sshd.username}@127.0.0.1:1"
    options = sshd.options() | {"proxy_jump": "127.0.0.1:1"}
    await refused_on_the_way(options, ConnectError, "nothing listens on that port", at=at)
    options["proxy_jump"] = "no.such.invalid"
    at = f"{sshd.username}@no.such.invalid:22"
    error = await refused_on_the_way(options, ConnectError, "name cannot be resolved", at=at)
    assert "Check the option proxy_jump" in str(error)


@pytest.mark.asyncio
async def test_a_bastion_above_max_startups_is_busy(sshd: SSHD, start_sshd: Start) -> None:
    full = start_sshd(MaxStartups="1:100:1")
    with socket.create_connection((full.host, full.port)) as waiting:
        assert waiting.recv(4) == b"SSH-"
        error = await refused_on_the_way(
            behind(sshd, full), ServerBusyError, "The bastion closed the", at=address(full)
        )
    assert error.retryable


@pytest.mark.asyncio
async def test_a_bastion_that_disconnects_during_the_login_behind_it_is_named_as_the_cause(
    sshd: SSHD, bastion: SSHD, proxy: Link
) -> None:
    link = proxy(bastion)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = by(sshd, link, bastion) | {"port": silent.getsockname()[1]}
        connecting = asyncio.create_task(connect(SFTPOptions(**options)))
        await asyncio.to_thread(silent.accept)
        link.cut()
        with pytest.raises(ConnectError, match="connection to the bastion was lost") as caught:
            await connecting
        assert caught.value.host == f"{sshd.username}@{link.host}:{link.port}"
        assert caught.value.retryable


@pytest.mark.asyncio
async def test_connect_timeout_is_for_the_whole_way(sshd: SSHD, bastion: SSHD, proxy: Link) -> None:
    link = proxy(bastion)
    link.freeze()
    options = by(sshd, link, bastion) | {"connect_timeout": 0.2}
    words = "The bastion took the connection, but did not finish the login within 0.2"
    at = f"{sshd.username}@{link.host}:{link.port}"
    await refused_on_the_way(options, ConnectError, words, at=at)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = behind(sshd, bastion, port=silent.getsockname()[1], connect_timeout=1.0)
        await refused(options, ConnectError, "The server took the connection, but did not finish")


# Jobs


@pytest.mark.usefixtures("runtime")
def test_tasks_need_no_file_because_the_driver_pins_every_key_on_the_way(
    sshd: SSHD, bastion: SSHD, start_sshd: Start, home: Path, out: Path
) -> None:
    way = [start_sshd(), bastion]
    known = home / ".ssh" / "known_hosts"
    options = behind(sshd, *way)
    known.write_text(str(options.pop("known_hosts")))
    job = real_job(options, str(out)).prepare()
    known.unlink()
    assert job.options.proxy_jump_host_key_fingerprint == (
        way[0].host_keys.public("ed25519"),
        way[1].host_keys.public("ecdsa"),
    )
    before = [one.logins() for one in way]
    job.commit(upload(job, ["a line"]))
    assert visible(out) == [b"a line\n"]
    assert [one.logins() for one in way] == [number + 1 for number in before]


@pytest.mark.usefixtures("runtime")
def test_a_bastion_that_is_cut_off_within_a_file_leaves_the_same_bytes(
    sshd: SSHD, bastion: SSHD, proxy: Link, out: Path
) -> None:
    text, link = lines(40_000), proxy(bastion)
    job = real_job(by(sshd, link, bastion), str(out), **SMALL).prepare()
    upload(job, text)  # logs in
    before = link.forwarded
    upload(job, text)
    link.cut_after((link.forwarded - before) // 2)
    parts = upload(job, text)
    assert link.cuts == 1
    job.commit(parts)
    assert visible(out) == [content(text)]


@pytest.mark.usefixtures("runtime")
def test_a_bastion_that_falls_silent_is_not_waited_for(
    sshd: SSHD, bastion: SSHD, proxy: Link, out: Path
) -> None:
    text, link = lines(3_000), proxy(bastion)
    job = real_job(by(sshd, link, bastion), str(out), **SMALL).prepare()
    hasty = impatient(job)
    upload(hasty, text)  # logs in
    link.freeze_after(100_000)
    with pytest.raises(StalledError, match="no answer from the server for 1"):
        upload(hasty, text)
    link.restore()
    job.commit(upload(job, text))
    assert visible(out) == [content(text)]


# The tester


@pytest.mark.usefixtures("runtime")
def test_the_tester_goes_through_a_bastion_and_says_so(
    sshd: SSHD, bastion: SSHD, remote_dir: Path
) -> None:
    tester = SFTPConnectionTester.from_options(SFTPOptions(**behind(sshd, bastion)))
    report = tester.check(str(remote_dir))
    assert report.ok, str(report)
    assert f"the server answers, through {address(bastion)}" in str(report)
    with tester:
        assert tester.list_files(str(remote_dir)) == []


def test_keyscan_goes_through_a_bastion_and_logs_in_there_alone(
    sshd: SSHD, bastion: SSHD, tmp_path: Path
) -> None:
    (tmp_path / "known_hosts").write_text(bastion.known_hosts)
    options = {
        "proxy_jump": address(bastion),
        "proxy_jump_private_key_path": bastion.user_keys.path("ed25519"),
        "known_hosts": tmp_path / "known_hosts",
    }
    pairs = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    before = sshd.logins()
    ended = sftp_async("keyscan", f"{sshd.host}:{sshd.port}", *pairs)
    assert sorted(ended.out.splitlines()) == sorted(sshd.known_hosts.splitlines())
    assert sshd.logins() == before


@pytest.mark.usefixtures("runtime")
def test_the_tester_does_not_take_a_bastions_key_for_the_servers(sshd: SSHD, bastion: SSHD) -> None:
    options = SFTPOptions(**behind(sshd, bastion, known_hosts=sshd.known_hosts))
    report = SFTPConnectionTester.from_options(options).check()
    failed = [step for step in report.steps if step.ok is False]
    assert [step.name for step in failed] == ["TCP"]
    assert "The bastion's host key is unknown" in failed[0].detail
    assert address(bastion) in failed[0].detail
    assert report.host_key_fingerprint is None
