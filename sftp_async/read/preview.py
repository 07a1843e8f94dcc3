"""Shows what a read would take: files, reasons, columns, tasks and the first rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats.spark_schema import ddl_of
from sftp_async.read.scan import list_scan, scan_of, with_format
from sftp_async.read.schema import infer_columns
from sftp_async.read.stream.preview import known_files, look
from sftp_async.read.task import read_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.listing import Listing
    from sftp_async.read.splits import TaskInput
    from sftp_async.read.stream.preview import StreamLook


_ONCE = (
    "With access=once no file is opened for a preview, since the server may give a file away with "
    "its first read: there are no columns and no rows"
)


@dataclass(frozen=True)
class Preview:
    """What a read would take.

    Attributes:
        listing: the files, and those that are left out.
        format: of the files.
        schema: the columns, as they would be inferred; None if they cannot be.
        tasks: what each task would read.
        rows: the first ones.
        problem: why there is no schema, or there are no rows; None if there are.
        stream: what a stream would do; then the files are those of its next micro-batch. None: the
            read is a batch.

    """

    listing: Listing
    format: str
    schema: pa.Schema | None
    tasks: Sequence[TaskInput]
    rows: pa.Table | None
    problem: SFTPAsyncError | None = None
    stream: StreamLook | None = None

    @property
    def ddl(self) -> str | None:
        """The columns as Spark's DDL."""
        return None if self.schema is None else ddl_of(self.schema)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as JSON can hold it."""
        listing = self.listing
        stream = {} if self.stream is None else {"stream": _counts(self.stream)}
        return {
            **stream,
            "format": self.format,
            "files": [
                {"path": file.path, "bytes": file.size, "modified": file.mtime or None}
                for file in listing.files
            ],
            "partition_columns": list(listing.partition_by),
            "left_out": [{"path": each.path, "reason": each.reason} for each in listing.left_out],
            "left_out_count": listing.left_out_count,
            "schema": self.ddl,
            "tasks": [
                [
                    {"path": split.file.path, "start": split.start, "stop": split.stop}
                    for split in task.splits
                ]
                for task in self.tasks
            ],
            "rows": [] if self.rows is None else _as_text(self.rows),
            "problem": None if self.problem is None else str(self.problem),
        }


def preview(options: SFTPOptions, paths: Sequence[str] = (), *, rows: int = 10) -> Preview:
    """Look at a read without Spark: list the files, infer the columns, read the first rows.

    Args:
        options: as the user gave them.
        paths: files, directories and globs; else `options.path` is read.
        rows: how many at most; the tasks are read one after the other until there are as many.

    Raises:
        OptionsError, ConnectError, TransferError: the files cannot be listed.
        SFTPAsyncError: no file matches.

    """
    options, listing = list_scan(options, paths)
    return _preview(options, listing, rows)


def preview_stream(options: SFTPOptions, paths: Sequence[str] = (), *, rows: int = 10) -> Preview:
    """Look at what a stream would read next; raises as `preview`.

    Args:
        options: as the user gave them; with `state_location`, what was read is left out.
        paths: see `preview`.
        rows: see `preview`.

    """
    found = look(options, paths, known_files(options.state_location))
    listing = replace(found.listing, files=sorted(found.first, key=lambda file: file.path))
    if not listing.files:
        return Preview(listing, found.options.format, None, (), None, stream=found)
    return replace(_preview(found.options, listing, rows), stream=found)


def _preview(options: SFTPOptions, listing: Listing, rows: int) -> Preview:
    if options.access == "once":
        return Preview(listing, options.format, None, (), None, SFTPAsyncError(_ONCE))
    try:
        options = with_format(options, listing)
        schema = infer_columns(options, listing)
        scan, tasks = scan_of(options, listing, schema)
    except SFTPAsyncError as problem:
        return Preview(listing, options.format, None, (), None, problem)
    try:
        batches, left = [], rows
        for task in tasks:
            if not left:
                break
            reading = read_task(scan, task)
            while left > 0 and (batch := next(reading, None)) is not None:
                batches.append(batch.slice(0, left))
                left -= len(batches[-1])
            reading.close()
        table = pa.Table.from_batches(batches, scan.columns.schema)
    except SFTPAsyncError as problem:
        return Preview(listing, options.format, schema, tasks, None, problem)
    return Preview(listing, options.format, schema, tasks, table)


def _counts(stream: StreamLook) -> dict[str, Any]:
    return {
        "begun": stream.begun,
        "waiting": len(stream.waiting),
        "waiting_bytes": sum(file.size for file in stream.waiting),
        "read": len(stream.read),
        "changed": [file.path for file in stream.changed],
        "batches": list(stream.batches),
    }


def _as_text(table: pa.Table) -> list[dict[str, str | None]]:
    return [
        {name: None if value is None else str(value) for name, value in row.items()}
        for row in table.to_pylist()
    ]
