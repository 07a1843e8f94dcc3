"""What the reading halves of Parquet and ORC share: files that state their columns at their end."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import TYPE_CHECKING

from sftp_async.formats.base import ReadFormat
from sftp_async.formats.schema_merge import merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from sftp_async.formats.base import ReadableFile

_log = logging.getLogger("sftp_async.formats")


class SelfDescribingFormat(ReadFormat):
    """A format of parts that are decoded by themselves, fetched by ranges.

    Args:
        schema: the columns that are wanted; None: they will be inferred.
        case_sensitive: whether the case of names counts.
        merge_schema: infer the columns of all files, instead of those of the first.

    """

    #: For the log.
    name: str

    def __init__(
        self, schema: pa.Schema | None, *, case_sensitive: bool = False, merge_schema: bool = False
    ) -> None:
        self._schema = schema
        self._case_sensitive = case_sensitive
        self._merge_schema = merge_schema

    @abstractmethod
    def columns_of(self, file: ReadableFile) -> pa.Schema:
        """Return the columns that a file states, in their Spark types."""

    def is_splittable(self, path: str) -> bool:
        """Return True."""
        return True

    def reads_ranges(self, path: str) -> bool:
        """Return True."""
        return True

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns that the files state; no rows are read."""
        looked_at = files if self._merge_schema else files[:1]
        schemas = [(file.path, self.columns_of(file)) for file in looked_at]
        _log.info(
            "Took the columns from the ends of %d of %d %s files; no rows were read",
            len(looked_at),
            len(files),
            self.name,
        )
        return merged(schemas, case_sensitive=self._case_sensitive)
