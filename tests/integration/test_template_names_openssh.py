"""Files of a template's names: this source's own ones are known by more than their names."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from sftp_async.errors import CommitError
from sftp_async.write.commit import name_registry
from tests.support.jobs import lines_in, real_job, upload, write
from tests.support.sshd import SSHD

TEMPLATE = {"file_name_template": "orders_{seq:05d}.csv", "format": "csv"}


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_file())


def test_a_partners_file_of_the_templates_very_shape_is_kept(
    sshd: SSHD, remote_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(sshd.options(), str(remote_dir), ["a"], ["b"], **TEMPLATE)
    (remote_dir / "orders_12345.csv").write_text("theirs\n")
    write(sshd.options(), str(remote_dir), ["c"], overwrite=True, **TEMPLATE)
    assert names(remote_dir) == ["orders_00001.csv", "orders_12345.csv"]
    assert lines_in(remote_dir) == ["c", "theirs"]
    assert "orders_12345.csv): overwrite_scope=matching" in caplog.text


def test_where_nothing_shows_who_wrote_files_an_overwrite_is_refused_before_its_upload(
    sshd: SSHD, remote_dir: Path
) -> None:
    (remote_dir / "orders_12345.csv").write_text("theirs\n")
    job = real_job(sshd.options(), str(remote_dir), overwrite=True, **TEMPLATE)
    with pytest.raises(CommitError, match=r"orders_12345\.csv.*overwrite_scope=matching"):
        job.prepare()
    assert names(remote_dir) == ["orders_12345.csv"]
    assert [path.name for path in remote_dir.iterdir()] == ["orders_12345.csv"]


def test_overwrite_scope_matching_removes_what_fits_the_template(
    sshd: SSHD, remote_dir: Path
) -> None:
    for name in ("orders_12345.csv", "orders_20260101.csv", "customers_00002.csv"):
        (remote_dir / name).write_text("theirs\n")
    matching = TEMPLATE | {"overwrite_scope": "matching"}
    write(sshd.options(), str(remote_dir), ["a"], overwrite=True, **matching)
    assert names(remote_dir) == ["customers_00002.csv", "orders_00001.csv", "orders_20260101.csv"]


def test_files_that_if_exists_rename_named_are_own_ones(sshd: SSHD, remote_dir: Path) -> None:
    for line in ("a", "b", "c"):
        write(sshd.options(), str(remote_dir), [line], if_exists="rename", **TEMPLATE)
    assert names(remote_dir) == ["orders_00001-1.csv", "orders_00001-2.csv", "orders_00001.csv"]
    write(sshd.options(), str(remote_dir), ["d"], overwrite=True, **TEMPLATE)
    assert lines_in(remote_dir) == ["d"]


def test_an_old_manifest_shows_whose_files_they_are(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], ["b"], manifest=True, **TEMPLATE)
    for path in (remote_dir / "_sftp_async" / "file_names").iterdir():
        path.unlink()
    (remote_dir / "_sftp_async" / "file_names").rmdir()
    write(sshd.options(), str(remote_dir), ["c"], overwrite=True, **TEMPLATE)
    assert lines_in(remote_dir) == ["c"]


def test_the_registry_holds_one_document_after_an_overwrite(sshd: SSHD, remote_dir: Path) -> None:
    for number in range(3):
        seq = {"file_name_template": f"day{number}_{{seq}}.csv", "format": "csv"}
        write(sshd.options(), str(remote_dir), ["a"], **seq)
    registry = remote_dir / "_sftp_async" / "file_names"
    assert len(list(registry.iterdir())) == 3
    write(sshd.options(), str(remote_dir), ["b"], overwrite=True, **(seq | {"format": "csv"}))
    write(sshd.options(), str(remote_dir), ["b"], ["c"], overwrite=True, **seq)
    write(sshd.options(), str(remote_dir), ["d"], overwrite=True, **seq)
    [document] = registry.iterdir()
    assert json.loads(document.read_text())["names"] == ["day0_1.csv", "day1_1.csv", "day2_1.csv"]


def test_many_documents_of_appends_are_merged_and_no_name_is_lost(
    sshd: SSHD, remote_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_registry, "MANY", 3)
    for line in "abcde":
        write(sshd.options(), str(remote_dir), [line], if_exists="rename", **TEMPLATE)
        assert len(list((remote_dir / "_sftp_async" / "file_names").iterdir())) < 4
    (remote_dir / "orders_00001-9.csv").write_text("theirs\n")
    write(sshd.options(), str(remote_dir), ["f"], overwrite=True, **TEMPLATE)
    assert lines_in(remote_dir) == ["f", "theirs"]


def test_names_that_show_their_job_need_no_registry(sshd: SSHD, remote_dir: Path) -> None:
    options = {"file_name_template": "{job}_{seq}.csv", "format": "csv"}
    write(sshd.options(), str(remote_dir), ["a"], **options)
    write(sshd.options(), str(remote_dir), ["b"], overwrite=True, **options)
    assert lines_in(remote_dir) == ["b"]
    assert not (remote_dir / "_sftp_async").exists()


def test_an_interrupted_job_registers_its_names_when_it_is_completed(
    sshd: SSHD, remote_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    job = real_job(sshd.options(), str(remote_dir), **TEMPLATE).prepare()
    parts = upload(job, ["a"])
    blocker = remote_dir / "orders_00001.csv"
    blocker.mkdir()
    with pytest.raises(CommitError):
        job.commit(parts)
    blocker.rmdir()
    job.commit(parts)
    write(sshd.options(), str(remote_dir), ["b"], overwrite=True, **TEMPLATE)
    assert lines_in(remote_dir) == ["b"]
