"""A server in memory, and the places that a stream's state may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ingest_server import IngestServer


@pytest.fixture
def server() -> IngestServer:
    return IngestServer()


@pytest.fixture(params=["checkpoint", "log"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """Where the state is: None stands for Spark's checkpoint alone."""
    return str(tmp_path / "state") if request.param == "log" else None


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(tmp_path / "state")
