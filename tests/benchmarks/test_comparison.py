"""A comparison: fair turns, no time for another outcome, and one failure ends one part."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="the suite measures Spark")

from benchmarks.comparison import Contender, Outcome, compare
from benchmarks.sizes import size_of
from benchmarks.time_limit import RunTimeoutError, time_limit
from tests.benchmarks.folder import folder_context, writer


def broken(target: str) -> None:
    raise OSError("no route to host")


def changing(*texts: str) -> Callable[[], str]:
    return itertools.chain(texts, itertools.repeat(texts[-1])).__next__


def test_contenders_warm_up_and_then_run_in_turn(tmp_path: Path) -> None:
    log: list[str] = []
    result = compare(
        folder_context(tmp_path),
        "c",
        [writer("ours", log=log), writer("theirs", log=log)],
        rounds=3,
        warmups=2,
    )
    assert log == ["ours"] * 2 + ["theirs"] * 2 + ["ours", "theirs"] * 3
    assert [len(entry.runs) for entry in result.entries] == [3, 3]
    assert [len(entry.warmups) for entry in result.entries] == [2, 2]
    assert result.problems == []


def test_a_slow_peer_has_one_run_which_is_its_verified_warm_up_unless_that_did_more(
    tmp_path: Path,
) -> None:
    log: list[str] = []
    contenders = [writer("ours", log=log), writer("slow", log=log), reader("checked", 2, log=log)]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=2, alike=False, long=0.0)
    assert log == ["ours", "slow", "check", "ours", "run", "ours"]
    assert [len(entry.runs) for entry in result.entries] == [2, 1, 1]


def test_the_order_of_rows_does_not_disqualify(tmp_path: Path) -> None:
    contenders = [writer("ours", "a\nb\n"), writer("theirs", "b\na\n")]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=1)
    assert result.problems == []


@pytest.mark.parametrize("text", ["a\n", "a\nb\nb\n", "a\nc\n"], ids=["missing", "twice", "other"])
def test_who_left_other_rows_is_disqualified_with_both_outcomes(tmp_path: Path, text: str) -> None:
    log: list[str] = []
    contenders = [writer("ours"), writer("theirs", text, log)]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=2)
    ours, theirs = result.entries
    assert (len(ours.runs), len(theirs.runs), log) == (2, 0, ["theirs"])
    (problem,) = result.problems
    assert ours.outcome is not None
    assert theirs.outcome is not None
    assert ours.outcome.digest in problem
    assert theirs.outcome.digest in problem


def test_ours_too_must_leave_the_rows_that_were_given(tmp_path: Path) -> None:
    result = compare(folder_context(tmp_path), "c", [writer("ours")], rounds=1, labels={"rows": 3})
    assert result.problems == ["c: Ours: left 2 rows instead of 3"]
    assert result.entries[0].runs == []


def reader(
    name: str, rows: int, truth: Outcome | None = None, log: list[str] | None = None
) -> Contender:
    """A contender that reads, and leaves nothing; `check` says what it found."""
    log = [] if log is None else log

    def check(target: str) -> Outcome:
        log.append("check")
        return Outcome(rows, 0, f"digest of {rows}")

    return Contender(
        name, name.title(), lambda target: log.append("run"), check=check, truth=truth, reads=7
    )


def test_a_reader_is_checked_in_its_last_warm_up_and_then_runs_with_the_bytes_it_reads(
    tmp_path: Path,
) -> None:
    log: list[str] = []
    contender = reader("ours", 2, Outcome(2, 99, "digest of 2"), log)
    result = compare(folder_context(tmp_path), "c", [contender], rounds=2, warmups=2)
    assert log == ["run", "check", "run", "run"]
    assert result.problems == []
    assert [run.bytes for run in result.entries[0].runs] == [7, 7]


def test_ours_too_is_disqualified_when_it_finds_something_else_than_is_there(
    tmp_path: Path,
) -> None:
    truth = Outcome(2, 99, "digest of 2")
    contenders = [reader("ours", 3, truth), reader("theirs", 2, truth), reader("other", 1, truth)]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=1)
    assert [len(entry.runs) for entry in result.entries] == [0, 1, 0]
    first, second = result.problems
    assert first == (
        "c: Ours: found something else than is there: 3 rows, 0 bytes, digest digest of 3 instead "
        "of 2 rows, 99 bytes, digest digest of 2"
    )
    assert second.startswith("c: Other: found something else")


def test_readers_without_a_known_truth_are_held_against_ours(tmp_path: Path) -> None:
    contenders = [reader("ours", 2), reader("theirs", 2), reader("other", 3)]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=1)
    (problem,) = result.problems
    assert problem.startswith("c: Other: left something else than Ours")


def test_contenders_with_different_work_are_held_against_their_own_rows(tmp_path: Path) -> None:
    contenders = [
        replace(writer("small", "a\n"), rows=1),
        replace(writer("large", "a\nb\nc\n"), rows=3),
        replace(writer("wrong", "a\n"), rows=2),
    ]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=1, alike=False)
    assert result.problems == ["c: Wrong: left 1 rows instead of 2"]


def test_a_counted_run_that_leaves_less_than_the_verified_one_does_not_count(
    tmp_path: Path,
) -> None:
    contenders = [writer("ours"), writer("theirs", changing("a\nb\n", "a\nb\n", "a\n"))]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=3)
    assert result.problems == ["c: Theirs: run 2 left 2 bytes, not the 4 verified"]
    assert not result.entries[1].counts


def test_an_error_ends_one_contenders_part_alone(tmp_path: Path) -> None:
    contenders = [writer("ours"), Contender("bad", "Bad", broken), writer("theirs")]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=2)
    assert [len(entry.runs) for entry in result.entries] == [2, 0, 2]
    assert result.problems == ["c: Bad: OSError: no route to host"]


def test_without_ours_no_contender_is_verified(tmp_path: Path) -> None:
    contenders = [replace(writer("ours"), run=broken), writer("theirs")]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=1)
    assert [entry.runs for entry in result.entries] == [[], []]
    assert "cannot be verified" in result.problems[1]


def test_who_is_not_there_is_skipped_with_the_reason_and_is_no_problem(tmp_path: Path) -> None:
    lines: list[str] = []
    away = replace(writer("theirs"), run=broken, unavailable="rclone is not installed")
    result = compare(folder_context(tmp_path, lines), "c", [writer("ours"), away], rounds=1)
    assert result.problems == []
    assert any("rclone is not installed" in line for line in lines)


def test_targets_and_leftovers_are_removed_after_every_run_a_failed_one_too(
    tmp_path: Path,
) -> None:
    context = folder_context(tmp_path)
    tidied: list[str] = []

    def half(target: str) -> None:
        Path(target).mkdir()
        Path(target, "part-0").write_text("a\n")
        broken(target)

    local = replace(writer("local"), target=context.new_local, tidy=tidied.append)
    compare(context, "c", [writer("ours"), local, Contender("half", "Half", half)], rounds=2)
    assert list(Path(context.server.directory).iterdir()) == []
    assert list((tmp_path / "local").iterdir()) == []
    assert len(set(tidied)) == 3  # the warm-up, and two runs


def test_the_cipher_seen_last_stays_where_a_pool_is_still_connected(tmp_path: Path) -> None:
    context = folder_context(tmp_path)
    server = context.server

    def connects() -> str:
        server.negotiated.append("aes128-gcm@openssh.com")  # type: ignore[attr-defined]
        return "a\n"

    server.negotiated.append("3des-cbc")  # type: ignore[attr-defined] # another contender's, before
    first = compare(context, "first", [writer("ours", connects), writer("other", "a\n")], rounds=1)
    second = compare(context, "second", [writer("ours", "a\n")], rounds=1)
    assert [entry.cipher for entry in first.entries] == ["aes128-gcm@openssh.com", None]
    assert second.entries[0].cipher == "aes128-gcm@openssh.com"


def test_names_must_differ_and_one_warm_up_must_be_there_to_verify(tmp_path: Path) -> None:
    context = folder_context(tmp_path)
    with pytest.raises(ValueError, match="ours"):
        compare(context, "c", [writer("ours"), writer("ours")], rounds=1)
    with pytest.raises(ValueError, match="warm-up"):
        compare(context, "c", [writer("ours")], rounds=1, warmups=0)


def test_a_run_without_end_is_ended(tmp_path: Path) -> None:
    endless = Contender("endless", "Endless", lambda target: signal.pause())
    result = compare(folder_context(tmp_path), "c", [endless], rounds=1, patience=0.05)
    assert result.problems == ["c: Endless: RunTimeoutError: did not end within 0.05 s"]


def test_an_alarm_that_was_set_before_is_set_again() -> None:
    before = signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, 600)
    try:
        with pytest.raises(RunTimeoutError), time_limit(0.01):
            signal.pause()
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 600
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)


def test_a_size_is_that_of_the_data_without_markers_and_checksums(tmp_path: Path) -> None:
    for name, size in {"part-0.csv": 10, "sub/part-1.csv": 5, "_SUCCESS": 7, ".x.crc": 9}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    assert size_of(tmp_path) == 15
    assert size_of(tmp_path / "part-0.csv") == 10
    assert size_of(tmp_path / "nothing") == 0


def test_who_may_have_fallen_asleep_is_woken_before_each_counted_run_into_another_target(
    tmp_path: Path,
) -> None:
    targets: list[tuple[str, str]] = []
    ours = writer("ours")
    sleepy = replace(
        ours,
        run=lambda target: (targets.append(("run", target)), ours.run(target)),
        wake=lambda target: targets.append(("wake", target)),
    )
    result = compare(folder_context(tmp_path), "c", [sleepy], rounds=2)
    assert [what for what, _ in targets] == ["run", "wake", "run", "wake", "run"]
    assert len({target for _, target in targets}) == 5
    assert len(result.entries[0].runs) == 2


def test_who_cannot_be_woken_has_failed(tmp_path: Path) -> None:
    contenders = [writer("ours"), replace(writer("theirs"), wake=broken)]
    result = compare(folder_context(tmp_path), "c", contenders, rounds=2)
    (problem,) = result.problems
    assert "no route to host" in problem
    assert [len(entry.runs) for entry in result.entries] == [2, 0]
