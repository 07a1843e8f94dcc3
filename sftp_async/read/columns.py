"""The columns of a read: those of the files, of partition directories, and of the metadata."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sftp_async.errors import DecodeError, OptionsError
from sftp_async.formats.rescued import with_file_path
from sftp_async.formats.spark_schema import without_columns
from sftp_async.humanize import well_formed
from sftp_async.options.excel import goes_by_name, sheet_has_header
from sftp_async.read.partition_values import partition_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.splits import Split

#: Spark's own fields of `_metadata` (FileFormat.BASE_METADATA_FIELDS, FileFormat.scala).
METADATA = pa.struct(
    [
        pa.field("file_path", pa.string(), nullable=False),
        pa.field("file_name", pa.string(), nullable=False),
        pa.field("file_size", pa.int64(), nullable=False),
        pa.field("file_block_start", pa.int64(), nullable=False),
        pa.field("file_block_length", pa.int64(), nullable=False),
        pa.field("file_modification_time", pa.timestamp("us", "UTC"), nullable=False),
    ]
)

#: Formats that have rescued data.
RESCUING = ("csv", "fixed", "json", "parquet", "orc", "avro")

#: Under this key the metadata of inferred columns say which columns of the files have the name of a
#: partition directory: JSON, names by their places in the file. Their values are not read, but they
#: take their places in lines of CSV.
OVERRIDDEN = b"sftp_async.overridden"


@dataclass(frozen=True)
class ResultColumns:
    """The columns of the result, and where each comes from.

    Attributes:
        schema: of the result, as Spark expects it: without metadata of its own.
        data: what the decoder reads of the files.
        places: of the result's columns among those, in the order of the result.
        partition_by: the partition columns, by their place in `FoundFile.partition`.
        metadata: name of the column with the file's metadata, None for none.
        rescued: name of the column with what does not fit the others, None for none.
        address: `sftp://user@host:port`, for the paths in the metadata.
        case_sensitive: whether `a` and `A` are two columns.
        time_zone: in which times in the names of directories are.

    """

    schema: pa.Schema
    data: pa.Schema
    places: tuple[int, ...]
    partition_by: tuple[str, ...]
    metadata: str | None
    rescued: str | None
    address: str
    case_sensitive: bool = False
    time_zone: str = "UTC"

    @classmethod
    def of(cls, schema: pa.Schema, partition_by: Sequence[str], options: SFTPOptions) -> Self:
        """Divide the columns that a user wants.

        Args:
            schema: of the result; if it was inferred, with the metadata `OVERRIDDEN`.
            partition_by: the partition columns that the directories have.
            options: of the read.

        Raises:
            OptionsError: `columns` and the schema disagree, or the metadata's column has a type
                of its own.

        """

        def same(name: str) -> str:
            return name if options.case_sensitive else name.lower()

        names = {same(name) for name in schema.names}
        added = {same(options.metadata_column)} if options.metadata_column is not None else set()
        if options.columns and names - added != {same(name) for name in options.columns}:
            raise OptionsError(
                "columns and .schema() name different columns: leave out one of them."
            )
        inside = tuple(name for name in partition_by if same(name) in names)
        elsewhere = {same(name) for name in inside}
        _check_rescued(schema, options)
        metadata = options.metadata_column
        if metadata is not None and same(metadata) in names:
            elsewhere.add(same(metadata))
            [kind] = [field.type for field in schema if same(field.name) == same(metadata)]
            if not pa.types.is_struct(kind):
                raise OptionsError(f"metadata_column={metadata} is a column of another type.")
        else:
            metadata = None
        taken = [name for name in schema.names if same(name) in elsewhere]
        data, places = _data_columns(without_columns(schema, taken), options)
        return cls(
            schema.remove_metadata(),
            data,
            places,
            tuple(partition_by),
            metadata,
            options.rescued_data_column,
            options.address,
            options.case_sensitive,
            options.time_zone or "UTC",
        )

    def assemble(self, batch: pa.RecordBatch, split: Split) -> pa.RecordBatch:
        """Return a batch of the result.

        Args:
            batch: of the data columns.
            split: where it comes from.

        Raises:
            DecodeError: a column that may hold no null has one, or a directory's value does not
                fit its column.

        """
        arrays, places = [], iter(self.places)
        for column in self.schema:
            constant = self._constant(column, split)
            if constant is None:
                array = batch.column(next(places))
                if column.name == self.rescued:
                    array = with_file_path(array, self._path_of(split))
            else:
                array = pa.repeat(constant, len(batch))
            if not column.nullable and array.null_count:
                raise DecodeError(
                    f"Column {column.name!r} is NOT NULL in the schema, but the file has a null",
                    path=split.file.path,
                    hint="Leave out NOT NULL",
                )
            arrays.append(array)
        if not arrays:
            return batch
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _constant(self, column: pa.Field, split: Split) -> pa.Scalar | None:
        if self._same(column.name, self.metadata):
            return pa.scalar(self._metadata_of(split), column.type)
        for place, name in enumerate(self.partition_by):
            if self._same(column.name, name):
                text = split.file.partition[place]
                return partition_value(text, column, split.file.path, zone=self.time_zone)
        return None

    def _same(self, name: str, other: str | None) -> bool:
        if other is None:
            return False
        return name == other if self.case_sensitive else name.lower() == other.lower()

    def _metadata_of(self, split: Split) -> dict[str, object]:
        file = split.file
        return {
            "file_path": self._path_of(split),
            "file_name": posixpath.basename(well_formed(file.path)),
            "file_size": file.size,
            "file_block_start": split.start,
            "file_block_length": split.size,
            "file_modification_time": datetime.fromtimestamp(file.mtime, UTC),
        }

    def _path_of(self, split: Split) -> str:
        return f"sftp://{self.address}/{well_formed(split.file.path).lstrip('/')}"


def _check_rescued(schema: pa.Schema, options: SFTPOptions) -> None:
    """Refuse a read whose rescued data would go nowhere; raises `OptionsError`."""
    name = options.rescued_data_column
    if name is None:
        return
    if options.format not in RESCUING:
        raise OptionsError(
            f"rescued_data_column={name}: format={options.format} has no rescued data, only "
            f"{', '.join(RESCUING)} have: leave it out."
        )
    if name not in schema.names:
        raise OptionsError(
            f"rescued_data_column={name} is not in .schema(), or not among the columns that a "
            f"stream's state keeps from its first start: add the column {name} STRING to .schema()."
        )


#: A column of a CSV file without a header, as Spark names it: its place, from 0.
_PLACE = re.compile(r"_c([0-9]{1,5})", re.ASCII)


def _data_columns(schema: pa.Schema, options: SFTPOptions) -> tuple[pa.Schema, tuple[int, ...]]:
    """Return the columns that a decoder reads, and where those of the result are among them.

    The decoder finds the columns of CSV files without a header by their places.

    Raises:
        OptionsError: `columns` names a column that a CSV file without a header cannot have.

    """
    if options.format == "csv":
        by_name = options.match_columns == "name"
    else:
        by_name = options.format != "excel" or goes_by_name(options)
    if by_name:
        return schema, tuple(range(len(schema)))
    if not options.columns:
        return _with_overridden(schema)
    if sheet_has_header(options) if options.format == "excel" else options.header:
        return schema, tuple(range(len(schema)))
    by_place = {}
    for column in schema:
        found = _PLACE.fullmatch(column.name)
        if found is None:
            raise OptionsError(
                f"columns={column.name}: a file without a header has the columns _c0, _c1 and "
                "so on. Set header=true, or give all columns with .schema()."
            )
        by_place[int(found[1])] = column
    every = [
        by_place.get(place, pa.field(f"_c{place}", pa.string()))
        for place in range(max(by_place, default=-1) + 1)
    ]
    return pa.schema(every), tuple(by_place)


def _with_overridden(schema: pa.Schema) -> tuple[pa.Schema, tuple[int, ...]]:
    """Return the columns of lines of CSV, those included that directories override."""
    metadata = dict(schema.metadata or {})
    overridden = json.loads(metadata.pop(OVERRIDDEN, b"{}"))
    if not overridden:
        return schema, tuple(range(len(schema)))
    wanted = list(schema)
    fields = list(wanted)
    for place, name in overridden.items():  # in the order of their places
        fields.insert(int(place), pa.field(name, pa.string()))
    # Spark's own types, if they are there, are found by name: these columns need none.
    return pa.schema(fields, metadata=metadata), tuple(fields.index(field) for field in wanted)
