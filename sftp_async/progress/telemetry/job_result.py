"""What a job came to, for its log line, its span and its metrics: `JobResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sftp_async.progress.messages import JobLabels

Operation = Literal["write", "read"]
Outcome = Literal["succeeded", "failed", "partial", "unknown"]


@dataclass(frozen=True)
class JobResult:
    """What one write or read came to.

    Attributes:
        operation: write or read.
        outcome: `partial` is a read of which Spark wanted no more rows; `unknown` a write whose end
            was not reported.
        job_id: of a write 32 hex digits; of a read the plan's 32 and Spark's stage.
        target: path on the server, as the user gave it.
        labels: server, format and the like.
        files: of a write those that were committed, of a read those that its tasks are done with.
        rows: in them.
        bytes: in them; of a read those that came from the server.
        tasks: that are done.
        seconds: from the plan to the end.
        startup_seconds: of these, those before the first task began.
        connections: logins.
        retries: logins, requests and uploads that were repeated.
        reconnects: connections that broke.
        wait_seconds: that tasks, plan and commit waited for connections, all added up.
        throttle_seconds: that bytes waited for the bandwidth, all added up.
        files_replaced: data files that an overwrite replaced.
        files_removed: data files that an overwrite removed.
        files_left_out: files that a read left out.
        error_type: class of the error; empty: there is none, or it is not known.
        error: why it failed, as far as it is known; without secrets.

    """

    operation: Operation
    outcome: Outcome
    job_id: str
    target: str
    labels: JobLabels
    files: int
    rows: int
    bytes: int
    tasks: int
    seconds: float
    startup_seconds: float = 0.0
    connections: int = 0
    retries: int = 0
    reconnects: int = 0
    wait_seconds: float = 0.0
    throttle_seconds: float = 0.0
    files_replaced: int = 0
    files_removed: int = 0
    files_left_out: int = 0
    error_type: str = ""
    error: str = ""
