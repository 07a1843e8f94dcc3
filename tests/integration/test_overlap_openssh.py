"""Jobs that overlap, and files of others in the same place, on OpenSSH."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sftp_async.layout.part_names import PartFile
from sftp_async.write.commit.promoters import RenamePromoter
from tests.support.foreign_files import age, state_of
from tests.support.jobs import lines_in, real_job, upload, write
from tests.support.sshd import SSHD

pytestmark = pytest.mark.sshd

PARTS = 200
#: Rounds of stopped writers under the marker `soak`, and of them in one test.
ROUNDS, ROUNDS_AT_ONCE = 200, 20


@pytest.mark.parametrize("overwrite_first", [False, True])
def test_an_append_that_an_overwrite_overlaps_is_whole_or_wholly_replaced(
    sshd: SSHD, remote_dir: Path, overwrite_first: bool
) -> None:
    target = str(remote_dir)
    write(sshd.options(), target, ["old"])
    append = real_job(sshd.options(), target).prepare()
    parts = upload(append, *([f"row {number}"] for number in range(PARTS)))
    overwrite = real_job(sshd.options(), target, overwrite=True).prepare()
    new = upload(overwrite, ["new 0"], ["new 1"])
    threads = [
        threading.Thread(target=append.commit, args=[parts]),
        threading.Thread(target=overwrite.commit, args=[new]),
    ]
    for thread in reversed(threads) if overwrite_first else threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = lines_in(remote_dir)
    assert {"new 0", "new 1"} <= set(lines)
    assert "old" not in lines
    rows = [line for line in lines if line.startswith("row")]
    assert len(rows) in (0, PARTS)


@pytest.mark.parametrize("promoted", [1, 33, 167])
def test_an_append_that_stands_still_in_its_commit_loses_no_row_to_an_overwrite(
    sshd: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch, promoted: int
) -> None:
    target = str(remote_dir)
    write(sshd.options(), target, ["old"])
    append = real_job(sshd.options(), target).prepare()
    parts = upload(append, *([f"row {number}"] for number in range(PARTS)))
    overwrite = real_job(sshd.options(), target, overwrite=True).prepare()
    new = upload(overwrite, ["new 0"], ["new 1"])
    stands_still, goes_on = threading.Event(), threading.Event()
    promote, begun = RenamePromoter.promote, itertools.count()

    async def promote_or_wait(self: RenamePromoter, part: PartFile) -> None:
        if self._intent.paths.job_id == append.layout.job_id and next(begun) >= promoted:
            stands_still.set()
            await asyncio.to_thread(goes_on.wait)
        await promote(self, part)

    monkeypatch.setattr(RenamePromoter, "promote", promote_or_wait)
    thread = threading.Thread(target=append.commit, args=[parts])
    thread.start()
    assert stands_still.wait(60)
    overwrite.commit(new)
    goes_on.set()
    thread.join()
    lines = lines_in(remote_dir)
    assert lines == sorted(["new 0", "new 1", *(f"row {number}" for number in range(PARTS))])


@pytest.mark.parametrize(
    ("template", "partner"),
    [
        ("orders_{seq:05d}.csv", "orders_20260101.csv"),
        ("{job}{seq}.csv", "cafe2024.csv"),
        ("part_{partition:03d}.csv", "part_20260101.csv"),
    ],
)
def test_an_overwrite_with_a_template_keeps_a_file_that_has_another_shape(
    sshd: SSHD, remote_dir: Path, template: str, partner: str
) -> None:
    options = {"file_name_template": template, "format": "csv"}
    for lines in (["a", "b"], ["c"]):
        (remote_dir / partner).write_text("theirs\n")
        write(sshd.options(), str(remote_dir), lines, overwrite=True, **options)
        assert (remote_dir / partner).read_text() == "theirs\n"
    assert len([file for file in remote_dir.iterdir() if file.is_file()]) == 2


def test_a_foreign_directory_of_a_job_ids_form_in_staging_dir_is_kept(
    sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    staging = tmp_path / "staging"
    foreign, empty, alike = staging / ("a" * 32), staging / ("b" * 32), staging / ("c" * 32)
    for path in (foreign, empty, alike):
        path.mkdir(parents=True)
    (foreign / "theirs.txt").write_text("theirs")
    # Of the form of a staged file: the name of a file is no proof.
    (alike / f"part-00000-c000-{'0' * 32}").write_text("theirs")
    for path in (foreign, empty, alike):
        age(path, 8 * 86400)
    before = state_of(staging)
    write(sshd.options(), str(remote_dir), ["a"], staging_dir=str(staging))
    before.pop(str(staging))
    after = state_of(staging)
    after.pop(str(staging))
    assert after == before


def test_what_dead_jobs_left_in_a_shared_staging_dir_is_swept(
    sshd: SSHD, remote_dir: Path, tmp_path: Path
) -> None:
    staging = tmp_path / "staging"
    options = {"staging_dir": str(staging)}
    died_before_its_tasks = real_job(sshd.options(), str(remote_dir), **options).prepare()
    died_in_its_tasks = real_job(sshd.options(), str(remote_dir), **options).prepare()
    upload(died_in_its_tasks, ["a"])
    for job in (died_before_its_tasks, died_in_its_tasks):
        age(Path(job.layout.staging), 8 * 86400)
    write(sshd.options(), str(remote_dir / "other"), ["b"], **options)
    assert list(staging.iterdir()) == []


def test_two_jobs_that_may_rename_one_file_get_a_name_each(sshd: SSHD, remote_dir: Path) -> None:
    target = str(remote_dir / "all.txt")
    (remote_dir / "all.txt").write_text("old\n")
    jobs = [real_job(sshd.options(), target, if_exists="rename").prepare() for _ in range(4)]
    parts = [upload(job, [f"row {number}"]) for number, job in enumerate(jobs)]
    threads = [
        threading.Thread(target=job.commit, args=[mine])
        for job, mine in zip(jobs, parts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines_in(remote_dir) == ["old", *(f"row {number}" for number in range(4))]


APPEND: dict[str, Any] = {"overwrite": False, "parts": 3, "options": {}}
OVERWRITE: dict[str, Any] = {"overwrite": True, "parts": 2, "options": {}}
SIDECARS = {"manifest": "true", "success_file": "true"}
TEMPLATE = {"file_name_template": "x_{seq:05d}.txt"}
EXACT = {"overwrite": True, "parts": 2, "options": {"checksum_files": "sha256"}, "file": "all.txt"}
PAIRS: list[list[dict[str, Any]]] = [
    [APPEND, OVERWRITE],
    [OVERWRITE, OVERWRITE],
    [APPEND | {"options": SIDECARS}, OVERWRITE | {"options": SIDECARS}],
    [OVERWRITE | {"options": TEMPLATE}, OVERWRITE | {"options": TEMPLATE, "parts": 3}],
    [APPEND | {"options": TEMPLATE | {"if_exists": "rename"}}] * 2,
    [EXACT, EXACT],
]


def _play_stopped(server: SSHD, directory: Path, rounds: range, seed: int) -> None:
    """Play pairs of jobs with random stops, each in a process of its own; judge what is there."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.stopped_writers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as player:
        assert player.stdin is not None
        assert player.stdout is not None
        for number in rounds:
            # Of its own for each round: a range of rounds plays the same as all of them do.
            source = random.Random(f"{seed} {number}")
            target = directory / f"round-{number}"
            target.mkdir()
            kinds = [dict(kind) for kind in PAIRS[number % len(PAIRS)]]
            for kind in kinds:
                kind["path"] = str(target / kind.pop("file", ""))
            first = source.randrange(2)
            turns = [(first, source.randrange(40)), (1 - first, source.choice((-1, *range(40))))]
            played = {
                "server": server.options(),
                "directory": str(target),
                "kinds": kinds,
                "turns": turns,
            }
            player.stdin.write(json.dumps(played) + "\n")
            player.stdin.flush()
            outcomes = json.loads(player.stdout.readline())
            _judge(target, kinds, outcomes, f"round {number}, {turns}, {kinds}: {outcomes}")
        player.stdin.close()


def _judge(target: Path, kinds: list[dict[str, Any]], outcomes: list[str], played: str) -> None:
    assert outcomes[2] == "succeeded", played
    lines = [line for line in lines_in(target) if ":" in line and " " not in line]
    assert len(lines) == len(set(lines)), played
    for number, (kind, outcome) in enumerate(zip(kinds, outcomes[:2], strict=True)):
        assert outcome == "succeeded" or outcome.startswith("failed"), played
        there = [line for line in lines if line.startswith(f"{number}:")]
        assert len(there) in (0, kind["parts"]), played
        replaced = kinds[1 - number]["overwrite"]
        assert there or replaced or outcome != "succeeded", played
    assert lines or "succeeded" not in outcomes[:2], played
    for checksum in target.glob("*.sha256"):
        data = (target / checksum.stem).read_bytes()
        assert checksum.read_text().split()[0] == sha256(data).hexdigest(), played
    assert not (target / "_temporary").exists(), played


def test_jobs_that_are_stopped_between_two_requests_are_whole_or_wholly_replaced(
    sshd: SSHD, remote_dir: Path
) -> None:
    _play_stopped(sshd, remote_dir, range(2 * len(PAIRS)), seed=16)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("first", range(0, ROUNDS, ROUNDS_AT_ONCE))
def test_jobs_that_are_stopped_often_are_whole_or_wholly_replaced(
    sshd: SSHD, remote_dir: Path, first: int
) -> None:
    _play_stopped(sshd, remote_dir, range(first, first + ROUNDS_AT_ONCE), seed=2026)
