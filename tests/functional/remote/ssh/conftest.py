"""Fixtures of the transport's tests: a home of their own, and what the server was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sftp_async.tools.testing import embedded_server as server_module


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own: no known_hosts, keys or configuration but what it puts there."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that the embedded server was shown."""
    shown: list[str] = []
    validate = server_module._Account.validate_password

    def watch(self: Any, username: str, password: str) -> bool:
        shown.append(password)
        return validate(self, username, password)

    monkeypatch.setattr(server_module._Account, "validate_password", watch)
    return shown
