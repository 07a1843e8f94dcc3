"""Makes `format("sftp")` known to Spark by itself: it looks into modules named `pyspark_*`.

Spark imports all of them when it first meets a format that Java has no class for; one that raises
takes the sources of the others with it (pyspark/sql/worker/lookup_data_sources.py). So nothing
raises here: a stand-in tells what is missing, to whoever writes to `sftp`.

What a session registers goes before what is found here, from Spark 4.1 on. Spark 4.0 refuses to
register the name of a source that it has found (SPARK-51919), so there it finds none.
"""

from __future__ import annotations

import contextlib
import sys
from typing import NoReturn

with contextlib.suppress(Exception):  # nothing is asked of us where PySpark itself is missing
    import pyspark
    from pyspark.sql.datasource import DataSource

    if not pyspark.__version__.startswith("4.0."):
        try:
            from sftp_async.datasource import SFTPDataSource as DefaultSource
        except Exception as error:  # noqa: BLE001 - whatever it is, Spark's search must go on
            _FOUND = f"{type(error).__name__}: {error}"

            class DefaultSource(DataSource):  # type: ignore[no-redef]
                """Stands where the source should be, and says why it is not there."""

                @classmethod
                def name(cls) -> str:
                    """Return `sftp`."""
                    return "sftp"

                def _refuse(self, *_: object, **__: object) -> NoReturn:
                    raise ImportError(
                        f"The data source sftp cannot be loaded by {sys.executable}: {_FOUND}. "
                        "Install it there with all that it needs: pip install sftp-async"
                    )

                schema = reader = writer = _refuse
                streamReader = streamWriter = _refuse  # noqa: N815 - Spark's names
