"""What tells readers that a job is complete: checksums, a manifest, `_SUCCESS`, behind the data."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest

from sftp_async.errors import OptionsError
from tests.support.jobs import lines_in, real_job, write
from tests.support.sshd import SSHD

ASKED = {"manifest": True, "checksum_files": "sha256", "success_file": True}


def manifest(directory: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((directory / "_manifest.json").read_text())
    return found


def checked(directory: Path, *names: str) -> str:
    """What `sha256sum` says of the checksum files of those names."""
    command = ["sha256sum", "--strict", "--check", *names]
    return subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True).stdout


def test_part_files_have_hidden_checksum_files_and_a_manifest(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a", "b"], ["c"], job_key="k", **ASKED)
    names = sorted(file.name for file in remote_dir.iterdir())
    parts = [name for name in names if name.startswith("part-")]
    sums = [f".{name}.sha256" for name in parts]
    assert names == sorted([*parts, *sums, "_SUCCESS", "_manifest.json", "_sftp_async"])
    assert checked(remote_dir, *sums) == "".join(f"{name}: OK\n" for name in parts)
    assert lines_in(remote_dir) == ["a", "b", "c"]
    document = manifest(remote_dir)
    assert (document["rows"], document["bytes"], document["job_key"]) == (3, 6, "k")
    assert document["schema"] == [{"name": "line", "type": "string", "nullable": True}]
    assert document["files"] == [
        {
            "name": name,
            "rows": len(text.splitlines()),
            "bytes": len(text),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        for name in parts
        for text in [(remote_dir / name).read_text()]
    ]


@pytest.mark.parametrize("name", ["all.txt", r"it's \n.txt"])
def test_an_exact_file_has_a_checksum_file_also_when_it_was_joined(
    sshd: SSHD, remote_dir: Path, name: str
) -> None:
    path = str(remote_dir / name)
    write(sshd.options(), path, ["a"], ["b"], ["c"], **ASKED)
    assert checked(remote_dir, f"{name}.sha256").endswith("OK\n")
    assert manifest(remote_dir)["rows"] == 3
    write(sshd.options(), path, ["d"], overwrite=True, **ASKED)
    assert checked(remote_dir, f"{name}.sha256").endswith("OK\n")
    assert (remote_dir / name).read_text() == "d\n"
    assert not (remote_dir / "_temporary").exists()


@pytest.mark.parametrize("path", ["", "all.txt"], ids=["parts", "one file"])
def test_md5sum_finds_its_files_right(sshd: SSHD, remote_dir: Path, path: str) -> None:
    md5 = {"checksum_files": "md5"}
    write(sshd.options(), f"{remote_dir}/{path}", ["a"], ["b"], manifest=True, **md5)
    sums = [file.name for file in remote_dir.iterdir() if file.name.endswith(".md5")]
    done = subprocess.run(["md5sum", "--strict", "--check", *sums], cwd=remote_dir, check=False)
    assert (len(sums), done.returncode) == (1 if path else 2, 0)
    for file in manifest(remote_dir)["files"]:  # type: ignore[attr-defined] # a list of objects
        data = (remote_dir / file["name"]).read_bytes()
        assert file["md5"] == hashlib.md5(data).hexdigest()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("path", "template", "names"),
    [
        ("all.txt.gz", "{name}.done", {"all.txt.gz.done"}),
        ("all.txt.gz", "{stem}.ok", {"all.ok"}),
        ("all.txt", "READY", {"READY"}),
        ("", "READY", {"READY"}),
    ],
)
def test_done_files_have_the_names_that_were_asked_for(
    sshd: SSHD, remote_dir: Path, path: str, template: str, names: set[str]
) -> None:
    write(sshd.options(), f"{remote_dir}/{path}", ["a"], ["b"], done_file_template=template)
    found = {f.name: f.stat().st_size for f in remote_dir.iterdir() if f.name in names}
    assert found == dict.fromkeys(names, 0)


def test_each_part_file_has_a_done_file_and_an_overwrite_removes_them_with_the_parts(
    sshd: SSHD, remote_dir: Path
) -> None:
    done = {"done_file_template": "{name}.done"}
    write(sshd.options(), str(remote_dir), ["a"], ["b"], **done)
    first = {file.name for file in remote_dir.iterdir()}
    assert len(first) == 4
    assert {f"{name}.done" for name in first if not name.endswith(".done")} < first
    (remote_dir / "foreign.csv.done").touch()
    write(sshd.options(), str(remote_dir), ["c"], overwrite=True, **done)
    names = {file.name for file in remote_dir.iterdir()}
    assert len(names) == 3
    assert names & first == set()
    assert "foreign.csv.done" in names


@pytest.mark.parametrize(
    ("path", "template", "message"),
    [
        ("all.txt", "{stem}.txt", "a name that is taken: 'all.txt'"),
        ("", "{stem}.txt", "a name that is taken: 'part-"),
        ("", "_SUCCESS", "a name that is taken: '_SUCCESS'"),
        ("", "_temporary", "a name that is taken"),
        (f"{'n' * 250}.txt", "{name}.done", "done_file_template makes a name of more than"),
        ("", "{name}", "must make a file name of its own"),
        ("", "../{name}.done", "must make a file name of its own"),
        ("", "{date}.done", "may hold {name} or {stem}"),
        ("", "{name}{stem}", "may hold {name} or {stem}"),
    ],
)
def test_a_template_that_makes_no_name_of_its_own_is_refused_before_any_task(
    sshd: SSHD, remote_dir: Path, path: str, template: str, message: str
) -> None:
    with pytest.raises(OptionsError, match=re.escape(message)):
        real_job(sshd.options(), f"{remote_dir}/{path}", done_file_template=template)


def test_an_overwrite_removes_the_sidecar_files_of_the_old_data(
    sshd: SSHD, remote_dir: Path
) -> None:
    write(sshd.options(), str(remote_dir), ["a"], ["b"], **ASKED)
    (remote_dir / ".foreign.csv.sha256").write_text("not ours")
    write(sshd.options(), str(remote_dir), ["c"], overwrite=True)
    (part,) = (file.name for file in remote_dir.iterdir() if file.name.startswith("part-"))
    assert sorted(file.name for file in remote_dir.iterdir()) == [".foreign.csv.sha256", part]


def test_files_that_are_replaced_by_their_names_keep_no_sidecar_files(
    sshd: SSHD, remote_dir: Path
) -> None:
    named = {"file_name_template": "o_{seq}.txt", "done_file_template": "{stem}.ok"}
    write(sshd.options(), str(remote_dir), ["a"], ["b"], ["c"], **ASKED, **named)
    write(sshd.options(), str(remote_dir), ["d"], if_exists="replace", **named)
    rest = {f"o_{n}{end}" for n in (2, 3) for end in (".txt", ".txt.sha256", ".ok")}
    assert {file.name for file in remote_dir.glob("o_*")} == {"o_1.txt", "o_1.ok", *rest}
    write(sshd.options(), str(remote_dir), ["e"], overwrite=True, **named)
    assert {file.name for file in remote_dir.glob("o_*")} == {"o_1.txt", "o_1.ok"}


def test_an_append_leaves_the_last_jobs_manifest(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], **ASKED)
    first = manifest(remote_dir)
    write(sshd.options(), str(remote_dir), ["b", "c"], **ASKED)
    second = manifest(remote_dir)
    assert (first["rows"], second["rows"]) == (1, 2)
    assert first["job"] != second["job"]


def test_direct_mode_writes_sidecar_files_too(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], ["b"], commit_mode="direct", **ASKED)
    assert manifest(remote_dir)["rows"] == 2
    sums = [file.name for file in remote_dir.iterdir() if file.name.endswith(".sha256")]
    assert len(sums) == 2
    assert checked(remote_dir, *sums).count("OK") == 2
