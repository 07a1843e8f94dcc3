"""What a stream remembers of each file, and in how many bytes."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.read.ingest_log.known_files import GRACE, KnownFiles, path_digest

pytestmark = pytest.mark.once

DAY = 24 * 3600
NOW = 1_800_000_000


def known(*files):
    """Return the memory of a stream that has read these versions."""
    files_known = KnownFiles()
    for file in files:
        files_known.add(*file)
    return files_known


def test_a_version_is_new_until_it_is_added_and_another_one_of_its_path_is_a_change():
    files = KnownFiles()
    assert files.version_state("/in/a", 1, 10) == "new"
    files.add("/in/a", 1, 10)
    assert files.version_state("/in/a", 1, 10) == "known"
    assert files.version_state("/in/a", 2, 10) == "changed"
    assert files.version_state("/in/a", 1, 11) == "changed"
    assert files.version("/in/a") == (1, 10)
    files.add("/in/a", 2, 10)
    assert files.version_state("/in/a", 2, 10) == "known"
    assert files.version_state("/in/a", 1, 10) == "changed"
    assert len(files) == 1


def test_parts_of_a_second_are_not_part_of_a_version():
    files = known(("/in/a", 1, 10.75))
    assert files.version_state("/in/a", 1, 10.25) == "known"


def test_a_time_before_1970_and_one_behind_2106_are_times_like_others():
    files = known(("/in/a", 1, -5), ("/in/b", 1, 2**33 + 5))
    assert files.version_state("/in/a", 1, -5) == "known"
    assert files.version_state("/in/b", 1, 2**33 + 6) == "changed"


def test_names_that_are_not_utf_8_are_paths_of_their_own():
    files = known(("/in/\udce4", 1, 10))
    assert files.version_state("/in/\udce4", 1, 10) == "known"
    assert files.version_state("/in/\udce5", 1, 10) == "new"


def test_a_file_is_forgotten_when_it_is_gone_for_the_grace_period():
    files = known(("/in/a", 1, 10), ("/in/b", 1, 10))
    files.missed(["/in/b"], NOW)
    files.missed(["/in/b"], NOW + DAY)
    assert files.forgotten(NOW + GRACE - 1) == []
    assert files.forgotten(NOW + GRACE) == [path_digest("/in/a")]
    files.forget(files.forgotten(NOW + GRACE))
    assert files.version_state("/in/a", 1, 10) == "new"
    assert files.version_state("/in/b", 1, 10) == "known"
    assert len(files) == 1


def test_a_file_that_is_listed_is_never_forgotten():
    files = known(("/in/a", 1, 10))
    files.missed(["/in/a"], NOW)
    assert files.forgotten(NOW + 100 * GRACE) == []


def test_a_file_that_comes_back_is_still_known_and_its_time_begins_again():
    files = known(("/in/a", 1, 10))
    files.missed([], NOW)
    files.missed(["/in/a"], NOW + 6 * DAY)
    assert files.version_state("/in/a", 1, 10) == "known"
    files.missed([], NOW + 7 * DAY)
    assert files.forgotten(NOW + 8 * DAY) == []
    assert files.forgotten(NOW + 14 * DAY) == [path_digest("/in/a")]


def test_a_file_that_is_read_again_is_no_longer_missed():
    files = known(("/in/a", 1, 10))
    files.missed([], NOW)
    files.add("/in/a", 2, 20)
    assert files.forgotten(NOW + 2 * GRACE) == []


def test_a_look_that_finds_paths_unknown_to_the_stream_leaves_them_new():
    files = known(("/in/a", 1, 10))
    files.missed(["/in/a", "/in/new"], NOW)
    assert files.version_state("/in/new", 1, 10) == "new"
    assert len(files) == 1


def test_changes_hold_what_is_missed_and_found_again_until_they_are_forgotten():
    files = known(("/in/a", 1, 10), ("/in/b", 1, 10))
    files.missed(["/in/b"], NOW)
    assert files.changes == {path_digest("/in/a"): NOW}
    files.forget_changes()
    files.missed(["/in/b"], NOW + 1)
    assert files.changes == {}
    files.missed(["/in/a", "/in/b"], NOW + 2)
    assert files.changes == {path_digest("/in/a"): 0}


def test_the_same_files_give_the_same_text_whatever_the_order():
    one = known(("/in/a", 1, 10), ("/in/b", 2**40, 20), ("/in/c", 3, 30))
    other = known(("/in/c", 3, 30), ("/in/x", 9, 9), ("/in/b", 2**40, 20), ("/in/a", 1, 10))
    other.forget([path_digest("/in/x")])
    for files in (one, other):
        files.missed(["/in/a", "/in/c"], NOW)
    assert one.to_text() == other.to_text()
    again = KnownFiles.from_text(one.to_text())
    assert again.to_text() == one.to_text()
    assert again.version("/in/b") == (2**40, 20)
    assert again.forgotten(NOW + GRACE) == [path_digest("/in/b")]


def test_nothing_known_is_a_text_too():
    assert len(KnownFiles.from_text(KnownFiles().to_text())) == 0


@pytest.mark.parametrize("text", ["", "AAAA", "AAAA.", "!.", ".AAAA", "..", "%%%%.%%%%"])
def test_a_text_that_is_damaged_is_an_error(text):
    with pytest.raises(ValueError, match="damaged"):
        KnownFiles.from_text(text)


def test_a_copy_changes_independently():
    files = known(("/in/a", 1, 10))
    copy = files.copy()
    copy.add("/in/b", 1, 10)
    copy.missed(["/in/b"], NOW)
    assert files.version_state("/in/b", 1, 10) == "new"
    assert files.forgotten(NOW + GRACE) == []
    files.forget([path_digest("/in/a")])
    assert copy.version_state("/in/a", 1, 10) == "known"


def test_a_hundred_thousand_files_take_less_than_8_mb():
    tracemalloc.start()
    try:
        files = KnownFiles()
        for number in range(100_000):
            files.add_digest(path_digest(f"/in/orders/{number}.csv"), number, NOW)
        size, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(files) == 100_000
    assert size < 8_000_000
    assert peak < 12_000_000  # while the table grows, the old one is there too
    assert files.version("/in/orders/77777.csv") == (77_777, NOW)


def test_forgotten_files_leave_no_memory_behind():
    files = KnownFiles()
    for number in range(20_000):
        files.add(f"/in/{number}", 1, NOW)
        files.forget([path_digest(f"/in/{number - 10}")])
    assert len(files) == 10
    assert len(files._states) <= 128


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "miss", "forget"]),
        st.integers(0, 12),
        st.integers(0, 3),
    ),
    max_size=120,
)


@given(ACTIONS)
def test_it_remembers_what_a_dict_remembers(actions):
    files, model, gone = KnownFiles(), {}, set()
    for action, number, size in actions:
        path = f"/{number}"
        if action == "add":
            files.add(path, size, NOW)
            model[path] = (size, NOW)
            gone.discard(path)
        elif action == "miss":
            listed = [other for other in model if int(other[1:]) % 4 != size]
            files.missed(listed, NOW)
            gone = set(model) - set(listed)
        else:
            files.forget([path_digest(path)])
            model.pop(path, None)
            gone.discard(path)
        assert len(files) == len(model)
        assert files.forgotten(NOW + GRACE) == sorted(map(path_digest, gone))
    for number in range(13):
        assert files.version(f"/{number}") == model.get(f"/{number}")
    assert KnownFiles.from_text(files.to_text()).to_text() == files.to_text()
