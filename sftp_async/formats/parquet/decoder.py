"""Decodes Parquet files row group by row group, with all bytes of one asked for at once."""

from __future__ import annotations

import inspect
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet as arrow_parquet

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats.column_cast import ColumnCast
from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.parquet.calendars import Calendars
from sftp_async.formats.parquet.casts import parquet_rule
from sftp_async.formats.parquet.footer import Footer, read_footer
from sftp_async.formats.parquet.row_groups import RowGroup, find_columns, owned_row_groups
from sftp_async.formats.parquet.schema import spark_columns
from sftp_async.formats.range_file import RangeFile, coalesced
from sftp_async.formats.self_describing import SelfDescribingFormat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.formats.base import ReadableFile
    from sftp_async.formats.parquet.row_groups import Wanted
    from sftp_async.options import FormatOptions

_log = logging.getLogger(__name__)

#: Most rows of a batch, and bytes that it is to have, about.
BATCH_ROWS = 65_536
BATCH_BYTES = 8 * 1024 * 1024
#: Bytes of a row group that are held at most. Of a larger one, a part of each column is held.
HELD_BYTES = 24 * 1024 * 1024
#: Bytes of a part of a column are not fewer, however many columns there are.
_LEAST_WINDOW = 64 * 1024
#: Bytes that Arrow asks for at a time where it reads a column in parts.
_READ = 64 * 1024
#: Rows of the first batch where texts may be many times as large as they are stored.
_FIRST_ROWS = 8_192

_READER_OPTIONS = {
    key: value
    for key, value in {
        "coerce_int96_timestamp_unit": "us",  # nanoseconds end with the year 2262
        "arrow_extensions_enabled": False,
        "pre_buffer": False,
        "page_checksum_verification": True,  # of pages that have one, as those of parquet-mr
    }.items()
    if key in inspect.signature(arrow_parquet.ParquetFile.__init__).parameters
}


def read_parquet(options: FormatOptions, schema: pa.Schema | None) -> ParquetReadFormat:
    """Return the reading half of the format; see `FormatPlugin.decoder`."""
    return ParquetReadFormat(
        schema, case_sensitive=options.case_sensitive, merge_schema=options.merge_schema
    )


class ParquetReadFormat(SelfDescribingFormat):
    """Parquet files, of which only the wanted columns are fetched.

    A range of a file holds the row groups whose middle is in it. In memory are the wanted columns
    of at most two row groups of `HELD_BYTES`, compressed, or parts of the columns of a larger one;
    and one batch of rows.

    See `SelfDescribingFormat` for the arguments.
    """

    name = "Parquet"

    def columns_of(self, file: ReadableFile) -> pa.Schema:
        """Return the columns that a file states, in their Spark types."""
        return spark_columns(read_footer(file), file.path)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the row groups whose middle is in the range."""
        assert self._schema is not None
        footer = read_footer(file)
        wanted = find_columns(footer, self._schema, file.path, case_sensitive=self._case_sensitive)
        groups = owned_row_groups(footer, wanted, file, start, stop)
        cast = ColumnCast(self._schema, parquet_rule, self._case_sensitive, file.path)
        if not wanted.leaves:
            yield from _without_columns(groups, cast)
            return
        yield from _Decoding(file, footer, wanted, cast).batches(groups)


def _without_columns(groups: list[RowGroup], cast: ColumnCast) -> Iterator[pa.RecordBatch]:
    """Yield rows of which the file has no wanted column."""
    for group in groups:
        for first in range(0, group.rows, BATCH_ROWS):
            yield cast.batch([], [], min(BATCH_ROWS, group.rows - first))


@dataclass
class _Decoding:
    """The decoding of some row groups of a file."""

    file: ReadableFile
    footer: Footer
    wanted: Wanted
    cast: ColumnCast
    #: Bytes of a row in the batches so far, at most.
    row_bytes: float = 0.0

    def batches(self, groups: list[RowGroup]) -> Iterator[pa.RecordBatch]:
        """Yield the rows; the next row group is fetched while one is decoded."""
        source = RangeFile(self.file)
        calendars = Calendars.of(self.footer, self.file.path)
        with ThreadPoolExecutor(1, "parquet-prefetch") as pool:
            following: Future[list[bytes]] | None = None
            for number, group in enumerate(groups):
                ranges = coalesced(group.chunks)
                if group.stored_bytes > HELD_BYTES:
                    source.stream(sorted(group.chunks), self._window(group))
                else:
                    pieces = following.result() if following else self.file.read_ranges(ranges)
                    source.hold(ranges, pieces)
                    del pieces
                following = None
                if number + 1 < len(groups):
                    following = self._prefetch(pool, groups[number + 1])
                for names, columns, rows in self._read(source, group):
                    columns = [
                        calendars.corrected(name, column, int96=name in self.wanted.int96)
                        for name, column in zip(names, columns, strict=True)
                    ]
                    yield self.cast.batch(names, columns, rows)

    def _prefetch(self, pool: ThreadPoolExecutor, group: RowGroup) -> Future[list[bytes]] | None:
        if group.stored_bytes > HELD_BYTES:
            return None
        return pool.submit(self.file.read_ranges, coalesced(group.chunks))

    def _window(self, group: RowGroup) -> int:
        window = max(_LEAST_WINDOW, HELD_BYTES // len(group.chunks) * 2 // 3)
        _log.debug(
            "Row group %d of %s has %d bytes of wanted columns; %d bytes of each are held",
            group.number,
            self.file.path,
            group.stored_bytes,
            window,
        )
        return window

    def _read(
        self, source: RangeFile, group: RowGroup
    ) -> Iterator[tuple[list[str], list[pa.Array], int]]:
        in_parts = group.stored_bytes > HELD_BYTES
        with _reporting(source, self.file.path, group):
            opened: Any = arrow_parquet.ParquetFile(
                source,
                metadata=self.footer.metadata,
                buffer_size=_READ if in_parts else 0,
                **_READER_OPTIONS,
            )
            batches = opened.reader.iter_batches(
                self._rows(group), [group.number], list(self.wanted.leaves), use_threads=False
            )
        seen = 0
        while True:
            with _reporting(source, self.file.path, group):
                batch = next(batches, None)
            if batch is None:
                break
            seen += batch.num_rows
            self.row_bytes = max(self.row_bytes, batch.nbytes / max(1, batch.num_rows))
            yield batch.schema.names, batch.columns, batch.num_rows
            del batch
        if seen != group.rows:
            raise malformed(
                f"Row group {group.number} has {seen:,} rows, and {group.rows:,} by the footer",
                self.file.path,
                offset=group.start,
            )

    def _rows(self, group: RowGroup) -> int:
        """Return how many rows a batch may have, so that it does not take too much memory."""
        stored = group.plain_bytes / max(1, group.rows)
        rows = int(BATCH_BYTES / max(stored, self.row_bytes, 1))
        most = BATCH_ROWS if self.row_bytes else _FIRST_ROWS
        return max(1, min(rows, most))


@contextmanager
def _reporting(source: RangeFile, path: str, group: RowGroup) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(source.failure, SFTPAsyncError):
            raise source.failure from error
        raise malformed(
            f"Row group {group.number} cannot be decoded: {error}", path, offset=group.start
        ) from error
