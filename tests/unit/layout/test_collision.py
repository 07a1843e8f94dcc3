"""What a job does where a final name is taken: decided from save mode and `if_exists`."""

from __future__ import annotations

import pytest

from sftp_async import SFTPOptions
from sftp_async.layout.collision import Collision, collision_policy
from sftp_async.layout.job_layout import Layout


@pytest.mark.parametrize(
    ("overwrite", "if_exists", "collision"),
    [
        (False, None, "fail"),
        (True, None, "replace"),
        (False, "replace", "replace"),
        (True, "fail", "fail"),
        (False, "rename", "rename"),
        (True, "ignore", "ignore"),
    ],
)
def test_the_option_decides_and_without_it_the_mode(
    overwrite: bool, if_exists: Collision | None, collision: Collision
) -> None:
    assert collision_policy(overwrite=overwrite, if_exists=if_exists) == collision


def layout(path: str, *, overwrite: bool, **more: object) -> Layout:
    options = SFTPOptions(host="h", username="u", password="p", path=path, **more)
    return Layout.new(options, "csv", overwrite=overwrite)


@pytest.mark.parametrize("if_exists", [None, "fail", "replace", "rename", "ignore"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_of_one_exact_file_a_job_removes_only_what_it_replaces(
    overwrite: bool, if_exists: Collision | None
) -> None:
    planned = layout("/out/all.csv", overwrite=overwrite, if_exists=if_exists)
    assert planned.overwrite is (planned.collision == "replace")
    assert planned.replaces is planned.overwrite


def test_an_append_that_replaces_names_removes_no_other_file() -> None:
    planned = layout("/out", overwrite=False, if_exists="replace", file_name_template="{seq}.csv")
    assert planned.replaces
    assert not planned.overwrite


def test_names_with_the_jobs_id_replace_nothing() -> None:
    assert not layout("/out", overwrite=True).replaces
    assert layout("/out", overwrite=True).overwrite
