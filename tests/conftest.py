"""Fixtures of all tests: event loops, the servers in `tests/support`, and a Spark session.

A test gets its markers (`spark`, `sshd`, `container`) from the fixtures it asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from sftp_async.remote.ssh.fast import STOCK_VARIABLE
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.container import ContainerServer
from tests.support.event_loops import LOOP_FACTORIES
from tests.support.gnupg import GnuPG, gnupg_home
from tests.support.keys import KeySet
from tests.support.proxy import FaultProxy
from tests.support.spark import start_spark
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A busy machine is no fault.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

MARKED = {"spark": "spark", "sshd": "sshd", "start_sshd": "sshd", "container_server": "container"}


#: Files that take a minute or more begin first: then all workers end at about the same time. Those
#: that mostly wait alternate with those that mostly compute.
LONG_FILES = [
    "spark/test_secrets.py",
    "unit/write/commit/test_model.py",
    "spark/test_interfaces.py",
    "unit/write/commit/test_overlap.py",
    "spark/test_kills.py",
    "spark/test_stream_kills.py",
    "integration/test_asyncssh_suite.py",
    "benchmarks/test_read_workloads.py",
    "spark/test_memory.py",
    "spark/test_stream.py",
    "spark/test_write.py",
]


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    turns = {Path(__file__).parent / name: turn for turn, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: turns.get(item.path, len(turns)))
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARKED:
                item.add_marker(MARKED[fixture])


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """asyncio's own event loop, unless a test's marker names others."""
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "loop_factories" in marker.kwargs:
        return LOOP_FACTORIES
    return {"asyncio": LOOP_FACTORIES["asyncio"]}


@pytest.fixture(params=["fast", "stock"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How packets are sent: on the fast path, and on asyncssh's own."""
    if request.param == "stock":
        monkeypatch.setenv(STOCK_VARIABLE, "1")
    return str(request.param)


@pytest.fixture(scope="session", autouse=True)
def place_of_connections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Another file of connections than that of the person who runs the tests; Spark's, too."""
    path = tmp_path_factory.mktemp("connections") / "connections.toml"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFTP_ASYNC_CONNECTIONS", str(path))
        yield path


@pytest.fixture
def connections_file(place_of_connections: Path) -> Iterator[Path]:
    """An empty file of connections, which the driver of the session finds as well."""
    place_of_connections.touch(0o600)
    yield place_of_connections
    place_of_connections.unlink()


@pytest.fixture
def embedded_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """The project's own server, in this process; serves `tmp_path/served`."""
    with EmbeddedServer(tmp_path / "served") as server:
        yield server


@pytest.fixture(scope="session")
def host_keys(tmp_path_factory: pytest.TempPathFactory) -> KeySet:
    """Keys that servers show."""
    return KeySet(tmp_path_factory.mktemp("host-keys"))


@pytest.fixture(scope="session")
def user_keys(tmp_path_factory: pytest.TempPathFactory) -> KeySet:
    """Keys that users log in with; every sshd lets all of them in."""
    return KeySet(tmp_path_factory.mktemp("user-keys"))


@pytest.fixture(scope="session")
def gnupg() -> Iterator[GnuPG]:
    """GnuPG with keys of several kinds, `KINDS`, each made when it is first asked for."""
    with gnupg_home() as home:
        yield home


@pytest.fixture
def gnupg_elsewhere() -> Iterator[GnuPG]:
    """GnuPG of a partner, who has none of these keys."""
    with gnupg_home() as home:
        yield home


@pytest.fixture(scope="session")
def sshd(
    tmp_path_factory: pytest.TempPathFactory, host_keys: KeySet, user_keys: KeySet
) -> Iterator[SSHD]:
    """OpenSSH's sshd, shared by all tests: leave it running as it is."""
    server = SSHD(tmp_path_factory.mktemp("sshd"), host_keys, user_keys).start()
    yield server
    server.stop()


@pytest.fixture
def start_sshd(
    tmp_path_factory: pytest.TempPathFactory, host_keys: KeySet, user_keys: KeySet
) -> Iterator[Callable[..., SSHD]]:
    """Start an sshd of the test's own, with lines of sshd_config: `start_sshd(MaxSessions=1)`."""
    started: list[SSHD] = []

    def start(**config: object) -> SSHD:
        server = SSHD(tmp_path_factory.mktemp("sshd"), host_keys, user_keys, **config)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def remote_dir(tmp_path: Path) -> Path:
    """A fresh directory that every sshd serves under its own local path."""
    directory = tmp_path / "remote"
    directory.mkdir()
    return directory


@pytest.fixture
def proxy() -> Iterator[Callable[..., FaultProxy]]:
    """Put a faulty network before a server: `proxy(sshd)` or `proxy(host, port)`."""
    started: list[FaultProxy] = []

    def start(server: object, port: int | None = None, *, received: bool = False) -> FaultProxy:
        at: Any = server
        place = (at.host, at.port) if port is None else (str(at), port)
        link = FaultProxy(*place, received=received)
        started.append(link)
        return link.start()

    yield start
    for link in started:
        link.stop()


@pytest.fixture(scope="session")
def container_server(user_keys: KeySet) -> Iterator[ContainerServer]:
    """OpenSSH in a container, shared by all tests; each takes a directory with `make_dir()`."""
    server = ContainerServer(user_keys)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local Spark with two cores and the data source registered."""
    session = start_spark(tmp_path_factory.mktemp("spark"))
    yield session
    session.stop()
