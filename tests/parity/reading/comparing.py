"""Reads the same files by Spark's own reader from a disk, and by ours over sshd or from memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats import open_read_format
from sftp_async.spark.schema import arrow_schema
from tests.parity.reading.served import WHOLE, Way, infer_served, read_served
from tests.support.readable import MemoryFile, read_options
from tests.support.spark import TIME_ZONE
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

#: What stands for the rows where a reader fails.
FAILS = "fails"
#: The column that names the file of a row, read through Spark.
_METADATA = "the metadata"
_METADATA_TYPE = (
    "STRUCT<file_path: STRING, file_name: STRING, file_size: BIGINT, file_block_start: BIGINT, "
    "file_block_length: BIGINT, file_modification_time: TIMESTAMP>"
)


@dataclass(frozen=True)
class Files:
    """Files that are read with one schema and the same options.

    Args:
        form: the format.
        contents: the bytes of each.
        schema: as DDL; None: inferred.
        options: in Spark's spelling.
        extension: of the files' names.

    """

    form: str
    contents: Sequence[bytes]
    schema: str | None
    options: dict[str, str] = field(default_factory=dict)
    extension: str = ""

    def name(self, number: int) -> str:
        """Return the name of a file by its number."""
        return f"{number:06d}{self.extension or '.' + self.form}"

    def put(self, directory: Path) -> None:
        """Write the files into a directory, which may not be there yet."""
        directory.mkdir(exist_ok=True)
        for number, content in enumerate(self.contents):
            (directory / self.name(number)).write_bytes(content)


class Readers:
    """Both readers, of the same files in the same directory.

    Args:
        spark: a session, with the tests' time zone.
        server: serves the directory under its own path.
        directory: gets a directory for each set of files.

    """

    def __init__(self, spark: SparkSession, server: SSHD, directory: Path) -> None:
        self._spark = spark
        self._server = server
        self._directory = directory
        self._numbers = itertools.count()

    def put(self, files: Files) -> Path:
        """Write files; returns their directory."""
        directory = self._directory / str(next(self._numbers))
        files.put(directory)
        return directory

    def sparks(self, directory: Path, files: Files) -> list[Any]:
        """Return the rows of each file, as Spark reads them from the disk."""
        return sparks_rows(self._spark, directory, files)

    def ours(self, directory: Path, files: Files, way: Way = WHOLE) -> list[Any]:
        """Return the rows of each file, as ours reads them over sshd."""
        found = read_served(
            self._server, [directory], files.form, files.options, struct_of(files.schema), way
        )
        # A listing leaves empty files out.
        tables = [
            found.get(directory / files.name(number)) for number in range(len(files.contents))
        ]
        for table in tables:
            if isinstance(table, pa.Table):
                table.validate(full=files.form != "text")  # text is kept as it is
        return [
            FAILS if isinstance(table, DecodeError) else [] if table is None else rows_of(table)
            for table in tables
        ]

    def inferred(self, directory: Path, files: Files) -> tuple[StructType, StructType]:
        """Return the columns that Spark finds in the files on the disk, and ours over sshd."""
        reader = self._spark.read.format(files.form).options(**files.options)
        ours = infer_served(self._server, [directory], files.form, files.options)
        return reader.load(str(directory)).schema, ours

    def through_spark(self, directory: Path, files: Files) -> list[Any]:
        """Return the rows of each file, as `format("sftp")` hands them to Spark."""
        assert files.schema is not None
        frame = (
            self._spark.read.format("sftp")
            .options(**self._server.options(), format=files.form, metadata_column=_METADATA)
            .options(**files.options)
            .schema(f"{files.schema}, `{_METADATA}` {_METADATA_TYPE}")
            .load(str(directory))
        )
        name = f"`{_METADATA}`.file_name"
        return _by_file(frame, files, [*frame.columns[:-1]], name)


def sparks_rows(spark: SparkSession, directory: Path, files: Files) -> list[Any]:
    """Return the rows of each file, as Spark reads them, all of them in one job unless one fails.

    Args:
        spark: a session.
        directory: holds the files.
        files: that were put there.

    """
    return _sparks_rows(spark, directory, files, range(len(files.contents)))


def _sparks_rows(spark: SparkSession, directory: Path, files: Files, numbers: range) -> list[Any]:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    every = len(numbers) == len(files.contents)
    paths = [str(directory / files.name(number)) for number in numbers]
    reader = spark.read.format(files.form).options(**files.options)
    try:
        frame = reader.schema(files.schema).load(str(directory) if every else paths)  # type: ignore[arg-type]
        found = _by_file(frame, files, frame.columns, "input_file_name()")
    except (PySparkException, Py4JJavaError):
        if len(numbers) == 1:
            return [FAILS]
        half = len(numbers) // 2
        parts = numbers[:half], numbers[half:]
        return [row for part in parts for row in _sparks_rows(spark, directory, files, part)]
    return [found[number] for number in numbers]


def _by_file(frame: DataFrame, files: Files, columns: list[str], name: str) -> list[Any]:
    """Return the rows of each file; `name` is the expression of a row's file."""
    from pyspark.sql import functions as f

    row = f.struct(*(f.col(f"`{column}`") for column in columns)).alias("row")
    table = frame.select(row, f.expr(name).alias("file")).toArrow()
    found: list[Any] = [[] for _ in files.contents]
    names = table["file"].to_pylist()
    for values, path in zip(rows_of(table.select(["row"])), names, strict=True):
        found[int(path.rpartition("/")[2].partition(".")[0])].append(values[0])
    return found


def our_rows(
    schema: pa.Schema,
    files: Files,
    cuts: Callable[[bytes], Sequence[int]] = lambda _: (),
    chunk: int = 64 * 1024,
) -> list[Any]:
    """Return the rows of each file, as the decoder reads them.

    Args:
        schema: the columns.
        files: each is read by itself.
        cuts: where a file is cut into ranges.
        chunk: bytes that are served at once.

    """
    options = read_options(**{"format": files.form, "timeZone": TIME_ZONE} | files.options)
    reading = open_read_format(options, schema)
    found: list[Any] = []
    for number, content in enumerate(files.contents):
        file = MemoryFile(f"/in/{files.name(number)}", content, chunk=chunk)
        edges = [0, *cuts(content), len(content)]
        try:
            batches = [
                batch
                for start, stop in itertools.pairwise(edges)
                for batch in reading.decode(file, start, stop)
            ]
        except DecodeError:
            found.append(FAILS)
        else:
            assert all(batch.schema.equals(schema) for batch in batches)
            found.append(rows_of(pa.Table.from_batches(batches, schema)))
    return found


def struct_of(ddl: str | None) -> StructType:
    """Return a schema as Spark hands it to the data source; Spark must run."""
    from pyspark.sql.types import StructType

    assert ddl is not None
    parsed = StructType.fromDDL(ddl)
    assert isinstance(parsed, StructType)
    return parsed


def schema_of(ddl: str) -> pa.Schema:
    """Return a schema as the data source hands it to a decoder; Spark must run."""
    return arrow_schema(struct_of(ddl))


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """Return rows that can be compared: NaN equals itself, bytes that are not UTF-8 are replaced.

    Numbers of 1970 stand for dates and timestamps, which may be beyond Python's.
    """
    columns = [_values(column) for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def _values(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    if isinstance(column, pa.ChunkedArray):
        return [value for chunk in column.chunks for value in _values(chunk)]
    kind = column.type
    if pa.types.is_struct(kind):
        parts = [_values(part) for part in (column.flatten() if kind.num_fields else ())]
        rows = list(zip(*parts, strict=True)) if parts else [()] * len(column)
        return _masked(column, rows)
    if pa.types.is_map(kind):
        keys, items = _values(column.keys), _values(column.items)
        pairs = list(zip(keys, items, strict=True))
        return _masked(column, _slices(column, pairs))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _masked(column, _slices(column, _values(column.values)))
    if pa.types.is_date32(kind):
        return list(column.view(pa.int32()).to_pylist())
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time64(kind):
        return list(column.view(pa.int64()).to_pylist())
    if pa.types.is_string(kind):
        raw = column.cast(pa.binary()).to_pylist()
        return [None if text is None else text.decode(errors="replace") for text in raw]
    if pa.types.is_floating(kind):
        return [value if value is None else repr(value) for value in column.to_pylist()]
    return list(column.to_pylist())


def _slices(column: pa.Array, values: list[Any]) -> list[Any]:
    offsets = column.offsets.to_pylist()
    return [values[start:stop] for start, stop in itertools.pairwise(offsets)]


def _masked(column: pa.Array, values: list[Any]) -> list[Any]:
    valid = column.is_valid().to_pylist()
    return [value if known else None for value, known in zip(values, valid, strict=True)]
