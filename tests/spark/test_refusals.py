"""What makes no job is refused on the driver, in words for people, before any task and any file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.errors import PySparkException

from sftp_async import SFTPDataSource, SFTPOptions
from sftp_async.errors import EncodeError, OptionsError
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

#: A value for each option that it cannot have.
BAD = {
    "range": "F2:B3",
    "sheet": "a\nb",
    "host": "sftp.example.com:22",
    "profile": "a b",
    "port": "0",
    "username": "a\nb",
    "private_key_content": "~/.ssh/id_ed25519",
    "private_key_path": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "known_hosts": "a\0b",
    "host_key_fingerprint": "MD5:00:11",
    "host_key_policy": "lax",
    "connect_timeout": "0",
    "login_timeout": "soon",
    "operation_timeout": "-1s",
    "stall_timeout": "1 fortnight",
    "keepalive_interval": "-1",
    "idle_timeout": "0s",
    "max_connections": "0",
    "max_total_connections": "0",
    "max_connection_wait": "-1s",
    "connection_ramp_up": "-1s",
    "max_bandwidth": "0",
    "max_bandwidth_per_connection": "fast",
    "compression_on_the_wire": "perhaps",
    "max_retries": "-1",
    "retry_delay": "-0.5",
    "ciphers": "aes 128",
    "legacy_algorithms": "yes",
    "proxy_jump": "a b",
    "proxy_jump_username": "a\nb",
    "proxy_jump_private_key_content": "~/.ssh/id_ed25519",
    "proxy_jump_private_key_path": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "proxy_jump_host_key_fingerprint": "MD5:00:11",
    "proxy_url": "ftp://proxy.example.com:21",
    "chunk_size": "0",
    "max_buffer_bytes": "8 parsecs",
    "files_per_partition": "0",
    "channels_per_file": "9",
    "format": "a b",
    "compression": "rar",
    "compression_level": "high",
    "header": "1",
    "sep": "\\q",
    "quote": "''",
    "escape": "ab",
    "line_sep": "",
    "date_format": "dd\nMM",
    "timestamp_format": "HH\0mm",
    "quote_all": "all",
    "escape_quotes": "no",
    "char_to_escape_quote_escaping": "ab",
    "ignore_leading_white_space": "0",
    "ignore_trailing_white_space": "off",
    "encoding": "base64",
    "timestamp_ntz_format": "a\nb",
    "time_zone": "Europe\nBerlin",
    "ignore_null_fields": "null",
    "case_sensitive": "maybe",
    "fixed_line_ends": "perhaps",
    "fixed_blank_strings": "zero",
    "root_tag": "1st",
    "row_tag": "a b",
    "attribute_prefix": "",
    "value_tag": "",
    "array_element_name": "a b",
    "declaration": "<?xml?>",
    "indent": "--",
    "pgp_public_key": "a\0b",
    "pgp_sign_key": "a\0b",
    "pgp_private_key": "a\0b",
    "pgp_verify_key": "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "pgp_armor": "asc",
    "path_column": "a\nb",
    "content_column": "a\nb",
    "path": "a\nb",
    "single_file": "one",
    "file_name_template": "{}",
    "if_exists": "append",
    "header_lines": "{columns}",
    "footer_lines": "{rows:zz}",
    "partition_by": ",",
    "partition_overwrite_mode": "partial",
    "max_records_per_file": "-1",
    "max_file_bytes": "1x",
    "commit_mode": "copy",
    "overwrite_scope": "everything",
    "create_dirs": "2",
    "write_empty": "never",
    "success_file": "_DONE",
    "manifest": "json",
    "checksum_files": "crc32",
    "done_file_template": "{name}",
    "file_permissions": "888",
    "modified_time": "yesterday",
    "job_key": "a\nb",
    "verify": "twice",
    "staging_dir": "a\nb",
    "staging_ttl": "0",
    "progress": "on",
    "telemetry": "on",
    "traceparent": "00-0",
    "path_glob_filter": "a\nb",
    "recursive_file_lookup": "perhaps",
    "modified_after": "yesterday",
    "modified_before": "25:00",
    "base_path": "a\nb",
    "follow_links": "perhaps",
    "ignore_missing_files": "perhaps",
    "ignore_corrupt_files": "perhaps",
    "metadata_column": "a\nb",
    "rescued_data_column": "a\nb",
    "schema_evolution": "perhaps",
    "infer_files": "0",
    "min_age": "-1",
    "stable_for": "a while",
    "use_manifest": "maybe",
    "verify_control": "perhaps",
    "max_partition_bytes": "0",
    "open_cost_bytes": "-1",
    "split": "perhaps",
    "access": "twice",
    "infer_schema": "perhaps",
    "sampling_ratio": "1.5",
    "merge_schema": "perhaps",
    "columns": ",",
    "match_columns": "header",
    "mode": "STRICT",
    "multi_line": "perhaps",
    "wholetext": "perhaps",
    "comment": "//",
    "enforce_schema": "perhaps",
    "prefer_date": "perhaps",
    "max_columns": "0",
    "max_chars_per_column": "-2",
    "unescaped_quote_handling": "ignore",
    "primitives_as_string": "perhaps",
    "prefers_decimal": "perhaps",
    "drop_field_if_all_null": "perhaps",
    "allow_comments": "perhaps",
    "allow_unquoted_field_names": "perhaps",
    "allow_single_quotes": "perhaps",
    "allow_numeric_leading_zeros": "perhaps",
    "allow_non_numeric_numbers": "perhaps",
    "allow_backslash_escaping_any_character": "perhaps",
    "allow_unquoted_control_chars": "perhaps",
    "exclude_attribute": "perhaps",
    "ignore_surrounding_spaces": "perhaps",
    "ignore_namespace": "perhaps",
    "avro_schema": "a\nb",
    "max_files_per_trigger": "0",
    "max_bytes_per_trigger": "0",
    "latest_first": "perhaps",
    "on_change": "again",
    "clean_source": "move",
    "source_archive_dir": "a\nb",
    "state_location": "a\nb",
    "archive": "rar",
    "archive_member_template": "{}",
}
#: Any text is right.
FREE = {"password", "private_key_passphrase", "null_value", "empty_value"} | {
    "column_name_of_corrupt_record",
    "ignore_suffixes",
    "locale",
    "nan_value",
    "negative_inf",
    "positive_inf",
    "wildcard_col_name",
    "pgp_passphrase",
    "proxy_jump_password",
    "proxy_jump_private_key_passphrase",
    "proxy_password",
    "archive_password",
    # What they say is checked with the columns.
    "fixed_layout",
    "fixed_header",
    "fixed_trailer",
}

NESTED = ("id", "array(id) AS v")
NUMBER = ("id AS v",)
FILES = ("'a' AS path", "X'00' AS content")
BINARY = {"format": "binary"}
#: Name: options, the path behind the target (or a whole one), the columns, and the message.
CASES: dict[str, tuple[dict[str, str], str, tuple[str, ...], str]] = {
    # options that do not go together
    "chunk": (
        {"chunk_size": "64m"},
        "",
        (),
        "chunk_size (67108864) must not exceed max_buffer_bytes",
    ),
    "both keys": ({"private_key_path": "/k"}, "", (), "are both given: keep one of them"),
    "cbc": ({"ciphers": "aes128-cbc"}, "", (), "which is no longer secure"),
    "two names": ({"user": "other"}, "", (), "given twice with different values"),
    "typo": ({"partition_bye": "id"}, "", (), "did you mean partition_by"),
    "no file": ({"known_hosts": "/no/such/file"}, "", (), "known_hosts refers to the file"),
    "no variable": ({"password": "env:NO_SUCH_VARIABLE"}, "", (), "'NO_SUCH_VARIABLE', which is"),
    "csv lines": ({"line_sep": "abc"}, "", (), "line_sep must be one or two characters"),
    "csv sep": ({"sep": "a'", "quote": "'"}, "", (), "sep and quote must not share a character"),
    "csv sep, lines": ({"sep": ";", "line_sep": ";"}, "", (), "sep and line_sep must not share"),
    "csv quote": ({"quote": "|", "line_sep": "|"}, "", (), "quote and line_sep must not share"),
    "csv escape": ({"escape": ""}, "", (), "escape is empty: Spark could not read back"),
    "csv null": ({"quote": "", "null_value": "a,b"}, "", (), "null_value holds a separator"),
    "csv quotes": ({"quote": "", "quote_all": "true"}, "", (), "quote_all is true, but quote is"),
    "csv set": ({"sep": "€", "encoding": "latin-1"}, "", (), "sep has a character that latin-1"),
    "pattern": ({"date_format": "QQQQQ"}, "", (), "has 5 times the letter 'Q'"),
    "pattern's letter": ({"timestamp_format": "b"}, "", (), "the letter 'b', which is not"),
    "date's hour": ({"date_format": "yyyy HH"}, "", (), "date_format='yyyy HH'"),
    "zone": ({"time_zone": "Mars/Olympus"}, "", (), "time_zone='Mars/Olympus' is not known here"),
    "format": ({"format": "cvs"}, "", (), "format=cvs is not known; did you mean csv?"),
    "xml tags": ({"attribute_prefix": "_VALUE"}, "", (), "must not be the same"),
    "xml null": ({"format": "xml", "null_value": "\1"}, "", (), "that XML has no way to write"),
    "xml set": ({"format": "xml", "encoding": "latin-1"}, "", (), "is not for xml, whose files"),
    "no layout": ({"format": "fixed"}, "", (), "format=fixed needs a layout: set fixed_layout="),
    "layout": (
        {"format": "fixed", "fixed_layout": "id:8 rigth"},
        *("", (), "fixed_layout is no layout: The field 'id : 8 rigth' has 'rigth'"),
    ),
    "layout's header": (
        {"format": "fixed", "fixed_layout": "id:8", "fixed_header": '"H", day:4'},
        *("", (), "fixed_header has the field 'day', which a write cannot fill in"),
    ),
    "layout's file": (
        {"format": "fixed", "fixed_layout": "file:/no/such/file"},
        *("", (), "fixed_layout refers to the file"),
    ),
    # codecs
    "csv.lz4": ({"compression": "lz4"}, "", (), "Hadoop's own framing: no other tool reads it"),
    "json.snappy": ({"compression": "snappy", "format": "json"}, "", (), "Hadoop's own framing"),
    "orc.gzip": ({"compression": "gzip", "format": "orc"}, "", (), "orc has none, zstd, snappy"),
    "orc.lz4": ({"compression": "lz4"}, "x.orc", (), "orc has none, zstd, snappy, zlib."),
    "avro.gzip": ({"compression": "gzip", "format": "avro"}, "", (), "avro has none, zstd, bzip2"),
    "parquet.bz2": ({"compression": "bzip2"}, "x.parquet", (), "parquet has none, gzip, zstd"),
    "level": ({"compression": "gzip", "compression_level": "10"}, "", (), "must be from 1 to 9"),
    "no level": ({"compression_level": "1"}, "", (), "compression=none has no levels"),
    "orc's level": ({"format": "orc", "compression_level": "1"}, "", (), "zstd has no levels"),
    # archives
    "zip.gz": ({"compression": "gzip"}, "x.zip", (), "archive=zip compresses its members itself"),
    "csv.gz.zip": ({}, "x.csv.gz.zip", (), "archive=zip compresses its members itself"),
    "zip's level": ({"compression_level": "10"}, "x.zip", (), "from 1 to 9 for archive=zip, not"),
    "tar's password": ({"archive_password": "x"}, "x.tar", (), "archive_password is for archive=z"),
    "no archive": ({"archive_password": "x"}, "x.csv", (), "none is written: set archive=zip"),
    "rows in zip": (
        BINARY | {"archive": "zip"},
        "",
        FILES,
        "archive=zip has no meaning where",
    ),
    "member": ({"archive_member_template": "{ort}"}, "x.zip", (), "unknown field, {ort}: there"),
    "member's way": ({"archive_member_template": "a/{stem}"}, "x.zip", (), "has a slash in it"),
    "member's drive": ({"archive_member_template": "C:{stem}"}, "x.zip", (), "has a colon in it"),
    "footers in zip": (
        {"footer_lines": "T", "archive_member_template": "{seq}.csv"},
        *("x.zip", (), "footer_lines is for an archive with one member"),
    ),
    "sum in zip": ({"footer_lines": "{sha256}"}, "x.zip", (), "that of the compressed data"),
    "excel.gz": ({"compression": "gzip"}, "x.xlsx", (), "; excel has none"),
    "excel's bytes": ({"format": "excel", "max_file_bytes": "1m"}, "", (), "take max_records_per"),
    "excel's name": ({}, "x.xls", (), "format=excel writes .xlsx: Excel would not open it under"),
    "excel's range": ({"range": "B2"}, "x.xlsx", (), "a sheet is written from A1 on"),
    # names and places
    "no path": ({}, "", (), "path is missing: give the remote target"),
    "root": ({"single_file": "true"}, "/", (), "single_file=true needs a path that names a file"),
    "long name": ({}, f"{'n' * 250}.csv.gz", (), "path makes a file name of more than 255 bytes"),
    "staging": ({"staging_dir": "{target}"}, "", (), "is the target itself"),
    "two exact": ({"file_name_template": "x.csv"}, "y.csv", (), "and so does file_name_template"),
    "job's name": ({"file_name_template": "{job}.csv"}, "", (), "only {now} can be a field"),
    "field": ({"file_name_template": "{seq}{ort}"}, "", (), "unknown field, {ort}: there are job"),
    "batch": ({"file_name_template": "{seq}{batch}"}, "", (), "unknown field, {batch}"),
    "filling": ({"file_name_template": "{seq:zz}"}, "", (), "cannot be filled in"),
    "slash": ({"file_name_template": "a/{seq}"}, "", (), "a file name without a slash"),
    "hidden": ({"file_name_template": "_{seq}"}, "", (), "readers ignore names that begin with"),
    "long": ({"file_name_template": "{seq:0256d}"}, "", (), "a file name of more than 255 bytes"),
    "no seq": (
        {"file_name_template": "{partition}", "max_records_per_file": "1"},
        *("", (), "file_name_template needs {seq}"),
    ),
    "direct": (
        {"file_name_template": "{seq}", "commit_mode": "direct"},
        *("", (), "which commit_mode=direct does without"),
    ),
    "ignore": (
        {"file_name_template": "{seq}", "if_exists": "ignore"},
        *("", (), "if_exists=ignore is for one exact file"),
    ),
    "no name": ({"if_exists": "fail"}, "", (), "if_exists is for names that are asked for"),
    "rows of one": ({"max_records_per_file": "9"}, "x.csv", (), "max_records_per_file splits the"),
    "bytes of one": ({"max_file_bytes": "9"}, "x.csv", (), "max_file_bytes splits the output"),
    "header": ({"header_lines": "H"}, "", (), "header_lines is for one exact file"),
    "footer": ({"footer_lines": "T"}, "x.orc", (), "is for text, and format=orc has no lines"),
    "xml footer": ({"footer_lines": "T"}, "x.xml", (), "footer_lines is for text"),
    "packed sum": ({"footer_lines": "{sha256}"}, "x.csv.gz", (), "that of the compressed data"),
    "footer's set": (
        {"footer_lines": "€", "encoding": "latin-1"},
        "x.csv",
        (),
        "lacks a character",
    ),
    "done": ({"done_file_template": "{stem}.csv"}, "x.csv", (), "name that is taken: 'x.csv'"),
    "done too": ({"done_file_template": "_SUCCESS"}, "", (), "name that is taken: '_SUCCESS'"),
    "sidecar": (
        {"checksum_files": "md5"},
        f"{'n' * 250}.csv",
        (),
        "checksum_files makes a name of more",
    ),
    # a file a row
    "cut": (BINARY | {"max_records_per_file": "5"}, "", FILES, "max_records_per_file has no"),
    "side by side": (BINARY | {"files_per_partition": "2"}, "", FILES, "files_per_partition has"),
    "template": (BINARY | {"file_name_template": "x{seq}"}, "", FILES, "file_name_template has no"),
    "by value": (
        BINARY | {"partition_by": "day"},
        *("", (*FILES, "1 AS day"), "partition_by has no meaning where each row is a file"),
    ),
    "one": (BINARY, "x.csv", FILES, "names one exact file, but format=binary writes one for each"),
    "no rename": (BINARY | {"commit_mode": "direct"}, "", FILES, "commit_mode=direct does without"),
    "binary.gz": (BINARY | {"compression": "gzip"}, "", FILES, "binary has none"),
    "no column": (BINARY | {"path_column": "name"}, "", FILES, "no column 'name'"),
    "too many": (BINARY, "", (*FILES, "1 AS size"), "made of two columns, 'path' and 'content'"),
    # partitions
    "dynamic": ({"partition_overwrite_mode": "dynamic"}, "", (), "dynamic needs partition_by"),
    "exact": ({"partition_by": "v"}, "x.csv", ("id", "1 AS v"), "partition_by makes directories"),
    "both": (
        {"partition_by": "v", "files_per_partition": "2"},
        *("", ("id", "1 AS v"), "leave out files_per_partition=2"),
    ),
    "unknown": ({"partition_by": "dya"}, "", ("id", "1 AS day"), "did you mean 'day'?"),
    "twice": ({"partition_by": "v,V"}, "", ("id", "1 AS v"), "names the column 'v' twice"),
    "all": ({"partition_by": "v"}, "", NUMBER, "none is left for the files"),
    "nested": ({"partition_by": "v"}, "", NESTED, "cannot take the column 'v' of type list"),
    "dot": ({"partition_by": ".v"}, "", ("id", "1 AS `.v`"), "begin with a dot for hidden"),
    "which": ({"partition_by": "v"}, "", ("id", "1 AS v", "2 AS V"), "tell the columns 'v', 'V'"),
    # columns
    "none": ({}, "", ("NONE",), "There is no column to write"),
    "csv type": ({}, "", NESTED, "Column 'v' has the type list"),
    "json type": (
        {"format": "json"},
        *("", ("map(date'2024-05-01', 1) AS v",), "Column 'v' has the type map"),
    ),
    "json inside": (
        {"format": "json"},
        "",
        ("array(interval '1' day) AS v",),
        "Column 'v' is an interval",
    ),
    "text type": ({"format": "text"}, "", NUMBER, "Column 'v' has the type int64, which a text"),
    "text width": ({"format": "text"}, "", ("'a' AS a", "'b' AS b"), "hold one column, but there"),
    "parquet type": ({"format": "parquet"}, "", ("null AS v",), "Column 'v' has the type null"),
    "orc type": ({"format": "orc"}, "", ("interval '1' day AS v",), "Column 'v' is an interval"),
    "avro type": ({"format": "avro"}, "", ("map(1, 2) AS v",), "Column 'v' has the type map"),
    "xml type": ({"format": "xml"}, "", ("X'00' AS v",), "Column 'v' has the type binary"),
    "time": ({"format": "json"}, "", ("time'10:11:12' AS v",), "Column 'v' has the type time64"),
    "variant": (
        {"format": "orc"},
        "",
        ("parse_json('1') AS v",),
        "Column 'v' has the type VARIANT",
    ),
    "months": ({}, "", ("interval '1' month AS v",), "Column 'v' of type interval month cannot"),
    "csv name": ({}, "", ("1 AS v", "2 AS v"), "more than once in the DataFrame: 'v'"),
    "json name": ({"format": "json"}, "", ("1 AS v", "2 AS V"), "differ in case alone: 'v', 'V'"),
    "parquet name": ({"format": "parquet"}, "", ("1 AS v", "2 AS V"), "differ in case alone"),
    "orc name": ({"format": "orc"}, "", ("1 AS `a``b`",), "ORC cannot hold a column of the name"),
    "avro name": ({"format": "avro"}, "", ("1 AS `a b`",), "Avro cannot hold a column of the name"),
    "xml name": ({"format": "xml"}, "", ("1 AS `a b`",), "XML cannot hold a column or field"),
}


def refused_by_spark(
    spark: SparkSession, sshd: SSHD, marker: Path, options: dict[str, Any], path: str | None
) -> str:
    """Write rows that must be refused; return what the user reads. A task makes the marker."""
    name = str(marker)

    def touch(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        Path(name).touch()
        yield from batches

    rows = spark.range(10)
    frame = rows.mapInArrow(touch, rows.schema)
    writer = frame.write.format("sftp").options(**{**sshd.options(), **options}).mode("append")
    with pytest.raises(PySparkException) as caught:
        writer.save(path) if path is not None else writer.save()
    return str(caught.value)


def asked(case: str, remote_dir: Path) -> tuple[dict[str, str], str | None]:
    """The case's options and path."""
    options, name, _, _ = CASES[case]
    given = {key: value.replace("{target}", str(remote_dir)) for key, value in options.items()}
    whole = name if name == "/" else f"{remote_dir}/{name}".rstrip("/")
    return given, None if case == "no path" else whole


@pytest.mark.parametrize("case", CASES)
def test_each_mistake_is_reported_where_spark_asks_for_the_writer(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, case: str
) -> None:
    # As Spark does on the driver before any task; in this process, which need not be started.
    _, _, columns, message = CASES[case]
    frame = spark.range(1)
    if columns:
        frame = frame.select() if columns == ("NONE",) else frame.selectExpr(*columns)
    given, path = asked(case, remote_dir)
    options = {**sshd.options(), **given} | ({} if path is None else {"path": path})
    before = sshd.logins()
    with pytest.raises((OptionsError, EncodeError), match=re.escape(message)):
        SFTPDataSource({key.lower(): str(value) for key, value in options.items()}).writer(
            frame.schema, overwrite=False
        )
    assert sshd.logins() == before
    assert list(remote_dir.iterdir()) == []


@pytest.mark.parametrize(
    "case", ["typo", "no variable", "format", "json.snappy", "long", "dynamic"]
)
def test_spark_shows_the_sentence_and_starts_no_task(
    spark: SparkSession, sshd: SSHD, remote_dir: Path, tmp_path: Path, case: str
) -> None:
    error = refused_by_spark(spark, sshd, tmp_path / "ran", *asked(case, remote_dir))
    assert re.search(rf"sftp_async\.errors\.OptionsError: .*{re.escape(CASES[case][3])}", error)
    # No stack of Java's hides it.
    assert "\tat " not in error
    assert not (tmp_path / "ran").exists()
    assert list(remote_dir.iterdir()) == []


def test_mistakes_of_target_columns_and_collations_are_in_one_error(spark: SparkSession) -> None:
    frame = spark.sql(
        "SELECT 'a' COLLATE UTF8_LCASE AS name, interval '1' month AS term, array(1) AS tags, 1 n"
    )
    options = {"host": "h", "username": "u", "password": "p", "path": "/out/orders.csv"}
    given = {**options, "partition_by": "name,m", "max_file_bytes": "5", "footer_lines": "{rows}"}
    for plan in ("writer", "streamWriter"):
        source = SFTPDataSource({**given, "staging_dir": "/out"})
        with pytest.raises(OptionsError) as caught:
            getattr(source, plan)(frame.schema, overwrite=True)
        found = caught.value.problems
        for what in (
            "partition_by cannot take the column 'name' of type string collate UTF8_LCASE",
            "Column 'term' of type interval month cannot be written",
            "partition_by names 'm', which is no column",
            "Column 'tags' has the type list",
            "partition_by makes directories, but the path",
            "max_file_bytes splits the output",
            "is the target itself",
        ):
            assert sum(what in problem for problem in found) == 1, (what, found)
        assert len(found) == 7
    # A dry run, which needs no Spark, finds the same.
    plan = SFTPOptions(**given, staging_dir="/out").plan(
        None, frame.schema, "overwrite", connect=False
    )
    assert sorted(plan.problems) == sorted(found)


def test_all_bad_values_are_reported_in_one_error(
    spark: SparkSession, sshd: SSHD, tmp_path: Path
) -> None:
    assert {*BAD, *FREE} == {*SFTPOptions.model_fields}
    error = refused_by_spark(spark, sshd, tmp_path / "ran", BAD, None)
    reported = {match[1] for match in re.finditer(r"^  - (\w+) ", error, re.MULTILINE)}
    assert {*BAD} <= reported
    assert not (tmp_path / "ran").exists()
