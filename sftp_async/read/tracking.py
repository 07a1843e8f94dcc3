"""Reports the progress of a read's tasks to the process that started the read."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sftp_async.humanize import counted, readable_target
from sftp_async.progress.messages import JobLabels, ReadProgress
from sftp_async.progress.permits import join_driver
from sftp_async.progress.reporter import Reporter
from sftp_async.read.task import ReadCounters, read_task

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.progress.messages import Address, Message, TaskState
    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import TaskInput

log = logging.getLogger("sftp_async.read")


@dataclass(frozen=True)
class ReadTracking:
    """What the progress of a read is made from; pickled to the tasks.

    Attributes:
        scan_id: of the plan; the runs of one DataFrame have it in common.
        target: what is read, for people.
        tasks: number of tasks.
        left_out: files that the listing left out.
        listener: where the progress goes, and who hands out permits; None: there is none.
        started: when the read was planned, in seconds since 1970.
        batch: number of the micro-batch, which no display shows; -1: it is none.

    """

    scan_id: str
    target: str
    tasks: int
    left_out: int = 0
    listener: Address | None = None
    started: float = field(default_factory=time.time)
    batch: int = -1

    def read(
        self, scan: Scan, task: TaskInput, partition: int, stage: int, attempt: int = 0
    ) -> Generator[pa.RecordBatch]:
        """Yield the rows of one task, and report the progress.

        Args:
            scan: what all tasks have in common.
            task: its splits.
            partition: Spark's number of the partition.
            stage: Spark's number of the stage.
            attempt: Spark's number of the attempt at the partition.

        Raises:
            As `read_task`.

        """
        counters = ReadCounters()
        runtime = join_driver(scan.options, self.listener, in_task=True)
        pool = runtime.pool(scan.options)
        before = pool.connection_stats()
        target = readable_target(self.target)
        began = time.time() - self.started
        shown = scan.options.progress == "auto" and self.batch < 0
        labels = JobLabels.of(scan.options, self.started, self.batch)

        def progress(state: TaskState) -> ReadProgress:
            counts: dict[str, Any] = counters.to_dict()
            return ReadProgress(
                "read",
                f"{self.scan_id}-{stage}",
                target,
                time.time() - self.started,
                partition,
                state,
                self.tasks,
                left_out_before=self.left_out,
                **counts,
                spent=pool.connection_stats() - before,
                began=began,
                attempt=attempt,
                shown=shown,
                labels=labels,
            )

        # What no display may show may be traced.
        listener = self.listener if shown or scan.options.telemetry != "off" else None
        unheard = _trace if self.listener is None and scan.options.telemetry == "otel" else None
        with Reporter(listener, runtime.loop, progress, unheard):
            try:
                yield from read_task(scan, task, counters)
            finally:
                runtime.leave(scan.options)
        log.info(
            "task %d read %s of %s; %d bytes on the fast path, %d on the exact one",
            partition,
            counted((counters.files, "file"), (counters.rows, "row"), (counters.bytes, "byte")),
            target,
            counters.fast_bytes,
            counters.exact_bytes,
        )


def _trace(message: Message) -> None:
    from sftp_async.progress.telemetry.unheard import report_read_task  # rarely needed

    report_read_task(message)
