"""The background loop of a process and the pools that live on it."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from weakref import ref

import pytest

from sftp_async import AuthenticationError, SFTPOptions
from sftp_async.remote import runtime as runtime_module
from sftp_async.remote.runtime import Runtime, get_runtime
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.waiting import soon


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
from sftp_async.remote import runtime
from sftp_async.remote.runtime import get_runtime

async def pid():
    return os.getpid()

mine = get_runtime()
assert get_runtime() is mine
runtime._lock.acquire()  # as another thread may hold it
child = os.fork()
if child:
    runtime._lock.release()
theirs = get_runtime()
os.write(1, f"{theirs is mine} {theirs.run(pid()) == os.getpid()}\\n".encode())
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


def test_after_the_runtime_was_closed_the_process_gets_another(
    monkeypatch: pytest.MonkeyPatch, embedded_server: EmbeddedServer
) -> None:
    monkeypatch.setattr(runtime_module, "_current", None)
    first = get_runtime()
    first.close()
    second = get_runtime()
    assert second is not first
    assert second is get_runtime()
    assert second.run(_use(second, SFTPOptions(**embedded_server.options()))) == "/"
    second.close()


def test_a_runtime_that_is_not_the_processs_is_closed_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime_module, "_current", None)
    mine = get_runtime()
    Runtime().close()
    assert get_runtime() is mine
    mine.close()


# Pools of many identities


def identities(server: EmbeddedServer, count: int) -> list[SFTPOptions]:
    """Options that share no connection."""
    return [SFTPOptions(**server.options(), idle_timeout=600 + n) for n in range(count)]


def test_no_more_pools_are_kept_than_a_bound_the_least_recently_used_goes_first(
    runtime: Runtime, embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_module, "MAX_POOLS", 2)
    first, second, third = identities(embedded_server, 3)
    for options in (first, second, first, third):
        runtime.run(_use(runtime, options))
    assert embedded_server.logins == 3
    assert len(runtime.get_stats()) == 2
    runtime.run(_use(runtime, first))
    assert embedded_server.logins == 3
    runtime.run(_use(runtime, second))
    assert embedded_server.logins == 4


def test_a_pool_that_is_dropped_closes_its_connections_and_forgets_its_secrets(
    runtime: Runtime, embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_module, "MAX_POOLS", 1)
    first, second = identities(embedded_server, 2)
    runtime.run(_use(runtime, first))
    pool = ref(runtime.pool(first))
    runtime.run(_use(runtime, second))
    assert soon(lambda: len(embedded_server.connections) == 1)
    assert soon(lambda: gc.collect() >= 0 and pool() is None)


def test_a_task_goes_on_with_a_pool_that_was_dropped_while_it_held_it(
    runtime: Runtime, embedded_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_module, "MAX_POOLS", 1)
    first, second = identities(embedded_server, 2)

    async def task() -> None:
        pool = runtime.pool(first)
        async with pool.lease() as connection:
            await _use(runtime, second)
            assert await connection.realpath(".") == "/"
        async with pool.lease() as connection:
            assert await connection.realpath(".") == "/"

    runtime.run(task())
    assert soon(lambda: len(embedded_server.connections) == 1)
