"""Bridges the calls of Spark's streaming writers to a `Job`, which commits each batch exactly once.

Spark makes a writer in every process that takes part in a micro-batch. The one that goes to the
tasks is pickled, and is prepared then. Another one commits or aborts, and learns from the tasks'
messages which attempt at the batch that is.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark import TaskContext
from pyspark.sql import datasource as spark_api
from pyspark.sql.datasource import DataSourceStreamWriter, WriterCommitMessage

from sftp_async.errors import CommitError, TransferError
from sftp_async.spark.arrow_repair import repair_batch
from sftp_async.spark.batch_writer import BATCH_ID, PartsWritten
from sftp_async.spark.brief_errors import brief_errors
from sftp_async.spark.row_batches import process_time_zone_utc, record_batches
from sftp_async.spark.worker import enable_info_logging, freeze_imports

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import Row

    from sftp_async.write.job import Job

log = logging.getLogger("sftp_async.spark.stream_writer")

#: The other local property of every task of a micro-batch: StreamExecution.QUERY_ID_KEY in Spark's
#: source.
QUERY_ID = "sql.streaming.queryId"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class BatchPartsWritten(PartsWritten):
    """What one task attempt of a micro-batch staged, and the attempt at a batch it belongs to."""

    job_id: str
    query_id: str
    batch_id: int


class _StreamWriter:
    """What both kinds of streaming writers have in common.

    Args:
        job: planned, not prepared.

    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._prepared = False

    @brief_errors
    def __getstate__(self) -> dict[str, Any]:
        # Spark pickles the writer, twice, to send it to the tasks: their staging directory has to
        # exist before.
        if not self._prepared:
            self._job = self._job.prepare()
            self._prepared = True
        return self.__dict__

    def _write(self, batches: Iterator[pa.RecordBatch]) -> BatchPartsWritten:
        freeze_imports()
        context = TaskContext.get()
        query_id = context.getLocalProperty(QUERY_ID) if context is not None else None
        batch_id = context.getLocalProperty(BATCH_ID) if context is not None else None
        if context is None or query_id is None or batch_id is None:
            raise TransferError(
                "Spark does not say which micro-batch this is, so it cannot be written exactly "
                "once",
                path=self._job.layout.target,
                hint="Write it with df.writeStream, or from foreachBatch with df.write and job_key",
            )
        if not _UUID.fullmatch(query_id) or not batch_id.isdecimal():
            raise TransferError(f"Unusable names of a micro-batch: {query_id!r}, {batch_id!r}")
        partition = context.partitionId()
        attempt = context.attemptNumber()
        # Members of archives may be named by the batch, which only a task knows before the commit.
        job = self._job.of_batch(self._job.layout.job_id, query_id, int(batch_id))
        parts, metrics = job.write(partition, batches, report=False, attempt=attempt)
        return BatchPartsWritten(
            partition, parts, self._job.layout.job_id, query_id, int(batch_id), metrics=metrics
        )

    @brief_errors
    def commit(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803 - Spark's name
        """Make the batch visible, or complete an earlier attempt at it; on the driver's side."""
        enable_info_logging()
        written = [message for message in messages if isinstance(message, BatchPartsWritten)]
        attempts = {(one.job_id, one.query_id, one.batch_id) for one in written}
        if len(written) != len(messages) or len(attempts) != 1:
            raise CommitError(
                f"The messages of {len(messages)} tasks do not make batch {batchId}",
                path=self._job.layout.target,
            )
        job_id, query_id, _ = attempts.pop()
        written.sort(key=lambda message: message.partition)
        metrics = [message.metrics for message in written]
        parts = [part for message in written for part in message.parts]
        self._job.of_batch(job_id, query_id, batchId, metrics[0]).commit(parts, metrics)

    @brief_errors
    def abort(self, messages: list[WriterCommitMessage | None], batchId: int) -> None:  # noqa: N803 - Spark's name
        """Remove what the attempt staged, unless its commit has begun; on the driver's side."""
        enable_info_logging()
        written = [message for message in messages if isinstance(message, BatchPartsWritten)]
        log.warning(
            "%s: batch %d failed, removing what %d finished tasks staged",
            self._job.layout.target,
            batchId,
            len(written),
        )
        job = self._job
        if written:
            one = written[0]
            job = job.of_batch(one.job_id, one.query_id, batchId, one.metrics)
        job.abandon()


class SFTPStreamRowWriter(_StreamWriter, DataSourceStreamWriter):
    """Writes micro-batches that come as rows, as they do in Spark 4.0.

    Args:
        job: planned, not prepared.
        schema: of the rows.

    """

    def __init__(self, job: Job, schema: pa.Schema) -> None:
        super().__init__(job)
        self._schema = schema

    @brief_errors
    def write(self, iterator: Iterator[Row]) -> BatchPartsWritten:
        """Upload one partition of a micro-batch; on an executor."""
        with process_time_zone_utc():
            return self._write(record_batches(iterator, self._schema))


#: Whether a streaming writer can get Arrow batches: since Spark 4.1.
TAKES_ARROW = hasattr(spark_api, "DataSourceStreamArrowWriter")

if TAKES_ARROW:

    class SFTPStreamArrowWriter(
        _StreamWriter,
        spark_api.DataSourceStreamArrowWriter,  # type: ignore[misc,name-defined,unused-ignore]
    ):
        """Writes micro-batches that come as Arrow batches.

        Args:
            job: planned, not prepared.

        """

        @brief_errors
        def write(self, iterator: Iterator[pa.RecordBatch]) -> BatchPartsWritten:
            """Upload one partition of a micro-batch; on an executor."""
            return self._write(map(repair_batch, iterator))


def stream_writer(job: Job, schema: pa.Schema) -> DataSourceStreamWriter:
    """Return the fastest writer that this version of Spark supports."""
    return SFTPStreamArrowWriter(job) if TAKES_ARROW else SFTPStreamRowWriter(job, schema)
