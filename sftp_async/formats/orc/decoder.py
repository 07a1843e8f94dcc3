"""Decodes ORC files stripe by stripe, with all bytes of the wanted columns asked for at once."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import dataset as arrow_dataset

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats.column_cast import ColumnCast, find_field
from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.orc.casts import orc_rule
from sftp_async.formats.orc.schema import spark_columns
from sftp_async.formats.orc.stripe_footer import StripeFooter, parse_footer
from sftp_async.formats.orc.tail import Stripe, Tail, plain_name, read_tail
from sftp_async.formats.orc.wide_timestamps import INSTANT, decode_wide, wide_columns
from sftp_async.formats.range_file import RangeFile, WithTail, coalesced
from sftp_async.formats.self_describing import SelfDescribingFormat
from sftp_async.formats.values.zones import machine_zone

if TYPE_CHECKING:
    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

_log = logging.getLogger(__name__)

#: Most rows of a batch, and bytes before decoding that it is to have, about.
BATCH_ROWS = 65_536
BATCH_BYTES = 4 * 1024 * 1024
#: Bytes of a stripe that are held at most. Of a larger one, a part of each stream is held.
HELD_BYTES = 32 * 1024 * 1024
_LEAST_WINDOW = 64 * 1024
#: Bytes at the end of a file that liborc reads first (DIRECTORY_SIZE_GUESS in Reader.hh).
_GUESS = 16 * 1024
#: Names that old versions of Hive gave to all columns.
_HIVE_NAME = re.compile(r"_col\d+")


def read_orc(options: FormatOptions, schema: pa.Schema | None) -> ORCReadFormat:
    """Return the reading half of the format; see `FormatPlugin.decoder`."""
    return ORCReadFormat(
        schema, case_sensitive=options.case_sensitive, merge_schema=options.merge_schema
    )


class ORCReadFormat(SelfDescribingFormat):
    """ORC files, of which only the wanted columns are fetched.

    A range of a file holds the stripes that begin in it. In memory are the wanted columns of a
    stripe of `HELD_BYTES`, compressed, or parts of the streams of a larger one; and one batch of
    rows.

    See `SelfDescribingFormat` for the arguments.
    """

    name = "ORC"

    def columns_of(self, file: ReadableFile) -> pa.Schema:
        """Return the columns that a file states, in their Spark types."""
        return spark_columns(read_tail(file).root, file.path)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the stripes that begin in the range."""
        assert self._schema is not None
        tail = read_tail(file)
        stripes = [stripe for stripe in tail.stripes if start <= stripe.offset < stop]
        for stripe in stripes:
            if stripe.footer[1] > file.size:
                raise malformed(
                    f"Stripe {stripe.number} is not within the file",
                    file.path,
                    offset=stripe.offset,
                )
        rule = orc_rule(proleptic=tail.proleptic, zone=machine_zone())
        cast = ColumnCast(
            self._schema,
            rule,
            self._case_sensitive,
            file.path,
            converts_dates=not tail.proleptic,
        )
        yield from _Decoding(file, tail, cast, self._names(tail, file.path)).batches(stripes)

    def _names(self, tail: Tail, path: str) -> dict[int, str]:
        """Return the wanted columns that the file has: their numbers there, and wanted names."""
        assert self._schema is not None
        names = tail.root.names
        if names and all(_HIVE_NAME.fullmatch(name) for name in names):
            # By position, as in Spark (OrcUtils.requestedColumnIds).
            return dict(zip(range(len(names)), self._schema.names, strict=False))
        found = {}
        for wanted in self._schema.names:
            number = find_field(
                names, wanted, case_sensitive=self._case_sensitive, path=path, what="The file"
            )
            if number is not None:
                found[number] = wanted
        return found


@dataclass
class _Decoding:
    """The decoding of some stripes of a file."""

    file: ReadableFile
    tail: Tail
    cast: ColumnCast
    names: dict[int, str]

    def batches(self, stripes: list[Stripe]) -> Iterator[pa.RecordBatch]:
        """Yield the rows."""
        if not self.names:
            for stripe in stripes:
                for first in range(0, stripe.rows, BATCH_ROWS):
                    yield self.cast.batch([], [], min(BATCH_ROWS, stripe.rows - first))
            return
        wide = {number for number in wide_columns(self.tail) if number in self.names}
        plain = [number for number in self.names if number not in wide]
        stored = {0}.union(*(self.tail.root.children[number].numbers() for number in plain))
        footers = self.file.read_ranges([stripe.footer for stripe in stripes]) if stripes else []
        for stripe, data in zip(stripes, footers, strict=True):
            footer = parse_footer(self.tail, stripe, data, self.file.path)
            columns = {number: self._wide(stripe, footer, number) for number in sorted(wide)}
            first = 0
            for batch, rows in self._rows(stripe, footer.ranges(stored), plain):
                arrays = dict(zip(plain, batch, strict=True))
                arrays |= {number: c.slice(first, rows) for number, c in columns.items()}
                first += rows
                ordered = [arrays[number] for number in self.names]
                yield self.cast.batch(list(self.names.values()), ordered, rows)

    def _wide(self, stripe: Stripe, footer: StripeFooter, number: int) -> pa.Array:
        try:
            found = decode_wide(self.file, self.tail, stripe, footer, number)
        except (ValueError, LookupError, OSError, pa.ArrowException) as error:
            raise malformed(
                f"Stripe {stripe.number} cannot be decoded: {error}",
                self.file.path,
                offset=stripe.offset,
            ) from error
        zoned = self.tail.root.children[number].kind == INSTANT
        return found.cast(pa.int64()).cast(pa.timestamp("us", "UTC")) if zoned else found

    def _rows(
        self, stripe: Stripe, streams: list[tuple[int, int]], numbers: list[int]
    ) -> Iterator[tuple[list[pa.Array], int]]:
        """Yield columns of a stripe, which is read as a file of its own, the last one's end."""
        if not numbers:
            for first in range(0, stripe.rows, BATCH_ROWS):
                yield [], min(BATCH_ROWS, stripe.rows - first)
            return
        source = self._source(stripe, streams)
        wanted = sum(stop - start for start, stop in streams)
        rows = max(1, min(BATCH_ROWS, BATCH_BYTES * stripe.rows // max(1, 4 * wanted)))
        seen = 0
        with self._reporting(source, stripe):
            batches = self._scan(source, rows, numbers)
        while True:
            with self._reporting(source, stripe):
                batch = next(batches, None)
            if batch is None:
                break
            seen += batch.num_rows
            yield batch.columns, batch.num_rows
        if seen != stripe.rows:
            raise malformed(
                f"Stripe {stripe.number} has {seen:,} rows, and {stripe.rows:,} by the tail",
                self.file.path,
                offset=stripe.offset,
            )

    def _source(self, stripe: Stripe, streams: list[tuple[int, int]]) -> RangeFile:
        """Return the stripe as a file, with the streams in memory, or parts of them."""
        end = stripe.footer[1]
        view = WithTail(self.file, end, self.tail.of_one_stripe(stripe))
        source = RangeFile(view)
        wanted = sum(stop - start for start, stop in streams)
        if wanted <= HELD_BYTES:
            ranges = coalesced([*streams, (max(0, view.size - _GUESS), view.size)])
            source.hold(ranges, view.read_ranges(ranges))
            return source
        _log.debug(
            "Stripe %d of %s has %d bytes of wanted columns; parts of each stream are held",
            stripe.number,
            self.file.path,
            wanted,
        )
        window = max(_LEAST_WINDOW, HELD_BYTES // len(streams) * 2 // 3)
        last = (stripe.footer[0], view.size)
        source.stream([*(r for r in streams if r[0] < r[1]), last], window)
        return source

    def _scan(self, source: RangeFile, rows: int, numbers: list[int]) -> Iterator[pa.RecordBatch]:
        opened = arrow_dataset.OrcFileFormat().make_fragment(pa.PythonFile(source, mode="r"))
        batches: Iterator[pa.RecordBatch] = opened.to_batches(
            columns=[plain_name(number) for number in numbers],
            batch_size=rows,
            batch_readahead=0,
            fragment_readahead=0,
            use_threads=False,
        )
        return batches

    @contextmanager
    def _reporting(self, source: RangeFile, stripe: Stripe) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, ValueError) as error:
            if isinstance(source.failure, SFTPAsyncError):
                raise source.failure from error
            raise malformed(
                f"Stripe {stripe.number} cannot be decoded: {error}",
                self.file.path,
                offset=stripe.offset,
            ) from error
