"""Reports the progress of a read's tasks to the process that started the read."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from sftp_async.humanize import counted, readable_target
from sftp_async.progress.messages import ReadProgress
from sftp_async.progress.reporter import Reporter
from sftp_async.read.task import ReadCounters, read_task
from sftp_async.remote.runtime import get_runtime

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.progress.messages import Address, TaskState
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
        listener: where the progress goes; None: nowhere.
        started: when the read was planned, in seconds since 1970.

    """

    scan_id: str
    target: str
    tasks: int
    left_out: int = 0
    listener: Address | None = None
    started: float = field(default_factory=time.time)

    def read(
        self, scan: Scan, task: TaskInput, partition: int, stage: int
    ) -> Generator[pa.RecordBatch]:
        """Yield the rows of one task, and report the progress.

        Args:
            scan: what all tasks have in common.
            task: its splits.
            partition: Spark's number of the partition.
            stage: Spark's number of the stage.

        Raises:
            As `read_task`.

        """
        counters = ReadCounters()
        runtime = get_runtime()
        pool = runtime.pool(scan.options)
        before = pool.connection_stats()
        target = readable_target(self.target)

        def progress(state: TaskState) -> ReadProgress:
            return ReadProgress(
                "read",
                f"{self.scan_id}-{stage}",
                target,
                time.time() - self.started,
                partition,
                state,
                self.tasks,
                left_out_before=self.left_out,
                **counters.to_dict(),
                **asdict(pool.connection_stats() - before),
            )

        listener = self.listener if scan.options.progress == "auto" else None
        with Reporter(listener, runtime.loop, progress):
            yield from read_task(scan, task, counters)
        log.info(
            "task %d read %s of %s; %d bytes on the fast path, %d on the exact one",
            partition,
            counted((counters.files, "file"), (counters.rows, "row"), (counters.bytes, "byte")),
            target,
            counters.fast_bytes,
            counters.exact_bytes,
        )
