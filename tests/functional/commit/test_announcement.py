"""What tells readers that a job is complete: checksums, a manifest, `_SUCCESS`, behind the data."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.support.jobs import lines_in, write
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
    told = manifest(remote_dir)
    assert (told["rows"], told["bytes"], told["job_key"]) == (3, 6, "k")
    assert told["schema"] == [{"name": "line", "type": "string", "nullable": True}]
    assert told["files"] == [
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
def test_an_exact_file_has_a_checksum_file_beside_it_also_when_it_was_joined(
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


def test_an_overwrite_removes_what_announced_the_old_data(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], ["b"], **ASKED)
    (remote_dir / ".foreign.csv.sha256").write_text("not ours")
    write(sshd.options(), str(remote_dir), ["c"], overwrite=True)
    (part,) = (file.name for file in remote_dir.iterdir() if file.name.startswith("part-"))
    assert sorted(file.name for file in remote_dir.iterdir()) == [".foreign.csv.sha256", part]


def test_an_append_leaves_the_last_jobs_manifest(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], **ASKED)
    first = manifest(remote_dir)
    write(sshd.options(), str(remote_dir), ["b", "c"], **ASKED)
    second = manifest(remote_dir)
    assert (first["rows"], second["rows"]) == (1, 2)
    assert first["job"] != second["job"]


def test_direct_mode_announces_too(sshd: SSHD, remote_dir: Path) -> None:
    write(sshd.options(), str(remote_dir), ["a"], ["b"], commit_mode="direct", **ASKED)
    assert manifest(remote_dir)["rows"] == 2
    sums = [file.name for file in remote_dir.iterdir() if file.name.endswith(".sha256")]
    assert len(sums) == 2
    assert checked(remote_dir, *sums).count("OK") == 2
