"""Lets Spark find `format("sftp")` without registration: Spark looks into modules `pyspark_*`.

Spark imports all of them when it first needs a format that Java has no class for. A module that
raises makes Spark lose the sources of the others (pyspark/sql/worker/lookup_data_sources.py). So
this module does not raise, and imports nothing that takes time or may be missing before the format
is used.

From Spark 4.1 on, a source that a session registers takes precedence over the one found here. Spark
4.0 refuses to register the name of a source that it has found (SPARK-51919), so there this module
defines none.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.datasource import (
        DataSourceReader,
        DataSourceStreamReader,
        DataSourceStreamWriter,
        DataSourceWriter,
    )
    from pyspark.sql.types import StructType

    from sftp_async.spark.datasource import SFTPDataSource

with contextlib.suppress(Exception):  # PySpark itself may be missing
    import pyspark
    from pyspark.sql.datasource import DataSource

    if not pyspark.__version__.startswith("4.0."):

        class DefaultSource(DataSource):
            """Delegates to `SFTPDataSource`, which is imported when it is used."""

            @classmethod
            def name(cls) -> str:
                """Return `sftp`."""
                return "sftp"

            def schema(self) -> StructType:
                """Return the columns of a read, as `SFTPDataSource` finds them."""
                return self._source().schema()

            def reader(self, schema: StructType) -> DataSourceReader:
                """Return the reader of `SFTPDataSource`."""
                return self._source().reader(schema)

            def streamReader(  # noqa: N802 - Spark's name
                self, schema: StructType
            ) -> DataSourceStreamReader:
                """Return the reader of `SFTPDataSource`."""
                return self._source().streamReader(schema)

            def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
                """Return the writer of `SFTPDataSource`."""
                return self._source().writer(schema, overwrite)

            def streamWriter(  # noqa: N802 - Spark's name
                self, schema: StructType, overwrite: bool
            ) -> DataSourceStreamWriter:
                """Return the writer of `SFTPDataSource`."""
                return self._source().streamWriter(schema, overwrite)

            def _source(self) -> SFTPDataSource:
                try:
                    from sftp_async.spark.datasource import SFTPDataSource
                except Exception as error:
                    raise ImportError(
                        f"The data source sftp cannot be loaded by {sys.executable}: "
                        f"{type(error).__name__}: {error}. "
                        "Install it there with its dependencies: pip install sftp-async"
                    ) from error
                return SFTPDataSource(self.options)
