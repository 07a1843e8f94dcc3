"""Compares what ours makes of columnar files with what Spark's own reader makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.spark.schema import arrow_schema
from tests.parity.reading.served import WHOLE, Way, infer_served, read_served
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


def parts(directory: Path) -> list[Path]:
    """Return the data files that Spark wrote."""
    return sorted(directory.glob("part-*"))


def spark_rows(frame: DataFrame) -> pa.Table:
    """Return the rows of a frame with all columns plain: times of zones in UTC."""
    table = frame.toArrow()
    return table.cast(plain_schema(table.schema))


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema without what does not matter: nullability, metadata, names of zones."""
    return pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    if types.is_list(kind):
        return pa.list_(pa.field("element", _plain(kind.value_type)))
    if types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp("us", "UTC")
    return kind


class Columnar:
    """Reads the same files by Spark's own reader from the disk, and by ours over sshd.

    Args:
        spark: the session.
        server: serves every file under its own path.

    """

    def __init__(self, spark: SparkSession, server: SSHD) -> None:
        self._spark = spark
        self._server = server

    def schema(self, form: str, paths: Sequence[Path], **options: str) -> StructType:
        """Return the columns that ours infers."""
        return infer_served(self._server, paths, form, options)

    def rows(
        self,
        form: str,
        paths: Sequence[Path],
        schema: StructType,
        way: Way = WHOLE,
        **options: str,
    ) -> pa.Table:
        """Return the rows of several files by ours, in the order of the paths and in a plain form.

        Raises:
            DecodeError: a file cannot be read.

        """
        found = read_served(self._server, paths, form, options, schema, way)
        tables = [_raised(found[path]) for path in paths if path in found]
        table = pa.concat_tables(tables) if tables else arrow_schema(schema).empty_table()
        return table.cast(plain_schema(table.schema))

    def compare(
        self,
        form: str,
        paths: Sequence[Path],
        *,
        ddl: str | None = None,
        **options: str,
    ) -> pa.Table:
        """Assert that Spark and ours find the same columns and rows, and return the rows.

        Args:
            form: the format's name in Spark.
            paths: of the files, each of one row group at most if their order is to be kept.
            ddl: the schema; None: both infer it.
            options: for both readers, with the names of `SFTPOptions`.

        """
        spark = self._spark
        tables = []
        for path in paths:
            reader = spark.read.format(form)
            if "case_sensitive" in options:
                spark.conf.set("spark.sql.caseSensitive", options["case_sensitive"])
            if ddl is not None:
                reader = reader.schema(ddl)
            elif "merge_schema" in options:
                merged = spark.read.option("mergeSchema", "true").format(form)
                reader = reader.schema(merged.load([str(path) for path in paths]).schema)
            else:
                reader = reader.schema(spark.read.format(form).load(str(paths[0])).schema)
            frame = reader.load(str(path))
            schema = frame.schema
            tables.append(spark_rows(frame))
            spark.conf.unset("spark.sql.caseSensitive")
        theirs = pa.concat_tables(tables)
        if ddl is None:
            found = self.schema(form, paths, **options)
            assert plain_schema(arrow_schema(found)) == plain_schema(arrow_schema(schema))
        ours = self.rows(form, paths, schema, **options)
        assert ours.schema == theirs.schema
        for name in ours.schema.names:
            assert _values(ours[name]) == _values(theirs[name]), name
        return ours


def _raised(rows: pa.Table | DecodeError) -> pa.Table:
    if isinstance(rows, DecodeError):
        raise rows
    return rows


def _values(column: pa.ChunkedArray) -> list[str]:
    # As text: NaN is equal to itself, and days beyond Python's own calendar can be compared.
    return [str(scalar) for scalar in _comparable(column)]


def _comparable(column: pa.ChunkedArray) -> Iterable[Any]:
    if pa.types.is_temporal(column.type):
        return column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    return column
