"""Makes tasks of the files of a micro-batch, and, in a task, the scan that reads them."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sftp_async.options.base import with_inferred
from sftp_async.read.listing import Listing
from sftp_async.read.scan import scan_of, with_format
from sftp_async.read.tracking import ReadTracking

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from sftp_async.options import SFTPOptions
    from sftp_async.progress.messages import Address
    from sftp_async.read.ingest_log.log_format import LoggedBatch
    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import TaskInput


@dataclass(frozen=True, slots=True)
class BatchShape:
    """What the tasks of a micro-batch have in common beyond those of other batches.

    Attributes:
        number: of the batch.
        tasks: how many there are.
        partition_by: names of the partition columns.
        options: those that the files imply, such as the format; and the verified host keys.
        planned: when, in seconds since 1970.
        plan_id: unique for each plan of a batch.

    """

    number: int
    tasks: int
    partition_by: tuple[str, ...]
    options: Mapping[str, Any]
    planned: float = field(default_factory=time.time)
    plan_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class StreamTask:
    """What one task of a micro-batch reads; carries no secret."""

    shape: BatchShape
    files: TaskInput


@dataclass(frozen=True)
class StreamScan:
    """What all tasks of a stream have in common; pickled to them.

    Spark pickles it in a process that knows no batch: what belongs to one is in its tasks.

    Attributes:
        options: resolved.
        schema: of the result.
        target: what is read, for messages.
        parallelism: tasks that can run at once.
        follows_session: whether texts without a time zone are in that of the session.
        listener: where the progress goes; None: nowhere.

    """

    options: SFTPOptions
    schema: pa.Schema
    target: str
    parallelism: int = 1
    follows_session: bool = True
    listener: Address | None = None

    def tasks(self, batch: LoggedBatch, pinned: Mapping[str, Any]) -> list[StreamTask]:
        """Divide the files of a micro-batch.

        Args:
            batch: with one file at least.
            pinned: options with the verified host keys.

        Raises:
            OptionsError, DecodeError: the options or the columns do not suit the files.

        """
        listing = Listing(batch.files, batch.partition_by)
        implied = self._implied(listing)
        options = with_inferred(self.options, implied)
        _, inputs = scan_of(options, listing, self.schema, self.parallelism)
        shape = BatchShape(batch.number, len(inputs), batch.partition_by, {**implied, **pinned})
        return [StreamTask(shape, files) for files in inputs]

    def scan(self, shape: BatchShape) -> Scan:
        """Return the scan of a task; raises as `tasks`."""
        options = self.options.model_copy(update=shape.options)
        scan, _ = scan_of(options, Listing((), shape.partition_by), self.schema)
        return replace(scan, follows_session=self.follows_session, of_stream=True)

    def tracking(self, shape: BatchShape) -> ReadTracking:
        """Return what counts and logs what a task reads."""
        return ReadTracking(
            shape.plan_id,
            self.target,
            shape.tasks,
            listener=self.listener,
            started=shape.planned,
            batch=shape.number,
        )

    def _implied(self, listing: Listing) -> dict[str, Any]:
        """Return the options that the files of a batch imply."""
        found = with_format(self.options, listing)
        implied = {
            name: getattr(found, name)
            for name in ("format", "sep")
            if getattr(found, name) != getattr(self.options, name)
        }
        if self.options.ignore_missing_files:
            # A file that is gone or rewritten is left out as a whole: one task has all of it.
            implied["split"] = "false"
        return implied
