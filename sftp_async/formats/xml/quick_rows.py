"""Rows that were read a block at a time, of which some must be read again on the exact path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from sftp_async.formats.xml.events import EventSource


@dataclass(frozen=True)
class QuickRows:
    """The rows of a block.

    Attributes:
        arrays: their columns.
        count: how many they are.
        odd: the places of the rows that must be read again, in order.
        events: returns the events of one of these, its start and its end included.
        between: what is before, between and behind the rows, if that may change what elements
            are open.

    """

    arrays: list[pa.Array]
    count: int
    odd: list[int]
    events: Callable[[int], EventSource]
    between: Sequence[bytes] = ()
