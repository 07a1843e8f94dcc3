"""Makes the column of rescued data: what of a record does not fit the schema, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import DecodeError
from sftp_async.formats.arrow_text import join
from sftp_async.formats.json.text import JSONText, quoted
from sftp_async.formats.values.cell_text import CellText

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The key of the file's path, as Databricks names it.
FILE_PATH = "_file_path"

_NONE = pa.nulls(1, pa.string())[0]  # pa.scalar imports pandas
_TEXT = JSONText(CellText())


def check_rescued(schema: pa.Schema | None, name: str | None) -> None:
    """Refuse a column of rescued data that is no string.

    Args:
        schema: the columns.
        name: of the column of rescued data; None: there is none.

    Raises:
        DecodeError: it has another type; names the column.

    """
    if schema is None or name is None or name not in schema.names:
        return
    if not pa.types.is_string(schema.field(name).type):
        raise DecodeError(
            f"Column {name!r} takes what does not fit the schema, and is no string",
            hint="Make it a STRING, or set another rescued_data_column",
        )


def rescued_objects(values: Mapping[str, pa.Array], rows: int) -> pa.Array:
    """Return for each row a JSON object of its values; null for a row that has none.

    Args:
        values: by column; null where there is nothing to rescue.
        rows: how many rows there are.

    """
    filled = {name: array for name, array in values.items() if array.null_count < len(array)}
    if not filled:
        return pa.nulls(rows, pa.string())
    objects = _TEXT.objects(filled, filled.values(), rows=rows)
    return pc.if_else(pc.equal(objects, "{}"), _NONE, objects)


def with_file_path(objects: pa.Array, path: str) -> pa.Array:
    """Return JSON objects with the path of their file as their last member.

    Args:
        objects: null, or with one member at least.
        path: of the file, as the metadata column has it.

    """
    if objects.null_count == len(objects):
        return objects
    opened = pc.binary_replace_slice(objects, -1, 2**31 - 1, "")
    return join(opened, f',"{FILE_PATH}":{quoted(path)}}}')
