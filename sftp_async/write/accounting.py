"""A job's tasks and its end with their account: what it took, told to whoever asked for it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sftp_async.humanize import readable_target
from sftp_async.progress.messages import CommitProgress, JobEnded
from sftp_async.progress.reporter import Reporter, Sender
from sftp_async.progress.summary import WriteSummary
from sftp_async.remote.runtime import get_runtime
from sftp_async.remote.stats import UNSPENT, ConnectionStats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from sftp_async.layout.part_names import PartFile
    from sftp_async.progress.messages import TaskState
    from sftp_async.write.job import Job

log = logging.getLogger("sftp_async.write.accounting")


@dataclass(frozen=True)
class TaskMetrics:
    """What a task attempt tells the commit beside its parts.

    `line` is what it took, `prepared` what the preparation had taken, `started` when the job was
    planned (seconds since 1970), `live` whether it told of itself while it was under way.
    """

    line: ConnectionStats = UNSPENT
    prepared: ConnectionStats = UNSPENT
    started: float | None = None
    live: bool = False


def write(
    job: Job,
    partition: int,
    batches: Iterable[pa.RecordBatch],
    *,
    live: bool = True,
) -> tuple[tuple[PartFile, ...], TaskMetrics]:
    """Write one partition; see `TaskWriter.write`.

    Args:
        job: prepared.
        partition: Spark's number of it.
        batches: its rows.
        live: tell of it while it is under way, unless the user does not want it.

    """
    before = job.connection_stats()
    live = live and job.options.progress == "auto"
    parts = job.write(partition, batches, live=live)
    return parts, TaskMetrics(job.connection_stats() - before, job.prepared, job.started, live)


def commit(job: Job, parts: Sequence[PartFile], accounts: Sequence[TaskMetrics]) -> WriteSummary:
    """Make all parts visible; see `JobCommitter.commit`.

    Args:
        job: as its tasks had it.
        parts: of the successful attempts, in partition order.
        accounts: of the same.

    """
    job = replace(job, started=accounts[0].started or job.started) if accounts else job
    job_id, target = job.layout.job_id, readable_target(job.layout.target)

    def news(_: TaskState) -> CommitProgress:
        return CommitProgress("commit", job_id, target, job.age)

    before = job.connection_stats()
    line = sum((account.line for account in accounts), job.prepared)
    live = any(account.live for account in accounts)
    with Reporter(job.listener if live else None, get_runtime().loop, news):
        stats = job.commit(parts, line)
    line += job.connection_stats() - before
    summary = WriteSummary(
        target=target,
        job_id=job_id,
        files=stats.files,
        rows=stats.rows,
        bytes=stats.bytes,
        seconds=max(0.0, job.age),
        connections=line.connections,
        retries=line.retries,
        reconnects=line.reconnects,
        files_replaced=stats.files_replaced,
        files_removed=stats.files_removed,
    )
    log.info("%s", summary)
    _tell(job, JobEnded("end", job_id, summary))
    return summary


def failed(job: Job) -> None:
    """Tell that a job has failed."""
    _tell(job, JobEnded("end", job.layout.job_id, None))


def _tell(job: Job, end: JobEnded) -> None:
    sender = Sender(job.listener)
    sender.send(lambda: end)
    sender.close()
