"""Skips a test that needs a server or tool which this machine lacks, or fails it on CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def skip_without(what: str) -> NoReturn:
    """Skip the test with a reason, or fail it where everything must be present (on CI)."""
    if os.environ.get("SFTP_ASYNC_REQUIRE_SERVERS") == "1":
        pytest.fail(f"SFTP_ASYNC_REQUIRE_SERVERS=1, but this machine lacks: {what}", pytrace=False)
    pytest.skip(f"needs {what}")
