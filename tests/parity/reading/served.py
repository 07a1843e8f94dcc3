"""Reads files over sshd as Spark's tasks do, in this process: all of a read but the JVM's part."""

from __future__ import annotations

import json
import pickle
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pyarrow as pa
from pyspark.sql.datasource import CaseInsensitiveDict

from sftp_async.errors import DecodeError
from sftp_async.spark.datasource import SFTPDataSource
from tests.support.spark import TIME_ZONE
from tests.support.sshd import SSHD

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

    from sftp_async.formats.base import ReadFormat
    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import Split
    from sftp_async.spark.batch_reader import SFTPBatchReader, TaskPartition

#: Bytes of a range where files are cut: generated ones have about a hundred.
RANGE = 48
#: A task for each split, whatever its size.
_ALONE = {"openCostBytes": str(1 << 40)}


@dataclass(frozen=True)
class Way:
    """One way that the bytes of a file can go.

    Args:
        name: for messages.
        force: returns the format with the path of its decoder chosen.
        largest: bytes of a range; None: each file is one.

    """

    name: str
    force: Callable[[ReadFormat], ReadFormat] = lambda reading: reading
    largest: int | None = None

    def options(self) -> dict[str, str]:
        """Return the options of the read that cut the files, or do not."""
        if self.largest is None:
            return {**_ALONE, "split": "false", "maxPartitionBytes": "1"}
        return {**_ALONE, "maxPartitionBytes": str(self.largest)}


#: Each file by one task, as the decoder sees fit.
WHOLE = Way("whole")
#: Each file by several tasks, where its format allows that.
RANGES = Way("in ranges", largest=RANGE)


def read_served(
    server: SSHD,
    paths: Sequence[Path],
    form: str,
    options: Mapping[str, str],
    schema: StructType,
    way: Way,
) -> dict[Path, pa.Table | DecodeError]:
    """Return the rows of each file, or why it has none, by its path.

    The data source plans the read and makes its reader, which is pickled as Spark does; each
    partition is read by itself. Connections are those of this process, for all reads of a test run.

    Args:
        server: serves the directory under its own path.
        paths: of the files, or their directory.
        form: the format.
        options: in Spark's spelling.
        schema: the columns.
        way: how the files are read.

    """
    source = _source(server, paths, form, {**options, **way.options()})
    reader = cast("SFTPBatchReader", source.reader(schema))
    in_task = pickle.loads(pickle.dumps(reader))
    scan: Scan = in_task._scan
    in_task._scan = replace(scan, file_format=way.force(scan.file_format))
    parts: dict[Path, list[tuple[int, list[pa.RecordBatch] | DecodeError]]] = defaultdict(list)
    expected: pa.Schema = scan.columns.schema
    for partition in cast("list[TaskPartition]", reader.partitions()):
        [split] = cast("tuple[Split, ...]", partition.value.splits)
        rows: list[pa.RecordBatch] | DecodeError
        try:
            rows = list(in_task.read(pickle.loads(pickle.dumps(partition))))
        except DecodeError as error:
            rows = error
        else:
            assert all(batch.schema.equals(expected) for batch in rows)
        parts[Path(split.file.path)].append((split.start, rows))
    return {path: _whole(found, expected) for path, found in parts.items()}


def infer_served(
    server: SSHD, paths: Sequence[Path], form: str, options: Mapping[str, str]
) -> StructType:
    """Return the columns that the data source finds in files, for a read without a schema."""
    return _source(server, paths, form, options).schema()


def _source(
    server: SSHD, paths: Sequence[Path], form: str, options: Mapping[str, str]
) -> SFTPDataSource:
    given = {"format": form, "timeZone": TIME_ZONE, "paths": json.dumps([*map(str, paths)])}
    return SFTPDataSource(CaseInsensitiveDict({**server.options(), **given, **options}))


def _whole(
    parts: list[tuple[int, list[pa.RecordBatch] | DecodeError]], schema: pa.Schema
) -> pa.Table | DecodeError:
    batches: list[pa.RecordBatch] = []
    for _, rows in sorted(parts, key=lambda part: part[0]):
        if isinstance(rows, DecodeError):
            return rows
        batches += rows
    return pa.Table.from_batches(batches, schema)
