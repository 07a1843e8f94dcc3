"""Every path of one job: where its files are before, during and after the commit."""

from __future__ import annotations

import posixpath
from dataclasses import replace

import pytest

from sftp_async.layout.intent_names import STATES, IntentState, document_of
from sftp_async.layout.once import IdempotencyKey
from sftp_async.layout.target_paths import PromotionMode, TargetPaths
from tests.unit.layout.test_collision import layout

JOB, DOCUMENT = "ab" * 16, "cd" * 16
PATHS = TargetPaths("/out", "/out/_temporary", JOB, DOCUMENT, PromotionMode.RENAME)


def test_parts_are_staged_in_a_directory_of_the_job_alone() -> None:
    assert PATHS.staging == f"/out/_temporary/{JOB}"
    assert PATHS.staged("part") == PATHS.in_staging("part") == f"/out/_temporary/{JOB}/part"
    assert PATHS.final("c=1/part.csv") == "/out/c=1/part.csv"


def test_a_copied_file_is_staged_and_a_part_in_place_is_not() -> None:
    assert replace(PATHS, mode=PromotionMode.COPY).staged("joined") == PATHS.staged("joined")
    assert replace(PATHS, mode=PromotionMode.IN_PLACE).staged("c=1/part") == "/out/c=1/part"


@pytest.mark.parametrize("state", STATES)
def test_an_intent_is_filed_next_to_the_staging_directories(state: IntentState) -> None:
    directory, name = posixpath.split(PATHS.document(state))
    assert directory == PATHS.staging_base
    assert document_of(name) == (DOCUMENT, state)


def test_names_in_the_staging_directory_never_meet() -> None:
    staged = ["part-00000-c000-ab", "joined-ab", "aside-0", "claimed"]
    paths = [
        *map(PATHS.staged, staged[:2]),
        *map(PATHS.displaced, staged),
        *map(PATHS.withdrawn, staged),
        *map(PATHS.aside, range(3)),
        PATHS.claimed,
    ]
    assert len({*paths}) == len(paths)
    assert {posixpath.dirname(path) for path in paths} == {PATHS.staging}


@pytest.mark.parametrize(
    ("path", "commit_mode", "mode"),
    [
        ("/out", "rename", PromotionMode.RENAME),
        ("/out/all.csv", "rename", PromotionMode.RENAME),
        ("/out", "direct", PromotionMode.IN_PLACE),
        ("/out/all.csv", "direct", PromotionMode.COPY),
    ],
)
def test_the_plan_decides_how_files_become_visible(
    path: str, commit_mode: str, mode: PromotionMode
) -> None:
    planned = layout(path, overwrite=False, commit_mode=commit_mode)
    assert planned.paths.mode is mode
    assert planned.direct is (mode is PromotionMode.IN_PLACE)


def test_attempts_of_one_job_share_an_intent_and_no_staging_directory() -> None:
    planned, once = layout("/out", overwrite=False), IdempotencyKey.of_batch("query", 7)
    first, second = planned.of_attempt("1" * 32, once), planned.of_attempt("2" * 32, once)
    assert first.paths.document("intent") == second.paths.document("intent")
    assert first.paths.staging != second.paths.staging
    assert planned.paths.document_id == planned.job_id
