"""Every commit, with a fault at every request: lost replies, and crashes with a next job to mend.

Two faults in a row are played, so a retry that fails, a crash during a retry and a crash during the
recovery are among them. A sequence whose rest is bound to be as that of another one is not
continued. The minimum counts show that nothing else was left out by accident.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sftp_async.write.commit import intent_store, partition_directories, promote
from tests.support.commit_model import OLD_PARTS, Scenario, explore, play

pytestmark = [pytest.mark.once, pytest.mark.asyncio(loop_factories=["without polling"])]

APPEND = Scenario(old=OLD_PARTS)
OVERWRITE = Scenario(old=OLD_PARTS | {"_SUCCESS": b"{}"}, overwrite=True)
WITH_SIDECARS = Scenario(
    old=OLD_PARTS | {"_SUCCESS": b"old", "_manifest.json": b"old"},
    overwrite=True,
    options={
        "manifest": True,
        "success_file": True,
        "checksum_files": "sha256",
        "done_file_template": ".{name}.done",  # hidden: the rules are about data
    },
)
# Of the new one's size: to look at a file does not tell which it is.
OLD_EXACT = {"all.csv": b"old 0old 1"}
EXACT = Scenario("/out/all.csv", overwrite=True, old=OLD_EXACT)
PLAIN = {"posix_rename": False}
EXACT_IN_A_DROP_BOX = replace(EXACT, drop_box=True)
# One part, which is not joined: the joining is the same as above.
EXACT_PLAIN = Scenario(
    "/out/all.csv", overwrite=True, old={"all.csv": b"old"}, server=PLAIN, new=(b"new",)
)
NAMED = {"file_name_template": "new_{seq:03d}.csv", "overwrite_scope": "matching"}
OLD_NAMED = {"new_001.csv": b"old 1", "new_003.csv": b"old 3"}
NAMED_ABORTED = Scenario(
    old={"new_001.csv": b"old 0", "new_002.csv": b"old 1"},
    overwrite=True,
    options=NAMED,
    refused="new_002",
)
NAMED_WITH_SIDECARS = replace(
    NAMED_ABORTED,
    old=NAMED_ABORTED.old | {"new_001.csv.md5": b"sum 0", "new_002.csv.sha256": b"sum 1"},
)
NO_RENAME: dict[str, Any] = {"rename": False, "posix_rename": False}
REPLACING = {"posix_rename": False, "rename_replaces": True}
DIRECT: dict[str, Any] = {"options": {"commit_mode": "direct"}, "server": NO_RENAME}


#: One partition that is there, and one that is not; old data in both kinds, and outside of all.
OLD_PARTITIONS = {
    "part-00000-0dd0dd000dd0dd00-c000.csv": b"old, in none",
    "c=1/part-00000-0dd0dd000dd0dd00-c000.csv": b"old 1",
    "c=3/part-00001-0dd0dd000dd0dd00-c000.csv": b"old 3",
}
PARTITIONED = Scenario(
    old=OLD_PARTITIONS, options={"partition_by": "c"}, directories=("c=1", "c=2")
)
STATIC = replace(PARTITIONED, overwrite=True)
DYNAMIC = replace(STATIC, options={"partition_by": "c", "partition_overwrite_mode": "dynamic"})
DIRECT_PARTITIONED: dict[str, Any] = {
    "options": {"partition_by": "c", "commit_mode": "direct"},
    "server": NO_RENAME,
}
NESTED = Scenario(
    options={"partition_by": "c,e"}, directories=("c=1/e=1", "c=2/e=1"), old=OLD_PARTITIONS
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    # Each of many thousand recoveries would log a warning.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("scenario", "at_least"),
    [
        pytest.param(APPEND, 900, id="append"),
        pytest.param(OVERWRITE, 2_100, id="overwrite"),
        pytest.param(EXACT, 2_900, id="exact file, posix-rename"),
        pytest.param(EXACT_PLAIN, 2_300, id="exact file, plain rename"),
    ],
)
async def test_any_two_faults_leave_all_of_the_job_or_nothing(
    scenario: Scenario, at_least: int
) -> None:
    played, broken = await explore(scenario, depth=2)
    assert not broken, f"{len(broken)} of {played}, first: {broken[0]}"
    assert played > at_least


@pytest.mark.parametrize(
    "scenario",
    [EXACT_IN_A_DROP_BOX, replace(EXACT_IN_A_DROP_BOX, old={}, new=(b"new",))],
    ids=["replaced", "new"],
)
async def test_any_fault_of_an_exact_file_in_a_drop_box_leaves_all_or_nothing(
    scenario: Scenario,
) -> None:
    played, broken = await explore(scenario, depth=1)
    assert not broken, f"{len(broken)} of {played}, first: {broken[0]}"
    assert played > 110


@pytest.mark.parametrize(
    ("scenario", "at_least"),
    [
        pytest.param(Scenario(old=OLD_PARTS, refused="part-00001"), 100, id="append"),
        pytest.param(
            Scenario(old=OLD_PARTS | {"_SUCCESS": b"{}"}, overwrite=True, refused="part-00001"),
            110,
            id="overwrite",
        ),
        pytest.param(
            Scenario("/out/all.csv", True, old=OLD_EXACT, server=PLAIN, refused="all.csv"),
            140,
            id="exact file, plain rename",
        ),
        pytest.param(NAMED_ABORTED, 160, id="named"),
        pytest.param(replace(NAMED_ABORTED, server=PLAIN), 160, id="named, plain rename"),
        pytest.param(NAMED_WITH_SIDECARS, 160, id="named, with checksum files"),
        pytest.param(replace(NAMED_ABORTED, server=REPLACING), 160, id="named, rename replaces"),
        pytest.param(replace(NAMED_ABORTED, server={"hardlink": False}), 160, id="named, no links"),
        pytest.param(
            replace(NAMED_ABORTED, old={"new_002.csv": b"old 1"}), 150, id="named, one is new"
        ),
    ],
)
async def test_any_fault_around_an_abort_of_a_half_visible_job_leaves_all_or_nothing(
    scenario: Scenario, at_least: int
) -> None:
    played, broken = await explore(scenario, depth=1)
    assert not broken, f"{len(broken)} of {played}, first: {broken[0]}"
    assert played > at_least


@pytest.mark.parametrize(
    ("scenario", "at_least"),
    [
        pytest.param(Scenario("/out/all.csv"), 100, id="new exact file"),
        pytest.param(Scenario(old=OLD_PARTS, server=REPLACING), 60, id="append, rename replaces"),
        pytest.param(
            Scenario(old=OLD_PARTS, overwrite=True, server=REPLACING),
            80,
            id="overwrite, rename replaces",
        ),
        pytest.param(
            Scenario("/out/all.csv", overwrite=True, old={"all.csv": b"old"}, server=REPLACING),
            100,
            id="exact file, rename replaces",
        ),
        pytest.param(Scenario(old=OLD_PARTS, options=NAMED), 60, id="append, named"),
        pytest.param(
            Scenario(old=OLD_PARTS, options=NAMED, refused="new_002"),
            60,
            id="append, named, aborted",
        ),
        pytest.param(
            Scenario(old=OLD_NAMED, overwrite=True, options=NAMED), 60, id="overwrite, named"
        ),
        pytest.param(
            Scenario(old=OLD_NAMED, overwrite=True, options=NAMED, server=PLAIN),
            60,
            id="overwrite, named, plain rename",
        ),
        pytest.param(WITH_SIDECARS, 100, id="overwrite, with sidecar files"),
        pytest.param(
            replace(WITH_SIDECARS, server=PLAIN),
            100,
            id="overwrite, with sidecar files, plain rename",
        ),
        pytest.param(
            replace(WITH_SIDECARS, refused="part-00001"), 100, id="with sidecar files, aborted"
        ),
        pytest.param(replace(APPEND, options={"job_key": "k"}), 60, id="append, once"),
        pytest.param(Scenario(old=OLD_PARTS, **DIRECT), 50, id="append, direct"),
        pytest.param(Scenario(old=OLD_PARTS, overwrite=True, **DIRECT), 80, id="overwrite, direct"),
    ],
)
async def test_any_fault_in_the_other_kinds_of_commit_leaves_all_or_nothing(
    scenario: Scenario, at_least: int
) -> None:
    played, broken = await explore(scenario, depth=1)
    assert not broken, f"{len(broken)} of {played}, first: {broken[0]}"
    assert played > at_least


@pytest.mark.parametrize(
    ("scenario", "at_least"),
    [
        pytest.param(PARTITIONED, 70, id="append"),
        pytest.param(replace(PARTITIONED, refused="part-00001"), 120, id="append, aborted"),
        pytest.param(STATIC, 105, id="overwrite, static"),
        pytest.param(replace(STATIC, refused="part-00001"), 130, id="overwrite, static, aborted"),
        pytest.param(DYNAMIC, 90, id="overwrite, dynamic"),
        pytest.param(replace(DYNAMIC, refused="part-00001"), 125, id="overwrite, dynamic, aborted"),
        pytest.param(NESTED, 80, id="two columns, append"),
        pytest.param(replace(NESTED, refused="part-00001"), 145, id="two columns, aborted"),
        pytest.param(replace(PARTITIONED, server=REPLACING), 60, id="append, rename replaces"),
        pytest.param(replace(PARTITIONED, **DIRECT_PARTITIONED), 60, id="append, direct"),
        pytest.param(replace(STATIC, **DIRECT_PARTITIONED), 80, id="overwrite, direct"),
        pytest.param(
            replace(
                WITH_SIDECARS,
                old=WITH_SIDECARS.old | OLD_PARTITIONS,
                options=WITH_SIDECARS.options | {"partition_by": "c"},
                directories=("c=1", "c=2"),
            ),
            170,
            id="overwrite, with sidecar files",
        ),
    ],
)
async def test_any_fault_in_a_commit_to_partitions_leaves_all_or_nothing_and_no_empty_directory(
    scenario: Scenario, at_least: int
) -> None:
    played, broken = await explore(scenario, depth=1)
    assert not broken, f"{len(broken)} of {played}, first: {broken[0]}"
    assert played > at_least


async def test_the_model_notices_a_commit_without_an_intent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def publish_nothing(*arguments: object) -> None:
        pass

    monkeypatch.setattr(intent_store, "publish", publish_nothing)
    assert not (await play(APPEND, {})).broken  # without faults it works
    _, broken = await explore(APPEND, depth=1)
    assert any("crashed" in rule for _, rules in broken for rule in rules)


async def test_the_model_notices_partitions_that_are_made_and_not_rolled_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(*arguments: object) -> None:
        pass

    monkeypatch.setattr(partition_directories, "prune", nothing)
    assert not (await play(PARTITIONED, {})).broken
    assert any("are the partitions" in rule for rule in (await play(STATIC, {})).broken)
    aborted = await play(replace(PARTITIONED, refused="part-00001"), {})
    assert any("are the partitions" in rule for rule in aborted.broken)


async def test_the_model_notices_a_rename_that_cannot_be_done_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(*arguments: object) -> bool:
        return False

    monkeypatch.setattr(promote, "_was_promoted", never)
    assert not (await play(APPEND, {})).broken
    _, broken = await explore(APPEND, depth=1)
    assert any("lost after rename" in fault for faults, _ in broken for fault in faults.values())


async def test_the_model_notices_old_data_that_goes_before_the_new_is_visible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    promote_all = promote.promote_all

    async def remove_first(connection: Any, job: Any, **more: Any) -> None:
        for name in job.removes:
            await promote.remove_if_there(connection, job.paths.final(name))
        await promote_all(connection, job, **more)

    monkeypatch.setattr("sftp_async.write.commit.committer.promote_all", remove_first)
    assert "neither all old nor all new data is there" in (await play(OVERWRITE, {})).broken
