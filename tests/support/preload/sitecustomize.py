"""Imports the data source in Spark's daemons, so that the processes forked off them need not.

Python runs this module at its start, as it is on the path that `start_spark` sets. Spark starts up
to four Python processes for each write, and each took a second to import what all of them need.
"""

from __future__ import annotations

import contextlib
import sys

if "pyspark.daemon" in sys.orig_argv:
    if sys.orig_argv[-1] == "pyspark.worker":  # which imports it for every task
        with contextlib.suppress(ImportError):
            import pandas  # noqa: F401
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: F401
    import sftp_async.spark.batch_writer
    import sftp_async.spark.datasource
    import sftp_async.spark.stream_writer  # noqa: F401
