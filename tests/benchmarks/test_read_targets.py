"""The targets of reading: ratios of medians, by the row where a contender had fewer of them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

import json
from pathlib import Path

from benchmarks.comparison import Comparison, Contender, Entry, Run
from benchmarks.past_reports import load_report
from benchmarks.report import comparison_json
from benchmarks.targets import targets

MIB = 1 << 20
ABSENT = (None, None)


def entry(
    name: str, *seconds: float, cpu: float = 1.0, worker: int = 0, network: int = 0, **labels: Any
) -> Entry:
    made = Entry(Contender(name, name, print, labels=labels))
    made.cipher = "aes128-gcm@openssh.com"
    used = {"client": cpu, "jvm": 0.0, "server": 0.5, "relay": 0.0}
    memory = {"worker": worker * MIB, "workers": 0}
    made.runs = [Run(took, used, memory, 100, network=network) for took in seconds]
    return made


def held(name: str, *entries: Entry, **labels: Any) -> Comparison:
    labels = {"workload": name.partition("/")[0], "rtt_ms": 0, **labels}
    return Comparison(name, labels, 1, list(entries))


def measured(*comparisons: Comparison) -> dict[str, list[tuple[float | None, bool | None]]]:
    found: dict[str, list[tuple[float | None, bool | None]]] = {}
    for target in targets({"contests": [comparison_json(each) for each in comparisons]}):
        found.setdefault(target["id"], []).append((target["measured"], target["met"]))
    return found


def bulk(name: str, ours: float, **others: float) -> Comparison:
    peers = [entry(peer, took) for peer, took in others.items()]
    # The median is the second.
    return held(f"read-bulk/{name}", entry("sftp_async", ours / 2, ours, 99.0), *peers)


@pytest.mark.parametrize(("quoted", "wanted"), [(5.0, (0.5, True)), (5.1, (0.51, False))])
def test_csv_is_held_against_spark_by_the_slowest_of_its_three_kinds(
    quoted: float, wanted: tuple[float, bool]
) -> None:
    found = measured(
        bulk("csv", 3, spark_disk=10),
        bulk("csv-8-files", 4, spark_disk=10),
        bulk("csv-quoted", quoted, spark_disk=10),
    )
    assert found["R1"] == [wanted, ABSENT, ABSENT, ABSENT]


def test_csv_is_not_measured_where_one_of_its_kinds_was_not_run() -> None:
    assert measured(bulk("csv", 3, spark_disk=10))["R1"] == [ABSENT] * 4


@pytest.mark.parametrize(
    ("name", "place", "took", "met"),
    [
        ("csv-gzip", 1, 6, True),
        ("csv-gzip", 1, 6.1, False),
        ("json", 2, 6, True),
        ("json", 2, 6.1, False),
        ("parquet", 3, 25, True),
        ("parquet", 3, 25.1, False),
    ],
)
def test_each_other_kind_of_file_has_a_bound_of_its_own(
    name: str, place: int, took: float, met: bool
) -> None:
    assert measured(bulk(name, took, spark_disk=10))["R1"][place] == (round(took / 10, 3), met)


@pytest.mark.parametrize(("faster", "met"), [(2.2, True), (2.1, False)])
def test_the_faster_of_both_downloads_counts(faster: float, met: bool) -> None:
    near = measured(bulk("csv", 1, sftp_spark=9, rclone_spark=faster))["R2"]
    assert near == [(faster, met), ABSENT]
    assert measured(bulk("csv", 1, sftp_spark=9))["R2"] == [ABSENT] * 2


def test_who_had_a_tenth_of_the_rows_is_held_against_a_tenth_of_the_time() -> None:
    ours = entry("sftp_async", 10, rows=6_000_000)
    found = measured(held("read-bulk/csv", ours, entry("paramiko_lines", 15, rows=600_000)))
    assert found["R3"] == [(15, True)]
    found = measured(held("read-bulk/csv", ours, entry("paramiko_lines", 14, rows=600_000)))
    assert found["R3"] == [(14, False)]


def test_a_download_is_held_against_openssh_by_time_and_by_cpu() -> None:
    ours, theirs = entry("sftp_async", 1, cpu=2.1), entry("openssh_sftp", 1.3, cpu=2)
    # One at a distance is another comparison.
    far = held("download/50ms", entry("sftp_async", 9), entry("openssh_sftp", 1), rtt_ms=50)
    found = measured(far, held("download", ours, theirs))
    assert found["R4"] == [(1.3, True), (1.05, False)]


def test_at_a_distance_a_download_and_one_task_are_held_against_both_tools() -> None:
    comparisons = [
        held(
            "download/50ms",
            entry("sftp_async", 1),
            entry("openssh_sftp", 9),
            entry("rclone", 4),
            rtt_ms=50,
        ),
        held(
            "download/150ms",
            entry("sftp_async", 1),
            entry("openssh_sftp", 5.9),
            entry("rclone", 9),
            rtt_ms=150,
        ),
        held(
            "read-latency/one-file/150ms",
            entry("sftp_async", 0.1),
            entry("sftp_async_one_task", 1),
            entry("sftp_spark", 7),
            entry("rclone_spark", 6),
            rtt_ms=150,
        ),
    ]
    assert measured(*comparisons)["R5"] == [(4, True), (5.9, False), ABSENT, (6, True)]


def test_small_files_count_what_the_distance_adds_for_each_file_and_slot() -> None:
    near = held("read-small-files/0ms", entry("sftp_async", 2, rows=10), files=500)
    # Six seconds more are 120 round trips of 50 ms; two slots had 250 files each.
    far = held(
        "read-small-files/50ms",
        entry("sftp_async", 8, rows=1_000_000),
        entry("paramiko_lines", 20, rows=100_000),
        files=500,
        rtt_ms=50,
    )
    assert measured(near, far)["R6"] == [(25, True), (0.48, False)]


def test_columns_are_held_against_their_bytes_in_the_files() -> None:
    comparison = held(
        "read-columns/50ms",
        entry("sftp_async_columns", 1, network=121),
        entry("sftp_spark", 3.5),
        entry("rclone_spark", 3),
        columns_bytes=100,
        rtt_ms=50,
    )
    assert measured(comparison)["R7"] == [(1.21, False), (3, True)]


def test_the_scale_of_reading_is_held_against_an_eighth_and_the_smallest_file() -> None:
    smallest = held("read-scale/smallest", entry("sftp_async_1", 1, worker=100, rows=1_000_000))
    sizes = held(
        "read-scale/rows",
        entry("sftp_async_1", 1, worker=170, rows=1_000_000),
        entry("sftp_async_2", 1, worker=110, rows=2_000_000),
        entry("sftp_async_16", 8, worker=120, rows=16_000_000),
    )
    assert measured(smallest, sizes)["R8"] == [(1.0, True), (70, False)]
    assert measured(sizes)["R8"] == [(1.0, True), ABSENT]
    assert measured(smallest, sizes)["T8"] == [ABSENT] * 2


def test_listings_are_held_against_both_tools_in_one_directory_and_in_many() -> None:
    tools = {"openssh_sftp": 5.0, "rclone": 6.0}
    one, many = (
        held(
            f"list/{kind}/50ms",
            entry("sftp_async", ours),
            *(entry(name, took) for name, took in tools.items()),
            rtt_ms=50,
        )
        for kind, ours in (("one", 1), ("many", 1.25))
    )
    assert measured(one, many)["R9"] == [(5, True), (4, False)]


def test_from_server_to_server_is_held_against_rclone_and_spark() -> None:
    comparison = held("copy/csv", entry("sftp_async", 2), entry("rclone_spark_rclone", 4))
    assert measured(comparison)["R10"] == [(2, True)]


def test_a_peer_that_found_other_rows_is_no_measure() -> None:
    comparison = held("copy/csv", entry("sftp_async", 2), entry("rclone_spark_rclone", 9))
    comparison.entries[1].failed = "found something else"
    assert measured(comparison)["R10"] == [ABSENT]


def test_an_older_report_gets_todays_names_and_its_targets(tmp_path: Path) -> None:
    comparison = held(
        "bulk/csv", entry("sftp_async", 1), entry("seed", 10), format="csv", compression="none"
    )
    document = {"schema": 2, "contests": [comparison_json(comparison)], "targets": []}
    (tmp_path / "report.json").write_text(json.dumps(document))
    loaded = load_report(tmp_path / "report.json")
    peer = loaded["contests"][0]["entries"][1]
    assert (peer["name"], peer["title"]) == ("paramiko_pandas", "Paramiko + pandas")
    [first] = [target for target in loaded["targets"] if target["id"] == "T1"]
    assert (first["measured"], first["met"]) == (10, True)
