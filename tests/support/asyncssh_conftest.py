"""Puts the connections of asyncssh's own tests on the fast path; copied there as conftest.py.

`speed_up` gets each client connection right after its login, as in `sftp_async`. When the session
ends, the file named by `REPORT` holds how many connections and SFTP sessions were taken over, how
many tests passed, and which ones failed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.remote.ssh.fast import speed_up
from sftp_async.remote.ssh.fast.connection import FastConnection
from sftp_async.remote.ssh.fast.sftp_handler import FastHandler

REPORT = "SFTP_ASYNC_TEST_REPORT"

_counts: Counter[str] = Counter()
_failed: set[str] = set()


def _count_calls(owner: type, method: str, name: str) -> None:
    real = getattr(owner, method)

    def counting(*args: Any) -> None:
        _counts[name] += 1
        real(*args)

    setattr(owner, method, counting)


def pytest_configure() -> None:
    _count_calls(FastConnection, "take_over", "connections")
    _count_calls(FastHandler, "take_over", "sessions")
    connect = asyncssh.connection._connect

    async def connect_fast(*args: Any, **options: Any) -> Any:
        connection = await connect(*args, **options)
        if isinstance(connection, asyncssh.SSHClientConnection):
            speed_up(connection)
        return connection

    asyncssh.connection._connect = connect_fast  # what connect, run_client and tunnels call
    _make_passphrases_cheap()


def _make_passphrases_cheap() -> None:
    """Let a private key be encrypted with little work: each class of tests makes one with much."""
    export = asyncssh.SSHKey.export_private_key

    def export_cheaply(key: asyncssh.SSHKey, *args: Any, **options: Any) -> bytes:
        return export(key, *args, **{"rounds": 1, "ignore_few_rounds": True, **options})

    asyncssh.SSHKey.export_private_key = export_cheaply


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.add(report.nodeid)
    elif report.when == "call" and report.passed and "passed" in report.outcome:
        _counts["passed"] += 1


def pytest_sessionfinish() -> None:
    document = {**_counts, "failed": sorted(_failed)}
    Path(os.environ[REPORT]).write_text(json.dumps(document))
