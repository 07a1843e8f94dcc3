"""Reads the splits of one task: opens files ahead, decodes them, and checks that none changed."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError, RemoteChangedError
from sftp_async.read.readable_file import RemoteReadable
from sftp_async.read.spooled_file import spooled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from sftp_async.formats.base import ReadableFile
    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import Split, TaskInput

log = logging.getLogger("sftp_async.read.task")


def read_task(scan: Scan, task: TaskInput) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one task, in batches of the result's schema.

    The file of the next split is opened while the one before it is decoded.

    Args:
        scan: what all tasks have in common.
        task: its splits.

    Raises:
        RemoteChangedError: a file is no longer the one that was planned.
        DecodeError: a file does not hold what its format says.
        TransferError, ConnectError: a file cannot be read, retries included.

    """
    with ExitStack() as stack:
        coming = [stack.enter_context(RemoteReadable.of(scan.options, task.splits[0].file))]
        for place, split in enumerate(task.splits):
            file = coming.pop()
            if place + 1 < len(task.splits):
                following = RemoteReadable.of(scan.options, task.splits[place + 1].file)
                coming.append(stack.enter_context(following))
                following.open_ahead()
            try:
                yield from _read_split(scan, split, file)
            except DecodeError as error:
                if not scan.options.ignore_corrupt_files:
                    raise
                log.warning("the rest of a file is left out: %s", error)
            except RemoteChangedError as error:
                if not (scan.options.ignore_missing_files and error.gone):
                    raise
                log.warning("a file is left out: %s", error)
            file.close()


def _read_split(scan: Scan, split: Split, file: RemoteReadable) -> Iterator[pa.RecordBatch]:
    with ExitStack() as stack:
        source: ReadableFile = file
        in_order = scan.options.access in ("sequential", "once")
        if in_order and scan.file_format.reads_ranges(file.path):
            source = stack.enter_context(spooled(file))
        for batch in scan.file_format.decode(source, split.start, split.stop):
            if len(batch):
                yield scan.columns.assemble(batch, split)
        file.check()
