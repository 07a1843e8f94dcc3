"""The files and partition values that a read takes are those of Spark's own reader."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sftp_async.read.path_patterns import NamePattern, expand_groups
from tests.support.selecting import Readers
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python


@pytest.fixture
def readers(spark: SparkSession, sshd: SSHD) -> Iterator[Readers]:
    with asyncio.Runner() as runner:
        both = Readers(spark, sshd, runner)
        yield both
        both.close()


DIRECTORIES = [
    "a=1", "a=2", "A=3", "a=x y", "a=2024-05-01", "a=2.5", "a=__HIVE_DEFAULT_PARTITION__",
    "a=9999999999", "b=%2Fz", "b=ü", "sub", "more", "_hidden", ".dot", "_k=7", "_temporary",
]  # fmt: skip
FILES = [
    "f.txt",
    "g.csv",
    "h[1].txt",
    "_SUCCESS",
    ".f.crc",
    "empty.txt",
    "c.txt._COPYING_",
    "_metadata",
]


def make_tree(root: Path, chance: random.Random) -> None:
    """A few directories with a few files, all of them with some likelihood alike."""
    levels = chance.sample(DIRECTORIES[:10], 3), chance.sample(DIRECTORIES, 3), DIRECTORIES[:2]
    alike = chance.random() < 0.6

    def fill(directory: Path, depth: int) -> None:
        directory.mkdir()
        leaf = depth == 3 or chance.random() < 0.2
        if leaf or chance.random() < 0.15:
            for name in chance.sample(FILES, chance.randint(1, 3)):
                (directory / name).write_text("" if name == "empty.txt" else "x\n")
        if leaf:
            return
        if alike:
            column = ["a", "b", "c"][depth]
            names = [f"{column}={value}" for value in chance.sample(["1", "2", "x", "3.5"], 2)]
            names += ["_hidden"] if chance.random() < 0.3 else []
        else:
            names = chance.sample(levels[depth], chance.randint(1, 2))
        for name in names:
            fill(directory / name, depth + 1)

    fill(root, 0)


def ways(root: Path, chance: random.Random) -> tuple[list[str], dict[str, str]]:
    """Paths and options that select in a tree."""
    below = sorted(path for path in root.rglob("*") if not _hides(path.relative_to(root)))
    directories = [str(path) for path in below if path.is_dir()]
    files = [str(path) for path in below if path.is_file() and "[" not in path.name]
    start = str(root)
    choices = [[start], [start], [start], [start, start]]
    if directories:
        one = chance.choice(directories)
        choices += [[one], [start, one], [f"{start}/[a-c]=*"], [f"{start}/{{a=1,a=2,b=*}}"]]
    if files:
        choices += [
            [chance.choice(files)],
            [start, chance.choice(files)],
            files[:2],
            [f"{start}/a=?/*.txt"],
        ]
    paths = chance.choice(choices)
    options = {}
    if chance.random() < 0.3:
        options["recursiveFileLookup"] = "true"
    if chance.random() < 0.3:
        options["pathGlobFilter"] = chance.choice(["*.txt", "{f,g}.*", "[!f]*", "nothing"])
    if chance.random() < 0.4:
        options["basePath"] = chance.choice([start, start, str(root.parent), f"{start}/a=1"])
    return paths, options


def _hides(path: Path) -> bool:
    return any(part.startswith(("_", ".")) or part.endswith("_COPYING_") for part in path.parts)


@pytest.mark.parametrize("seed", range(6))
def test_trees_give_the_files_and_values_that_spark_takes(
    readers: Readers, tmp_path: Path, seed: int
) -> None:
    taken = refused = 0
    for number in range(15):
        chance = random.Random(f"{seed}-{number}")
        root = tmp_path / f"t{number}"
        make_tree(root, chance)
        for _ in range(2):
            paths, options = ways(root, chance)
            sparks = readers.spark(paths, options)
            ours = readers.ours(paths, options)
            tree = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
            assert ours == sparks, (paths, options, tree)
            taken += len(sparks.files)
            refused += sparks.refused
    assert taken > 10
    assert refused > 0


VALUES = [
    "1", "+1", "-1", "007", "-0", "2147483647", "2147483648", "-2147483649", "9223372036854775807",
    "9223372036854775808", "1" * 38, "1" * 39, "1.5", ".5", "5.", "1e5", "1E2", "1e-5", "1.0e1",
    "0e5", "1e38", "1E400", "1d", "1F", "1L", "0x10", "0x1p3", "NaN", "-Infinity", "+NaN", "inf",
    " 1", "1 ", "1_0", "10E", "--1", "+", "٣", "٣.٣", "true", "TRUE", "abc", "ä", "a%20b", "%31",
    "%E4", "%zz", "%", "%4", "%2D1", "a=b", "2024-05-01", "2024-5-1", "2024-02-30", "20240501",
    "2024-05", "12024-05-01", "+2024-05-01", "0001-01-01", "2024-05-01 10:11:12",
    "2024-05-01 10%3A11%3A12", "2024-05-01 10%3A11%3A12.5", "2024-05-01 10%3A11%3A12.55",
    "2024-05-01T10%3A11%3A12", "2024-05-01 10%3A11", "2024-05-01 10%3A11%3A12Z",
    "2024-05-01 25%3A00%3A00", "2024-03-31 02%3A30%3A00", "2024-10-27 02%3A30%3A00",
    "1890-01-01 00%3A00%3A00", "__HIVE_DEFAULT_PARTITION__", "__hive_default_partition__",
]  # fmt: skip


@pytest.mark.parametrize("part", range(4))
def test_values_of_one_directory_have_the_type_and_value_that_spark_infers(
    readers: Readers, tmp_path: Path, part: int
) -> None:
    for number, text in enumerate(VALUES[part::4]):
        root = tmp_path / str(number)
        (root / f"k={text}").mkdir(parents=True)
        (root / f"k={text}" / "f.txt").write_text("x\n")
        assert readers.ours([str(root)], {}) == readers.spark([str(root)], {}), text


COMBINED = [
    "1", "2147483648", "9223372036854775808", "1.5", "2024-05-01", "2024-05-01 10%3A11%3A12",
    "abc", "__HIVE_DEFAULT_PARTITION__", "1e2",
]  # fmt: skip


def test_the_type_of_a_column_is_the_one_that_spark_finds_for_all_its_values(
    readers: Readers, tmp_path: Path
) -> None:
    groups = [
        *itertools.combinations(COMBINED, 2),
        *random.Random(7).sample(list(itertools.combinations(COMBINED, 3)), 30),
    ]
    for number, texts in enumerate(groups):
        root = tmp_path / str(number)
        for text in texts:
            (root / f"k={text}").mkdir(parents=True)
            (root / f"k={text}" / "f.txt").write_text("x\n")
        assert readers.ours([str(root)], {}) == readers.spark([str(root)], {}), texts


PATTERNS = [
    "*", "a*", "*.txt", "?.txt", "[ab].txt", "[a-c]*", "[^a]*", "[!a]*", "{a,b}.txt", "{a,b*}",
    "a{1,2}{x,y}", "{a{1,2},b}*", "\\*", "\\[a\\]", "[]a]", "[a-]", "[-a]", "[.]*", "a.b", "a+b",
    "a|b", "(a)", "a^b", "$a", "[$]a", "a,b", "}", "]", "{,a}b", "[a", "{a", "a\\", "[]", "[^]a]",
    "a!b", "{a\\,b,c}",
]  # fmt: skip
NAMES = [
    "a", "b", "c", "ab", "a.txt", "b.txt", "c.txt", "d.txt", ".txt", "a.b", "axb", "a+b", "a|b",
    "(a)", "a^b", "$a", "a,b", "}", "]", "*", "[a]", "-", "^", "!a", "a1x", "a2y", "a3x", "a1", "?",
    "{", "a!b", "", "\\", "ä",
]  # fmt: skip


def test_patterns_match_the_names_that_hadoop_s_match(spark: SparkSession) -> None:
    jvm: Any = spark._jvm
    for text in PATTERNS:
        try:
            theirs = jvm.org.apache.hadoop.fs.GlobPattern(text)
        except Exception:  # noqa: BLE001 - of Java
            theirs = None
        try:
            ours = NamePattern.of(text)
        except ValueError:
            ours = None
        assert (ours is None) == (theirs is None), text
        if ours is None or theirs is None:
            continue
        for name in NAMES:
            assert ours.matches(name) == theirs.matches(name), (text, name)


@pytest.mark.parametrize(
    "path",
    ["/a/b", "/{a/b,c}/d", "/x{a/b,{c/d,e}}/f", "/{a,b}/c", "/{a,{b/c,d}}{e/f,g}", "/}{a/b}",
     "/a\\{b/c}", "/{a,b}/{b,{c/d,e/f}}", "/{a/b,}"],
)  # fmt: skip
def test_groups_with_slashes_expand_as_hadoop_s_do(spark: SparkSession, path: str) -> None:
    jvm: Any = spark._jvm
    theirs = list(jvm.org.apache.hadoop.fs.GlobExpander.expand(path))
    assert expand_groups(path) == theirs


# What differs from Spark, and why: docs/reference/reading-differences.md


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x\n")


def takes(
    readers: Readers, root: Path, path: str, *, sparks: list[str] | None, ours: list[str] | None
) -> None:
    """Check what both take, relative to the root; None: an error."""
    for outcome, expected in (
        (readers.spark([f"{root}/{path}"], {}), sparks),
        (readers.ours([f"{root}/{path}"], {}), ours),
    ):
        found = sorted(file.removeprefix(f"{root}/") for file, _ in outcome.files)
        assert (None if outcome.refused else found) == expected


def test_brackets_in_the_name_of_a_file_are_a_pattern_for_spark_alone(
    readers: Readers, tmp_path: Path
) -> None:
    put(tmp_path, "a[1].txt", "a1.txt", "x{y}.txt")
    takes(readers, tmp_path, "a[1].txt", sparks=["a1.txt"], ours=["a[1].txt"])
    takes(readers, tmp_path, "x{y}.txt", sparks=None, ours=["x{y}.txt"])


def test_a_hidden_file_that_is_named_is_read_by_ours_alone(
    readers: Readers, tmp_path: Path
) -> None:
    put(tmp_path, "in/_a.txt", "in/b.txt")
    takes(readers, tmp_path, "in/_a.txt", sparks=[], ours=["in/_a.txt"])
    takes(readers, tmp_path, "in/_*.txt", sparks=[], ours=["in/_a.txt"])


def test_a_pattern_opens_hidden_directories_for_spark_alone(
    readers: Readers, tmp_path: Path
) -> None:
    put(tmp_path, "in/_temporary/a.txt", "in/b/c.txt")
    takes(
        readers, tmp_path, "in/*", sparks=["in/_temporary/a.txt", "in/b/c.txt"], ours=["in/b/c.txt"]
    )


def test_two_stars_are_one_directory_for_spark(readers: Readers, tmp_path: Path) -> None:
    put(tmp_path, "in/a.txt", "in/x/b.txt", "in/x/y/c.txt")
    every = ["in/a.txt", "in/x/b.txt", "in/x/y/c.txt"]
    takes(readers, tmp_path, "in/**/*.txt", sparks=["in/x/b.txt"], ours=every)


def test_links_are_followed_by_spark_without_a_word(readers: Readers, tmp_path: Path) -> None:
    put(tmp_path, "in/a.txt", "elsewhere/b.txt")
    (tmp_path / "in" / "gone.txt").symlink_to("nothing")
    takes(readers, tmp_path, "in", sparks=["in/a.txt"], ours=None)
    (tmp_path / "in" / "gone.txt").unlink()
    (tmp_path / "in" / "k=1").symlink_to("../elsewhere")
    takes(readers, tmp_path, "in", sparks=["in/k=1/b.txt"], ours=["in/a.txt"])


def test_times_of_last_change_are_shifted_by_the_zone_for_spark(
    readers: Readers, tmp_path: Path
) -> None:
    put(tmp_path, "in/a.txt")
    # 2024-12-31T23:30Z, half past midnight in Berlin, where the session is.
    os.utime(tmp_path / "in" / "a.txt", (1735687800, 1735687800))
    for after, sparks, ours in (
        ("2025-01-01T00:29:00", 1, 1),
        ("2025-01-01T00:31:00", 1, 0),
        ("2024-12-31T23:31:00Z", 1, 0),
        ("2025-01-01T01:31:00", 0, 0),
    ):
        options = {"modifiedAfter": after}
        assert len(readers.spark([str(tmp_path / "in")], options).files) == sparks
        assert len(readers.ours([str(tmp_path / "in")], options).files) == ours


def test_a_missing_path_can_be_ignored_by_ours_alone(readers: Readers, tmp_path: Path) -> None:
    put(tmp_path, "in/a.txt")
    options = {"ignoreMissingFiles": "true"}
    paths = [f"{tmp_path}/in", f"{tmp_path}/nope"]
    assert readers.spark(paths, options).refused
    assert len(readers.ours(paths, options).files) == 1


def test_stars_between_brackets_stand_for_themselves_in_ours_alone(spark: SparkSession) -> None:
    jvm: Any = spark._jvm
    theirs, ours = jvm.org.apache.hadoop.fs.GlobPattern("[*?]"), NamePattern.of("[*?]")
    assert [name for name in ("*", "?", ".") if theirs.matches(name)] == ["*", "."]
    assert [name for name in ("*", "?", ".") if ours.matches(name)] == ["*", "?"]
