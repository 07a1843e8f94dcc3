"""The notations of option values: sizes, durations, switches, lists and paths."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sftp_async.options import parsing


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8388608", 8388608),
        ("8MiB", 8 * 1024**2),
        ("8mb", 8 * 1024**2),
        (" 8 M ", 8 * 1024**2),
        ("512k", 512 * 1024),
        ("1g", 1024**3),
        ("1TiB", 1024**4),
        ("7b", 7),
        (42, 42),
    ],
)
def test_sizes_count_in_powers_of_1024_as_spark_does(text: object, size: int) -> None:
    assert parsing.parse_size(text) == size


@pytest.mark.parametrize("text", ["1.5g", "-1", "8x", "m", "", "٣", True, None, 1.5])
def test_an_invalid_size_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a whole number of bytes"):
        parsing.parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0.5", 0.5),
        ("30s", 30),
        ("2min", 120),
        ("500ms", 0.5),
        ("1 h", 3600),
        ("7d", 604800),
        ("1e2", 100),
        (timedelta(minutes=1), 60),
        (3, 3),
    ],
)
def test_durations_are_in_seconds_unless_they_have_a_unit(text: object, seconds: float) -> None:
    assert parsing.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["soon", "inf", "nan", "1e999", float("nan"), True, "5 parsecs", ""]
)
def test_an_invalid_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a number of seconds"):
        parsing.parse_duration(text)


@pytest.mark.parametrize(("text", "value"), [("true", True), (" FALSE ", False), (True, True)])
def test_switches_are_true_or_false_in_any_case(text: object, value: bool) -> None:
    assert parsing.parse_bool(text) is value


@pytest.mark.parametrize("text", ["yes", "1", 1, "", None])
def test_switches_accept_no_other_word(text: object) -> None:
    with pytest.raises(ValueError, match="must be true or false"):
        parsing.parse_bool(text)


@pytest.mark.parametrize("text", ["22.0", "abc", "0x16", "1" * 31, True, 1.0])
def test_an_invalid_whole_number_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a whole number"):
        parsing.parse_int(text)


@pytest.mark.parametrize(
    ("value", "read"), [("auto", "auto"), (" AUTO ", "auto"), ("1", 1), (8, 8)]
)
def test_channels_are_auto_or_a_number_from_1_to_8(value: object, read: object) -> None:
    assert parsing.parse_channels(value) == read


@pytest.mark.parametrize("value", [0, 9, "-1", "many", "", 1.5, True, None])
def test_any_other_number_of_channels_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be auto, or a whole number from 1 to 8"):
        parsing.parse_channels(value)


@pytest.mark.parametrize(
    ("text", "sep"),
    [(r"\t", "\t"), ("\t", "\t"), ("||", "||"), (r"\\", "\\"), (r"a\tb", "a\tb")],
)
def test_a_delimiter_may_use_sparks_escapes(text: str, sep: str) -> None:
    assert parsing.parse_sep(text) == sep


@pytest.mark.parametrize("text", ["", "\\", r"\q"])
def test_a_delimiter_that_spark_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must not|may contain only"):
        parsing.parse_sep(text)


@pytest.mark.parametrize("text", ["/a\0b", "/a\nb", "/a\rb"])
def test_a_remote_path_with_a_line_break_or_nul_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must not contain a NUL"):
        parsing.parse_remote_path(text)


@pytest.mark.parametrize("text", ["s3://bucket/x", "dbfs://x", "ftp://host/x"])
def test_another_systems_url_is_no_remote_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a path on the server"):
        parsing.parse_remote_path(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "."),
        ("~/", "."),
        ("~/out/x.csv", "out/x.csv"),
        ("~//out", "out"),
        ("/~/out", "/~/out"),
        ("~backup.csv", "~backup.csv"),
        ("out/~", "out/~"),
    ],
)
def test_a_tilde_is_the_login_directory(text: str, path: str) -> None:
    assert parsing.parse_remote_path(text) == path


@pytest.mark.parametrize("scheme", ["file", "FILE", "hdfs", "s3", "s3a", "dbfs", "abfss", "gs"])
@pytest.mark.parametrize("rest", [":/data/y.csv", "://data/y.csv", ":///data/y.csv"])
def test_a_path_of_another_file_system_is_refused(scheme: str, rest: str) -> None:
    with pytest.raises(ValueError, match="must be a path on the server"):
        parsing.parse_remote_path(f"{scheme}{rest}")


def test_the_error_for_a_local_path_names_the_scheme() -> None:
    with pytest.raises(ValueError, match=r"that host names, without file: \(such as /data/y.csv"):
        parsing.parse_remote_path("file:/data/y.csv")
    with pytest.raises(ValueError, match="two slashes after sftp:"):
        parsing.parse_remote_path("sftp:/host/data")


@pytest.mark.parametrize("text", ["C:/data", "run12:/x", "profile:/x", "a/file:/x", "file:x"])
def test_a_colon_alone_makes_no_scheme(text: str) -> None:
    assert parsing.parse_remote_path(text) == text


def test_a_remote_path_may_be_a_path_object() -> None:
    assert parsing.parse_remote_path(Path("/out")) == "/out"
