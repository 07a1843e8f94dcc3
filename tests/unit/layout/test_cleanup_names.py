"""Names of files that are set aside, and the names that are tried in an archive."""

from __future__ import annotations

import os
import posixpath
from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sftp_async.layout.cleanup_names import SetAside, is_set_aside, other_names, stream_digits
from sftp_async.layout.part_names import is_data
from sftp_async.read.hidden_names import is_hidden

#: Names as a server may send them: any bytes, or text of which each character takes several.
NAMES = st.one_of(
    st.binary(min_size=1, max_size=255),
    st.text("äé漢🙂a.", min_size=1, max_size=63).map(str.encode),
).map(lambda name: os.fsdecode(name.replace(b"/", b"_").replace(b"\0", b"_")))
NAMES = NAMES.filter(lambda name: name not in (".", ".."))


@given(
    NAMES,
    st.sampled_from(["", "in", "/in", "/in/.sub", "/"]),
    st.integers(0, 2**63),
    st.integers(0, 2**32),
    st.sampled_from(["archive", "delete"]),
)
def test_the_hidden_name_says_which_version_of_which_file_was_read(
    name: str, directory: str, size: int, mtime: int, way: str
) -> None:
    aside = SetAside(posixpath.join(directory, name), size, mtime, "0123abcd", way)  # type: ignore[arg-type]
    hidden = aside.hidden_path
    assert SetAside.of(hidden) == aside
    assert posixpath.dirname(hidden) == posixpath.dirname(aside.path)
    assert is_hidden(posixpath.basename(hidden))
    assert not is_data(posixpath.basename(hidden))


@pytest.mark.parametrize(
    "name",
    [
        "orders.csv",
        ".orders.csv.12-34-0123abcd.sftp-async-keep",
        ".orders.csv.12-34.sftp-async-delete",
        ".12-34-0123abcd.sftp-async-delete",
        "orders.csv.12-34-0123abcd.sftp-async-delete",
        ".orders.csv.\u0661-34-0123abcd.sftp-async-delete",
        ".orders.csv.12-34-0123abcd.sftp-async-delete.csv",
    ],
)
def test_other_names_are_not_taken_for_a_file_that_is_set_aside(name: str) -> None:
    assert SetAside.of(f"/in/{name}") is None
    assert not is_set_aside(name)


@pytest.mark.parametrize("name", [".", ".."])
def test_a_directory_is_nothing_that_was_set_aside(name: str) -> None:
    assert SetAside.of(f"/in/.{name}.12-34-0123abcd.sftp-async-archive") is None


def test_a_name_is_too_long_when_file_systems_refuse_the_hidden_one() -> None:
    def of(length: int) -> SetAside:
        return SetAside(f"/in/{'x' * length}", 10, 1_764_497_700, stream_digits("0" * 32), "delete")

    longest = next(n for n in range(255, 0, -1) if not of(n).is_too_long)
    assert len(posixpath.basename(of(longest).hidden_path)) == 255
    assert of(longest + 1).is_too_long


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("orders.csv", ["orders.20251130T101500Z.csv", "orders.20251130T101500Z-1.csv"]),
        ("a.b.csv.GZ", ["a.b.20251130T101500Z.csv.GZ", "a.b.20251130T101500Z-1.csv.GZ"]),
        ("orders", ["orders.20251130T101500Z", "orders.20251130T101500Z-1"]),
        ("orders.gz", ["orders.20251130T101500Z.gz", "orders.20251130T101500Z-1.gz"]),
    ],
)
def test_a_taken_name_gets_the_time_of_the_file_and_then_a_number(
    name: str, names: list[str]
) -> None:
    assert list(islice(other_names(name, 1_764_497_700), 3)) == [name, *names]


def test_without_a_time_a_taken_name_gets_a_number() -> None:
    assert list(islice(other_names("a.csv", 0), 3)) == ["a.csv", "a-1.csv", "a-2.csv"]


@given(NAMES)
@example("x." + "y" * 253)
@example("x." + "y" * 200 + ".gz")
def test_no_name_that_is_tried_is_longer_than_file_systems_allow(name: str) -> None:
    tried = list(islice(other_names(name, 1_764_497_700), 12))
    assert all(len(os.fsencode(each)) <= 255 for each in tried)
    assert len(set(tried)) == len(tried)
