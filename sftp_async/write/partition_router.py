"""Routes rows to partition directories: a few at once directly, the others after a sort."""

from __future__ import annotations

import itertools
from operator import itemgetter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.arrow_text import slices
from sftp_async.write.external_sort import RowSorter, group_bounds

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from sftp_async.write.partitioner import Partitioning

#: Directories of one task that are written to at the same time, in the order of the rows.
OPEN = 32
#: Bytes of memory that the encoders of these files may take together.
MAX_BUFFERED = 128 * 1024**2


def most_open(buffered_bytes: int) -> int:
    """Return how many directories to write to at once.

    Args:
        buffered_bytes: of memory that one file's encoder may take: `Format.buffered_bytes`.

    """
    return max(1, min(OPEN, MAX_BUFFERED // max(1, buffered_bytes)))


def fan_out(
    batches: Iterable[pa.RecordBatch], partitioning: Partitioning, most: int
) -> Generator[tuple[str, pa.RecordBatch | None]]:
    """Send rows to the directories of their values.

    Rows of the first values are sent at once. Rows of all later values are sorted by value, on
    local disk where they are many, and sent value by value at the end, as Spark does it
    (spark.sql.maxConcurrentOutputFileWriters).

    Args:
        batches: rows, the partition columns among them.
        partitioning: which columns these are.
        most: directories that may be open at once.

    Yields:
        A directory and rows for it, in the order in which they came; None instead of rows after the
        last ones.

    Raises:
        EncodeError: a value makes no directory.
        SFTPAsyncError: the local disk cannot take the rows.

    """
    directories: dict[str, int] = {}
    with RowSorter() as later:
        for batch in batches:
            for piece in slices(batch):
                rows, found, positions = partitioning.split(piece)
                for directory in found:
                    directories.setdefault(directory, len(directories))
                numbers = [directories[directory] for directory in found]
                if len(numbers) == 1 and numbers[0] < most:
                    yield found[0], rows
                    continue
                row_numbers = pa.array(numbers, pa.int32()).take(positions)
                order = pc.array_sort_indices(row_numbers)
                in_order = row_numbers.take(order)
                names = dict(zip(numbers, found, strict=True))
                for number, start, end in group_bounds(in_order):
                    if number >= most:
                        # The numbers are sorted: all further ones are as large.
                        later.add(in_order.slice(start), rows.take(order.slice(start)))
                        break
                    # A copy, not a slice: an encoder that keeps a few rows would keep all of them.
                    yield names[number], rows.take(order.slice(start, end - start))
        in_turn = list(directories)
        for directory in in_turn[:most]:
            yield directory, None
        for number, of_one in itertools.groupby(later.groups(), key=itemgetter(0)):
            for _, some in of_one:
                yield in_turn[number], some
            yield in_turn[number], None
