"""Reads generated files with Spark's own reader, also those it fails at, and with the decoder."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import functions as sql
from pyspark.sql.types import StructType

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.registry import open_read_format
from sftp_async.options import SFTPOptions
from sftp_async.spark.schema import arrow_schema
from tests.support.readable import MemoryFile, read_options
from tests.support.spark import TIME_ZONE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: What stands for an error in the place of rows.
ERROR = "error"
Opener = Callable[[SFTPOptions, pa.Schema], ReadFormat]
Rows = list[tuple[Any, ...]] | str
_NAME = "the name of the file"


def snake(name: str) -> str:
    """Return our spelling of one of Spark's options."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def options_of(form: str, options: Mapping[str, str]) -> SFTPOptions:
    """Return options in Spark's spelling as ours."""
    ours = {snake(name): value for name, value in options.items()}
    return read_options(format=form, **{"time_zone": TIME_ZONE, **ours})


def schema_of(ddl: str) -> pa.Schema:
    """Return the Arrow form of a schema; Spark must run."""
    found = StructType.fromDDL(ddl)
    assert isinstance(found, StructType)
    return arrow_schema(found)


def sparks_rows(
    spark: SparkSession,
    directory: Path,
    files: Sequence[bytes],
    form: str,
    options: Mapping[str, str],
    ddl: str,
    extension: str = "",
) -> list[Rows]:
    """Return what Spark reads of each file, all of them in one job unless one fails.

    Args:
        spark: with the tests' time zone.
        directory: to write the files into; it is removed.
        files: their contents.
        form: the format's name.
        options: in Spark's spelling.
        ddl: the schema.
        extension: of the files.

    """
    folder = directory / "files"
    folder.mkdir(parents=True)
    for number, data in enumerate(files):
        (folder / f"{number:06}{extension}").write_bytes(data)
    try:
        return _rows_of_folder(spark, folder, range(len(files)), form, options, ddl, extension)
    finally:
        shutil.rmtree(directory)


def _rows_of_folder(
    spark: SparkSession,
    folder: Path,
    numbers: range,
    form: str,
    options: Mapping[str, str],
    ddl: str,
    extension: str,
) -> list[Rows]:
    paths = [str(folder / f"{number:06}{extension}") for number in numbers]
    reader = spark.read.format(form).options(**options).schema(ddl)
    try:
        table = reader.load(paths).select("*", sql.input_file_name().alias(_NAME)).toArrow()
    except (PySparkException, Py4JJavaError):
        if len(numbers) == 1:
            return [ERROR]
        half = len(numbers) // 2
        return [
            rows
            for part in (numbers[:half], numbers[half:])
            for rows in _rows_of_folder(spark, folder, part, form, options, ddl, extension)
        ]
    found: dict[str, list[tuple[Any, ...]]] = {Path(path).name: [] for path in paths}
    names = table.column(_NAME).to_pylist()
    for name, row in zip(names, comparable(table.drop_columns([_NAME])), strict=True):
        found[name.rpartition("/")[2]].append(row)
    return [found[Path(path).name] for path in paths]


def our_rows(
    data: bytes,
    form: str,
    options: Mapping[str, str],
    schema: pa.Schema,
    *,
    opener: Opener = open_read_format,
    cuts: Sequence[int] = (),
    name: str = "file",
    chunk: int = 64 * 1024,
) -> Rows:
    """Return what our decoder reads of a file; `ERROR` for a `DecodeError`.

    Args:
        data: the content.
        form: the format's name.
        options: in Spark's spelling.
        schema: the columns.
        opener: opens the reading half.
        cuts: where the file is cut into ranges.
        name: of the file.
        chunk: bytes of each piece that is read.

    """
    try:
        reading = opener(options_of(form, options), schema)
        file = MemoryFile(f"/in/{name}", data, chunk=chunk)
        edges = [0, *cuts, file.size]
        batches = [
            batch
            for start, stop in itertools.pairwise(edges)
            for batch in reading.decode(file, start, stop)
        ]
    except DecodeError:
        return ERROR
    for batch in batches:
        assert batch.schema.equals(schema.remove_metadata()), batch.schema
        batch.validate(full=True)
    return comparable(pa.Table.from_batches(batches, schema.remove_metadata()))


def comparable(table: pa.Table) -> list[tuple[Any, ...]]:
    """Return rows that compare as values do: NaN equals NaN, and times are numbers."""
    columns = []
    for column in table.columns:
        array = column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
        if pa.types.is_timestamp(array.type) or pa.types.is_duration(array.type):
            array = array.view(pa.int64())
        elif pa.types.is_date32(array.type):
            array = array.view(pa.int32())
        values = array.to_pylist()
        if pa.types.is_floating(array.type):
            values = [None if value is None else repr(value) for value in values]
        columns.append(values)
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


__all__ = ["ERROR", "OptionsError", "options_of", "our_rows", "schema_of", "snake", "sparks_rows"]
