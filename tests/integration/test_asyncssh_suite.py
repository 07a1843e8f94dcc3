"""asyncssh's own tests end the same way with and without the fast path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from sftp_async.remote.ssh.fast import STOCK_VARIABLE
from tests.support import asyncssh_conftest
from tests.support.requirements import skip_without

# They say nothing of Python's version, and take a minute.
pytestmark = [pytest.mark.one_python, pytest.mark.timeout(1200)]

#: The tests of everything that the fast path takes over: what channels carry, and SFTP.
FILES = ["test_sftp.py", "test_channel.py", "test_stream.py", "test_process.py", "test_forward.py"]
#: Far fewer than there are, and far more than a change of asyncssh's internals would leave.
FEWEST_CONNECTIONS, FEWEST_SESSIONS, FEWEST_PASSED = 300, 200, 500


@dataclass(frozen=True)
class Outcome:
    """How a run of asyncssh's tests ended: counts, and the ids of failed tests."""

    failed: list[str]
    passed: int = 0
    connections: int = 0
    sessions: int = 0


@pytest.fixture(scope="module")
def asyncssh_tests(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests of the installed asyncssh; its source distribution is kept in pytest's cache."""
    version = asyncssh.__version__
    cache: Path = pytestconfig.cache.mkdir(f"asyncssh-{version}")  # type: ignore[union-attr]
    if not (archives := list(cache.glob("*.tar.gz"))):
        archives = [download(f"asyncssh=={version}", cache)]
    folder = tmp_path_factory.mktemp("asyncssh")
    with tarfile.open(archives[0]) as archive:
        # Without the package next to them: the installed one is tested.
        tests = [member for member in archive if member.name.split("/")[1:2] == ["tests"]]
        archive.extractall(folder, tests, filter="data")
    (root,) = folder.iterdir()
    shutil.copy(asyncssh_conftest.__file__, root / "conftest.py")
    return root


def download(requirement: str, folder: Path) -> Path:
    """Download a source distribution; without a package index, the test is skipped."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary"]
    command += ["asyncssh", "--retries", "1", "--timeout", "15", "--dest", str(folder), requirement]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)
    except subprocess.CalledProcessError as error:
        skip_without(f"{requirement} from PyPI: {error.stderr.strip().splitlines()[-1]}")
    except subprocess.TimeoutExpired:
        skip_without(f"{requirement} from PyPI, which did not answer")
    (archive,) = folder.glob("*.tar.gz")
    return archive


def run_tests(root: Path, tests: Iterable[str], **variables: str) -> Outcome:
    """Run some of asyncssh's tests in a process of their own."""
    report = root / "report.json"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    # A loop that never ends ends the process, and its stack is shown.
    command += ["--timeout", "120", "--timeout-method", "thread", *tests]
    ours = {"PYTEST_ADDOPTS", "PYTEST_PLUGINS"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {asyncssh_conftest.REPORT: str(report), **variables}
    ended = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=900
    )
    print(ended.stdout[-20_000:], ended.stderr[-20_000:])
    assert report.exists(), "asyncssh's tests did not run to their end; see the output"
    return Outcome(**json.loads(report.read_text()))


def test_asyncssh_s_own_tests_end_on_the_fast_path_as_they_do_without_it(
    asyncssh_tests: Path,
) -> None:
    fast = run_tests(asyncssh_tests, [f"tests/{name}" for name in FILES])
    assert fast.connections > FEWEST_CONNECTIONS
    assert fast.sessions > FEWEST_SESSIONS
    assert fast.passed > max(FEWEST_PASSED, len(fast.failed))
    # A few tests fail for root, and on other machines others may: then without the fast path, too.
    if fast.failed:
        stock = run_tests(asyncssh_tests, fast.failed, **{STOCK_VARIABLE: "1"})
        assert stock.connections == 0
        assert fast.failed == stock.failed
