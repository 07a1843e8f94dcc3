"""Adds the column of rescued data to formats whose files state their columns, such as Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.formats.base import ReadFormat
from sftp_async.formats.rescued import check_rescued, rescued_objects
from sftp_async.formats.spark_schema import without_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

#: The formats.
WITH_COLUMNS = ("parquet", "orc", "avro")


@dataclass(frozen=True)
class RescuingFormat(ReadFormat):
    """A format that keeps the columns that the schema lacks.

    Args:
        options: of files.
        schema: the columns, that of rescued data included.
        opens: the function `decoder` of the format, see `FormatPlugin`.

    Raises:
        DecodeError: the column of rescued data is no string, or the format cannot hold a column.

    """

    options: FormatOptions
    schema: pa.Schema
    opens: Callable[[FormatOptions, pa.Schema | None], ReadFormat]

    def __post_init__(self) -> None:
        check_rescued(self.schema, self.options.rescued_data_column)
        assert self._form is not None, "columns are checked"

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("options", "schema", "opens")}

    @cached_property
    def _columns(self) -> pa.Schema:
        return without_columns(self.schema, [str(self.options.rescued_data_column)])

    @cached_property
    def _form(self) -> ReadFormat:
        """The format as it is opened for the files that have no other columns."""
        return self.opens(self.options, self._columns)

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be decoded by itself; see `ReadFormat`."""
        return self._form.is_splittable(path)

    def reads_ranges(self, path: str) -> bool:
        """Whether the file is read by ranges; see `ReadFormat`."""
        return self._form.reads_ranges(path)

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns that the files hold; see `ReadFormat`."""
        return self._form.infer_schema(files)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a range; see `ReadFormat`."""
        columns, form = self._columns, self._form
        unknown = self._unknown(file)
        if unknown:
            wider = pa.schema([*columns, *unknown], metadata=columns.metadata)
            form = self.opens(self.options, wider)
        name = self.options.rescued_data_column
        for batch in form.decode(file, start, stop):
            found = zip(unknown, batch.columns[len(columns) :], strict=True)
            rescued = rescued_objects({field.name: array for field, array in found}, len(batch))
            ordinary = iter(batch.columns)
            arrays = [rescued if column.name == name else next(ordinary) for column in self.schema]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _unknown(self, file: ReadableFile) -> list[pa.Field]:
        """Return the columns of a file that the schema lacks."""

        def key(name: str) -> str:
            return name if self.options.case_sensitive else name.lower()

        known = {key(name) for name in self._columns.names}
        stated = self._form.infer_schema([file])
        return [column for column in stated if key(column.name) not in known]
