"""Traces what no listener hears, in the processes of Spark's that commit a write or read a task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sftp_async.progress.messages import ReadProgress
from sftp_async.progress.telemetry.follower import JobFollower
from sftp_async.progress.telemetry.providers import exporter_for, flush

if TYPE_CHECKING:
    from sftp_async.progress.messages import Message

log = logging.getLogger("sftp_async.progress.telemetry")


def report_job(messages: Iterable[Message]) -> None:
    """Log a write that has ended and, with `telemetry=otel`, send its spans; never raises.

    Args:
        messages: the last ones of its tasks and of its commit, as far as they are known, and its
            end.

    """

    def follow() -> None:
        follower = JobFollower()
        for message in messages:
            follower.update(message, 0.0)

    _try(follow)


def report_read_task(message: Message) -> None:
    """Send the span of a task of a read, which nothing else sums up; never raises.

    Args:
        message: the task's last one.

    """

    def send() -> None:
        assert isinstance(message, ReadProgress)
        exporter = exporter_for(message.labels.telemetry)
        if exporter is not None:
            exporter.add_lone_task(message)

    _try(send)


def _try(step: Callable[[], None]) -> None:
    try:
        step()
        # Spark may end this process at any time.
        flush()
    except Exception as error:  # noqa: BLE001 - no job depends on its traces
        log.warning("a trace is not complete: %s: %s", type(error).__name__, error)
