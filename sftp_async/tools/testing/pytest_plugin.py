"""Provides the pytest fixture `sftp_server`, a real SFTP server on loopback for one test.

Every run of pytest loads this module where the package is installed, so heavy modules are imported
only when a test uses the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.tools.testing.test_server import SFTPTestServer


@pytest.fixture
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SFTPTestServer]:
    """Start an SFTP server on loopback, for this test alone: sftp_async.testing.SFTPTestServer.

    `.options` are for Spark's `sftp` format, `.path` holds what was uploaded, and `.disk_full`,
    `.logins_refused`, `.drop_connections()` and `.stop()` make it fail.
    """
    from sftp_async.tools.testing.test_server import SFTPTestServer

    # Not below `tmp_path`: a test may compare the whole content of that directory.
    with SFTPTestServer(tmp_path_factory.mktemp("sftp_server")) as server:
        yield server
