"""What the progress and the summary of a write are made from, and what its tasks send with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from sftp_async.remote.stats import UNSPENT, ConnectionStats

if TYPE_CHECKING:
    from sftp_async.progress.messages import Address, Message


@dataclass(frozen=True)
class Tracking:
    """What a job's progress and summary are made from.

    `started` is when the job was planned, in seconds since 1970; `preparation` is what its
    connections took before the tasks; `listener` is where its progress goes; `shown` is whether a
    failure is shown there: not that of a micro-batch, which is repeated.
    """

    started: float = field(default_factory=time.time)
    preparation: ConnectionStats = UNSPENT
    listener: Address | None = None
    shown: bool = True

    def plus(self, preparation: ConnectionStats) -> Self:
        """Return the same with further preparation."""
        return replace(self, preparation=self.preparation + preparation)


@dataclass(frozen=True)
class TaskMetrics:
    """What a task attempt sends to the commit together with its parts.

    `connection_stats` is what its connections took; `preparation` and `started` are those of the
    job's `Tracking`; `reported` is whether the attempt reported its progress; `began` is when it
    began, in seconds since 1970; `last` is its last message, if there is no listener that a trace
    could be made by.
    """

    connection_stats: ConnectionStats = UNSPENT
    preparation: ConnectionStats = UNSPENT
    started: float | None = None
    reported: bool = False
    began: float | None = None
    last: Message | None = None
