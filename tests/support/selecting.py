"""Lists the same local directories with Spark's own reader, and with ours over sshd."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa

from sftp_async.errors import SFTPAsyncError
from sftp_async.formats.values.floats import java_text
from sftp_async.options import SFTPOptions
from sftp_async.read.listing import Listing, list_files
from sftp_async.read.partition_values import partition_value
from sftp_async.read.root_paths import asked_paths
from sftp_async.remote.ssh import Connection, connect
from tests.support.spark import TIME_ZONE
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: A row: the file, and its partition values as text.
Taken = tuple[str, tuple[str | None, ...]]


@dataclass
class Outcome:
    """What a reader takes: partition columns with their types, and files; or it refuses."""

    columns: list[tuple[str, str]] = field(default_factory=list)
    files: list[Taken] = field(default_factory=list)
    refused: bool = False


class Readers:
    """Lists the same local directories with Spark and with ours, over sshd."""

    def __init__(self, spark: SparkSession, server: SSHD, runner: asyncio.Runner) -> None:
        self._spark = spark
        self._server = server
        self._runner = runner
        self._connection: Connection = runner.run(connect(SFTPOptions(**server.options())))

    def close(self) -> None:
        self._runner.run(self._connection.close())

    def spark(self, paths: list[str], options: dict[str, str]) -> Outcome:
        from pyspark.errors import PySparkException

        try:
            frame = self._spark.read.format("text").options(**options).load(paths)
            columns = [
                (each.name, each.dataType.simpleString())
                for each in frame.schema
                if each.name != "value"
            ]
            rows = _texts_of(frame, [name for name, _ in columns]).collect()
        except (PySparkException, ValueError):
            return Outcome(refused=True)
        files = [
            (unquote(row[0].removeprefix("file:")).replace("///", "/"), tuple(row[1:]))
            for row in rows
        ]
        return Outcome(columns, sorted(files, key=repr))

    def listing(self, paths: list[str], options: dict[str, str]) -> Listing:
        checked = SFTPOptions(
            **self._server.options(), **{"time_zone": TIME_ZONE, "use_manifest": "never", **options}
        )
        return self._runner.run(list_files(self._connection, asked_paths(checked, paths), checked))

    def ours(self, paths: list[str], options: dict[str, str]) -> Outcome:
        try:
            listing = self.listing(paths, options)
            columns = [
                (name, _name_of(kind))
                for name, kind in zip(listing.partition_by, listing.partition_types, strict=True)
            ]
            files = [
                (
                    file.path,
                    tuple(
                        _text_of(
                            partition_value(text, pa.field(name, kind), file.path, zone=TIME_ZONE)
                        )
                        for text, name, kind in zip(
                            file.partition,
                            listing.partition_by,
                            listing.partition_types,
                            strict=True,
                        )
                    ),
                )
                for file in listing.files
            ]
        except SFTPAsyncError:
            return Outcome(refused=True)
        return Outcome(columns, sorted(files, key=repr))


def _texts_of(frame: DataFrame, names: list[str]) -> DataFrame:
    """One row for each file: its path, and the values as text that tells them apart."""
    from pyspark.sql import functions as f

    def text(name: str) -> Any:
        column = frame[f"`{name}`"]
        kind = frame.schema[name].dataType.simpleString()
        return (f.unix_micros(column) if kind == "timestamp" else column).cast("string")

    return frame.select(frame["_metadata.file_path"], *(text(name) for name in names))


def _name_of(kind: pa.DataType) -> str:
    names = {
        pa.int32(): "int",
        pa.int64(): "bigint",
        pa.float64(): "double",
        pa.date32(): "date",
        pa.string(): "string",
        pa.null(): "void",
        pa.timestamp("us", "UTC"): "timestamp",
    }
    return names.get(kind) or f"decimal({kind.precision},{kind.scale})"


def _text_of(value: pa.Scalar) -> str | None:
    if not value.is_valid:
        return None
    if pa.types.is_timestamp(value.type):
        return str(value.cast(pa.int64()).as_py())
    if pa.types.is_floating(value.type):
        return str(java_text(pa.array([value.as_py()], value.type))[0].as_py())
    return str(value.as_py())
