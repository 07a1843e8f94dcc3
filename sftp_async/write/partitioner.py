"""Checks the partition columns on the driver, and finds the directory of each row in a batch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from sftp_async.errors import EncodeError
from sftp_async.formats.arrow_text import join
from sftp_async.formats.spark_schema import collation_of, spark_fields, without_columns
from sftp_async.formats.values import temporal
from sftp_async.formats.values.cell_text import CellText, is_text
from sftp_async.layout.hive import directory_name
from sftp_async.layout.part_names import LONGEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.options import SFTPOptions

#: Characters of a value that an error shows.
SHOWN = 60


@dataclass(frozen=True)
class Partitioning:
    """The columns that become directories.

    Args:
        columns: their names as the user spelled them, which is how Spark names the directories; it
            finds the columns whatever the case.

    """

    columns: tuple[str, ...]

    def data(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns that stay in the files."""
        return without_columns(schema, self._taken(schema))

    def _taken(self, schema: pa.Schema) -> list[str]:
        """Return the partition columns as the schema spells them; unknown ones are left out."""
        return [name for column in self.columns for name in _named(column, schema)[:1]]

    def split(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[str], pa.Array]:
        """Separate the partition columns from a batch.

        Returns:
            The other columns; the directories of the rows, in the order in which their values first
            occur (null and an empty text share one); and for each row the position of its directory
            in that list.

        Raises:
            EncodeError: a value makes no directory name; names the column and the value.

        """
        taken = self._taken(batch.schema)
        kept = [i for i, name in enumerate(batch.schema.names) if name not in taken]
        directories, rows = [""], None
        for column, name in zip(self.columns, taken, strict=True):
            encoded = _encoded(batch.column(batch.schema.get_field_index(name)))
            names = _directory_names(column, encoded.dictionary)
            if rows is None:
                directories, rows = names, encoded.indices
                continue
            width = len(names)
            pairs = pc.add(
                pc.multiply(rows.cast(pa.int64()), width), encoded.indices.cast(pa.int64())
            ).dictionary_encode()
            directories = [
                f"{directories[pair // width]}/{names[pair % width]}"
                for pair in pairs.dictionary.to_pylist()
            ]
            rows = pairs.indices
        return batch.select(kept), directories, rows


def partition_problems(options: SFTPOptions, schema: pa.Schema) -> Iterator[str]:
    """Yield what keeps `partition_by` from making directories of these columns.

    A column may be unknown, given twice or of a type that Spark does not partition by; or none is
    left for the files.
    """
    if not options.partition_by:
        if options.partition_overwrite_mode == "dynamic":
            yield "partition_overwrite_mode=dynamic needs partition_by."
        return
    columns: list[str] = []
    for asked in options.partition_by:
        found = _named(asked, schema)
        if len(found) != 1:
            yield _unknown(asked, found, schema)
            continue
        (name,) = found
        if name in columns:
            yield f"partition_by names the column {name!r} twice."
            continue
        columns.append(name)
        yield from _column_problems(asked, name, schema)
        yield from _collation_problems(name, schema)
    if columns and len(columns) == len(schema):
        yield "partition_by names all columns, and none is left for the files: leave one out."


def _column_problems(asked: str, name: str, schema: pa.Schema) -> Iterator[str]:
    """Yield what keeps one column from making directories.

    Args:
        asked: the column as the user spelled it.
        name: the column as the schema spells it.
        schema: all columns.

    """
    kind = schema.field(name).type
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        yield (
            f"partition_by cannot take the column {name!r} of type {kind}: only columns of simple "
            f"types become directories. Cast it: CAST(`{name}` AS STRING)."
        )
    if name.startswith("."):
        yield (
            f"partition_by cannot take the column {name!r}: readers take directories that begin "
            "with a dot for hidden. Rename it."
        )
    if (why := _no_directory(directory_name(asked, None))) is not None:
        yield (f"partition_by cannot take the column {name!r}: a directory of it {why}. Rename it.")
    if len(same := [other for other in schema.names if other.lower() == name.lower()]) > 1:
        yield (
            f"partition_by takes {name!r}, but readers cannot tell the columns "
            f"{', '.join(map(repr, same))} apart: rename one."
        )


def _collation_problems(name: str, schema: pa.Schema) -> Iterator[str]:
    """Yield why a column in which different texts count as equal makes no directories.

    Spark refuses such columns as well: each text would get a directory of its own. Arrow has no
    collations, so Spark's own schema in the metadata is asked.
    """
    for field in spark_fields(schema):
        if field["name"] == name and (collation := collation_of(field)) is not None:
            yield (
                f"partition_by cannot take the column {name!r} of type string collate "
                f"{collation}: texts that it calls equal would be in different directories. Cast "
                f"it: CAST(`{name}` AS STRING)."
            )


def _named(name: str, schema: pa.Schema) -> list[str]:
    """Return the columns of a name: of the same spelling, or else in any case, as Spark does."""
    if name in schema.names:
        return [name]
    return [other for other in schema.names if other.lower() == name.lower()]


def _unknown(name: str, found: list[str], schema: pa.Schema) -> str:
    if found:
        return f"partition_by={name} may mean any of the columns {', '.join(map(repr, found))}."
    lower = {other.lower(): other for other in schema.names}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f"did you mean {lower[close[0]]!r}?" if close else f"there are {schema.names}."
    return f"partition_by names {name!r}, which is no column; {hint}"


def _encoded(column: pa.Array) -> Any:
    """Return the column as a dictionary and indices into it; null is a value."""
    return pc.dictionary_encode(column, null_encoding="encode")


def _directory_names(column: str, values: pa.Array) -> list[str]:
    """Return the directory of each value.

    Raises:
        EncodeError: a value makes none.

    """
    try:
        texts = _text(values).to_pylist()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise EncodeError(
            f"A value of the partition column {column!r} is no UTF-8 text",
            hint=f"Write it as text: hex(`{column}`) or base64(`{column}`)",
        ) from error
    names = [directory_name(column, text) for text in texts]
    for name, text in zip(names, texts, strict=True):
        if (why := _no_directory(name)) is not None:
            shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
            raise EncodeError(
                f"The value {shown!r} of the partition column {column!r} makes no directory: it "
                f"{why}",
                hint="Partition by another column, or by a shorter form of this one",
            )
    return names


def _no_directory(name: str) -> str | None:
    """Return why no directory can have this name; None if one can."""
    if "\0" in name:
        return "would hold a NUL character in its name"
    if len(name.encode()) > LONGEST_NAME:
        return f"would have a name of more than {LONGEST_NAME} bytes"
    return None


def _text(values: pa.Array) -> pa.Array:
    """Return values as Spark casts them to text for a path."""
    kind, types = values.type, pa.types
    if is_text(kind) or types.is_null(kind):
        return values
    if types.is_binary(kind) or types.is_large_binary(kind):
        return values.cast(pa.large_string())
    if types.is_timestamp(kind):
        return _clock(temporal.local_time(values))
    if types.is_time(kind):
        return _trimmed(values.cast(pa.string()))
    return CellText().of(values)


def _clock(local: pa.Array) -> pa.Array:
    """Return texts such as `2024-05-01 10:00:00.5`, with as few digits of the second as needed."""
    text = _trimmed(local.cast(pa.timestamp("us")).cast(pa.string()))
    # Java writes a plus sign before years of more than four digits.
    return pc.if_else(pc.match_substring_regex(text, "^[0-9]{5}"), join("+", text), text)


def _trimmed(text: pa.Array) -> pa.Array:
    """Return texts that end in a fraction of a second without its trailing zeros."""
    return pc.replace_substring_regex(text, r"\.?0+$", "")
