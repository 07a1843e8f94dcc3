"""Plans which bytes of a Parquet file a read needs: row groups, and their columns' chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.formats.column_cast import find_field
from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.parquet.schema import wanted_leaves

if TYPE_CHECKING:
    from sftp_async.formats.base import ReadableFile
    from sftp_async.formats.parquet.footer import Footer, StoredRowGroup


@dataclass(frozen=True)
class RowGroup:
    """The part of a row group that is wanted.

    Attributes:
        number: of the row group in the file.
        rows: it has.
        start: where it begins in the file, in bytes.
        chunks: the range of each wanted column, in the order of the file.
        plain_bytes: of the wanted columns before compression.

    """

    number: int
    rows: int
    start: int
    chunks: tuple[tuple[int, int], ...]
    plain_bytes: int

    @property
    def stored_bytes(self) -> int:
        """Bytes of the wanted columns in the file."""
        return sum(stop - start for start, stop in self.chunks)


@dataclass(frozen=True)
class Wanted:
    """The stored columns that a schema asks for.

    Attributes:
        leaves: their numbers, in ascending order.
        int96: names of the file's columns in which timestamps are stored as INT96.

    """

    leaves: tuple[int, ...]
    int96: frozenset[str]


def find_columns(footer: Footer, schema: pa.Schema, path: str, *, case_sensitive: bool) -> Wanted:
    """Return the stored columns that hold the wanted ones; none for those that the file lacks.

    Raises:
        DecodeError: several columns of the file could be meant.

    """
    nodes = footer.root.children
    names = [node.name for node in nodes]
    firsts, at = [], 0
    for node in nodes:
        firsts.append(at)
        at += node.leaves
    leaves: set[int] = set()
    int96 = set()
    for field in schema:
        number = find_field(
            names, field.name, case_sensitive=case_sensitive, path=path, what="The file"
        )
        if number is None:
            continue
        leaves.update(wanted_leaves(nodes[number], field.type, firsts[number]))
        if "INT96" in nodes[number].stored_types():
            int96.add(names[number])
    return Wanted(tuple(sorted(leaves)), frozenset(int96))


def owned_row_groups(
    footer: Footer, wanted: Wanted, file: ReadableFile, start: int, stop: int
) -> list[RowGroup]:
    """Return the row groups whose middle is in a range of the file, as parquet-mr assigns them.

    Source: ParquetMetadataConverter.filterFileMetaDataByMidpoint.

    Raises:
        DecodeError: a row group is not within the file.

    """
    found = []
    for number, group in enumerate(footer.row_groups):
        stored = sum(chunk.stored_bytes for chunk in group.chunks)
        middle = min(max(0, group.start + stored // 2), file.size - 1)
        if start <= middle < stop:
            found.append(_row_group(group, number, wanted, file))
    return found


def _row_group(group: StoredRowGroup, number: int, wanted: Wanted, file: ReadableFile) -> RowGroup:
    chunks = [group.chunks[leaf] for leaf in wanted.leaves]
    for chunk in chunks:
        if chunk.encrypted:
            raise malformed(
                f"Column {chunk.name!r} is encrypted",
                file.path,
                offset=group.start,
                hint="Leave the column out, or read the file with Spark's own reader, which takes "
                "keys",
            )
        if chunk.file_path:
            raise malformed(
                f"Column {chunk.name!r} is in another file, {chunk.file_path!r}",
                file.path,
                hint="Read that file instead",
            )
        if not 0 <= chunk.start <= chunk.stop <= file.size:
            raise malformed(
                f"Row group {number} is not within the file: column {chunk.name!r} has bytes "
                f"{chunk.start:,} to {chunk.stop:,} of {file.size:,}",
                file.path,
                offset=group.start,
            )
    ranges = tuple(sorted((chunk.start, chunk.stop) for chunk in chunks))
    return RowGroup(
        number, group.rows, group.start, ranges, sum(chunk.plain_bytes for chunk in chunks)
    )
