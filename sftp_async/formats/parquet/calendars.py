"""Handles Parquet files of Spark 2 and the like, whose old dates are of the Julian calendar.

Source: DataSourceUtils.datetimeRebaseSpec and int96RebaseSpec in
sql/core/src/main/scala/org/apache/spark/sql/execution/datasources/, with the modes that Spark 4 has
if none is set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.julian import gregorian_dates
from sftp_async.formats.schema_checks import types_within

if TYPE_CHECKING:
    from sftp_async.formats.parquet.footer import Footer

_VERSION = b"org.apache.spark.version"
_LEGACY_DATES = b"org.apache.spark.legacyDateTime"
_LEGACY_INT96 = b"org.apache.spark.legacyINT96"
#: 1900-01-01: from then on, the calendars and the time zones of both kinds of Java classes agree
#: (RebaseDateTime.lastSwitchJulianTs is not later).
_AGREED = -2_208_988_800_000_000


@dataclass(frozen=True)
class Calendars:
    """Which values of a file are of the Julian calendar, if they are old enough.

    Args:
        dates: whether dates are, and timestamps that are stored as INT64.
        int96: whether timestamps that are stored as INT96 are.
        path: of the file, for errors.

    """

    dates: bool
    int96: bool
    path: str

    @classmethod
    def of(cls, footer: Footer, path: str) -> Calendars:
        """Return what the writer of a file did."""
        texts = footer.texts
        text = texts.get(_VERSION, b"").decode("utf-8", "replace")
        found = re.match(r"(\d+)\.(\d+)", text)
        version = (int(found[1]), int(found[2])) if found else (99, 0)
        return cls(
            version < (3, 0) or _LEGACY_DATES in texts,
            version < (3, 1) or _LEGACY_INT96 in texts,
            path,
        )

    def corrected(self, name: str, column: pa.Array, *, int96: bool) -> pa.Array:
        """Return a column with its dates as Spark reads them.

        Args:
            name: of the column.
            column: as the file has it.
            int96: whether its timestamps are stored as INT96.

        Raises:
            DecodeError: it has old timestamps, or old dates within other values.

        """
        legacy_times = self.int96 if int96 else self.dates
        if not (legacy_times or self.dates):
            return column
        types = pa.types
        if self.dates and types.is_date32(column.type):
            return gregorian_dates(column)
        for path, values in _leaves(name, column):
            if types.is_timestamp(values.type) and legacy_times:
                oldest = pc.min(values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()))
                self._check(path, oldest.as_py(), _AGREED)
            elif types.is_date32(values.type) and self.dates:
                oldest = pc.min(values.cast(pa.int32()))
                self._check(path, oldest.as_py(), -141427)
        return column

    def _check(self, name: str, oldest: int | None, limit: int) -> None:
        if oldest is not None and oldest < limit:
            raise malformed(
                f"Column {name!r} has dates before 1582 or timestamps before 1900, written by "
                "Spark 2 or in its way, which are of another calendar",
                self.path,
                hint="Read the file with Spark's own reader",
            )


def _leaves(name: str, column: pa.Array) -> list[tuple[str, pa.Array]]:
    """Return the arrays of single values that a column consists of."""
    types = pa.types
    kind = column.type
    if not any(types.is_temporal(part) for _, part in types_within(name, kind)):
        return []
    if types.is_struct(kind):
        parts = [
            (f"{name}.{field.name}", values)
            for field, values in zip(kind, column.flatten(), strict=True)
        ]
    elif types.is_map(kind):
        parts = [(f"{name}.key", column.keys), (f"{name}.value", column.items)]
    elif types.is_list(kind) or types.is_large_list(kind):
        parts = [(f"{name}.element", column.flatten())]
    else:
        return [(name, column)]
    return [leaf for part in parts for leaf in _leaves(*part)]
