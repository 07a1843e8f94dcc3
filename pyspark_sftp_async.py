"""Makes `format("sftp")` known to Spark by itself: it looks into modules named `pyspark_*`.

Spark imports all of them when it first meets a format that Java has no class for; one that raises
takes the sources of the others with it (pyspark/sql/worker/lookup_data_sources.py). So nothing
raises here, and nothing that costs time or may be missing is imported before the format is used.

What a session registers goes before what is found here, from Spark 4.1 on. Spark 4.0 refuses to
register the name of a source that it has found (SPARK-51919), so there it finds none.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pyspark.sql.datasource import DataSourceStreamWriter, DataSourceWriter
    from pyspark.sql.types import StructType

    from sftp_async.spark.datasource import SFTPDataSource

with contextlib.suppress(Exception):  # nothing is asked of us where PySpark itself is missing
    import pyspark
    from pyspark.sql.datasource import DataSource

    if not pyspark.__version__.startswith("4.0."):

        class DefaultSource(DataSource):
            """`SFTPDataSource`, imported when it is used."""

            @classmethod
            def name(cls) -> str:
                """Return `sftp`."""
                return "sftp"

            def schema(self) -> NoReturn:
                """Refuse, as the source does."""
                self._source().schema()

            def reader(self, schema: StructType) -> NoReturn:
                """Refuse, as the source does."""
                self._source().reader(schema)

            streamReader = reader  # noqa: N815 - Spark's name

            def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
                """Return the source's."""
                return self._source().writer(schema, overwrite)

            def streamWriter(  # noqa: N802 - Spark's name
                self, schema: StructType, overwrite: bool
            ) -> DataSourceStreamWriter:
                """Return the source's."""
                return self._source().streamWriter(schema, overwrite)

            def _source(self) -> SFTPDataSource:
                try:
                    from sftp_async.spark.datasource import SFTPDataSource
                except Exception as error:
                    raise ImportError(
                        f"The data source sftp cannot be loaded by {sys.executable}: "
                        f"{type(error).__name__}: {error}. "
                        "Install it there with all that it needs: pip install sftp-async"
                    ) from error
                return SFTPDataSource(self.options)
