"""The pytest plugin: a server for each test that uses it, and no cost for the others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.spark import REPOSITORY

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.one_python

TESTS = """
import pytest
from sftp_async import SFTPConnectionTester, SFTPOptions

ports = set()

@pytest.mark.parametrize("turn", [1, 2])
def test_alone(sftp_server, turn):
    assert sftp_server.port not in ports
    ports.add(sftp_server.port)
    assert list(sftp_server.path.iterdir()) == []
    (sftp_server.path / "theirs.csv").touch()
    with SFTPConnectionTester.from_options(SFTPOptions(**sftp_server.options)) as tester:
        assert tester.list_files("/") == ["theirs.csv"]
    sftp_server.disk_full = sftp_server.logins_refused = True

def test_a_directory_of_its_own(sftp_server, tmp_path):
    assert list(tmp_path.iterdir()) == []
"""

LOAD = """
import sys
import pytest
before = set(sys.modules)
import sftp_async.tools.testing.pytest_plugin
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_each_test_has_a_server_to_itself(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # installed or not, it is loaded once
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    pytester.makepyfile(TESTS)
    done = pytester.runpytest_subprocess("-p", "sftp_async.pytest_plugin")
    done.assert_outcomes(passed=3)


def test_a_run_without_the_fixture_imports_only_this_package() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOAD],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["sftp_async"]
