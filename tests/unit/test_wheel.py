"""What a release is: all that belongs into it, nothing else, and what an index makes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
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


def test_the_wheel_is_for_every_machine(wheel: Path) -> None:
    (file,) = (wheel.parent / "built").glob("*.whl")
    assert file.name.endswith("-py3-none-any.whl")


def test_the_wheel_carries_its_licences_and_needs_no_spark_of_its_own(dist_info: Path) -> None:
    assert {place.name for place in (dist_info / "licenses").iterdir()} == {"LICENSE", "NOTICE"}
    metadata = HeaderParser().parsestr((dist_info / "METADATA").read_text())
    required = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
    assert any(need.startswith("asyncssh") for need in required)
    assert not [need for need in required if need.startswith(("pyspark", "pytest"))]


def test_a_package_index_takes_both_and_shows_a_readme_without_dead_links(
    wheel: Path, dist_info: Path
) -> None:
    built = list((wheel.parent / "built").iterdir())
    assert sorted(file.suffix for file in built) == [".gz", ".whl"]
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, built)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout
    metadata = HeaderParser().parsestr((dist_info / "METADATA").read_text(encoding="utf-8"))
    assert metadata["Description-Content-Type"] == "text/markdown"
    shown = metadata.get_payload()
    assert "df.write.format" in shown
    assert [link for link in re.findall(r"\]\(([^)]*)\)", shown) if "://" not in link] == []


def test_the_source_distribution_has_what_its_tests_and_its_documentation_need(wheel: Path) -> None:
    (file,) = (wheel.parent / "built").glob("*.tar.gz")
    with tarfile.open(file) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"README.md", "pyproject.toml", "tox.ini", "tests/conftest.py", "docs/conf.py"} <= names
    assert not [name for name in names if "__pycache__" in name or "/_build/" in name]


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


TEST_WITH_THE_PLUGIN = """
import sftp_async
from sftp_async.testing import EmbeddedServer, FolderServer, SFTPTestServer

def test_with_the_fixture(sftp_server):
    assert sftp_async.__file__.startswith(WHEEL)
    assert type(sftp_server) is SFTPTestServer
"""


def test_the_pytest_plugin_of_the_wheel_is_loaded_by_its_name(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(f"WHEEL = {str(wheel)!r}\n{TEST_WITH_THE_PLUGIN}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "sftp_async.pytest_plugin", "-q", "test_mine.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(wheel),
            "PYTEST_ADDOPTS": "",  # tox sets options of plugins that are not loaded here
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_testing_module_of_the_wheel_runs_a_server(wheel: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sftp_async.testing", "--root", "served"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        input="",
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["root"] == str(tmp_path / "served")
    assert done.stderr == ""
