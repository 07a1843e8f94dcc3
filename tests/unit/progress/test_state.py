"""What is made of messages: totals of tasks, which writes are shown, and the last summary."""

from __future__ import annotations

from typing import Any

import pytest

from sftp_async.progress import state
from sftp_async.progress.messages import CommitProgress, JobEnded, TaskProgress
from sftp_async.progress.state import BETWEEN, QUIET, SHOWN_AFTER, View, WriteState
from sftp_async.progress.summary import WriteSummary


def task(partition: int, bytes_: int, state: Any = "running", job: str = "a") -> TaskProgress:
    return TaskProgress("task", job, f"/{job}", 0.0, partition, state, 1, bytes_ // 10, bytes_)


def summary(job: str = "a") -> WriteSummary:
    return WriteSummary(f"/{job}", job, 2, 30, 300, 1.5, 3, 0, 0)


def only_view(board: WriteState, now: float) -> View:
    (view,) = board.views(now)
    return view


def test_a_write_is_the_sum_of_its_tasks() -> None:
    board = WriteState()
    for message in (task(0, 100), task(1, 50), task(0, 300), task(1, 70, "done")):
        board.take(message, 0.0)
    view = only_view(board, 1.0)
    assert (view.target, view.files, view.rows, view.bytes) == ("/a", 2, 37, 370)
    assert (view.running, view.done, view.phase, view.seconds) == (1, 1, "writing", 1.0)


def test_the_time_counts_from_when_the_job_was_planned_not_from_its_first_news() -> None:
    board = WriteState()
    board.take(CommitProgress("commit", "a", "/a", 3.0), 10.0)
    assert board.views(10.0 + SHOWN_AFTER - 0.01) == []
    assert only_view(board, 11.0).seconds == 4.0
    board.take(CommitProgress("commit", "b", "/b", -3600.0), 11.0)  # a clock that is an hour behind
    assert board.views(12.0)[1].seconds == 1.0


def test_datagrams_out_of_order_and_a_second_attempt_take_nothing_back() -> None:
    board = WriteState()
    for message in (
        task(0, 300),
        task(0, 100),
        task(1, 500, "failed"),
        task(1, 40),
        task(2, 10, "done"),
        task(2, 9),
    ):
        board.take(message, 0.0)
    view = only_view(board, 1.0)
    assert (view.bytes, view.running, view.done) == (810, 2, 1)


def test_a_write_is_shown_once_it_takes_a_while_and_until_it_ends() -> None:
    board = WriteState()
    board.take(task(0, 100), 10.0)
    assert board.is_busy(10.1)
    assert board.views(10.0 + SHOWN_AFTER - 0.01) == []
    assert board.views(10.0 + SHOWN_AFTER)
    board.take(CommitProgress("commit", "a", "/a", 0.0), 11.0)
    assert only_view(board, 11.0).phase == "committing"
    board.take(JobEnded("end", "a", summary()), 11.5)
    assert (board.views(11.5), board.is_busy(11.5)) == ([], False)
    assert board.take_ended() == [JobEnded("end", "a", summary())]
    assert board.take_ended() == []


def test_a_late_datagram_does_not_bring_a_write_back() -> None:
    board = WriteState()
    for message in (task(0, 100), JobEnded("end", "a", summary()), task(0, 100, "done")):
        board.take(message, 0.0)
    assert board.views(1.0) == []
    assert not board.is_busy(0.1)


def test_what_is_sent_once_more_by_a_stranger_changes_nothing() -> None:
    board = WriteState()
    recorded = [
        task(0, 100),
        CommitProgress("commit", "a", "/a", 0.0),
        JobEnded("end", "a", summary("a")),
    ]
    for message in (*recorded, JobEnded("end", "b", summary("b"))):
        board.take(message, 0.0)
    board.take_ended()
    for message in recorded:
        board.take(message, 1.0)
    assert board.last == summary("b")
    assert (board.views(2.0), board.is_busy(2.0), board.take_ended()) == ([], False, [])


def test_a_long_write_keeps_its_numbers_while_many_short_ones_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "MOST_WRITES", 3)
    board = WriteState()
    board.take(task(0, 100, "done", job="long"), 0.0)
    for job in "abcde":
        board.take(task(0, 10, "done", job=job), 1.0)
        board.take(JobEnded("end", job, summary(job)), 1.0)
    board.take(task(1, 50, job="long"), 2.0)
    view = only_view(board, 2.0)
    assert (view.bytes, view.done, view.seconds) == (150, 1, 2.0)


def test_a_write_whose_tasks_were_killed_vanishes_and_one_that_is_alive_comes_back() -> None:
    board = WriteState()
    board.take(task(0, 100), 0.0)
    assert board.views(QUIET - 0.1)
    assert (board.views(QUIET), board.is_busy(QUIET)) == ([], False)
    board.take(task(0, 100), 60.0)
    assert board.views(60.0)


def test_the_commit_of_a_finished_task_may_be_long_in_coming() -> None:
    board = WriteState()
    board.take(task(0, 100, "done"), 0.0)
    assert board.views(BETWEEN - 0.1)
    assert board.views(BETWEEN) == []


def test_a_write_with_a_failed_task_is_shown_as_long_as_it_may_be_tried_again() -> None:
    board = WriteState()
    board.take(task(0, 100), 0.0)
    board.take(task(0, 100, "failed"), 1.0)
    assert (only_view(board, 2.0).running, only_view(board, 2.0).done) == (0, 0)
    board.take(task(0, 50), 2.0)
    assert (only_view(board, 2.0).running, only_view(board, 2.0).bytes) == (1, 100)
    board.take(JobEnded("end", "a", None), 3.0)
    assert board.views(3.0) == []


def test_the_speed_is_that_of_the_last_seconds() -> None:
    board = WriteState()
    for second in range(21):
        bytes_ = 100 * min(second, 10)
        board.take(task(0, bytes_), float(second))
        board.views(float(second))
        if second == 10:
            assert only_view(board, 10.0).speed == 100.0
    assert only_view(board, 20.0).speed == 0.0


def test_the_last_write_is_the_last_that_succeeded() -> None:
    board = WriteState()
    assert board.last is None
    board.take(JobEnded("end", "a", summary("a")), 0.0)
    board.take(JobEnded("end", "b", summary("b")), 1.0)
    board.take(JobEnded("end", "c", None), 2.0)
    assert board.last == summary("b")


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_WRITES", 3)
    monkeypatch.setattr(state, "MOST_TASKS", 2)
    board = WriteState()
    for number in range(5):
        board.take(task(number, 10, job="wide"), 0.0)
    assert only_view(board, 1.0).running == 2
    monkeypatch.setattr(state, "MOST_ENDED", 2)
    for job in "bcdef":
        board.take(task(0, 10, job=job), 1.0)
    assert list(board._writes) == ["d", "e", "f"]
    for job in "bcdef":
        board.take(JobEnded("end", job, None), 1.0)
    assert (list(board._writes), list(board._over)) == ([], ["e", "f"])
    assert [end.job for end in board.take_ended()] == ["d", "e", "f"]
