"""Hostile names on OpenSSH: of files in the target, of exact files, and in job keys."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async import SFTPOptions
from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.layout.once import IdempotencyKey
from tests.support.foreign_files import PART, ForeignDirectory, interrupted, names, put
from tests.support.jobs import lines_in, real_job, write
from tests.support.sshd import SSHD

#: What a user or another tool may have put into the target: none of it is a part file of ours.
FOREIGN = [
    b"new\nline.csv",
    b"inva\xff\xfelid.csv",
    b"x" * 251 + b".csv",
    b"-rf.csv",
    b"quo'te\".csv",
    b"back\\slash.csv",
    b"%2e%2e%2fx.csv",
    b"*.csv",
    b" ",
    b"~",
    PART.encode() + b"\n",
    b" " + PART.encode(),
    PART.upper().encode(),
    PART.replace("00000", "\u0660" * 5).encode(),  # digits, but none of ours
]
HIDDEN = [b"..foo", b"...", b".hidden.csv", b"__x\n", b"_\xff"]


def test_an_overwrite_of_the_directory_removes_data_of_any_name_and_nothing_hidden(
    sshd: SSHD, remote_dir: Path
) -> None:
    put(remote_dir, *FOREIGN, *HIDDEN, PART.encode())
    write(sshd.options(), str(remote_dir), ["new"], overwrite=True, overwrite_scope="directory")
    kept = names(remote_dir)
    assert set(HIDDEN) < kept
    (new,) = kept - set(HIDDEN)
    assert (remote_dir / os.fsdecode(new)).read_text() == "new\n"


def test_an_overwrite_leaves_every_name_that_only_resembles_ours(
    sshd: SSHD, remote_dir: Path
) -> None:
    put(remote_dir, *FOREIGN, *HIDDEN, PART.encode())
    write(sshd.options(), str(remote_dir), ["new"], overwrite=True)
    kept = names(remote_dir)
    assert {*FOREIGN, *HIDDEN} < kept
    assert PART.encode() not in kept
    assert len(kept) == len(FOREIGN) + len(HIDDEN) + 1


def test_an_interrupted_overwrite_finds_its_hostile_names_again(
    sshd: SSHD, remote_dir: Path, recover_here: Callable[..., Any]
) -> None:
    put(remote_dir, *FOREIGN, *HIDDEN)
    interrupted(sshd, remote_dir, overwrite_scope="directory")
    assert set(FOREIGN) < names(remote_dir)
    assert recover_here().finished == 1
    assert len(names(remote_dir) - set(HIDDEN)) == 2
    assert lines_in(remote_dir) == ["a", "b"]


# Job keys


#: Keys as a scheduler, or a joker, may make them up.
KEYS = [
    "../x",
    "..%2Fx",
    "a/b",
    "a%2Fb",
    "a%252Fb",
    "/",
    "%2F",
    "//",
    ".",
    "..",
    "...",
    "%",
    "%%",
    "%2",
    "a b",
    "a+b",
    "a%20b",
    "a",
    "a.committed",
    "-rf",
    "~",
    "*",
    "'\"`$(id)`",
    "back\\slash",
    "x" * 149,
    "x" * 150,
    "x" * 151,
    "x" * 300,
    "x" * 300 + "y",
    "é",
    "e\u0301",
    "日" * 16,
    "日" * 17,
    "日" * 100,
    "\u202eright to left",
    "\x85next line",
    "job_keys",
    "orders-2026-11-23T00:00:00+01:00",
]


def test_each_job_key_has_a_marker_of_its_own_whatever_it_looks_like(
    sshd: SSHD, remote_dir: Path, outside: ForeignDirectory
) -> None:
    assert len(set(KEYS)) == len(KEYS)
    for number, key in enumerate(KEYS):
        for text in ("first", "again"):
            write(sshd.options(), str(remote_dir), [f"{number} {text}"], job_key=key)
    assert lines_in(remote_dir) == sorted(f"{number} first" for number in range(len(KEYS)))
    markers = remote_dir / "_sftp_async" / "job_keys"
    assert names(markers.parent) == {b"job_keys"}
    assert len(names(markers)) == len(KEYS)
    assert all(path.is_file() and path.name.endswith(".committed") for path in markers.iterdir())
    assert len(names(remote_dir)) == len(KEYS) + 1
    assert names(remote_dir.parent) == {b"remote", b"outside"}
    assert outside.untouched()


@pytest.mark.parametrize("key", ["a\0b", "a\nb", "a\rb", "\x7f", "tab\t"])
def test_a_job_key_with_control_characters_is_an_option_mistake(key: str) -> None:
    with pytest.raises(OptionsError, match="job_key must not contain control characters"):
        SFTPOptions(host="h", username="u", password="p", job_key=key)


NAMES = st.text(min_size=1).filter(lambda text: text.isprintable() and "/" not in text)
SURROGATES = st.text(st.characters(codec=None, exclude_characters="\0"), min_size=1)


@given(keys=st.sets(NAMES | SURROGATES | st.text("%2F/.x", min_size=1), min_size=2), file=NAMES)
def test_markers_of_different_keys_are_different_files(keys: set[str], file: str) -> None:
    jobs = [IdempotencyKey.of_key(key, name) for key in keys for name in (None, file)]
    paths = {job.marker for job in jobs}
    assert len(paths) == len(jobs)
    for path in paths:
        top, scope, name = path.split("/")
        assert top == "_sftp_async"
        assert scope.startswith("job_keys")
        assert name.endswith(".committed")
        assert max(len(scope), len(name)) <= 255
        assert path.isascii()
        assert path.isprintable()


# Exact files

EXACT = [
    "-rf.txt",
    "quo'te\".txt",
    "..foo.txt",
    "_foo.txt",
    "back\\slash.txt",
    "a%2Fb.txt",
    "*.txt",
    " sp ace .txt",
    "tab\t.txt",
    "日" * 83 + ".txt",
    "x" * 251 + ".txt",
    "\u202etxt.txt",
    PART.replace("csv", "txt"),
]


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_file_has_exactly_the_name_it_was_given(
    sshd: SSHD, remote_dir: Path, name: str
) -> None:
    assert len(os.fsencode(name)) <= 255
    target = f"{remote_dir}/{name}"
    write(sshd.options(), target, ["a"], ["b"], job_key="k")
    assert Path(target).read_text() == "a\nb\n"
    write(sshd.options(), target, ["again"], job_key="k")
    write(sshd.options(), target, ["c"], overwrite=True)
    assert Path(target).read_text() == "c\n"
    shutil.rmtree(remote_dir / "_sftp_async")
    assert names(remote_dir) == {os.fsencode(name)}


def test_a_name_that_is_too_long_for_a_file_system_is_an_option_mistake(
    sshd: SSHD, remote_dir: Path
) -> None:
    with pytest.raises(OptionsError, match="more than 255 bytes"):
        real_job(sshd.options(), f"{remote_dir}/{'x' * 252}.txt")
    assert names(remote_dir) == set()


def test_a_name_that_is_too_long_for_its_checksum_file_is_an_error_before_any_task(
    sshd: SSHD, remote_dir: Path
) -> None:
    name = "x" * 249 + ".txt"  # 253 bytes, and .sha256 makes it 260
    with pytest.raises(SFTPAsyncError, match="checksum_files"):
        real_job(sshd.options(), f"{remote_dir}/{name}", checksum_files="sha256").prepare()
    assert names(remote_dir) == set()


@pytest.mark.parametrize("name", ["a\nb.txt", "a\rb.txt", "a\0b.txt"])
def test_a_path_that_could_break_a_line_is_an_option_mistake(name: str) -> None:
    with pytest.raises(OptionsError, match="path must"):
        SFTPOptions(host="h", username="u", password="p", path=f"/out/{name}")
