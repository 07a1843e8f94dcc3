"""Reads the rows of an XML document: each block on the quickest path that is sure to be Spark's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sftp_async.formats.xml import events as ev
from sftp_async.formats.xml.blocks import Blocks, utf8_chunks
from sftp_async.formats.xml.events import Events
from sftp_async.formats.xml.plan import plan_of
from sftp_async.formats.xml.text_columns import TextColumns
from sftp_async.formats.xml.tree_blocks import TreeBlocks
from sftp_async.formats.xml.vectorized_blocks import VectorizedBlocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from sftp_async.formats.xml.events import EventSource
    from sftp_async.formats.xml.quick_rows import QuickRows
    from sftp_async.formats.xml.records import RecordParser
    from sftp_async.options import FormatOptions

    #: Columns of rows that are as they should be, or the values of one row, and whether it is
    #: malformed.
    Part = list[pa.Array] | tuple[list[Any], bool]

# After so many blocks that a path has refused, it is tried for one of so many.
_PATIENCE, _RARELY = 3, 16


class DocumentRows:
    """The rows of a document, in order.

    Args:
        chunks: the bytes.
        options: of the read.
        parser: reads rows one by one.
        columns: all columns but that of corrupt records.
        path: of the file, for errors.
        paths: `all`, or the only one that may be taken: `exact`, `middle` or `fast`, and `exact`
            for what these leave. For tests.

    Attributes:
        events: of the document.
        fast_bytes: bytes of rows that were read on the fast path.

    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        options: FormatOptions,
        parser: RecordParser,
        columns: pa.Schema,
        path: str,
        paths: str = "all",
    ) -> None:
        self._parser = parser
        self._row_tag = options.row_tag
        self._width = len(columns)
        text = utf8_chunks(chunks, options.encoding)
        self._blocks = Blocks(text, options.row_tag, namespaces=options.ignore_namespace)
        self.events = Events(self._blocks, path)
        self._paths: list[_Path] = []
        shape = plan_of(parser, columns)
        columns_of = TextColumns(parser.texts)
        if shape is not None and paths in ("all", "fast") and VectorizedBlocks.can_read():
            fast = VectorizedBlocks(shape, columns_of, self._is_row)
            self._paths.append(_Path(fast, is_fast=True))
        if paths in ("all", "middle"):
            self._paths.append(_Path(TreeBlocks(shape, columns_of, self._is_row)))
        self.fast_bytes = 0
        self._middle_bytes = 0

    @property
    def exact_bytes(self) -> int:
        """Bytes of rows that were not read on the fast path."""
        return self._middle_bytes + self._blocks.pushed_back

    def __iter__(self) -> Iterator[Part]:
        """Yield the rows.

        Raises:
            MalformedXMLError: the document is malformed between two rows.
            DecodeError: an event does not fit into memory.

        """
        events = self.events
        while not events.stopped:
            if self._paths and events.is_between and self._blocks.is_whole:
                rows = self._quick_rows()
                if rows is not None:
                    yield from self._spliced(rows)
                    continue
            events.fill()
            while events.is_filled:
                event = next_row(events, self._parser.name, self._row_tag)
                if event is None:
                    break
                yield self._parser.parse(events, event.attributes)
                if events.stopped:
                    return
            if events.has_ended:
                return

    def _is_row(self, name: str) -> bool:
        return self._parser.name(name) == self._row_tag

    def _quick_rows(self) -> QuickRows | None:
        """Return the rows of the next block; None if they must go the exact way."""
        block = self._blocks.block()
        if block is None:
            return None
        for path in self._paths:
            rows = path.read(block)
            if rows is not None and self.events.skip(len(block), rows.between):
                if path.is_fast:
                    self.fast_bytes += len(block)
                else:
                    self._middle_bytes += len(block)
                return rows
        self._blocks.push_back(block)
        return None

    def _spliced(self, rows: QuickRows) -> Iterator[Part]:
        """Yield the rows of a block, and read those again that are odd."""
        start = 0
        for place in rows.odd:
            if place > start:
                yield [array.slice(start, place - start) for array in rows.arrays]
            yield from self._again(rows.events(place))
            start = place + 1
        if start < rows.count:
            yield [array.slice(start) for array in rows.arrays]

    def _again(self, events: EventSource) -> Iterator[Part]:
        # A malformed row ends before its end, and may have others in what remains.
        while (event := next_row(events, self._parser.name, self._row_tag)) is not None:
            yield self._parser.parse(events, event.attributes)


class _Path:
    """A quick path, which is tried less where it is of no use.

    Attributes:
        is_fast: whether it is the quickest one.

    """

    def __init__(self, blocks: VectorizedBlocks | TreeBlocks, *, is_fast: bool = False) -> None:
        self._path = blocks
        self._refused = self._number = 0
        self.is_fast = is_fast

    def read(self, block: bytes) -> QuickRows | None:
        """Return the rows of a block, or None."""
        self._number += 1
        if self._refused >= _PATIENCE and self._number % _RARELY:
            return None
        rows = self._path.read(block)
        self._refused = 0 if rows is not None else self._refused + 1
        return rows


def next_row(events: EventSource, name: Any, row_tag: str) -> ev.Event | None:
    """Go to the start of the next row, and return it.

    Args:
        events: of a document, or of a row.
        name: returns the name of an element from that in the document.
        row_tag: name of the elements that are rows.

    Returns:
        None if there is no other, or none in what was read so far of a document.

    Raises:
        MalformedXMLError: the document is malformed before.

    """
    while events.is_filled:
        event = events.next()
        if event.kind == ev.START and name(event.text) == row_tag:
            return event
        if event.kind == ev.END_DOCUMENT:
            return None
    return None
