"""Bridges the calls of Spark's batch reader to a `Scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceReader, InputPartition

from sftp_async.spark.brief_errors import brief_errors, brief_errors_of_rows
from sftp_async.spark.session_zone import task_zone
from sftp_async.spark.worker import freeze_imports, task_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import TaskInput
    from sftp_async.read.tracking import ReadTracking


class TaskPartition(InputPartition):
    """What one task reads; carries no secret."""

    def __init__(self, task: TaskInput) -> None:
        super().__init__(task)


class SFTPBatchReader(DataSourceReader):
    """Reads one scan. Spark pickles it to the tasks before it asks for the partitions.

    There is no `pushFilters`: Spark 4.1 to 4.3 mix up the filters of two scans of one DataFrame.

    Args:
        scan: what the tasks have in common.
        tasks: the input of each; not pickled.
        tracking: reports the progress.

    """

    def __init__(self, scan: Scan, tasks: Sequence[TaskInput], tracking: ReadTracking) -> None:
        self._scan = scan
        self._tasks = tasks
        self._tracking = tracking

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_tasks": ()}

    @brief_errors
    def partitions(self) -> Sequence[InputPartition]:
        """Return the input of each task; called once, in the process that planned the scan."""
        return [TaskPartition(task) for task in self._tasks]

    @brief_errors_of_rows
    def read(self, partition: InputPartition | None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one task, on an executor.

        Args:
            partition: None stands for an empty list of partitions (Spark 4.3).

        """
        freeze_imports()
        if partition is None or partition.value is None:
            return
        number, stage, attempt = task_numbers()
        zone = task_zone()
        scan = self._scan if zone is None else self._scan.in_zone(zone)
        yield from self._tracking.read(scan, partition.value, number, stage, attempt)
