"""Finds intervals of fewer fields than day to second, which only Spark's own schema knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sftp_async.formats.spark_schema import spark_fields
from sftp_async.formats.values.temporal import interval_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_PREFIX = "interval "
_WHOLE = "interval day to second"


@dataclass(frozen=True)
class NarrowIntervals:
    """The columns whose intervals have fewer fields, such as `hour to minute`.

    Args:
        columns: name and fields of each.
        nested: the columns that have some inside of other types.

    """

    columns: tuple[tuple[str, str], ...] = ()
    nested: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: pa.Schema) -> Self:
        """Find them in the Spark schema among a schema's metadata; none without one."""
        fields = spark_fields(schema)
        alone = tuple(
            (field["name"], text)
            for field in fields
            if isinstance(field["type"], str)
            for text in _narrow_in(field["type"])
        )
        within = tuple(
            field["name"]
            for field in fields
            if not isinstance(field["type"], str) and any(_narrow_in(field["type"]))
        )
        return cls(alone, within)

    def as_text(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with the text of these columns, as Spark prints it, in their place."""
        for name, fields in self.columns:
            index = batch.schema.get_field_index(name)
            text = interval_text(batch.column(index), fields)
            batch = batch.set_column(index, name, text)
        return batch


def _narrow_in(kind: Any) -> Iterator[str]:
    """Yield the fields of each narrow interval in a type of Spark's JSON."""
    if isinstance(kind, str):
        if kind.startswith(_PREFIX) and kind != _WHOLE:
            yield kind.removeprefix(_PREFIX)
    elif kind["type"] == "udt":
        yield from _narrow_in(kind["sqlType"])
    else:
        fields = kind.get("fields", ())
        inside = [kind[name] for name in ("elementType", "keyType", "valueType") if name in kind]
        for each in (*inside, *(field["type"] for field in fields)):
            yield from _narrow_in(each)
