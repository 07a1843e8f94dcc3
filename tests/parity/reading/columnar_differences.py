"""What the decoders of Parquet and ORC read otherwise than Spark does: a table of cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import orc, parquet

#: Writes a file.
Write = Callable[[Path], None]


@dataclass(frozen=True)
class ColumnarDifference:
    """A case in which the decoder's rows are others than Spark's.

    Args:
        name: as in docs/reference/reading-differences.md.
        form: the format.
        table: the content of the file.
        ddl: the columns that are asked for.
        sparks: the values of column `x` that Spark has, or what its error matches.
        ours: the same of the decoder.

    """

    name: str
    form: str
    table: pa.Table
    ddl: str
    sparks: list[Any] | str
    ours: list[Any] | str

    def write(self, path: Path) -> None:
        """Write the file."""
        if self.form == "orc":
            orc.write_table(self.table, path)
        else:
            parquet.write_table(self.table, path, store_decimal_as_integer=True)


def one(values: list[Any], kind: pa.DataType) -> pa.Table:
    """Return a table of one column."""
    return pa.table({"x": pa.array(values, kind)})


_MISMATCH = "PARQUET_COLUMN_DATA_TYPE_MISMATCH"

COLUMNAR_DIFFERENCES = [
    ColumnarDifference(
        "nanoseconds are cut",
        "parquet",
        one([1_999, None], pa.timestamp("ns")),
        "x TIMESTAMP_NTZ",
        _MISMATCH,
        [1, None],
    ),
    ColumnarDifference(
        "halves are read as floats",
        "parquet",
        one([1.5, None], pa.float16()),
        "x FLOAT",
        _MISMATCH,
        [1.5, None],
    ),
    ColumnarDifference(
        "columns of nothing are null in any type",
        "parquet",
        pa.table({"x": pa.nulls(2)}),
        "x STRING",
        _MISMATCH,
        [None, None],
    ),
    ColumnarDifference(
        "decimals are not read as the numbers that are stored for them",
        "parquet",
        one([Decimal("1.25"), None], pa.decimal128(9, 2)),
        "x INT",
        [125, None],
        "cannot be read as int32",
    ),
    ColumnarDifference(
        "timestamps are not read as intervals",
        "parquet",
        one([1, None], pa.timestamp("us")),
        "x INTERVAL DAY TO SECOND",
        [1, None],
        "cannot be read as duration",
    ),
    ColumnarDifference(
        "numbers of ORC are not read as text",
        "orc",
        one([1, None], pa.int32()),
        "x STRING",
        ["1", None],
        "cannot be read as string",
    ),
    ColumnarDifference(
        "numbers of ORC are not narrowed",
        "orc",
        one([1, None], pa.int64()),
        "x INT",
        [1, None],
        "cannot be read as int32",
    ),
]
