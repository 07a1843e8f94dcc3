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

from sftp_async.write.commit import overwrite, promote, sidecars
from sftp_async.write.commit.pending import InFlight
from tests.support.overlap_model import (
    OLD,
    Kind,
    Overlap,
    explore_at_random,
    explore_pauses,
    explore_stalls,
)

pytestmark = pytest.mark.one_python

APPEND, OVERWRITE = Kind(), Kind(overwrite=True)
SIDECARS = {"manifest": True, "success_file": True}
TEMPLATE = {"file_name_template": "x_{seq:05d}.csv"}
PARTITIONED = {"partition_by": "c"}
DYNAMIC = PARTITIONED | {"partition_overwrite_mode": "dynamic"}
OLD_NAMED = {f"x_{number:05d}.csv": b"old %d" % number for number in (1, 2, 3)}
OLD_PARTITION = {"c=1/part-00000-0dd0dd000dd0dd00-c000.csv": b"old 0"}
PLAIN = {"posix_rename": False}
DIRECT: dict[str, Any] = {"commit_mode": "direct"}

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
    "direct append, overwrite": Overlap(
        (Kind(options=DIRECT), Kind(overwrite=True, options=DIRECT)),
        server={"rename": False, "posix_rename": False},
    ),
}
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
    "append, overwrite, from the preparation on": Overlap((APPEND, OVERWRITE), together=False),
    "three, from the preparation on": Overlap((APPEND, OVERWRITE, OVERWRITE), together=False),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    # Each of many thousand recoveries would log a warning.
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.asyncio
@pytest.mark.parametrize("overlap", OVERLAPS.values(), ids=OVERLAPS)
async def test_of_two_jobs_with_any_pause_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    explored = await explore_pauses(overlap, step=2)
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"
    assert explored.played > 100


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.parametrize("overlap", OVERLAPS.values(), ids=OVERLAPS)
async def test_of_two_jobs_with_every_pause_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    explored = await explore_pauses(overlap)
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"
    assert explored.played > 500


@pytest.mark.asyncio
@pytest.mark.parametrize("overlap", OVERLAPS.values(), ids=OVERLAPS)
async def test_of_two_jobs_one_of_which_dies_the_other_is_whole(overlap: Overlap) -> None:
    explored = await explore_pauses(overlap, kill=True)
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"


@pytest.mark.asyncio
@pytest.mark.parametrize("overlap", THREE.values(), ids=THREE)
async def test_of_jobs_interleaved_at_random_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    explored = await explore_at_random(overlap, 200, seed=16)
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"


@pytest.mark.soak
@pytest.mark.asyncio
@pytest.mark.parametrize("overlap", THREE.values(), ids=THREE)
async def test_of_jobs_interleaved_at_random_often_each_is_whole_or_wholly_replaced(
    overlap: Overlap,
) -> None:
    explored = await explore_at_random(overlap, 5_000, seed=2026)
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"


STALLED = {
    **OVERLAPS,
    "two overwrites with a template": Overlap(
        (
            Kind(overwrite=True, options=TEMPLATE),
            Kind(overwrite=True, options=TEMPLATE, parts=3),
        ),
        old=OLD_NAMED,
    ),
    "overwrite and append with a template": Overlap(
        (
            Kind(overwrite=True, options=TEMPLATE),
            Kind(options=TEMPLATE | {"if_exists": "rename"}),
        ),
        old=OLD_NAMED,
    ),
    "two overwrites of an exact file": Overlap(
        (Kind("/out/all.csv", overwrite=True),) * 2, old={"all.csv": b"old"}
    ),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("overlap", STALLED.values(), ids=STALLED)
async def test_a_job_that_stands_still_while_another_begins_and_ends_does_it_no_harm(
    overlap: Overlap,
) -> None:
    explored = await explore_stalls(replace(overlap, together=False))
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"
    assert explored.played > 30


@pytest.mark.asyncio
async def test_two_jobs_that_may_rename_one_file_both_succeed() -> None:
    kind = Kind("/out/all.csv", options={"if_exists": "rename"})
    overlap = Overlap((kind, kind), old={"all.csv": b"old"}, all_succeed=True)
    explored = await explore_pauses(overlap, step=3)
    assert not explored.broken, f"{len(explored.broken)} of {explored.played}: {explored.broken[0]}"


@pytest.mark.asyncio
async def test_the_model_notices_an_overwrite_that_does_not_look_at_the_intents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(*arguments: object) -> InFlight:
        return InFlight()

    monkeypatch.setattr(overwrite, "in_flight", nothing)
    explored = await explore_pauses(Overlap((Kind(parts=3), OVERWRITE)))
    assert any("parts are there" in rule for _, rules in explored.broken for rule in rules)


@pytest.mark.asyncio
async def test_the_model_notices_removals_that_are_no_renames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def remove(connection: Any, path: str, aside: str) -> None:
        await promote.remove_if_there(connection, path)

    monkeypatch.setattr(promote, "set_aside", remove)
    overlap = replace(STALLED["two overwrites with a template"], together=False)
    assert (await explore_stalls(overlap)).broken


@pytest.mark.asyncio
async def test_the_model_notices_sidecar_files_that_do_not_come_from_the_staging_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def write(connection: Any, intent: Any, name: str, data: bytes) -> None:
        await connection.write_file(intent.paths.final(name), data)

    monkeypatch.setattr(sidecars, "_place", write)
    overlap = replace(OVERLAPS["two overwrites, with sidecar files"], together=False)
    assert (await explore_stalls(overlap)).broken
