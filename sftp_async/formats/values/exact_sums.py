"""Adds up columns of integers and decimals without rounding and without overflow."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.options.control_template import ControlTemplate

#: Digits of Arrow's largest decimals: 38 of a column's values, and 38 for the rows of a batch.
_DIGITS = 76


class ExactSums:
    """The sums of some columns over all batches that were added; nulls count for nothing.

    Args:
        columns: their names; of types that have a `scale_of`.

    Attributes:
        unscaled: the sum of each, as digits without the decimal point.

    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.unscaled = [0] * len(columns)
        self._columns = columns

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch."""
        for place, name in enumerate(self._columns):
            column = batch.column(name)
            wide = column.cast(pa.decimal256(_DIGITS, scale_of(column.type)))
            total: Decimal = pc.sum(wide, min_count=0).as_py()
            sign, digits, _ = total.as_tuple()
            unscaled = int("".join(map(str, digits)))
            self.unscaled[place] += -unscaled if sign else unscaled


def scale_of(kind: pa.DataType) -> int | None:
    """Return how many digits a column's values have behind the point; None: it has no exact sum."""
    if pa.types.is_integer(kind):
        return 0
    if pa.types.is_decimal(kind) and kind.scale >= 0:
        return int(kind.scale)
    return None


def sum_problems(option: str, template: ControlTemplate, schema: pa.Schema) -> Iterator[str]:
    """Yield why the sums of a template cannot be made of some columns.

    Args:
        option: whose value the template is.
        template: with sums, or none.
        schema: the columns.

    """
    for name in template.sum_columns:
        field = f"{{sum({name})}}"
        if schema.names.count(name) != 1:
            yield f"{option} holds {field}: there is no column {name!r} among {schema.names}."
            continue
        kind = schema.field(name).type
        scale = scale_of(kind)
        if scale is None:
            yield (
                f"{option} holds {field}, but a sum is exact for integers and decimals alone, and "
                f"the column is of the type {kind}: give it as DECIMAL."
            )
            continue
        for spec in template.rounding_specs(name, scale):
            yield (
                f"{option} holds {{sum({name}):{spec}}}, which rounds: the column has {scale} "
                "digits behind the point."
            )
