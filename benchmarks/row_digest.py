"""What a DataFrame holds, by Spark: rows, and a digest that does not depend on their order.

Spark hashes the typed cells of each row, nulls included, and adds the hashes up: a changed, missing
or doubled row changes the sum. It is the same for every contender that reads, be the rows handed
over by Spark's own reader or by a Python source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.comparison import Outcome

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: As in `benchmarks.verify`: two independent hashes of 64 bits a row.
SEEDS = (3, 7)
HALF = 2**32
DIGITS = 16  # of a sum in hexadecimal


def rows_outcome(frame: DataFrame, size: int = 0) -> Outcome:
    """Read all rows and all cells of a DataFrame.

    Args:
        frame: its columns have types that Spark hashes: no maps.
        size: bytes that it was read from, for the report.

    """
    from pyspark.sql import functions as f

    # A null leaves Spark's hash as it was, so it needs a cell of its own.
    cells = [cell for name in frame.columns for cell in (f.col(name), f.isnull(f.col(name)))]
    sums = []
    for seed in SEEDS:
        hashed = f.xxhash64(f.lit(seed), *cells)
        # In halves, which do not overflow.
        sums += [f.sum(hashed.bitwiseAND(HALF - 1)), f.sum(f.shiftrightunsigned(hashed, 32))]
    [row] = frame.agg(f.count(f.lit(1)), *sums).collect()
    rows, *halves = row
    pairs = zip(halves[::2], halves[1::2], strict=True)
    totals = [(low or 0) + ((high or 0) << 32) for low, high in pairs]
    return Outcome(rows, size, _digest(totals))


def repeated(outcome: Outcome, times: int) -> Outcome:
    """Return the outcome of the same rows, each of them so many times."""
    totals = [
        int(outcome.digest[start : start + DIGITS], 16) * times
        for start in range(0, len(outcome.digest), DIGITS)
    ]
    rows = None if outcome.rows is None else outcome.rows * times
    return Outcome(rows, outcome.bytes * times, _digest(totals))


def _digest(totals: list[int]) -> str:
    return "".join(f"{total % 2**64:0{DIGITS}x}" for total in totals)
