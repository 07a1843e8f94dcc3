"""Bridges the calls of Spark's stream reader to an `OpenStream`, which plans its micro-batches.

One instance lives in a Python process for the whole query, and plans. The one that reads is another
one, of another process: what the first one learns comes to it in the partitions.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pyspark.sql.datasource import DataSourceStreamReader, InputPartition

from sftp_async.progress.permits import join_driver
from sftp_async.read.stream.admission import Limits
from sftp_async.read.stream.open_stream import OpenStream
from sftp_async.spark.brief_errors import brief_errors, brief_errors_of_rows
from sftp_async.spark.session_zone import task_zone
from sftp_async.spark.worker import freeze_imports, show_info, task_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from sftp_async.read.stream.batch_scan import StreamTask
    from sftp_async.read.stream.source import StreamSource

try:
    #: How a source limits its micro-batches, since Spark 4.2.
    admission: Any = import_module("pyspark.sql.streaming.datasource")
except ImportError:
    admission = None

#: Says which files wait, and why, when that changes.
STREAM_LOG = "sftp_async.read.stream"

_Mixin: Any = object if admission is None else admission.SupportsTriggerAvailableNow


class StreamPartition(InputPartition):
    """What one task reads; carries no secret."""

    def __init__(self, task: StreamTask) -> None:
        super().__init__(task)


class SFTPStreamReader(DataSourceStreamReader, _Mixin):  # type: ignore[misc]
    """Reads a stream.

    Args:
        source: the stream.

    """

    def __init__(self, source: StreamSource) -> None:
        self._source = source

    def __getstate__(self) -> dict[str, Any]:
        return {"_source": self._source}

    @cached_property
    def _stream(self) -> OpenStream:
        # Not before a call for it: the instance that reads never opens the stream.
        show_info(STREAM_LOG)
        scan = self._source.scan
        join_driver(scan.options, scan.listener, in_task=False)
        return OpenStream(self._source)

    @brief_errors
    def initialOffset(self) -> dict[str, Any]:  # noqa: N802 - Spark's name
        """Return the offset of a stream that has read nothing."""
        return self._stream.planner.initial()

    @brief_errors
    def latestOffset(  # noqa: N802 - Spark's name
        self, start: dict[str, Any] | None = None, limit: Any = None
    ) -> dict[str, Any]:
        """Plan the next micro-batch; Spark 4.0 and 4.1 give no arguments."""
        return self._stream.planner.latest(start, self._limits(limit))

    @brief_errors
    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> Sequence[InputPartition]:
        """Return the input of each task of a micro-batch; again for each replay."""
        return [StreamPartition(task) for task in self._stream.tasks(start, end)]

    @brief_errors_of_rows
    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one task, on an executor."""
        freeze_imports()
        task: StreamTask = partition.value
        number, stage, attempt = task_numbers()
        scan = self._source.scan.scan(task.shape)
        tracking = self._source.scan.tracking(task.shape)
        zone = task_zone()
        scan = scan if zone is None else scan.in_zone(zone)
        yield from tracking.read(scan, task.files, number, stage, attempt)

    def commit(self, end: dict[str, Any]) -> None:
        """Do nothing: the next `latestOffset` says as much, and comes after the last batch, too."""

    @brief_errors
    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802 - Spark's name
        """Confine the query to the files that are there now."""
        self._stream.planner.prepare_available_now()

    def getDefaultReadLimit(self) -> Any:  # noqa: N802 - Spark's name
        """Return a limit, so that Spark hands one to `latestOffset` except where it wants all."""
        return admission.ReadMaxFiles(self._source.rules.limits.files or 1)

    @brief_errors
    def reportLatestOffset(self) -> dict[str, Any] | None:  # noqa: N802 - Spark's name
        """Return how many files wait, for the progress events of the query."""
        return self._stream.planner.backlog()

    def _limits(self, limit: Any) -> Limits | None:
        """Return what Spark allows; None stands for what the options allow."""
        if admission is not None and isinstance(limit, admission.ReadAllAvailable):
            return Limits()
        return None
