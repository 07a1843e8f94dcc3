"""The middle path: reads well-formed records with Python's own scanner, and leaves the odd ones.

Python's scanner is strict, so a record that it takes is JSON. What Spark makes of it depends on
nothing but the values then, unless a name is given twice, a nested value does not fit its type, or
the text of a value is needed: such records are left to `RecordParser`.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats.json.limits import SHORT, within_limits
from sftp_async.formats.json.quick_columns import QuickColumn
from sftp_async.formats.json.quick_values import (
    OddRecordError,
    QuickValues,
    refuse,
    scanner,
    unique_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sftp_async.formats.json.text_values import TextParser

    Record = dict[str, Any]

# What the scanner raises for a record that it does not take.
_REFUSED = (ValueError, StopIteration, RecursionError, OddRecordError)
_SPACE = re.compile(r"[ \t\r\n]*")
# Where this is not in a record, no white space is between a name and its colon.
_BEFORE_COLON = re.compile(rb'"[ \t\r\n]')
# The escapes of halves of characters, which Java and Python may pair in two ways.
_SURROGATES = (b"\\ud", b"\\uD")
#: Records whose values are in memory at once: few, so that Python's collector of garbage, which
#: looks at all objects that live for long, and the processor's caches hold them.
_PART = 128


@dataclass(frozen=True)
class QuickRows:
    """What some records became.

    Attributes:
        arrays: the columns, with a row for each record; what does not fit is null.
        malformed: the places of records with a value that does not fit.
        odd: the places of records that are left to the exact path; their rows mean nothing.

    """

    arrays: list[pa.Array]
    malformed: set[int] = field(default_factory=set)
    odd: set[int] = field(default_factory=set)


class _Cells:
    """Collects the values of one column.

    Attributes:
        malformed: the places of values that do not fit.
        odd: the places of odd values.

    """

    def __init__(self, column: QuickColumn) -> None:
        self._column = column
        self._values: list[Any] = []
        self._arrays: list[pa.Array] = []
        self._size = 0
        self.malformed: list[int] = []
        self.odd: list[int] = []

    def add(self, values: list[Any]) -> None:
        """Take values. Objects and lists become an array at once, see `_PART`."""
        self._values += values
        if self._column.is_nested:
            self._make()

    def finished(self) -> pa.Array:
        """Return the column."""
        if self._values:
            self._make()
        return self._arrays[0] if len(self._arrays) == 1 else pa.concat_arrays(self._arrays)

    def _make(self) -> None:
        array, malformed, odd = self._column.make(self._values)
        self._arrays.append(array)
        self.malformed += [self._size + place for place in malformed]
        self.odd += [self._size + place for place in odd]
        self._size += len(array)
        self._values = []


class QuickRecords:
    """Parses ordinary records.

    Args:
        columns: all columns but that of corrupt records.
        texts: parses dates, timestamps and decimals.
        non_numeric: whether NaN and the like are numbers.
        keeps_source: see `RecordParser`.

    """

    def __init__(
        self, columns: pa.Schema, texts: TextParser, *, non_numeric: bool, keeps_source: bool
    ) -> None:
        values = QuickValues(texts, non_numeric=non_numeric, keeps_source=keeps_source)
        self._columns = [
            (column.name, QuickColumn(column.type, values, texts)) for column in columns
        ]
        constant = None if non_numeric else refuse
        self._scan = scanner(constant, unique_pairs)
        self._scan_flat = scanner(constant, None)

    def lines(self, lines: list[bytes]) -> QuickRows:
        """Return the rows of some lines."""
        parts = (lines[at : at + _PART] for at in range(0, len(lines), _PART))
        return self._rows(map(self._records, parts))

    def document(self, text: str) -> list[pa.Array]:
        """Return the rows of a document, or of an array of documents.

        Raises:
            OddRecordError: it is something else, or malformed.

        """
        elements = self._elements(text)
        made = self._rows(iter(lambda: list(itertools.islice(elements, _PART)), []))
        if made.odd or made.malformed:
            raise OddRecordError
        return made.arrays

    def _rows(self, parts: Iterable[Sequence[Record | None]]) -> QuickRows:
        """Return the rows of parts of a few records; those that are None are odd."""
        made = QuickRows([])
        columns = [_Cells(column) for _, column in self._columns]
        size = 0
        for records in parts:
            made.odd.update(place for place, record in enumerate(records, size) if record is None)
            known: list[Record] = [record or {} for record in records]
            for cells, (name, _) in zip(columns, self._columns, strict=True):
                cells.add([record.get(name) for record in known])
            size += len(records)
        for cells in columns if size else ():
            made.arrays.append(cells.finished())
            made.malformed.update(cells.malformed)
            made.odd.update(cells.odd)
        return made

    def _records(self, lines: list[bytes]) -> list[Record | None]:
        """Return the objects of a few lines; None for each that is left to the exact path."""
        joined = b"\n".join(lines)
        has_surrogates = any(escape in joined for escape in _SURROGATES)
        has_limits = max(map(len, lines)) >= SHORT
        is_spaced = _BEFORE_COLON.search(joined) is not None
        records: list[Record | None] = []
        for line in lines:
            if (has_limits and not within_limits(line)) or (
                has_surrogates and any(escape in line for escape in _SURROGATES)
            ):
                records.append(None)
                continue
            try:
                text = line.decode()
                record = None
                if not is_spaced and line.rfind(b"{") == 0:
                    record, _ = self._scan_flat(text, 0)
                    # Each name stands before a colon: of two alike, one is missing in the object.
                    record = record if len(record) == line.count(b'":') else None
                if record is None:
                    record, _ = self._scan(text, _next(text, 0))
            except _REFUSED:  # malformed UTF-8 is a ValueError, too
                record = None
            records.append(record if type(record) is dict else None)
        return records

    def _elements(self, text: str) -> Iterator[Record]:
        """Yield a document, or those of an array of documents.

        Raises:
            OddRecordError: it is something else, or malformed.

        """
        if "\\ud" in text or "\\uD" in text:
            raise OddRecordError
        try:
            at = _next(text, 0)
            is_array = text[at] == "["
            at = _next(text, at + 1) if is_array else at
            while text[at] != "]":
                if text[at] != "{":
                    raise OddRecordError
                record, end = self._scan(text, at)
                if not within_limits(text[at:end].encode(errors="replace")):
                    raise OddRecordError
                yield record
                if not is_array:
                    return
                at = _next(text, end)
                if text[at] == ",":
                    at = _next(text, at + 1)
                    if text[at] == "]":
                        raise OddRecordError
                elif text[at] != "]":
                    raise OddRecordError
        except (IndexError, *_REFUSED):
            raise OddRecordError from None


def _next(text: str, at: int) -> int:
    """Return the place of the next character that is no white space."""
    found = _SPACE.match(text, at)
    assert found is not None, "it may be empty"
    return found.end()
