"""The wheel: all that belongs into it, nothing else, and every entry point leads somewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path

import pytest

from tests.support.spark import REPOSITORY
from tests.support.wheel import unpacked_wheel

pytestmark = pytest.mark.one_python

LOAD_ENTRY_POINTS = """
import importlib.metadata, json, sys
found = importlib.metadata.distribution("sftp-async").entry_points
loaded = [(e.group, e.name, sys.modules[e.load() and e.module].__file__) for e in found]
print(json.dumps(loaded))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def dist_info(wheel: Path) -> Path:
    (found,) = wheel.glob("*.dist-info")
    return found


def modules_below(directory: Path) -> set[str]:
    places = [directory / "pyspark_sftp_async.py", *(directory / "sftp_async").rglob("*.py")]
    return {str(place.relative_to(directory)) for place in places}


def test_the_wheel_holds_both_packages_and_nothing_else(wheel: Path, dist_info: Path) -> None:
    assert {place.name for place in wheel.iterdir()} == {
        *("sftp_async", "pyspark_sftp_async.py", dist_info.name)
    }
    assert modules_below(wheel) == modules_below(REPOSITORY)
    assert (wheel / "sftp_async" / "py.typed").is_file()


def test_the_wheel_carries_its_licences_and_needs_no_spark_of_its_own(dist_info: Path) -> None:
    assert {place.name for place in (dist_info / "licenses").iterdir()} == {"LICENSE", "NOTICE"}
    metadata = HeaderParser().parsestr((dist_info / "METADATA").read_text())
    required = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert any(need.startswith("asyncssh") for need in required)
    assert not [need for need in required if need.startswith(("pyspark", "pytest"))]


def test_every_entry_point_of_the_wheel_loads_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ENTRY_POINTS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = json.loads(done.stdout)
    assert ("pytest11", "sftp_async.pytest_plugin") in {(group, name) for group, name, _ in loaded}
    assert [file for _, _, file in loaded if not Path(file).is_relative_to(wheel)] == []
