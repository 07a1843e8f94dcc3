"""The state of writes, from messages: totals of tasks, which writes are shown, the last summary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sftp_async.progress import state
from sftp_async.progress.history import KEPT
from sftp_async.progress.messages import (
    CommitProgress,
    JobEnded,
    ReadProgress,
    RollBackBegun,
    TaskProgress,
)
from sftp_async.progress.read_summary import ReadSummary
from sftp_async.progress.state import BETWEEN, QUIET, SHOWN_AFTER, View, WriteState
from sftp_async.progress.summary import WriteSummary
from sftp_async.remote.stats import ConnectionStats


def task(partition: int, bytes_: int, state: Any = "running", job: str = "a") -> TaskProgress:
    return TaskProgress("task", job, f"/{job}", 0.0, partition, state, 1, bytes_ // 10, bytes_)


def summary(job: str = "a") -> WriteSummary:
    return WriteSummary(f"/{job}", job, 2, 30, 300, 1.5, 3, 0, 0)


def only_view(writes: WriteState, now: float) -> View:
    (view,) = writes.views(now)
    return view


def test_a_write_is_the_sum_of_its_tasks() -> None:
    writes = WriteState()
    for message in (task(0, 100), task(1, 50), task(0, 300), task(1, 70, "done")):
        writes.update(message, 0.0)
    view = only_view(writes, 1.0)
    assert (view.target, view.files, view.rows, view.bytes) == ("/a", 2, 37, 370)
    assert (view.running, view.done, view.phase, view.seconds) == (1, 1, "writing", 1.0)


def test_the_time_counts_from_the_plan_of_the_job_not_from_its_first_message() -> None:
    writes = WriteState()
    writes.update(CommitProgress("commit", "a", "/a", 3.0), 10.0)
    assert writes.views(10.0 + SHOWN_AFTER - 0.01) == []
    assert only_view(writes, 11.0).seconds == 4.0
    writes.update(
        CommitProgress("commit", "b", "/b", -3600.0), 11.0
    )  # a clock that is an hour behind
    assert writes.views(12.0)[1].seconds == 1.0


def test_datagrams_out_of_order_and_a_second_attempt_decrease_no_counter() -> None:
    writes = WriteState()
    for message in (
        task(0, 300),
        task(0, 100),
        task(1, 500, "failed"),
        task(1, 40),
        task(2, 10, "done"),
        task(2, 9),
    ):
        writes.update(message, 0.0)
    view = only_view(writes, 1.0)
    assert (view.bytes, view.running, view.done) == (810, 2, 1)


def test_a_write_is_shown_after_half_a_second_and_until_it_ends() -> None:
    writes = WriteState()
    writes.update(task(0, 100), 10.0)
    assert writes.is_busy(10.1)
    assert writes.views(10.0 + SHOWN_AFTER - 0.01) == []
    assert writes.views(10.0 + SHOWN_AFTER)
    writes.update(CommitProgress("commit", "a", "/a", 0.0), 11.0)
    assert only_view(writes, 11.0).phase == "committing"
    writes.update(JobEnded("end", "a", summary()), 11.5)
    assert (writes.views(11.5), writes.is_busy(11.5)) == ([], False)
    assert writes.pop_ended() == [JobEnded("end", "a", summary())]
    assert writes.pop_ended() == []


def test_a_late_datagram_does_not_bring_a_write_back() -> None:
    writes = WriteState()
    for message in (task(0, 100), JobEnded("end", "a", summary()), task(0, 100, "done")):
        writes.update(message, 0.0)
    assert writes.views(1.0) == []
    assert not writes.is_busy(0.1)


def test_recorded_datagrams_that_are_sent_again_change_nothing() -> None:
    writes = WriteState()
    recorded = [
        task(0, 100),
        CommitProgress("commit", "a", "/a", 0.0),
        JobEnded("end", "a", summary("a")),
    ]
    for message in (*recorded, JobEnded("end", "b", summary("b"))):
        writes.update(message, 0.0)
    writes.pop_ended()
    for message in recorded:
        writes.update(message, 1.0)
    assert writes.last == summary("b")
    assert (writes.views(2.0), writes.is_busy(2.0), writes.pop_ended()) == ([], False, [])


def test_a_long_write_keeps_its_numbers_while_many_short_ones_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MOST_JOBS", 3)
    writes = WriteState()
    writes.update(task(0, 100, "done", job="long"), 0.0)
    for job in "abcde":
        writes.update(task(0, 10, "done", job=job), 1.0)
        writes.update(JobEnded("end", job, summary(job)), 1.0)
    writes.update(task(1, 50, job="long"), 2.0)
    view = only_view(writes, 2.0)
    assert (view.bytes, view.done, view.seconds) == (150, 1, 2.0)


def test_a_write_without_messages_disappears_and_comes_back_with_the_next_one() -> None:
    writes = WriteState()
    writes.update(task(0, 100), 0.0)
    assert writes.views(QUIET - 0.1)
    assert (writes.views(QUIET), writes.is_busy(QUIET)) == ([], False)
    writes.update(task(0, 100), 60.0)
    assert writes.views(60.0)


def test_a_write_between_its_tasks_and_its_commit_is_shown_for_longer() -> None:
    writes = WriteState()
    writes.update(task(0, 100, "done"), 0.0)
    assert writes.views(BETWEEN - 0.1)
    assert writes.views(BETWEEN) == []


def test_a_write_with_a_failed_task_is_shown_while_the_task_may_be_retried() -> None:
    writes = WriteState()
    writes.update(task(0, 100), 0.0)
    writes.update(task(0, 100, "failed"), 1.0)
    assert (only_view(writes, 2.0).running, only_view(writes, 2.0).done) == (0, 0)
    writes.update(task(0, 50), 2.0)
    assert (only_view(writes, 2.0).running, only_view(writes, 2.0).bytes) == (1, 100)
    writes.update(JobEnded("end", "a", None), 3.0)
    assert writes.views(3.0) == []


def test_the_speed_is_that_of_the_last_seconds() -> None:
    writes = WriteState()
    for second in range(21):
        bytes_ = 100 * min(second, 10)
        writes.update(task(0, bytes_), float(second))
        writes.views(float(second))
        if second == 10:
            assert only_view(writes, 10.0).speed == 100.0
    assert only_view(writes, 20.0).speed == 0.0


def test_the_last_write_is_the_last_that_succeeded() -> None:
    writes = WriteState()
    assert writes.last is None
    writes.update(JobEnded("end", "a", summary("a")), 0.0)
    writes.update(JobEnded("end", "b", summary("b")), 1.0)
    writes.update(JobEnded("end", "c", None), 2.0)
    assert writes.last == summary("b")


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_JOBS", 3)
    monkeypatch.setattr(state, "MOST_TASKS", 2)
    writes = WriteState()
    for number in range(5):
        writes.update(task(number, 10, job="wide"), 0.0)
    assert only_view(writes, 1.0).running == 2
    monkeypatch.setattr(state, "MOST_ENDED", 2)
    for job in "bcdef":
        writes.update(task(0, 10, job=job), 1.0)
    assert list(writes._jobs) == ["d", "e", "f"]
    for job in "bcdef":
        writes.update(JobEnded("end", job, None), 1.0)
    assert (list(writes._jobs), list(writes._ended_ids)) == ([], ["e", "f"])
    assert [end.job for end in writes.pop_ended()] == ["d", "e", "f"]


def read_progress(partition: int, state: Any = "running", **numbers: int) -> ReadProgress:
    fields: dict[str, Any] = {"tasks": 2, "files": 0, "rows": 0, "bytes": 0} | numbers
    return ReadProgress("read", "scan-0", "/in", 1.0, partition, state, **fields)


def test_a_read_is_summed_up_when_the_last_of_its_tasks_has_ended() -> None:
    kept = WriteState()
    kept.update(read_progress(0, files=1, rows=10, bytes=100), 5.0)
    kept.update(read_progress(1), 5.0)
    assert kept.is_busy(5.1)
    assert kept.last_read is None
    kept.update(
        read_progress(
            0, "done", files=2, ranges=2, rows=20, bytes=200, spent=ConnectionStats(retries=1)
        ),
        6.0,
    )
    assert kept.last_read is not None
    assert (kept.last_read.tasks_done, kept.last_read.tasks) == (1, 2)
    last = read_progress(1, "done", files=1, rows=5, bytes=50, files_left_out=1, left_out_before=3)
    last = replace(last, fast_bytes=30, exact_bytes=10, ranges=4)
    kept.update(last, 7.0)
    assert kept.last_read == ReadSummary(
        "/in", 3, 25, 250, 3.0, 2, 2, files_left_out=4, retries=1, exact_share=0.25, ranges=6
    )
    assert [end.summary for end in kept.pop_ended()] == [kept.last_read]
    assert not kept.is_busy(7.0)
    assert kept.last is None


def test_a_read_of_which_no_task_runs_is_soon_over() -> None:
    kept = WriteState()
    kept.update(read_progress(0, "done", rows=10), 5.0)
    assert kept.is_busy(5.0 + QUIET - 0.1)
    assert not kept.is_busy(5.0 + QUIET)


def began(partition: int, age: float, bytes_: int = 0, state: Any = "running") -> TaskProgress:
    return replace(task(partition, bytes_, state), began=age, stage=7)


def test_start_up_ends_when_the_first_task_begins() -> None:
    writes = WriteState()
    writes.update(began(1, 2.5), 0.0)
    writes.update(began(0, 2.0), 0.0)
    writes.update(began(2, 9.0), 0.0)
    assert only_view(writes, 1.0).startup == 2.0


def test_the_number_of_tasks_is_asked_for_until_it_is_known_or_hopeless() -> None:
    writes = WriteState()
    assert writes.unknown_stages() == {}
    writes.update(began(0, 0.0), 0.0)
    assert writes.unknown_stages() == writes.unknown_stages() == {"a": 7}
    writes.know_tasks("a", 8)
    writes.know_tasks("gone", 8)
    assert writes.unknown_stages() == {}
    assert only_view(writes, 1.0).tasks == 8
    writes.update(replace(began(0, 0.0), job="b"), 0.0)
    asked = [writes.unknown_stages() for _ in range(state.ASKED + 1)]
    assert asked == [*[{"b": 7}] * state.ASKED, {}]


def test_the_time_left_is_known_once_as_many_tasks_are_done_as_run() -> None:
    writes = WriteState()
    for message in (began(0, 0.0), began(1, 0.0)):
        writes.update(message, 0.0)
    writes.know_tasks("a", 4)
    writes.views(0.0)
    writes.update(began(0, 0.0, 1000, "done"), 1.0)
    assert only_view(writes, 1.0).left == 3.0  # 3,000 bytes at 1,000 a second
    writes.update(began(2, 0.0, 200), 1.0)
    assert only_view(writes, 1.0).left is None
    writes.update(began(1, 0.0, 1000, "done"), 2.0)
    assert only_view(writes, 2.0).left == pytest.approx(1800 / 1100)
    writes.update(CommitProgress("commit", "a", "/a", 0.0), 2.0)
    assert only_view(writes, 2.0).left is None


def test_tasks_that_end_while_their_job_is_rolled_back_are_not_why_it_failed() -> None:
    writes = WriteState()
    writes.update(replace(task(0, 100, "failed"), error="the disk is full"), 0.0)
    writes.update(RollBackBegun("abort", "a", "/a", 1.0), 1.0)
    assert only_view(writes, 1.0).phase == "rolling back"
    writes.update(replace(task(1, 100, "failed"), error="its staged file is gone"), 1.1)
    failed = WriteSummary("/a", "a", 0, 0, 0, 2.0, 1, 0, 0, failed=True, rolled_back=True)
    writes.update(JobEnded("end", "a", failed), 2.0)
    (found,) = writes.history.values()
    assert found.error == "the disk is full"


def test_a_write_that_failed_is_in_the_history_with_what_its_tasks_reported() -> None:
    writes = WriteState()
    writes.update(JobEnded("end", "before", summary("before")), 0.0)
    writes.update(began(0, 1.0, 300, "done"), 0.0)
    writes.update(replace(began(1, 1.0, 50, "failed"), error="the disk is full"), 0.0)
    failed = WriteSummary("/a", "a", 0, 0, 0, 2.0, 1, 0, 0, failed=True, rolled_back=True)
    writes.update(JobEnded("end", "a", failed), 1.0)
    found = replace(failed, rows=35, bytes=350, tasks=1, startup_seconds=1.0)
    found = replace(found, error="the disk is full")
    assert [*writes.history.values()] == [summary("before"), found]
    assert [end.summary for end in writes.pop_ended()] == [summary("before"), found]
    assert writes.last == summary("before")


def test_the_history_is_bounded_and_a_read_is_in_it_once() -> None:
    kept = WriteState()
    kept.update(read_progress(0, "done", rows=1), 0.0)
    for number in range(KEPT - 1):
        kept.update(JobEnded("end", str(number), summary()), 1.0)
    kept.update(read_progress(1, "done", rows=2), 2.0)
    assert len(kept.history) == KEPT
    assert [*kept.history.values()][-1] == kept.last_read
    kept.update(JobEnded("end", "more", summary()), 3.0)
    assert len(kept.history) == KEPT
    assert "0" not in kept.history
