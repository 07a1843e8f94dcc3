"""Jobs from their messages: what each came to, when it is over, and the line in the log."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from sftp_async.progress.messages import (
    CommitProgress,
    JobEnded,
    JobLabels,
    ReadProgress,
    RollBackBegun,
    TaskProgress,
)
from sftp_async.progress.state import BETWEEN, MOST_JOBS, QUIET
from sftp_async.progress.summary import WriteSummary
from sftp_async.progress.telemetry.follower import JobFollower
from sftp_async.remote.stats import ConnectionStats

LABELS = JobLabels("sftp.example.com", 2222, "csv", 1_800_000_000.0)


class Followed:
    """A follower without an exporter, and the lines that it logs."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "sftp_async.job")
        self._caplog = caplog
        self.follower = JobFollower(lambda _: None)

    def get(self, *messages: Any, now: float = 0.0) -> None:
        for message in messages:
            self.follower.update(message, now)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self._caplog.messages]

    @property
    def outcomes(self) -> list[tuple[Any, ...]]:
        return [(line["outcome"], line["tasks"], line["error_type"]) for line in self.lines]


@pytest.fixture
def followed(caplog: pytest.LogCaptureFixture) -> Followed:
    return Followed(caplog)


def task(partition: int, state: Any = "done", job: str = "w", **fields: Any) -> TaskProgress:
    return TaskProgress("task", job, "/out", 2.0, partition, state, 1, 10, 100, 1.0, **fields)


def read(partition: int, state: Any = "done", **fields: Any) -> ReadProgress:
    return ReadProgress("read", "r-1", "/in", 2.0, partition, state, 2, 1, 10, 100, **fields)


def summary(**fields: Any) -> WriteSummary:
    return WriteSummary("/out/named", "w", 2, 20, 200, 3.0, 4, 1, 0, tasks=2, **fields)


def failed(**fields: Any) -> WriteSummary:
    return WriteSummary("/out", "w", 0, 0, 0, 3.0, 1, 0, 0, failed=True, **fields)


def test_a_line_has_what_the_commit_sent_and_the_labels_of_the_job(followed: Followed) -> None:
    end = JobEnded("end", "w", summary(wait_seconds=0.25, throttle_seconds=0.5), labels=LABELS)
    followed.get(task(0), task(1), CommitProgress("commit", "w", "/out", 2.5), end)
    assert followed.lines == [
        {
            "operation": "write",
            "outcome": "succeeded",
            "job_id": "w",
            "batch": None,
            "target": "/out/named",
            "host": "sftp.example.com",
            "port": 2222,
            "format": "csv",
            "started": "2027-01-15T08:00:00.000+00:00",
            "seconds": 3.0,
            "startup_seconds": 0.0,
            "files": 2,
            "rows": 20,
            "bytes": 200,
            "tasks": 2,
            "connections": 4,
            "retries": 1,
            "reconnects": 0,
            "wait_seconds": 0.25,
            "throttle_seconds": 0.5,
            "files_replaced": 0,
            "files_removed": 0,
            "files_left_out": 0,
            "error_type": None,
            "error": None,
        }
    ]
    assert not followed.follower.is_busy
    followed.get(task(1), end)  # a datagram that comes late
    assert len(followed.lines) == 1


def test_a_write_that_failed_has_what_its_tasks_reported_and_the_last_error(
    followed: Followed,
) -> None:
    followed.get(
        task(0, spent=ConnectionStats(connections=2)),
        task(
            1,
            "failed",
            error="The disk is full",
            error_type="TransferError",
            spent=ConnectionStats(retries=3),
        ),
        task(2, "running", spent=ConnectionStats(wait_seconds=0.5)),
        JobEnded("end", "w", failed(), labels=LABELS),
    )
    (line,) = followed.lines
    assert (line["outcome"], line["error_type"]) == ("failed", "TransferError")
    assert line["error"] == "The disk is full"
    assert (line["files"], line["rows"], line["tasks"]) == (0, 30, 1)
    assert (line["connections"], line["retries"], line["wait_seconds"]) == (3, 3, 0.5)


def test_how_tasks_end_while_their_job_is_rolled_back_is_not_why_it_failed(
    followed: Followed,
) -> None:
    followed.get(
        task(0, "failed", error="The disk is full", error_type="RemoteSpaceError"),
        RollBackBegun("abort", "w", "/out", 1.0, labels=LABELS),
        task(1, "failed", error="It is gone", error_type="RemoteNotFoundError"),
        JobEnded("end", "w", failed(), labels=LABELS),
    )
    (line,) = followed.lines
    assert (line["error"], line["error_type"]) == ("The disk is full", "RemoteSpaceError")


def test_a_write_that_fails_before_its_tasks_says_with_what(followed: Followed) -> None:
    followed.get(JobEnded("end", "w", failed(error="No rights"), True, "CommitError", LABELS))
    (line,) = followed.lines
    assert (line["target"], line["error"], line["error_type"]) == (
        "/out",
        "No rights",
        "CommitError",
    )


def test_a_read_is_over_when_each_of_its_partitions_is_done_once(followed: Followed) -> None:
    followed.get(
        read(
            0,
            "failed",
            attempt=0,
            error="gone",
            error_type="RemoteChangedError",
            spent=ConnectionStats(retries=1),
        ),
        read(0, attempt=1, files_left_out=1, left_out_before=3),
    )
    assert followed.lines == []
    followed.get(read(1, left_out_before=3))
    (line,) = followed.lines
    assert (line["operation"], line["outcome"], line["error"]) == ("read", "succeeded", None)
    assert (line["files"], line["rows"], line["bytes"]) == (2, 20, 200)
    assert (line["files_left_out"], line["retries"]) == (4, 1)


def test_a_read_of_which_no_message_comes_is_over_sooner_if_a_task_failed(
    followed: Followed,
) -> None:
    followed.get(read(0))
    followed.follower.end_quiet(BETWEEN - 1)
    assert followed.lines == []
    followed.follower.end_quiet(BETWEEN)
    followed.follower.update(
        ReadProgress(
            "read", "r-2", "/in", 1.0, 0, "failed", 1, 0, 0, 0, error="x", error_type="DecodeError"
        ),
        0.0,
    )
    followed.follower.end_quiet(QUIET)
    assert followed.outcomes == [("partial", 1, None), ("failed", 0, "DecodeError")]


def test_a_write_waits_for_its_end_and_has_none_if_the_process_ends_before(
    followed: Followed,
) -> None:
    followed.get(task(0))
    followed.follower.end_quiet(1e9)
    assert followed.follower.is_busy
    followed.follower.close()
    assert followed.outcomes == [("unknown", 1, None)]


def test_an_attempt_at_a_micro_batch_ends_as_failed_whether_or_not_it_is_reported(
    followed: Followed,
) -> None:
    error = {"error": "full", "error_type": "TransferError"}
    followed.get(task(0, "failed", **error))
    followed.get(JobEnded("end", "of another attempt", None))  # of which no task has reported
    assert followed.lines == []
    followed.follower.end_quiet(BETWEEN)
    followed.get(task(0, job="b"), JobEnded("end", "b", None, labels=JobLabels(batch=7)))
    assert followed.outcomes == [("failed", 0, "TransferError"), ("failed", 1, None)]
    assert [line["batch"] for line in followed.lines] == [None, 7]


def test_jobs_beyond_the_limit_end_as_unknown(followed: Followed) -> None:
    followed.get(*(task(0, job=str(number)) for number in range(MOST_JOBS + 1)))
    assert [line["job_id"] for line in followed.lines] == ["0"]
