"""A staging area that others got at, on OpenSSH: links, foreign files, forged and torn intents."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import CommitError, SFTPAsyncError
from sftp_async.write.commit.intent import intent_for
from tests.support.foreign_files import (
    JOB,
    PART,
    ForeignDirectory,
    age,
    interrupted,
    names,
    put,
    state_of,
)
from tests.support.jobs import lines_in, real_job, write
from tests.support.sshd import SSHD


@pytest.mark.parametrize("action", ["append", "overwrite", "recover"])
def test_a_staging_area_that_is_a_link_is_refused(
    sshd: SSHD,
    remote_dir: Path,
    outside: ForeignDirectory,
    recover_here: Callable[..., Any],
    action: str,
) -> None:
    put(remote_dir, PART.encode())
    (remote_dir / "_temporary").symlink_to(outside.path)
    actions: dict[str, Callable[[], Any]] = {
        "append": lambda: write(sshd.options(), str(remote_dir), ["new"], staging_ttl=1),
        "overwrite": lambda: write(sshd.options(), str(remote_dir), ["new"], overwrite=True),
        "recover": lambda: recover_here(staging_ttl=1),
    }
    with pytest.raises(CommitError, match="_temporary"):
        actions[action]()
    assert outside.untouched()
    assert names(remote_dir) == {b"_temporary", PART.encode()}


def test_a_link_among_old_staging_is_swept_and_nothing_behind_it(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory
) -> None:
    base = remote_dir / "_temporary"
    base.mkdir()
    for digit, behind in zip("abc", ("", "kept.csv", "nothing"), strict=True):
        link = base / (digit * 32)
        link.symlink_to(outside.path / behind)
        age(link)
    write(sshd.options(), str(remote_dir), ["new"], staging_ttl=1)
    assert outside.untouched()
    assert not base.exists()
    assert lines_in(remote_dir) == ["new"]


def test_old_staging_is_emptied_up_to_what_no_job_puts_there(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, recover_here: Callable[..., Any]
) -> None:
    old = remote_dir / "_temporary" / JOB
    (old / "sub").mkdir(parents=True)
    put(old, b"part-00000-c000-x", b"new\nline", b"inva\xfflid", b"..x", b"y" * 255)
    put(old / "sub", b"foreign")
    (old / "file").symlink_to(outside.path / "kept.csv")
    (old / "directory").symlink_to(outside.path)
    age(old)
    write(sshd.options(), str(remote_dir), ["new"], staging_ttl=1)
    assert names(old) == {b"sub"}
    assert names(old / "sub") == {b"foreign"}
    assert lines_in(remote_dir) == ["new"]
    shutil.rmtree(old / "sub")
    age(old)
    assert recover_here(staging_ttl=1).swept == 1
    assert not (remote_dir / "_temporary").exists()
    assert outside.untouched()


def test_nothing_comes_in_through_a_link_in_place_of_a_jobs_staging(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory, recover_here: Callable[..., Any]
) -> None:
    job = interrupted(sshd, remote_dir)
    staging = remote_dir / "_temporary" / job.layout.job_id
    elsewhere = outside.path / "elsewhere"
    shutil.move(staging, elsewhere)
    staging.symlink_to(elsewhere)
    before = state_of(outside.path)
    for _ in range(2):  # nor does it help to try again
        with pytest.raises(CommitError, match=job.layout.job_id):
            recover_here(staging_ttl=1)
    with pytest.raises(CommitError, match=job.layout.job_id):
        write(sshd.options(), str(remote_dir), ["new"])
    assert state_of(outside.path) == before
    assert lines_in(remote_dir) in ([], ["a"])  # the part that had moved before


def test_links_in_place_of_intents_are_read_at_most(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory
) -> None:
    base = remote_dir / "_temporary"
    base.mkdir()
    torn = base / f"{'a' * 32}.intent.json"
    torn.symlink_to(outside.path / "kept.csv")
    age(torn)
    write(sshd.options(), str(remote_dir), ["new"], staging_ttl=1)
    assert not torn.is_symlink()
    other = base / f"{'f' * 32}.intent.json"
    base.mkdir()
    other.symlink_to(outside.path / other.name)
    with pytest.raises(CommitError, match="intent of an interrupted commit cannot be used"):
        write(sshd.options(), str(remote_dir), ["more"], staging_ttl=1)
    assert outside.untouched()
    assert lines_in(remote_dir) == ["new"]


# Intents


#: Fields of an intent that an attacker wrote by hand, to harm the job that recovers it.
FORGED: dict[str, dict[str, Any]] = {
    "part to the outside": {"parts": [("x", "../outside/new")]},
    "part from the outside": {"parts": [("../../../outside/kept.csv", "mine.csv")]},
    "removes outside": {"removes": ["../outside/kept.csv"]},
    "removes the target": {"removes": [".."]},
    "removes by NUL": {"removes": ["kept.csv\0.csv"]},
    "removes no name that can be sent": {"removes": ["\ud800"]},
    "removes what no name is": {"removes": [7]},
    "marker outside": {"once": {"scope": "..", "name": "x"}},
    "marker of a path": {"once": {"scope": "job_keys", "name": "../../x"}},
    "marker of no batch": {"once": {"scope": "0-query", "name": "x"}},
    "marker too long": {"once": {"scope": "job_keys", "name": "x" * 300}},
    "staging outside": {"paths": {"job_id": "../../outside"}},
    "another version": {"version": 99},
}


def forged(server: SSHD, target: Path, **fields: Any) -> str:
    """Return an intent as a job of ours would leave it, with some fields replaced."""
    job = real_job(server.options(), str(target))
    honest = intent_for(job.layout, (), removes=(), options=job.options, manifest=None)
    parts = [
        {"staged": staged, "final": final, "rows": 1, "size": 8, "sha256": ""}
        for staged, final in fields.pop("parts", [])
    ]
    document = json.loads(honest.to_json()) | {"parts": parts}
    document["paths"] |= {"job_id": JOB, "document_id": JOB} | fields.pop("paths", {})
    return json.dumps(document | fields)


@pytest.mark.parametrize("fields", FORGED.values(), ids=FORGED)
def test_a_forged_intent_is_refused_with_an_error_of_ours(
    sshd: SSHD,
    remote_dir: Path,
    outside: ForeignDirectory,
    recover_here: Callable[..., Any],
    fields: dict[str, Any],
) -> None:
    base = remote_dir / "_temporary"
    (base / JOB).mkdir(parents=True)
    put(remote_dir, b"data.csv", content="precious")
    before = {path.name for path in remote_dir.iterdir()}
    (base / f"{JOB}.intent.json").write_text(forged(sshd, remote_dir, **fields))
    with pytest.raises(CommitError):
        recover_here()
    assert outside.untouched()
    assert {path.name for path in remote_dir.iterdir()} - {"_sftp_async"} == before
    assert not list((remote_dir / "_sftp_async").rglob("*.committed"))


def test_an_honest_intent_of_that_form_is_carried_out(
    sshd: SSHD, remote_dir: Path, recover_here: Callable[..., Any]
) -> None:
    """The control of the test above: what was refused there was refused for its names."""
    base = remote_dir / "_temporary"
    (base / JOB).mkdir(parents=True)
    put(base / JOB, b"x", content="new data")
    put(remote_dir, b"data.csv")
    text = forged(
        sshd,
        remote_dir,
        parts=[("x", PART)],
        removes=["data.csv"],
        once={"scope": "job_keys", "name": "today"},
    )
    (base / f"{JOB}.intent.json").write_text(text)
    assert recover_here().finished == 1
    assert names(remote_dir) == {PART.encode(), b"_sftp_async"}
    assert names(remote_dir / "_sftp_async" / "job_keys") == {b"today.committed"}


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "\xff" * 100, "{", "", "9" * 5000],
    ids=["deep", "no text", "cut off", "empty", "long number"],
)
def test_an_intent_that_cannot_be_parsed_hinders_no_job(
    sshd: SSHD, remote_dir: Path, text: str
) -> None:
    base = remote_dir / "_temporary"
    base.mkdir()
    torn = base / f"{JOB}.intent.json"
    torn.write_bytes(text.encode("latin-1"))
    write(sshd.options(), str(remote_dir), ["young"])
    assert torn.exists()
    age(torn)
    write(sshd.options(), str(remote_dir), ["old"], staging_ttl=1)
    assert not torn.exists()
    assert lines_in(remote_dir) == ["old", "young"]


def test_an_intent_that_never_answers_is_an_error_in_time(
    remote_dir: Path, recover_here: Callable[..., Any]
) -> None:
    base = remote_dir / "_temporary"
    base.mkdir()
    os.mkfifo(base / f"{JOB}.intent.json")
    with pytest.raises(SFTPAsyncError, match="no answer from the server"):
        recover_here(operation_timeout=2, max_retries=0)
