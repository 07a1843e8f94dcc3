"""The report: every run, honest verdicts, and no paths or names of the machine."""

from __future__ import annotations

import getpass
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from rich.console import Console

from benchmarks.charts import draw
from benchmarks.comparison import Comparison, Contender, Entry, Outcome, Run, compare
from benchmarks.relay_check import RelayCheck
from benchmarks.report import Report, comparison_json, fastest, without_names
from benchmarks.tables import markdown, show
from benchmarks.targets import targets
from tests.benchmarks.folder import folder_context, writer

MIB = 1 << 20


def entry(name: str, *seconds: float, cpu: float = 1.0, worker: int = 0, **labels: Any) -> Entry:
    made = Entry(Contender(name, name.title(), lambda target: None, labels=labels))
    made.outcome = Outcome(2, 4, "d")
    made.cipher = "aes128-gcm@openssh.com"
    for took in seconds:
        used = {"client": cpu, "jvm": 0.0, "server": 0.5, "relay": 0.0}
        memory = {"worker": worker, "workers": 2 * worker}
        made.runs.append(Run(took, used, memory, 100 * MIB))
    return made


def held(name: str, *entries: Entry, **labels: Any) -> Comparison:
    labels = {"workload": name.partition("/")[0], "rtt_ms": 0, **labels}
    return Comparison(name, labels, 1, list(entries))


def measured(*comparisons: Comparison) -> dict[str, list[tuple[float | None, bool | None]]]:
    found: dict[str, list[tuple[float | None, bool | None]]] = {}
    for target in targets({"contests": [comparison_json(each) for each in comparisons]}):
        found.setdefault(target["id"], []).append((target["measured"], target["met"]))
    return found


CSV = {"format": "csv", "compression": "none"}
GZIP = {"format": "csv", "compression": "gzip"}
ABSENT = (None, None)
FILE = {"format": "bytes", "rtt_ms": 50}


def bulk(paramiko: float, disk: float, rclone: float, cpu: float = 1.0) -> Comparison:
    return held(
        "bulk/csv",
        entry("sftp_async", 0.5, 1, 9, cpu=cpu),  # the median is 1
        entry("paramiko_pandas", paramiko),
        entry("spark_disk", disk),
        entry("spark_disk_rclone", rclone),
        **CSV,
    )


@pytest.mark.parametrize(
    ("target", "comparison", "wanted"),
    [
        ("T1", bulk(10, 1, 1), [(10, True)]),
        ("T1", bulk(9.9, 1, 1), [(9.9, False)]),
        ("T2", bulk(1, 0.8, 1, cpu=1.15), [(1.25, True), (1.15, True)]),
        ("T2", bulk(1, 0.5, 1, cpu=1.2), [(2, False), (1.2, False)]),
        ("T3", bulk(1, 1, 1.25), [(1.25, True), (None, None)]),
        (
            "T3",
            held(
                "latency/csv",
                entry("sftp_async", 1),
                entry("spark_disk_rclone", 1.4),
                rtt_ms=50,
                **CSV,
            ),
            [(None, None), (1.4, False)],
        ),
        (
            "T4",
            held("transport", entry("sftp_async", 1, cpu=3), entry("openssh_sftp", 1.2, cpu=2)),
            [(1.2, True), (1.5, True)],
        ),
        (
            "T4",
            held("transport", entry("sftp_async", 1, cpu=4), entry("openssh_sftp", 1.1, cpu=2)),
            [(1.1, False), (2, False)],
        ),
        (
            "T5",
            held(
                "latency/one-file",
                entry("sftp_async", 1),
                entry("openssh_sftp", 3.5),
                entry("rclone", 3.4),
                **FILE,
            ),
            [(3.5, True), (3.4, False)],
        ),
        (
            "T6",
            held(
                "small-files/50ms", entry("sftp_async", 1), entry("paramiko_pandas", 15), rtt_ms=50
            ),
            [(15, True)],
        ),
        (
            "T6",
            held("small-files/0ms", entry("sftp_async", 1), entry("paramiko_pandas", 99), rtt_ms=0),
            [(None, None)],
        ),
        (
            "T7",
            held("overhead/0ms", entry("sftp_async", 1), entry("noop", 0.2)),
            [(5, True), (None, None)],
        ),
        # 100 MiB, which is 104.9 MB, by the CPU of client and JVM.
        (
            "T9",
            held("encode/csv", entry("sftp_async", 1, cpu=0.5), **CSV),
            [(209.715, True), ABSENT],
        ),
        (
            "T9",
            held("encode/csv", entry("sftp_async", 9, cpu=0.55), **CSV),
            [(190.65, False), ABSENT],
        ),
        ("T9", held("encode/csv", entry("sftp_async", 1, cpu=0), **CSV), [ABSENT, ABSENT]),
        ("T9", held("encode/csv-gzip", entry("sftp_async", 1), **GZIP), [ABSENT, ABSENT]),
        (
            "T7",
            held("overhead/50ms", entry("sftp_async", 2.6), entry("noop", 0.2), rtt_ms=50),
            [(None, None), (52, False)],
        ),
    ],
)
def test_a_target_is_a_ratio_of_medians(
    target: str, comparison: Comparison, wanted: list[tuple[float | None, bool | None]]
) -> None:
    assert measured(comparison)[target] == wanted


@pytest.mark.parametrize(
    ("seconds", "worker", "wanted"),
    [(8.0, 300, [(1.0, True), (200, True)]), (9.0, 400, [(0.889, False), (300, False)])],
)
def test_scale_holds_speed_against_an_eighth_and_memory_against_an_empty_write(
    seconds: float, worker: int, wanted: list[tuple[float, bool]]
) -> None:
    empty = held("scale/empty", entry("sftp_async_0", 0.1, worker=100 * MIB, rows=0))
    sizes = held(
        "scale/rows",
        entry("sftp_async_1", 1, worker=150 * MIB, rows=1_000_000),
        entry("sftp_async_2", 1, worker=150 * MIB, rows=2_000_000),
        entry("sftp_async_16", seconds, worker=worker * MIB, rows=16_000_000),
    )
    assert measured(empty, sizes)["T8"] == wanted


def test_a_disqualified_peer_is_no_measure_and_the_target_says_why() -> None:
    comparison = bulk(10, 1, 1)
    comparison.entries[1].failed = "left other rows"
    found = {
        target["what"]: target for target in targets({"contests": [comparison_json(comparison)]})
    }
    first = found["bulk, times as fast as Paramiko + pandas"]
    assert (first["measured"], first["met"]) == (None, None)
    assert first["note"] == "bulk/csv has no counted runs of paramiko_pandas"


def test_other_ciphers_are_named_next_to_the_transports_ratio() -> None:
    theirs = entry("openssh_sftp", 2)
    theirs.cipher = "chacha20-poly1305@openssh.com"
    comparison = held("transport", entry("sftp_async", 1), theirs)
    notes = [
        t["note"] for t in targets({"contests": [comparison_json(comparison)]}) if t["id"] == "T4"
    ]
    assert notes[0] == "ciphers: aes128-gcm@openssh.com and chacha20-poly1305@openssh.com"


def test_a_summary_has_the_median_the_spread_and_the_multiple_of_ours() -> None:
    theirs = comparison_json(held("x", entry("sftp_async", 1, 2, 4), entry("peer", 3, 5, 9)))
    summary = theirs["entries"][1]["summary"]
    assert (summary["seconds"], summary["fastest"], summary["slowest"]) == (5, 3, 9)
    assert (summary["times_ours"], summary["runs"]) == (2.5, 3)
    assert summary["cpu"]["server"] == 0.5


def test_who_had_fewer_rows_is_compared_by_the_time_of_a_row() -> None:
    ours, theirs = entry("sftp_async", 2, rows=1000), entry("pandas", 3, rows=100)
    summary = comparison_json(held("x", ours, theirs))["entries"][1]["summary"]
    assert (summary["seconds"], summary["times_ours"]) == (3, 15)


@pytest.fixture
def report(tmp_path: Path) -> Report:
    context = folder_context(tmp_path)
    context.checks[50] = RelayCheck(50, 50, 50, 51, 100, throughput=300 * MIB)
    report = Report(context, ["unit"])
    report.add(compare(context, "unit", [writer("ours"), writer("theirs")], rounds=2))
    return report


def test_the_json_holds_every_run_and_what_it_was_made_on(report: Report, tmp_path: Path) -> None:
    file = report.write(tmp_path / "out")
    document = json.loads(file.read_text())
    entries = document["contests"][0]["entries"]
    assert [len(each["runs"]) for each in entries] == [2, 2]
    assert set(entries[0]["runs"][0]["cpu"]) == {"client", "jvm", "server", "relay"}
    assert document["machine"]["cores"] >= 1
    assert document["versions"]["asyncssh"]
    assert document["server"]["kind"] == "embedded"
    assert document["problems"] == []


def test_problems_are_gathered_from_comparisons_relays_and_workloads(
    report: Report, tmp_path: Path
) -> None:
    bad = held("bulk/csv", entry("sftp_async", 1))
    bad.entries[0].failed = "left nothing"
    report.add(bad)
    report.fail("latency ended early: no data")
    context = report._context
    context.checks[50] = RelayCheck(50, 70, 70, 70, 140, throughput=300 * MIB)
    # 100 MiB in 0.1 s: more than the relay was seen to carry.
    report.add(held("latency/csv", entry("sftp_async", 0.1), rtt_ms=50))
    problems = report.document()["problems"]
    assert [problem.partition(":")[0] for problem in problems] == [
        "latency ended early",
        "bulk/csv",
        "relay at 50 ms",
        "relay at 50 ms",
    ]


def test_the_fastest_run_through_a_relay_is_what_it_has_to_carry() -> None:
    comparisons = [
        held("far", entry("a", 4, 2), rtt_ms=50),
        held("near", entry("a", 0.1), rtt_ms=0),
    ]
    document = {"contests": [comparison_json(each) for each in comparisons]}
    assert fastest(document, 50) == 50 * MIB
    assert fastest(document, 150) == 0


def test_paths_and_users_of_the_machine_do_not_get_into_the_json(
    report: Report, tmp_path: Path
) -> None:
    report.fail(f"sftp {getpass.getuser()}@host: {tmp_path}/served/x is full, see {Path.home()}/a")
    text = report.write(tmp_path / "out").read_text()
    assert str(tmp_path) not in text
    assert f"{getpass.getuser()}@" not in text
    assert "sftp <user>@host: <scratch>/served/x is full, see ~/a" in text


def test_the_longest_of_nested_places_is_replaced() -> None:
    words = {"/home/u": "~", "/home/u/scratch": "<scratch>"}
    found = without_names({"a": ["/home/u/scratch/x", ("/home/u/y", 1)]}, words)
    assert found == {"a": ["<scratch>/x", ["~/y", 1]]}


def test_the_first_line_says_which_server_it_was_and_the_next_why_no_better_one(
    report: Report,
) -> None:
    lines = markdown(report.document()).splitlines()
    assert lines[0].startswith("Server: embedded (a folder); quick pass")
    assert "Not taken: container: needs a Docker daemon" in lines[2]


def test_what_people_read_has_a_row_for_every_contender_the_missing_ones_too(
    report: Report,
) -> None:
    away = Entry(Contender("rclone", "Rclone", print, unavailable="rclone is not installed"))
    wrong = entry("paramiko_pandas", 1)
    wrong.failed = "left other rows"
    report.add(held("bulk/csv", entry("sftp_async", 1, 2), away, wrong))
    document = report.document()
    console = Console(width=200, record=True, file=io.StringIO())
    show(document, console)
    for text in (markdown(document), console.export_text()):
        assert "skipped: rclone is not installed" in text
        assert "disqualified" in text
        assert "PROBLEM: bulk/csv: Paramiko_Pandas: left other rows" in text
        assert "1.00 to 2.00" in text


def test_the_comparisons_of_a_format_are_one_table_with_speed_by_the_second_and_by_the_core(
    report: Report,
) -> None:
    for codec in ("none", "gzip"):
        ours = entry("sftp_async", 2, cpu=4, rows=1_048_576)
        theirs = entry("pandas", 1, cpu=0, rows=1_048_576)
        report.add(held(f"encode/{codec}", ours, theirs, format="csv", compression=codec, scale=1))
    text = markdown(report.document())
    assert text.count("## encode/csv") == 1
    for codec in ("none", "gzip"):
        figures = "1,048,576 | 2.000 | one run | 1.00 | 100.0 | 52 | 4.00 | 26"
        assert f"| {codec} | Sftp_Async | {figures} |" in text
        assert f"| {codec} | Pandas | 1,048,576 | 1.000 | one run | 0.50 |" in text


def test_charts_are_drawn_of_what_was_run_and_of_nothing_else(
    report: Report, tmp_path: Path
) -> None:
    assert draw(report.document(), tmp_path) == {}
    traced = entry("sftp_async_5", 2, rows=5_000_000)
    trace = ((0.0, 10 * MIB, 20 * MIB), (1.0, 11 * MIB, 21 * MIB))
    traced.runs[0] = replace(traced.runs[0], trace=trace)
    comparisons = [
        held("bulk/csv", entry("sftp_async", 1, 2), entry("paramiko_pandas", 3)),
        held("latency/csv", entry("sftp_async", 1), entry("paramiko_pandas", 3), rtt_ms=50),
        held("scale/rows", *(entry(f"x{n}", n, worker=MIB, rows=n * 10**6) for n in (1, 2))),
        held("scale/one-partition", traced, rows=5_000_000),
    ]
    document = {
        "server": {"kind": "sshd"},
        "contests": [comparison_json(each) for each in comparisons],
    }
    made = draw(document, tmp_path)
    assert sorted(made.values()) == ["bulk.svg", "latency.svg", "scale-memory.svg", "scale.svg"]
    for file in made.values():
        assert (tmp_path / file).read_text().rstrip().endswith("</svg>")
        assert (tmp_path / file).with_suffix(".png").read_bytes().startswith(b"\x89PNG")
