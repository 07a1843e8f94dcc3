"""Bridges the calls of Spark's batch writer to a `Job`, and defines the commit message."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyspark import TaskContext
from pyspark.sql.datasource import DataSourceArrowWriter, WriterCommitMessage

from sftp_async.errors import CommitError
from sftp_async.spark.arrow_repair import repair_batch
from sftp_async.spark.brief_errors import brief_errors
from sftp_async.spark.worker import enable_info_logging, freeze_imports, task_numbers
from sftp_async.write.tracking import TaskMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from sftp_async.layout.part_names import PartFile
    from sftp_async.write.job import Job

log = logging.getLogger("sftp_async.spark.batch_writer")

#: Local property of every task of a micro-batch: MicroBatchExecution.BATCH_ID_KEY in Spark's
#: source.
BATCH_ID = "streaming.sql.batchId"


@dataclass(frozen=True)
class PartsWritten(WriterCommitMessage):
    """What one successful task attempt staged; carries no secret."""

    partition: int
    parts: tuple[PartFile, ...]
    metrics: TaskMetrics = field(default=TaskMetrics(), kw_only=True)


class SFTPBatchWriter(DataSourceArrowWriter):
    """Writes one job; pickled to the executors and to the process that commits.

    Args:
        job: prepared: its staging directory exists.

    """

    def __init__(self, job: Job) -> None:
        self._job = job

    @brief_errors
    def write(self, iterator: Iterator[pa.RecordBatch]) -> PartsWritten:
        """Upload one partition; called once for each task attempt, on an executor."""
        freeze_imports()
        context = TaskContext.get()
        partition, stage, attempt = task_numbers(stage=-1)
        # A write of foreachBatch is not shown by itself: its streaming query goes on.
        report = context is not None and context.getLocalProperty(BATCH_ID) is None
        batches = map(repair_batch, iterator)
        parts, metrics = self._job.write(
            partition, batches, report=report, stage=stage, attempt=attempt
        )
        return PartsWritten(partition, parts, metrics=metrics)

    @brief_errors
    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Make the job visible; called on the driver's side when all tasks have succeeded."""
        enable_info_logging()
        written = [message for message in messages if isinstance(message, PartsWritten)]
        if len(written) != len(messages):
            raise CommitError(
                f"{len(messages) - len(written)} of {len(messages)} tasks sent no commit message",
                path=self._job.layout.target,
            )
        written.sort(key=lambda message: message.partition)
        parts = [part for message in written for part in message.parts]
        self._job.commit(parts, [message.metrics for message in written])

    @brief_errors
    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Remove what the job staged; called on the driver's side when the job has failed."""
        enable_info_logging()
        log.warning(
            "%s: the job failed, removing what %d finished tasks staged",
            self._job.layout.target,
            sum(message is not None for message in messages),
        )
        self._job.abort()
