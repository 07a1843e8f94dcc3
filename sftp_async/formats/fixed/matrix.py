"""Puts columns of equal bytes side by side in records, with NumPy or without."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    import numpy as np
except ImportError:
    np = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer


def interleaved(template: bytes, rows: int, columns: Sequence[tuple[int, int, bytes]]) -> Buffer:
    """Return records that are copies of a template, with columns in their places.

    Args:
        template: a record with blank columns.
        rows: number of records.
        columns: start and width in the record, and the bytes of all rows, one after the other.

    """
    size = len(template)
    records = bytearray(template * rows)
    if np is not None:
        matrix = np.frombuffer(records, np.uint8).reshape(rows, size)
        for start, width, data in columns:
            matrix[:, start : start + width] = np.frombuffer(data, np.uint8).reshape(rows, width)
        return records
    for start, width, data in columns:
        for place in range(width):
            records[start + place :: size] = data[place::width]
    return records
