"""Fixtures of the functional tests: a server that passes for OpenSSH, and who waited for whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncssh
import pytest

from sftp_async.remote.ssh.request_guard import RequestGuard


@pytest.fixture
def as_openssh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Embedded servers greet as OpenSSH does."""
    monkeypatch.setattr(asyncssh, "listen", partial(asyncssh.listen, server_version="OpenSSH_9.9"))


@pytest.fixture
def flights(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The requests, those in one list that left before an answer to any of them was there."""
    found: list[list[str]] = []
    answered = True
    request = RequestGuard.request

    @asynccontextmanager
    async def watched(self: RequestGuard, what: str, *rest: Any) -> AsyncIterator[None]:
        nonlocal answered
        async with request(self, what, *rest):
            if answered:
                found.append([])
            answered = False
            found[-1].append(what)
            try:
                yield
            finally:
                answered = True

    monkeypatch.setattr(RequestGuard, "request", watched)
    return found
