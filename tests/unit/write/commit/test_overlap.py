"""Two and three jobs at once, interleaved request by request, and writers that stand still.

Every schedule with one pause of each job is played, and schedules at random; the marker `soak` adds
more. The controls show that the model notices a commit that lacks one of its rules.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sftp_async.layout.job_layout import Layout
from sftp_async.layout.target_paths import TargetPaths
from sftp_async.remote.filesystem import RemoteEntry
from sftp_async.write.commit import claim, overwrite, promote, sidecars
from sftp_async.write.commit.pending import InFlight, in_flight
from tests.support.overlap_exploration import (
    Explored,
    explore_at_random,
    explore_pauses,
    explore_pauses_of_three,
    explore_stalls,
    explore_two_pauses,
)
from tests.support.overlap_model import OLD, Kind, Overlap

pytestmark = [pytest.mark.once, pytest.mark.asyncio(loop_factories=["without polling"])]

APPEND, OVERWRITE = Kind(), Kind(overwrite=True)
SIDECARS = {"manifest": True, "success_file": True}
TEMPLATE = {"file_name_template": "x_{seq:05d}.csv"}
PARTITIONED = {"partition_by": "c"}
DYNAMIC = PARTITIONED | {"partition_overwrite_mode": "dynamic"}
OLD_NAMED = {f"x_{number:05d}.csv": b"old %d" % number for number in (1, 2, 3)}
OLD_PARTITION = {"c=1/part-00000-0dd0dd000dd0dd00-c000.csv": b"old 0"}
PLAIN = {"posix_rename": False}
DIRECT: dict[str, Any] = {"commit_mode": "direct"}
NO_RENAME = {"rename": False, "posix_rename": False}

OVERLAPS = {
    "append, overwrite": Overlap((APPEND, OVERWRITE)),
    "two appends": Overlap((APPEND, APPEND)),
    "two overwrites": Overlap((OVERWRITE, OVERWRITE)),
    "append, overwrite, plain rename": Overlap((APPEND, OVERWRITE), server=PLAIN),
    "two overwrites, with sidecar files": Overlap((Kind(overwrite=True, options=SIDECARS),) * 2),
    "append, overwrite, with sidecar files": Overlap(
        (Kind(options=SIDECARS), Kind(overwrite=True, options=SIDECARS))
    ),
    "append with a key, overwrite": Overlap((Kind(options={"job_key": "k"}), OVERWRITE)),
    "dynamic overwrite, append": Overlap(
        (
            Kind(overwrite=True, directories=("c=1", "c=2"), options=DYNAMIC),
            Kind(directories=("c=1", "c=3"), options=PARTITIONED),
        ),
        old=OLD_PARTITION,
    ),
    "two dynamic overwrites": Overlap(
        (Kind(overwrite=True, directories=("c=1", "c=2"), options=DYNAMIC),) * 2,
        old=OLD_PARTITION,
    ),
    "overwrite with a template, append": Overlap(
        (Kind(overwrite=True, options=TEMPLATE), APPEND), old=OLD_NAMED | OLD
    ),
    "overwrite with a template, overwrite": Overlap(
        (Kind(overwrite=True, options=TEMPLATE), OVERWRITE), old=OLD_NAMED | OLD
    ),
    "two dynamic overwrites, with sidecar files": Overlap(
        (
            Kind(overwrite=True, directories=("c=1", "c=2"), options=DYNAMIC | SIDECARS),
            Kind(overwrite=True, directories=("c=1",), parts=1, options=DYNAMIC | SIDECARS),
        ),
        old=OLD_PARTITION,
    ),
    "direct append, overwrite": Overlap(
        (Kind(options=DIRECT), Kind(overwrite=True, options=DIRECT)), server=NO_RENAME
    ),
    "direct append that uploads, direct overwrite": Overlap(
        (Kind(options=DIRECT, uploads=True), Kind(overwrite=True, options=DIRECT)),
        server=NO_RENAME,
    ),
    "two direct overwrites that upload": Overlap(
        (Kind(overwrite=True, options=DIRECT, uploads=True),) * 2, server=NO_RENAME
    ),
    "direct append that uploads, overwrite by rename": Overlap(
        (Kind(options=DIRECT, uploads=True), OVERWRITE)
    ),
    "append, overwrite with sidecar files, long listings": Overlap(
        (Kind(options=SIDECARS), Kind(overwrite=True, parts=1)), names_per_reply=1
    ),
}
#: Jobs that give files the same names.
KEY = {"job_key": "k"}
EXACT = "/out/all.csv"
OLD_EXACT = {"all.csv": b"old"}
CHECKED = {"manifest": True, "checksum_files": "sha256", "success_file": True}
TEMPLATE_OVERWRITE = Kind(overwrite=True, options=TEMPLATE)
SAME_NAMES = {
    "two overwrites with a template": Overlap(
        (TEMPLATE_OVERWRITE, replace(TEMPLATE_OVERWRITE, parts=3)), old=OLD_NAMED
    ),
    "overwrite and append with a template": Overlap(
        (TEMPLATE_OVERWRITE, Kind(options=TEMPLATE | {"if_exists": "rename"})), old=OLD_NAMED
    ),
    "two appends with a template": Overlap((Kind(options=TEMPLATE),) * 2, old={}),
    "two appends with a template that may rename": Overlap(
        (Kind(options=TEMPLATE | {"if_exists": "rename"}),) * 2, old={}, all_succeed=True
    ),
    "two overwrites with a template and sidecar files": Overlap(
        (
            Kind(overwrite=True, options=TEMPLATE | CHECKED),
            Kind(overwrite=True, options=TEMPLATE | CHECKED, parts=1),
        ),
        old=OLD_NAMED,
    ),
    "two overwrites with a template, plain rename": Overlap(
        (TEMPLATE_OVERWRITE, replace(TEMPLATE_OVERWRITE, parts=1)), old=OLD_NAMED, server=PLAIN
    ),
    "a template and a key, a template": Overlap(
        (Kind(overwrite=True, options=TEMPLATE | KEY), TEMPLATE_OVERWRITE), old=OLD_NAMED
    ),
    "overwrite of the directory, append with a template": Overlap(
        (Kind(overwrite=True, options={"overwrite_scope": "directory"}), Kind(options=TEMPLATE)),
    ),
    "two overwrites of an exact file": Overlap(
        (Kind(EXACT, overwrite=True),) * 2, old={"all.csv": b"old"}
    ),
    "two overwrites of an exact file, plain rename": Overlap(
        (Kind(EXACT, overwrite=True),) * 2, old={"all.csv": b"old"}, server=PLAIN
    ),
    "two overwrites of an exact file with sidecar files": Overlap(
        (Kind(EXACT, overwrite=True, options=CHECKED),) * 2, old=OLD_EXACT
    ),
    "two that create an exact file": Overlap((Kind(EXACT),) * 2, old={}),
    "an exact file and a key": Overlap(
        (Kind(EXACT, overwrite=True, options=KEY), Kind(EXACT, overwrite=True)), old={}
    ),
}
THREE_DYNAMIC = Overlap(
    (
        Kind(overwrite=True, directories=("c=1", "c=2"), options=DYNAMIC),
        Kind(overwrite=True, directories=("c=1",), parts=1, options=DYNAMIC),
        Kind(directories=("c=1", "c=3"), options=PARTITIONED),
    ),
    old=OLD_PARTITION,
)
THREE = {
    "append, two overwrites": Overlap((APPEND, OVERWRITE, OVERWRITE)),
    "two appends, overwrite": Overlap((APPEND, APPEND, OVERWRITE)),
    "with sidecar files": Overlap(
        (
            Kind(options=SIDECARS),
            Kind(overwrite=True, options=SIDECARS),
            Kind(overwrite=True, options=SIDECARS),
        )
    ),
    "dynamic overwrites": THREE_DYNAMIC,
    "dynamic overwrites, with sidecar files": replace(
        THREE_DYNAMIC,
        kinds=tuple(replace(kind, options=kind.options | SIDECARS) for kind in THREE_DYNAMIC.kinds),
    ),
    "overwrites and an append with a template": Overlap(
        (
            TEMPLATE_OVERWRITE,
            TEMPLATE_OVERWRITE,
            Kind(options=TEMPLATE | {"if_exists": "rename"}),
        ),
        old=OLD_NAMED,
    ),
    "overwrites of an exact file with sidecar files": Overlap(
        (Kind(EXACT, overwrite=True, options=CHECKED),) * 3, old=OLD_EXACT
    ),
    "long listings": Overlap(
        (Kind(options=SIDECARS), Kind(overwrite=True, options=SIDECARS), OVERWRITE),
        names_per_reply=2,
    ),
}
AT_RANDOM = THREE | {
    "append, overwrite, from the preparation on": Overlap((APPEND, OVERWRITE), together=False),
    "three, from the preparation on": Overlap((APPEND, OVERWRITE, OVERWRITE), together=False),
    "three with a template, from the preparation on": replace(
        THREE["overwrites and an append with a template"], together=False
    ),
}


#: What cannot be had without rename: the exact file is copied to its name by a handle that stays
#: open, and a writer that goes on later writes into what another one has put there meanwhile.
DIRECT_EXACT = Kind(EXACT, overwrite=True, options=DIRECT)
KNOWN = {
    "two direct overwrites of an exact file": Overlap((DIRECT_EXACT,) * 2, old={}, server=NO_RENAME)
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # In the model no job waits until another one that stands still may go on.
    monkeypatch.setattr(claim, "PATIENCE", 0)
    monkeypatch.setattr(claim, "BETWEEN_LOOKS", 0.0)
    # Each of many thousand recoveries would log a warning.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


PAIRS = OVERLAPS | SAME_NAMES


def none_broken(explored: Explored, least: int) -> None:
    """Check that enough schedules were played, and that none of them broke a rule."""
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"
    assert explored.played >= least
    print(f"{explored.played} schedules, 0 broken")


@pytest.mark.parametrize("overlap", PAIRS.values(), ids=PAIRS)
async def test_of_two_jobs_with_any_pause_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    none_broken(await explore_pauses(overlap, step=7), 20)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("overlap", PAIRS.values(), ids=PAIRS)
async def test_of_two_jobs_with_every_pause_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    none_broken(await explore_pauses(overlap), 500)


#: The smallest jobs that need every rule of the removals, and a listing that misses what moves on.
LOOKS = Overlap(
    (Kind(parts=1, options={"manifest": True}), Kind(overwrite=True, parts=1)),
    old={},
    names_per_reply=1,
)


async def test_of_two_jobs_one_of_which_pauses_twice_each_is_whole_or_wholly_replaced() -> None:
    none_broken(await explore_two_pauses(LOOKS, step=2, longest=1), 500)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("overlap", PAIRS.values(), ids=PAIRS)
async def test_of_two_jobs_one_of_which_often_pauses_twice_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    overlap = replace(overlap, names_per_reply=1)
    none_broken(await explore_two_pauses(overlap, step=3, longest=3), 500)


#: A direct job that dies before its intent leaves what its tasks wrote.
KILLED = {name: pair for name, pair in PAIRS.items() if not pair.kinds[0].uploads}


@pytest.mark.parametrize("overlap", KILLED.values(), ids=KILLED)
async def test_of_two_jobs_one_of_which_dies_the_other_is_whole(overlap: Overlap) -> None:
    overlap = replace(overlap, all_succeed=False)
    none_broken(await explore_pauses(overlap, kill=True), 20)


@pytest.mark.parametrize("overlap", THREE.values(), ids=THREE)
async def test_of_three_jobs_two_of_which_stand_still_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    none_broken(await explore_pauses_of_three(overlap, step=10), 40)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("overlap", THREE.values(), ids=THREE)
async def test_of_three_jobs_with_every_pause_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    none_broken(await explore_pauses_of_three(overlap), 3_000)


@pytest.mark.parametrize("overlap", AT_RANDOM.values(), ids=AT_RANDOM)
async def test_of_jobs_interleaved_at_random_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    none_broken(await explore_at_random(overlap, 60, seed=16), 60)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("overlap", AT_RANDOM.values(), ids=AT_RANDOM)
async def test_of_jobs_interleaved_at_random_often_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    none_broken(await explore_at_random(overlap, 5_000, seed=2026), 5_000)


@pytest.mark.parametrize("overlap", PAIRS.values(), ids=PAIRS)
async def test_a_job_that_stands_still_while_another_begins_and_ends_does_it_no_harm(
    overlap: Overlap,
) -> None:
    none_broken(await explore_stalls(replace(overlap, together=False)), 30)


@pytest.mark.parametrize("overlap", KNOWN.values(), ids=KNOWN)
async def test_without_rename_a_writer_that_stood_still_may_replace_a_newer_exact_file(
    overlap: Overlap,
) -> None:
    explored = await explore_pauses(overlap, step=6)
    rules = {rule for _, rules in explored.broken for rule in rules}
    # The file of one of the jobs is there, and is whole; it may be that of the earlier one.
    assert rules == {f"job {number} succeeded, and 0 of 1 parts are there" for number in (0, 1)}


async def test_two_jobs_that_may_rename_one_file_both_succeed() -> None:
    kind = Kind("/out/all.csv", options={"if_exists": "rename"})
    overlap = Overlap((kind, kind), old={"all.csv": b"old"}, all_succeed=True)
    none_broken(await explore_pauses(overlap, step=4), 30)


async def test_the_model_notices_an_overwrite_that_does_not_look_at_the_intents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(*arguments: object) -> InFlight:
        return InFlight()

    monkeypatch.setattr(overwrite, "in_flight", nothing)
    explored = await explore_pauses(Overlap((Kind(parts=3), OVERWRITE)))
    assert any("parts are there" in rule for _, rules in explored.broken for rule in rules)


async def test_the_model_notices_an_overwrite_that_looks_once_at_the_intents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: dict[TargetPaths, InFlight] = {}

    async def every_other_one(connection: Any, paths: TargetPaths) -> InFlight:
        if paths in looks:
            return looks.pop(paths)
        looks[paths] = await in_flight(connection, paths)
        return looks[paths]

    monkeypatch.setattr(overwrite, "in_flight", every_other_one)
    explored = await explore_two_pauses(LOOKS, longest=1, until_broken=True)
    assert explored.broken
    rules = {rule for _, rules in explored.broken for rule in rules}
    assert all(rule.startswith("the manifest lists part-") for rule in rules)


async def test_the_model_notices_an_overwrite_that_lists_no_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed: dict[Layout, dict[str, list[RemoteEntry]]] = {}
    list_all = overwrite.listed

    async def once(
        connection: Any, layout: Layout, *arguments: Any
    ) -> dict[str, list[RemoteEntry]]:
        if layout not in listed:
            listed[layout] = await list_all(connection, layout, *arguments)
        return listed[layout]

    monkeypatch.setattr(overwrite, "listed", once)
    explored = await explore_pauses(Overlap((Kind(parts=3), OVERWRITE)), step=2)
    assert any("parts are there" in rule for _, rules in explored.broken for rule in rules)


async def test_the_model_notices_an_overwrite_that_does_not_list_until_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(overwrite, "LISTINGS", 1)
    assert (await explore_pauses(LOOKS, step=2)).broken


async def test_the_model_notices_removals_that_are_no_renames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def remove(connection: Any, path: str, aside: str) -> None:
        await promote.remove_if_there(connection, path)

    monkeypatch.setattr(promote, "set_aside", remove)
    overlap = replace(SAME_NAMES["two overwrites with a template"], together=False)
    assert (await explore_stalls(overlap)).broken


async def test_the_model_notices_sidecar_files_that_do_not_come_from_the_staging_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def write(connection: Any, intent: Any, name: str, data: bytes) -> None:
        await connection.write_file(intent.paths.final(name), data)

    monkeypatch.setattr(sidecars, "_place", write)
    overlap = replace(OVERLAPS["two overwrites, with sidecar files"], together=False)
    assert (await explore_stalls(overlap)).broken


async def test_the_model_notices_an_overwrite_that_takes_an_upload_for_a_job_that_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(overwrite, "is_written_in_place", lambda name: False)
    overlap = OVERLAPS["direct append that uploads, direct overwrite"]
    assert (await explore_pauses(overlap, step=2)).broken


@pytest.mark.parametrize(
    ("method", "does"), [("take", None), ("_overtake", True)], ids=["no claim", "no overtaking"]
)
async def test_the_model_notices_jobs_that_claim_no_names(
    monkeypatch: pytest.MonkeyPatch, method: str, does: object
) -> None:
    async def without(*arguments: object) -> object:
        return does

    monkeypatch.setattr(claim.Claim, method, without)
    overlap = SAME_NAMES["two overwrites with a template"]
    assert (await explore_pauses(overlap, step=3)).broken
