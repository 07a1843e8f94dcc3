"""The background loop of a process and the pools that live on it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

import pytest

from sftp_async import AuthenticationError, SFTPOptions
from sftp_async.runtime import Runtime, get_runtime
from sftp_async.server import EmbeddedServer


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


def test_a_process_has_one_runtime_and_a_fork_gets_its_own() -> None:
    mine = get_runtime()
    assert get_runtime() is mine
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def child() -> None:
        async def pid() -> int:
            return os.getpid()

        theirs = get_runtime()
        answers.put((theirs is mine, theirs.run(pid()) == os.getpid()))

    process = context.Process(target=child)
    process.start()
    assert answers.get() == (False, True)
    process.join()


def test_closing_the_runtime_says_good_bye_to_the_server(embedded_server: EmbeddedServer) -> None:
    runtime = Runtime()
    runtime.run(_use(runtime, SFTPOptions(**embedded_server.options())))
    runtime.close()
    with pytest.raises(RuntimeError):
        runtime.loop.call_soon(print)
