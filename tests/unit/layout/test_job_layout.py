"""Names and paths: what is an exact file, what is a part of ours, where everything goes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sftp_async.errors import OptionsError
from sftp_async.layout.job_layout import Layout
from sftp_async.layout.once import IdempotencyKey
from sftp_async.layout.part_names import is_data, is_extension, is_part, part_tag
from sftp_async.layout.target import clean, file_kind, infer_format, split_target
from sftp_async.options import SFTPOptions
from sftp_async.options.base import contradictions


def options(path: str, **more: Any) -> SFTPOptions:
    return SFTPOptions(host="h", username="u", password="p", path=path, **more)


@pytest.mark.parametrize(
    ("path", "directory", "name"),
    [
        ("/out/orders", "/out/orders", None),
        ("/out/orders.csv", "/out", "orders.csv"),
        ("/out/orders.csv.gz", "/out", "orders.csv.gz"),
        ("/out/orders.CSV", "/out", "orders.CSV"),
        ("/out/orders.jsonl", "/out", "orders.jsonl"),
        ("/out/orders.parquet", "/out", "orders.parquet"),
        ("orders.csv", ".", "orders.csv"),
        ("/orders.csv", "/", "orders.csv"),
        ("/out/orders.csv/", "/out/orders.csv", None),
        ("/out/v1.2", "/out/v1.2", None),
        ("/out/orders.gz", "/out/orders.gz", None),
        ("/out/.csv", "/out/.csv", None),
        ("/out.csv/orders", "/out.csv/orders", None),
        ("/out/../x//y/./z", "/x/y/z", None),
        ("//out", "/out", None),
        (".", ".", None),
    ],
)
def test_the_extension_of_the_path_makes_it_an_exact_file(
    path: str, directory: str, name: str | None
) -> None:
    assert split_target(options(path)) == (directory, name)


def test_single_file_overrides_the_extension() -> None:
    assert split_target(options("/out/orders.csv", single_file=False)) == ("/out/orders.csv", None)
    assert split_target(options("/out/orders", single_file=True)) == ("/out", "orders")


@pytest.mark.parametrize("path", ["/", ".", "..", "../.."])
def test_single_file_with_a_path_that_names_no_file_is_a_mistake(path: str) -> None:
    with pytest.raises(OptionsError, match="single_file=true needs a path that names a file"):
        split_target(options(path, single_file=True))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.csv", ("csv", None)),
        ("a.csv.zst", ("csv", "zstd")),
        ("a.ndjson.gz", ("json", "gzip")),
        ("a.gz", (None, "gzip")),
        ("a", (None, None)),
        ("a.b.txt", ("text", None)),
        ("a.csv.bz2", ("csv", "bzip2")),
        ("a.jsonl.xz", ("json", "xz")),
        ("a.xml.gz", ("xml", "gzip")),
        ("a.orc", ("orc", None)),
        ("a.zstd.avro", ("avro", None)),
        ("A.XLSX", ("excel", None)),
        ("a.ods", ("excel", None)),
    ],
)
def test_format_and_codec_are_read_off_the_extension(
    path: str, kind: tuple[str | None, str | None]
) -> None:
    assert file_kind(path) == kind


def test_an_exact_file_takes_format_and_compression_from_its_name() -> None:
    found = infer_format(options("/out/a.json.gz"))
    assert (found.format, found.compression) == ("json", "gzip")


def test_a_codec_or_level_may_suit_only_the_format_that_the_name_implies() -> None:
    assert infer_format(options("/out/a.csv.bz2", compression_level=1)).compression == "bzip2"
    assert infer_format(options("/out/a.orc", compression="zlib")).format == "orc"
    (problem,) = contradictions(infer_format(options("/out/a.orc.gz")))
    assert re.match(r"compression=gzip is for .*; orc has none, zstd, snappy, zlib", problem)


def test_what_the_user_says_wins_over_the_name() -> None:
    found = infer_format(options("/out/a.json.gz", format="csv", compression="none"))
    assert (found.format, found.compression) == ("csv", "none")


def test_a_directory_takes_nothing_from_its_name() -> None:
    found = infer_format(options("/out/a.json.gz/"))
    assert (found.format, found.compression) == ("csv", None)


def test_a_tsv_file_has_tabs_unless_an_option_differs() -> None:
    assert infer_format(options("/out/a.tsv.gz")).sep == "\t"
    assert infer_format(options("/out/a.tsv", sep=";")).sep == ";"
    assert infer_format(options("/out/a.csv")).sep == ","


def test_so_does_the_extension_of_a_template_of_many_names() -> None:
    found = infer_format(options("/out", file_name_template="a_{seq}.json.gz"))
    assert (found.format, found.compression) == ("json", "gzip")
    found = infer_format(options("/out", file_name_template="a_{seq}.tsv", compression="zstd"))
    assert (found.format, found.sep, found.compression) == ("csv", "\t", "zstd")
    assert infer_format(options("/out", file_name_template="{seq}")).format == "csv"


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.uuids())
def test_final_names_are_parts_of_the_job_that_made_them(
    partition: int, sequence: int, attempt: Any
) -> None:
    for mode in ("rename", "direct"):
        layout = Layout.new(options("/out", commit_mode=mode), "csv.gz")
        staged, final = layout.part_names(partition, sequence, attempt.hex)
        assert is_part(final)
        assert part_tag(final) == layout.tag
        assert final.endswith(".csv.gz")
        assert (staged == final) is layout.direct


def test_two_attempts_never_share_a_name_while_they_write() -> None:
    for mode in ("rename", "direct"):
        layout = Layout.new(options("/out", commit_mode=mode), "csv")
        first, second = (layout.part_names(3, 0, attempt * 8) for attempt in ("0a1b", "0a2c"))
        assert layout.paths.staged(first[0]) != layout.paths.staged(second[0])


@pytest.mark.parametrize(
    "name",
    [
        "part-00000-6f1f3e52-63b1-4a0c-9f53-2cf7e0a0ad43-c000.csv",  # Spark's own writer
        "part-0-6f1f3e526f1f3e52-c000.csv",
        "part-00000-6f1f3e526f1f3e52-c000",
        "part-00000-6F1F3E526F1F3E52-c000.csv",
        "my-part-00000-6f1f3e526f1f3e52-c000.csv",
        "part-00000-6f1f3e526f1f3e52-c000.csv\n",
        "orders_part00000.csv",
    ],
)
def test_names_that_this_source_never_gives_are_foreign(name: str) -> None:
    assert not is_part(name)
    assert part_tag(name) is None


@pytest.mark.parametrize(
    ("extension", "known"),
    [
        *(("csv", True), ("csv.gz", True), ("7z", True), ("fixed-width", False)),
        *(("x_y.gz", False), ("", False), ("csv.", False), ("é", False), ("csv\n", False)),
    ],
)
def test_an_extension_is_known_again_where_part_files_with_it_are(
    extension: str, known: bool
) -> None:
    assert is_extension(extension) == known
    final = Layout.new(options("/out"), extension).part_names(0, 0, "")[1]
    assert is_part(final) == known


def test_a_key_belongs_to_the_template_of_an_exact_name_and_not_to_one_of_its_names() -> None:
    jobs = [
        Layout.new(options(f"/out/o_{time}.csv", job_key="k"), "csv", template="o_{now:%H%M}.csv")
        for time in ("1200", "1201")
    ]
    assert jobs[0].once == jobs[1].once
    assert jobs[0].paths.document_id == jobs[1].paths.document_id
    other = Layout.new(options("/out/p_1200.csv", job_key="k"), "csv", template="p_{now:%H%M}.csv")
    assert other.once != jobs[0].once
    assert other.paths.document_id != jobs[0].paths.document_id


@pytest.mark.parametrize("key", [".", ".."])
def test_a_key_of_dots_is_a_name_like_any_other(key: str) -> None:
    once = IdempotencyKey.of_key(key, None)
    assert once.name not in (".", "..")
    assert once != IdempotencyKey.of_key(once.name, None)


def test_hidden_names_are_no_data() -> None:
    assert is_data("a.csv")
    assert not is_data("_SUCCESS")
    assert not is_data(".a.csv.crc")


def test_staging_is_inside_the_target_without_staging_dir() -> None:
    layout = Layout.new(options("/out"), "csv")
    assert layout.staging == f"/out/_temporary/{layout.job_id}"
    assert layout.paths.staging_is_inside
    layout = Layout.new(options("/out", staging_dir="/tmp/s/"), "csv")
    assert layout.staging == f"/tmp/s/{layout.job_id}"
    assert not layout.paths.staging_is_inside


def test_an_exact_file_is_staged_even_without_rename() -> None:
    layout = Layout.new(options("/out/a.csv", commit_mode="direct"), "csv")
    assert not layout.direct
    assert layout.target == "/out/a.csv"
    assert layout.paths.staged("x") == f"/out/_temporary/{layout.job_id}/x"


@given(st.text(st.sampled_from("/.ab"), min_size=1))
def test_a_cleaned_path_is_clean(path: str) -> None:
    assert clean(clean(path)) == clean(path)
    assert "//" not in clean(path)
    assert clean(path).startswith("/") == path.startswith("/")
