"""Writes one task attempt: routes record batches to part files, which are staged on the server.

Encoding happens on the calling thread (pyarrow releases the GIL), uploading on the runtime's loop.
"""

from __future__ import annotations

import itertools
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

from sftp_async.errors import EncodeError
from sftp_async.formats.base import RowFiles
from sftp_async.progress.summary import Counters
from sftp_async.write.part_uploads import PartUploads
from sftp_async.write.part_writer import PartWriter
from sftp_async.write.partition_router import fan_out, most_open
from sftp_async.write.partitioner import Partitioning
from sftp_async.write.row_paths import safe_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.layout.part_names import PartFile
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.runtime import Runtime

#: Complete part files of one task that may still be uploading, on top of those being filled.
TAILS = 8
#: The same where each row is a file: they are small, and each waits for the server several times.
ROW_FILES = 32
#: With `max_file_bytes`, a batch is encoded in slices of about this fraction of a file.
SLICES_PER_FILE = 8


class TaskWriter:
    """Writes one partition, once; each attempt has its own.

    Args:
        layout: where the job writes.
        options: resolved options.
        file_format: the format, checked against the schema.
        partition: Spark's partition id.
        runtime: the process's runtime.

    Peak memory, on top of the encoders' own: `max_buffer_bytes`, and one chunk for each open part;
    with `partition_by`, three times `external_sort.GATHERED` for rows to be sorted.

    """

    def __init__(
        self,
        layout: Layout,
        options: SFTPOptions,
        file_format: Format,
        partition: int,
        runtime: Runtime,
    ) -> None:
        self._layout = layout
        self._options = options
        self._format = file_format
        self._partition = partition
        self._attempt = uuid.uuid4().hex
        self._sequence = itertools.count()
        #: The task's progress; two threads count, each its own fields.
        self.counters = Counters()
        self._partitioning = Partitioning(options.partition_by)
        self._most_open = (
            most_open(file_format.buffered_bytes)
            if options.partition_by
            else options.files_per_partition
        )
        tails = ROW_FILES if isinstance(file_format, RowFiles) else TAILS
        self._uploads = PartUploads(
            layout, options, runtime, self.counters, self._most_open + tails
        )

    def write(self, batches: Iterable[pa.RecordBatch]) -> tuple[PartFile, ...]:
        """Encode and upload all batches.

        Returns:
            The part files, in the order of their rows; each one closed and its size confirmed.
            Empty if there was nothing to write. With `partition_by` one or more for each value,
            with a format of `RowFiles` one for each row.

        Raises:
            EncodeError: a value, or this partition, cannot be written in the format, or a value
                makes no partition directory.
            SFTPAsyncError: rows cannot be sorted on the local disk (`partition_by`).
            TransferError, ConnectError: the server or the way to it failed, retries included.

        On any error the uploads are cancelled; what was staged is left for the job's abort.

        """
        try:
            if isinstance(self._format, RowFiles):
                self._fill_row_files(batches, self._format)
            elif self._options.partition_by:
                self._fill_partitions(batches)
            else:
                self._fill_parts(batches)
            return self._uploads.results()
        except BaseException:
            self._uploads.cancel()
            raise

    def _fill_parts(self, batches: Iterable[pa.RecordBatch]) -> None:
        # An exact file keeps the order of the rows: its parts cannot fill at the same time.
        width = 1 if self._layout.file_name is not None else self._options.files_per_partition
        open_parts: list[PartWriter | None] = [None] * width
        turn = itertools.cycle(range(width))
        for batch in self._checked(batches):
            number = next(turn)
            open_parts[number] = self._fill(open_parts[number], batch)
        if not self._uploads.started and self._writes_when_empty():
            open_parts[0] = self._open_part()
        for part in open_parts:
            if part is not None:
                part.finish()

    def _fill_row_files(self, batches: Iterable[pa.RecordBatch], rows: RowFiles) -> None:
        """Write each row to its file; an empty DataFrame makes none."""
        for batch in self._checked(batches):
            for number, path in enumerate(safe_paths(rows, batch)):
                self._uploads.check()
                part = self._open_part(path=path)
                part.add(batch.slice(number, 1))
                part.finish()

    def _fill_partitions(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Write each value's rows to files of its own; an empty DataFrame has no value."""
        open_parts: dict[str, PartWriter | None] = {}
        rows = fan_out(self._checked(batches), self._partitioning, self._most_open)
        with closing(rows):
            for directory, some in rows:
                part = open_parts.pop(directory, None)
                if some is not None:
                    open_parts[directory] = self._fill(part, some, directory)
                elif part is not None:
                    part.finish()

    def _checked(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Leave out what is empty; stop when an upload has failed."""
        for batch in batches:
            if batch.num_rows:
                self._uploads.check()
                self.counters.rows += batch.num_rows
                yield batch

    def _fill(
        self, part: PartWriter | None, batch: pa.RecordBatch, directory: str = ""
    ) -> PartWriter | None:
        """Add rows to a part, and to further ones as each is full; returns the last one."""
        for piece in self._slices(batch):
            while piece.num_rows:
                if part is None:
                    part = self._open_part(directory)
                piece = part.add(piece)
                if part.full:
                    part.finish()
                    part = None
        return part

    def _writes_when_empty(self) -> bool:
        """Whether this task writes a file without rows.

        Partition 0 does, for an empty DataFrame and for the header of an exact file.
        """
        return self._partition == 0 and (
            self._options.write_empty or self._layout.file_name is not None
        )

    def _slices(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        limit = self._options.max_file_bytes
        if not limit:
            yield batch
            return
        per_row = max(1, batch.nbytes // batch.num_rows)
        rows = max(1, limit // SLICES_PER_FILE // per_row)
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)

    def _open_part(self, directory: str = "", path: str = "") -> PartWriter:
        sequence = next(self._sequence)
        exact = self._layout.file_name is not None
        if exact and (self._partition or sequence) and not self._format.concatenable:
            raise EncodeError(
                f"One exact file in {self._options.format} format cannot be joined from several "
                f"partitions, and partition {self._partition} has rows",
                path=self._layout.target,
                hint="Write df.coalesce(1), or give a directory as path"
                + (
                    ", or put {partition} into archive_member_template"
                    if self._archives and self._options.pgp_public_key is None
                    else ""
                ),
            )
        staged, final = self._layout.part_names(self._partition, sequence, self._attempt, directory)
        part = self._uploads.start(staged, path or final)
        # A joined file has one header: that of the first part of partition 0.
        header = not exact or (self._partition == 0 and sequence == 0)
        return PartWriter(part, self._format_of(final).open(header=header), self._options)

    @property
    def _archives(self) -> bool:
        return self._layout.members is not None

    def _format_of(self, final: str) -> Format:
        """Return the format of a file; in an archive, the data has a name."""
        if not self._archives:
            return self._format
        exact = self._layout.file_name
        if exact is not None and self._format.concatenable:  # the commit makes the archive
            return self._format
        name = final if exact is None else exact
        try:
            return self._format.named(self._layout.member_name(name, self._partition))
        except ValueError as error:
            raise EncodeError(
                f"No member of an archive can have the name {error}",
                path=final,
                hint="Change archive_member_template",
            ) from None
