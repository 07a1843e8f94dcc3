"""Where files go in an archive, and archives that a read would find again."""

from __future__ import annotations

import pytest

from sftp_async.read.cleanup.archive_paths import archive_directory, base_of, reading_root


@pytest.mark.parametrize(
    ("path", "roots", "directory"),
    [
        ("/in/orders/a.csv", ["/in/orders"], "/done"),
        ("/in/orders/day=1/a.csv", ["/in/orders"], "/done/day=1"),
        ("/in/orders.csv", ["/in/orders.csv"], "/done"),
        ("/in/de/orders-1.csv", ["/in/*/orders-*.csv"], "/done/de"),
        ("/in/de/sub/x.csv", ["/in/*"], "/done/de/sub"),
        ("/in/a/b/c.csv", ["/in/**"], "/done/a/b"),
        ("/in/[1]/x/a.csv", ["/in/[1]"], "/done/x"),
        ("/in/a/x.csv", ["/in", "/in/a"], "/done"),
        ("in/a/x.csv", ["in"], "/done/a"),
        ("a/x.csv", ["."], "/done/a"),
        ("/x.csv", ["/"], "/done"),
        ("/a/x.csv", ["/"], "/done/a"),
    ],
)
def test_a_file_keeps_its_directories_below_what_is_read(
    path: str, roots: list[str], directory: str
) -> None:
    assert archive_directory(path, roots, "/done") == directory


@pytest.mark.parametrize(
    ("root", "base"),
    [("/in/a.csv", "/in"), ("/in/*.csv", "/in"), ("/in/*/b/*.csv", "/in"), ("*", "."), ("/", "/")],
)
def test_a_pattern_begins_below_the_last_directory_without_one(root: str, base: str) -> None:
    assert base_of(root) == base


@pytest.mark.parametrize(
    ("root", "archive"),
    [
        ("/in", "/in"),
        ("/in", "/in/done"),
        ("/in", "/in/a/done"),
        ("/in/orders", "/in"),
        ("/in", "/"),
        ("/in/*", "/in/done"),
        ("/in/*/x", "/in/done"),
        ("/in/**/*.csv", "/in/done"),
        ("/in/{a,done}", "/in/done"),
        ("/{in/a,out}/b", "/out/b/c"),
        ("in", "in/done"),
        ("/in/_old", "/in/_old/done"),
        ("/in/_*", "/in/_done"),
    ],
)
def test_an_archive_in_what_is_read_is_found(root: str, archive: str) -> None:
    assert reading_root(archive, [root, "/elsewhere"]) == root


@pytest.mark.parametrize(
    ("root", "archive"),
    [
        ("/in", "/done"),
        ("/in", "/in2"),
        ("/in", "/in/_done"),
        ("/in", "/in/a/.done/b"),
        ("/in/*.csv", "/in/done"),
        ("/in/a*", "/in/done"),
        ("/in/*", "/in/_done"),
        ("/in/**", "/in/_done"),
        ("/in/**/*.csv", "/in/x/_done"),
        ("/in/orders", "/in/done"),
        ("/in", "in/done"),
    ],
)
def test_an_archive_that_is_hidden_or_elsewhere_is_no_part_of_what_is_read(
    root: str, archive: str
) -> None:
    assert reading_root(archive, [root]) is None
