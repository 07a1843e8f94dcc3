"""OpenSSH behind proxies of other makes: tinyproxy (CONNECT), microsocks and `ssh -D` (SOCKS5)."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sftp_async import SFTPOptions
from sftp_async.errors import (
    AuthenticationError,
    ConnectError,
    HostKeyError,
    OptionsError,
)
from sftp_async.tools.doctor.tester import SFTPConnectionTester
from tests.functional.remote.ssh.connections import connected, login, refused
from tests.support.jobs import real_job, upload
from tests.support.network_faults import content, lines, visible
from tests.support.proxied_connections import behind, refused_on_the_way
from tests.support.proxies import DynamicForward, MicroSocks, Proxy, TinyProxy
from tests.support.sshd import SSHD

pytestmark = [
    pytest.mark.one_python,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("home"),
]

P = TypeVar("P", bound=Proxy)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Start a proxy for the tests of this file, each kind once: `start(TinyProxy, login=True)`."""
    started: dict[object, Proxy] = {}

    def run(kind: type[P], *arguments: Any, **settings: Any) -> Proxy:
        key = (kind, *settings.items())
        if key not in started:
            proxy = kind(tmp_path_factory.mktemp("proxy"), *arguments, **settings)
            started[key] = proxy
            proxy.start()
        return started[key]

    yield run
    for proxy in started.values():
        proxy.stop()


Start = Callable[..., Proxy]

KINDS = pytest.mark.parametrize("kind", [TinyProxy, MicroSocks])


# Through


@pytest.mark.asyncio
@KINDS
@pytest.mark.parametrize("asks", [False, True], ids=["open", "with a login"])
async def test_a_login_passes_a_proxy(
    sshd: SSHD, start: Start, kind: type[Proxy], asks: bool
) -> None:
    proxy = start(kind, login=asks)
    before = sshd.logins()
    line = await login(sshd.options() | proxy.options())
    assert line == f"[127.0.0.1]:{sshd.port} {sshd.host_keys.public('ed25519')}"
    assert sshd.logins() == before + 1


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [TinyProxy, MicroSocks, DynamicForward])
async def test_megabytes_pass_a_proxy(
    sshd: SSHD, start: Start, kind: type[Proxy], remote_dir: Path
) -> None:
    proxy = start(kind, sshd) if kind is DynamicForward else start(kind, login=True)
    data = os.urandom(5_000_000)

    async with connected(sshd.options() | proxy.options()) as connection:
        await connection.write_file(str(remote_dir / "x"), data)
    assert (remote_dir / "x").read_bytes() == data


@pytest.mark.asyncio
@KINDS
async def test_the_proxy_looks_up_the_host_name(
    sshd: SSHD, start: Start, kind: type[Proxy]
) -> None:
    proxy = start(kind, login=True)
    options = sshd.options() | proxy.options() | {"host": "localhost"}
    del options["known_hosts"]
    await login(options | {"host_key_fingerprint": sshd.fingerprints["ed25519"]})
    assert f"localhost:{sshd.port}" in proxy.log_text()


@pytest.mark.asyncio
@KINDS
async def test_a_bastion_may_stand_behind_a_proxy(
    sshd: SSHD, start: Start, kind: type[Proxy]
) -> None:
    proxy = start(kind, login=True)
    before = sshd.logins()
    options = behind(sshd, sshd, **proxy.options())
    await login(options)
    assert sshd.logins() == before + 2
    at = f"{sshd.username}@127.0.0.1:{sshd.port}"
    await refused_on_the_way(
        options | {"host": "no.such.invalid"}, ConnectError, "The bastion cannot reach", at=at
    )


@pytest.mark.usefixtures("runtime")
@KINDS
def test_a_job_writes_through_a_proxy(
    sshd: SSHD, start: Start, out: Path, kind: type[Proxy]
) -> None:
    options = sshd.options() | start(kind, login=True).options()
    text = lines(3_000)
    job = real_job(options, str(out)).prepare()
    job.commit(upload(job, text))
    assert visible(out) == [content(text)]
    report = SFTPConnectionTester.from_options(SFTPOptions(**options)).check(str(out))
    assert report.ok, str(report)
    assert "the server answers, through " + start(kind, login=True).address in str(report)


class HastyProxy:
    """Answers CONNECT together with the first words of the server, which speaks first."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        assert self._ready.wait(10)
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        host, _, port = request.split()[1].rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        greeting = await there.readuntil(b"\n")
        writer.write(b"HTTP/1.1 200 OK\r\nServer: hasty\r\n\r\n" + greeting)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.asyncio
async def test_what_the_server_says_right_behind_the_proxys_answer_is_not_lost(sshd: SSHD) -> None:
    with HastyProxy() as url:
        await login(sshd.options() | {"proxy_url": url, "connect_timeout": 10})


# Whom to trust


@pytest.mark.asyncio
async def test_the_proxys_own_address_is_not_the_servers(sshd: SSHD, start: Start) -> None:
    # Known by its address, the server is known whatever its name; but here that is the proxy's.
    options = sshd.options() | {"host": "localhost"}
    await login(options)
    await refused(
        options | start(MicroSocks, login=True).options(),
        HostKeyError,
        "The server's host key is unknown",
    )


# Refusals, and whose they are


@pytest.mark.asyncio
@KINDS
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"proxy_password": "hunter2-wrong"}, "The proxy refused the login"),
        ({"proxy_password": "", "proxy_url": ""}, "The proxy asks for a login"),
    ],
    ids=["wrong", "none"],
)
async def test_a_login_that_the_proxy_refuses_is_the_proxys(
    sshd: SSHD, start: Start, kind: type[Proxy], given: dict[str, str], words: str
) -> None:
    proxy = start(kind, login=True)
    options = sshd.options() | proxy.options() | given
    options["proxy_url"] = options["proxy_url"] or proxy.address
    error = await refused_on_the_way(options, AuthenticationError, words, at=proxy.address)
    assert not error.retryable
    assert "proxy_password" in str(error)


@pytest.mark.asyncio
@KINDS
@pytest.mark.parametrize("place", [{"port": "1"}, {"host": "no.such.invalid"}], ids=str)
async def test_a_server_that_the_proxy_cannot_reach_is_named_as_the_cause(
    sshd: SSHD, start: Start, kind: type[Proxy], place: dict[str, str]
) -> None:
    proxy = start(kind, login=True)
    error = await refused_on_the_way(
        sshd.options() | proxy.options() | place,
        ConnectError,
        "The proxy cannot reach",
        at=proxy.address,
    )
    assert error.retryable


@pytest.mark.asyncio
async def test_a_proxy_that_closes_the_connection_is_named_as_the_cause(
    sshd: SSHD, start: Start
) -> None:
    proxy = start(DynamicForward, sshd)
    await refused_on_the_way(
        sshd.options() | proxy.options() | {"port": "1"},
        ConnectError,
        "The proxy closed the connection",
        at=proxy.address,
    )


@pytest.mark.asyncio
async def test_a_port_that_the_proxy_forbids_is_reported_with_the_servers_address(
    sshd: SSHD, start: Start
) -> None:
    proxy = start(TinyProxy, only_port=443)
    error = await refused_on_the_way(
        sshd.options() | proxy.options(),
        ConnectError,
        f"The proxy refuses to connect to 127.0.0.1:{sshd.port}",
        at=proxy.address,
    )
    assert not error.retryable


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_what_is_no_proxy_is_reported_at_once(sshd: SSHD, scheme: str) -> None:
    # An SSH server in its place, and nothing at all.
    for port, words in (
        (sshd.port, f"What answered is no {scheme} proxy"),
        (1, "cannot be reached"),
    ):
        at = f"{scheme}://127.0.0.1:{port}"
        options = sshd.options() | {"proxy_url": at, "connect_timeout": 20}
        await refused_on_the_way(options, ConnectError, words, at=at)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A proxy that says this to the first who connects, and waits until they go."""

    def serve() -> None:
        line, _ = server.accept()
        with line, suppress(OSError):
            line.sendall(answer)
            while line.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        await asyncio.to_thread(thread.join)


@pytest.mark.asyncio
async def test_an_answer_without_an_end_is_the_proxys_fault(sshd: SSHD) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000) as url:
        options = sshd.options() | {"proxy_url": url, "connect_timeout": 5}
        await refused_on_the_way(options, ConnectError, "its answer has no end", at=url)


@pytest.mark.asyncio
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_silent_proxy_is_not_waited_for(
    sshd: SSHD, proxy: Callable[..., Any], scheme: str
) -> None:
    link = proxy(sshd)
    link.freeze()
    at = f"{scheme}://127.0.0.1:{link.port}"
    options = sshd.options() | {"proxy_url": at, "connect_timeout": 0.2}
    words = f"The proxy did not connect to 127.0.0.1:{sshd.port} within 0.2 seconds"
    await refused_on_the_way(options, ConnectError, words, at=at)


def test_the_tester_tells_the_proxy_from_the_server(sshd: SSHD, start: Start) -> None:
    proxy = start(TinyProxy, login=True)
    options = SFTPOptions(**sshd.options() | proxy.options() | {"proxy_password": "hunter2"})
    report = SFTPConnectionTester.from_options(options).check()
    failed = [step for step in report.steps if step.ok is False]
    assert [step.name for step in failed] == ["TCP"]
    assert proxy.address in failed[0].detail
    assert "hunter2" not in str(report)


# SOCKS5 is an extra


@pytest.mark.asyncio
async def test_socks_without_its_package_names_the_extra(
    sshd: SSHD, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_socks.async_.asyncio", None)
    with pytest.raises(OptionsError, match=r"pip install 'sftp-async\[proxy\]'"):
        await login(sshd.options() | {"proxy_url": "socks5://127.0.0.1:1"})


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["hunter2-é", "hunter2" * 40])
async def test_a_password_that_socks_cannot_carry_is_refused_unshown(sshd: SSHD, word: str) -> None:
    way = {"proxy_url": "socks5://me@127.0.0.1:1", "proxy_password": word}
    with pytest.raises(OptionsError, match="proxy_password must be ASCII") as caught:
        await login(sshd.options() | way)
    assert "hunter2" not in f"{caught.value} {caught.value.__context__!r}"
