"""Reads the splits of one task: opens files ahead, decodes them, and checks that none changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError, RemoteChangedError
from sftp_async.read.readable_file import open_readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import Split, TaskInput

log = logging.getLogger("sftp_async.read.task")


def read_task(scan: Scan, task: TaskInput) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one task, in batches of the result's schema.

    Args:
        scan: what all tasks have in common.
        task: its splits.

    Raises:
        RemoteChangedError: a file is no longer the one that was planned.
        DecodeError: a file does not hold what its format says.
        TransferError, ConnectError: a file cannot be read, retries included.

    """
    for split in task.splits:
        try:
            yield from _read_split(scan, split)
        except DecodeError as error:
            if not scan.options.ignore_corrupt_files:
                raise
            log.warning("left out the rest of %s: %s", split.file.path, error)
        except RemoteChangedError as error:
            if not (scan.options.ignore_missing_files and error.gone):
                raise
            log.warning("left out: %s", error)


def _read_split(scan: Scan, split: Split) -> Iterator[pa.RecordBatch]:
    with open_readable(scan.options, split.file) as file:
        for batch in scan.file_format.decode(file, split.start, split.stop):
            if len(batch):
                yield scan.columns.assemble(batch, split)
        file.check()
