"""The workloads that read from a server, each run in small: all contenders find what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.comparison import Comparison, compare
from benchmarks.context import Context
from benchmarks.data import lineitem, lineitem_pieces
from benchmarks.peers import decoders
from benchmarks.peers.listings import found_names, names_outcome
from benchmarks.read_files import csv, csv_quoted, json_lines
from benchmarks.row_digest import repeated, rows_outcome
from benchmarks.servers import start_server
from benchmarks.workloads import (
    copy,
    decode,
    download,
    read_bulk,
    read_columns,
    read_latency,
    read_scale,
    read_small_files,
    table_reads,
)
from benchmarks.workloads import (
    list as list_workload,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.one_python

SCALE = 0.001


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def context(
    tmp_path_factory: pytest.TempPathFactory, data_dir: Path, spark: SparkSession, sshd: object
) -> Iterator[Context]:
    """A quick run against a local sshd; `sshd` is asked for its marker."""
    scratch = tmp_path_factory.mktemp("bench")
    with start_server("sshd", scratch) as server, pytest.MonkeyPatch.context() as patch:
        for module in (copy, table_reads):
            patch.setattr(module, "CORES", 1)  # so many tasks wake the workers
        context = Context(server, scratch, data_dir, rounds=1)
        context._spark = spark
        yield context


def checked(comparisons: list[Comparison]) -> list[Comparison]:
    """All contenders that are there found what is there, and were counted."""
    for comparison in comparisons:
        assert comparison.problems == []
        there = [entry for entry in comparison.entries if entry.contender.unavailable is None]
        assert [len(entry.runs) for entry in there] == [1] * len(there)
        for entry in there:
            assert entry.contender.truth is not None
            assert entry.outcome is not None
            wanted = (entry.contender.truth.rows, entry.contender.truth.digest)
            assert (entry.outcome.rows, entry.outcome.digest) == wanted
            assert entry.runs[0].bytes > 0
    return comparisons


def names(comparison: Comparison) -> list[str]:
    return [entry.contender.name for entry in comparison.entries]


def test_download_gets_one_file_with_every_tool_near_and_far(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "QUICK_SIZE", 3_000_001)
    monkeypatch.setattr(download, "QUICK_FAR_SIZE", 100_000)
    monkeypatch.setattr(download, "QUICK_ROUND_TRIPS_MS", (2,))
    monkeypatch.setattr(download, "FAR_TOOLS", ["sftp_async", "openssh_sftp", "rclone_unchecked"])
    near, paramiko, far = checked(list(download.run(context)))
    assert names(paramiko) == ["sftp_async", "paramiko", "fsspec"]
    assert names(near)[:3] == ["sftp_async", "openssh_sftp", "ssh_cat"]
    assert names(far) == ["sftp_async", "openssh_sftp", "rclone_unchecked"]
    assert {run.bytes for entry in near.entries for run in entry.runs} == {3_000_001}
    # At least the file has passed the relay.
    assert all(100_000 < run.network < 200_000 for entry in far.entries for run in entry.runs)


def test_read_bulk_reads_every_kind_of_file(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_bulk, "QUICK_SCALE", SCALE)
    monkeypatch.setattr(read_bulk, "FILES", 2)
    # The peers hand a file to Spark, whatever is in it.
    ours = ["sftp_async", "sftp_async_columns"]
    contests = [
        (name, min(files, 2), make, query, [each for each in who if name == "csv" or each in ours])
        for name, files, make, query, who in read_bulk.CONTESTS
    ]
    monkeypatch.setattr(read_bulk, "CONTESTS", contests)
    monkeypatch.setattr(read_bulk, "BY_LINE", {"csv"})
    comparisons = checked(list(read_bulk.run(context)))
    found = {comparison.name: comparison for comparison in comparisons}
    assert names(found["read-bulk/csv"]) == [
        "sftp_async",
        "spark_disk",
        "ready_rows",
        "sftp_spark",
        "rclone_spark",
        "paramiko_lines",
    ]
    plain = found["read-bulk/csv"].entries[0].outcome
    assert plain is not None
    for name in ("csv-gzip", "json", "parquet", "csv-8-files"):
        outcome = found[f"read-bulk/{name}"].entries[0].outcome
        assert outcome is not None
        assert outcome.digest == plain.digest
    quoted = found["read-bulk/csv-quoted"].entries[0].outcome
    assert quoted is not None
    assert quoted.rows == plain.rows
    assert quoted.digest != plain.digest  # its comments are longer


def test_read_latency_reads_through_the_relay_and_paramiko_a_part_of_it(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_latency, "QUICK_SCALE", SCALE)
    monkeypatch.setattr(read_latency, "QUICK_LINES_SCALE", SCALE / 2)
    # `read-bulk` has rclone, too; of more files it is the same comparison without the one task.
    monkeypatch.setattr(read_latency, "READERS", ["sftp_async", "sftp_spark"])
    monkeypatch.setattr(read_latency, "FILES", {"one-file": 1})
    monkeypatch.setattr(read_latency, "QUICK_ROUND_TRIPS_MS", (2,))
    (one,) = checked(list(read_latency.run(context)))
    assert names(one) == ["sftp_async", "sftp_spark", "sftp_async_one_task", "paramiko_lines"]
    rows = {entry.contender.name: entry.contender.labels["rows"] for entry in one.entries}
    assert rows["sftp_async"] > 1.9 * rows["paramiko_lines"]
    for entry in one.entries:
        assert entry.runs[0].network >= entry.contender.reads


def test_read_small_files_has_as_many_files_as_were_asked_for(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_small_files, "QUICK_FILES", 4)
    monkeypatch.setattr(read_small_files, "QUICK_LINES_FILES", 2)
    monkeypatch.setattr(read_small_files, "ROWS", 50)
    monkeypatch.setattr(read_small_files, "ROUND_TRIPS_MS", (0,))
    # `read-bulk` has the others, too.
    monkeypatch.setattr(read_small_files, "READERS", ["sftp_async"])
    (near,) = checked(list(read_small_files.run(context)))
    assert near.labels["rtt_ms"] == 0
    rows = [entry.contender.labels["rows"] for entry in near.entries]
    assert (near.labels["files"], rows[0], rows[-1]) == (4, 200, 100)


def test_read_columns_counts_what_passed_the_network(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_columns, "QUICK_SCALE", 0.01)
    monkeypatch.setattr(read_columns, "FILES", 2)
    monkeypatch.setattr(read_columns, "RTT_MS", 2)
    monkeypatch.setattr(read_columns, "READERS", ["sftp_async_columns", "sftp_spark"])
    (comparison,) = checked(list(read_columns.run(context)))
    few = comparison.labels["columns_bytes"]
    assert 0 < few < comparison.labels["bytes"] / 2
    ours, *others = (entry.runs[0].network for entry in comparison.entries)
    assert few <= ours < comparison.labels["bytes"]
    assert all(other >= comparison.labels["bytes"] for other in others)


def test_read_scale_reads_files_of_so_many_times_the_rows(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "fresh_spark", lambda: None)  # the session is all tests'
    monkeypatch.setattr(read_scale, "QUICK_PIECE", 500)
    smallest, sizes = checked(list(read_scale.run(context)))
    rows = [entry.contender.rows for entry in sizes.entries]
    assert rows == [500, 1000, 2000, 4000, 8000]
    assert names(smallest) == ["sftp_async_500"]
    # Each may do too little here to count as one that works.
    assert sizes.entries[-1].runs[0].memory["workers"] > 0


def test_list_finds_every_file_in_one_directory_and_in_many(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_workload, "QUICK_FILES", 30)
    monkeypatch.setattr(list_workload, "QUICK_DIRECTORIES", 3)
    monkeypatch.setattr(list_workload, "ROUND_TRIPS_MS", (2,))
    comparisons = checked(list(list_workload.run(context)))
    assert [comparison.name for comparison in comparisons] == ["list/one/2ms", "list/many/2ms"]
    assert names(comparisons[0]) == ["sftp_async", "openssh_sftp", "rclone", "paramiko"]
    for comparison in comparisons:
        assert [e.outcome.rows for e in comparison.entries if e.outcome] == [30] * 4


def test_copy_goes_from_one_server_to_a_second_one(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy, "QUICK_SCALE", SCALE)
    monkeypatch.setattr(copy, "FILES", 2)
    first = context.server
    (comparison,) = checked(list(copy.run(context)))
    assert names(comparison) == ["sftp_async", "rclone_spark_rclone"]
    assert context.server is first
    assert not (context.scratch / "second").exists()


def test_decode_finds_every_cell_of_every_format_and_codec(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "QUICK_CODECS", 99)
    monkeypatch.setattr(decode, "QUICK_ROWS", 300)
    monkeypatch.setattr(decode, "QUICK_XML_ROWS", 200)
    # Of Spark one codec a format: what a codec does to Spark is not ours to test.
    once = {name: {"none": words["none"]} for name, words in decoders.SPARK_CODECS.items()}
    monkeypatch.setattr(decoders, "SPARK_CODECS", once)
    comparisons = {each.name: each for each in checked(list(decode.run(context)))}
    assert len(comparisons) == sum(map(len, decode.FORMATS.values()))
    with_all = ["sftp_async", "sftp_async_exact", "spark", "pandas", "polars"]
    assert names(comparisons["decode/csv"]) == names(comparisons["decode/json"]) == with_all
    assert names(comparisons["decode/parquet"]) == ["sftp_async", "spark", "pandas", "polars"]
    assert names(comparisons["decode/avro"]) == ["sftp_async", "spark"]
    assert names(comparisons["decode/csv-xz"]) == ["sftp_async", "pandas"]


def test_decoding_another_cell_is_caught(context: Context) -> None:
    table = lineitem_pieces(1, 300, context.data_dir)
    file = decode.encoded(table, "csv", "none")
    wrong = context.scratch / "wrong.csv"
    wrong.write_text(file.place.read_text().replace(",N,", ",n,", 1))
    contenders = decoders.decoders(context, replace(file, place=wrong))
    comparison = compare(context, "unit", contenders, rounds=1)
    assert len(comparison.problems) == len(contenders) == 5


def test_a_quick_pass_of_reading_says_what_it_leaves_out(context: Context) -> None:
    wanted = {"download", "list", "read-latency", "read-small-files", "read-columns", "read-scale"}
    assert {cut.partition(":")[0] for cut in context.cuts} >= wanted


# A wrong row is caught


WHO = ["sftp_async", "spark_disk", "sftp_spark", "paramiko_lines"]


def test_contenders_that_find_another_cell_are_disqualified_ours_too_and_no_other(
    context: Context, tmp_path: Path
) -> None:
    right = csv(lineitem(SCALE, 1, context.data_dir))
    [file] = right.place.iterdir()
    lines = file.read_text().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(",1", ",2", 1)
    (tmp_path / file.name).write_text("".join(lines))
    wrong = replace(right, place=tmp_path)
    right_reads = table_reads.table_reads(context, right)
    wrong_reads = table_reads.table_reads(context, wrong)
    with right_reads as at_right, wrong_reads as at_wrong:
        contenders = at_wrong(context.server).contenders(WHO)
        [spark] = at_right(context.server).contenders(["spark_disk"])
        contenders.append(replace(spark, name="right"))
        comparison = compare(context, "unit", contenders, rounds=1)
    *failed, passed = comparison.entries
    assert [entry.contender.name for entry in failed] == WHO
    for entry in failed:
        assert entry.failed is not None
        assert "found something else than is there" in entry.failed
        assert entry.runs == []
    assert passed.failed is None
    assert len(passed.runs) == 1


@pytest.mark.parametrize(
    "listed",
    ["a.csv\n", "a.csv\nc.csv\n", "a.csv\nb.csv\nb.csv\n", ""],
    ids=["missing", "other", "twice", "nothing"],
)
def test_a_listing_with_other_names_is_another_outcome(tmp_path: Path, listed: str) -> None:
    file = tmp_path / "listed"
    wanted = names_outcome(["a.csv", "b.csv"])
    file.write_text('sftp> ls -1f "/in"\n/in/b.csv\na.csv\n')
    assert names_outcome(list(found_names(file, "/in"))) == wanted
    file.write_text(listed)
    assert names_outcome(list(found_names(file, "/in"))) != wanted


# Files


def test_every_text_is_quoted_and_each_comment_has_a_separator_and_doubled_quotes(
    data_dir: Path,
) -> None:
    [file] = csv_quoted(lineitem(SCALE, 1, data_dir)).place.iterdir()
    lines = file.read_text().splitlines()
    assert len(lines) > 5000
    text = r'"(?:[^"]|"")*"'
    row = re.compile(rf"[\d.,-]+(?:{text},){{2}}[\d,-]+{text},{text},{text}")
    for line in lines[1:]:
        assert row.fullmatch(line)
        assert re.search(r', ""[A-Z ]+"""$', line)


def test_decimals_are_numbers_in_json_as_they_are_in_the_table(data_dir: Path) -> None:
    table = lineitem(SCALE, 1, data_dir)
    [file] = json_lines(table).place.iterdir()
    rows = [json.loads(line, parse_float=Decimal) for line in file.read_text().splitlines()]
    wanted = pl.read_parquet(table)["l_extendedprice"].to_list()
    assert [Decimal(row["l_extendedprice"]) for row in rows] == wanted


def test_a_file_is_repeated_with_one_header(tmp_path: Path) -> None:
    (tmp_path / "once").write_text("a,b\n1,2\n3,4\n")
    read_scale.repeat(tmp_path / "once", tmp_path / "twice", 2)
    assert (tmp_path / "twice").read_text() == "a,b\n1,2\n3,4\n1,2\n3,4\n"


# The digest of a DataFrame

ROWS = [(1, "a", None), (2, "b", "x"), (3, "", "y")]
COLUMNS = "n INT, first STRING, second STRING"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([(1, "a", None), (2, "b", "x"), (3, "", "z")], id="another text"),
        pytest.param([(1, None, "a"), (2, "b", "x"), (3, "", "y")], id="a null moved"),
        pytest.param([(1, "a", ""), (2, "b", "x"), (3, "", "y")], id="an empty text for a null"),
        pytest.param([(2, "a", None), (1, "b", "x"), (3, "", "y")], id="numbers swapped"),
        pytest.param([*ROWS[:2], (3, "y", "")], id="columns swapped"),
        pytest.param(ROWS[:2], id="a missing row"),
        pytest.param([*ROWS, ROWS[0]], id="a doubled row"),
        pytest.param([ROWS[0], ROWS[0], ROWS[2]], id="a doubled row for a missing one"),
        pytest.param([], id="no row"),
    ],
)
def test_other_rows_have_another_digest(spark: SparkSession, rows: list[Any]) -> None:
    wanted = rows_outcome(spark.createDataFrame(ROWS, COLUMNS))
    found = rows_outcome(spark.createDataFrame(rows, COLUMNS))
    assert found.rows == len(rows)
    assert found.digest != wanted.digest


def test_the_order_of_the_rows_does_not_matter_and_repeating_them_is_foreseen(
    spark: SparkSession,
) -> None:
    wanted = rows_outcome(spark.createDataFrame(ROWS, COLUMNS))
    assert rows_outcome(spark.createDataFrame(ROWS[::-1], COLUMNS)) == wanted
    assert rows_outcome(spark.createDataFrame(ROWS * 5, COLUMNS)) == repeated(wanted, 5)
