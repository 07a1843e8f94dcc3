"""The background loop of a process and the pools that live on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from sftp_async import AuthenticationError, SFTPOptions
from sftp_async.remote.runtime import Runtime
from sftp_async.tools.testing.embedded_server import EmbeddedServer


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    fresh = Runtime()
    yield fresh
    fresh.close()


async def _use(runtime: Runtime, options: SFTPOptions) -> str:
    async with runtime.pool(options).lease() as connection:
        return await connection.realpath(".")


def test_connections_outlive_a_task(runtime: Runtime, embedded_server: EmbeddedServer) -> None:
    options = SFTPOptions(**embedded_server.options())
    for _ in range(5):
        assert runtime.run(_use(runtime, options)) == "/"
    assert embedded_server.logins == 1
    (stats,) = runtime.get_stats()
    assert (stats.leases_total, stats.connects_total, stats.idle) == (5, 1, 1)


def test_a_wrong_password_never_rides_on_a_connection_made_with_the_right_one(
    runtime: Runtime, embedded_server: EmbeddedServer
) -> None:
    right = SFTPOptions(**embedded_server.options())
    runtime.run(_use(runtime, right))
    wrong = right.model_copy(update={"password": "not-the-password"})
    with pytest.raises(AuthenticationError):
        runtime.run(_use(runtime, wrong))


FORK = """
import os, sys
from sftp_async.remote.runtime import get_runtime

async def pid():
    return os.getpid()

mine = get_runtime()
assert get_runtime() is mine
child = os.fork()
theirs = get_runtime()
print(theirs is mine, theirs.run(pid()) == os.getpid(), flush=True)
if child:
    os.waitpid(child, 0)
"""


def test_a_process_has_one_runtime_and_a_fork_gets_its_own() -> None:
    # In a process that has no thread but the runtime's: to fork among many is a hazard of its own.
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.split("\n")) == ["", "False True", "True True"]


def test_closing_the_runtime_disconnects_from_the_server(embedded_server: EmbeddedServer) -> None:
    runtime = Runtime()
    runtime.run(_use(runtime, SFTPOptions(**embedded_server.options())))
    runtime.close()
    with pytest.raises(RuntimeError):
        runtime.loop.call_soon(print)
