"""`clean` finds and removes the hidden files of processes that were killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sftp_async.layout.hidden_names import hidden_name
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.cli import AtServer
from tests.support.foreign_files import age

#: A driver that dies when its preflight has a file in the target, before it removes the file.
DRIVER = """
import json, os, signal, sys
from sftp_async.write.commit import prepare
from tests.support.jobs import real_job

async def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

prepare.remove_if_there = die
real_job(json.loads(sys.argv[1]), "/out", staging_dir="/staging", commit_mode=sys.argv[2]).prepare()
"""


@pytest.mark.parametrize("commit_mode", ["rename", "direct"])
def test_a_driver_that_is_killed_in_its_preflight_leaves_a_file_that_clean_removes(
    at: AtServer, embedded_server: EmbeddedServer, commit_mode: str
) -> None:
    target = embedded_server.root / "out"
    target.mkdir()
    (target / "data.csv").write_text("kept")
    arguments = [json.dumps(embedded_server.options()), commit_mode]
    driver = subprocess.run(
        [sys.executable, "-c", DRIVER, *arguments],
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
    )
    assert driver.returncode == -signal.SIGKILL, driver.stderr
    [left] = [path for path in target.iterdir() if path.name != "data.csv"]
    [staging] = (embedded_server.root / "staging").iterdir()
    for path in (left, staging):
        age(path, 24 * 3600)
    elsewhere = ("--older-than", "12h", "-o", "staging_dir=/staging")
    shown = at("clean", "/out", *elsewhere)
    assert f"/out/{left.name}, 24 hours old: remove" in shown.out
    assert left.exists()
    done = at("clean", "/out", *elsewhere, "--yes", "--json")
    # The directory in the shared staging_dir holds the mark of this package.
    assert (done.code, done.document["swept"]) == (0, 2)
    assert [path.name for path in target.iterdir()] == ["data.csv"]
    assert not staging.exists()


def test_what_is_too_young_is_shown_and_left_alone(at: AtServer) -> None:
    target = at.server.root / "out"  # type: ignore[union-attr]
    young = target / hidden_name("put", "0a" * 16)
    staging = target / "_temporary" / ("0b" * 16)
    staging.mkdir(parents=True)
    young.touch()
    age(young, 3600)
    for command, paths in (("clean", [staging, young]), ("recover", [staging])):
        ended = at(command, "/out", "--yes")
        assert ended.code == 0
        *lines, last = ended.out.splitlines()
        assert last == "Nothing to do in /out."
        assert [line.split(",")[0] for line in lines] == [
            f"/out/{path.relative_to(target)}" for path in paths
        ]
    shown = at("clean", "/out", "--json").document["too_young"]
    assert shown[1]["until"] > time.time() + 6 * 86400
    checked = at("doctor", "/out", "-v").out
    assert f"/out/{young.name}, 60 minutes old: left alone until 20" in checked
    assert young.exists()
    assert staging.exists()
