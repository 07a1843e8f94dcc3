"""Imports the data source in Spark's daemons, so that the processes forked off them need not.

Python runs this module at its start, as it is on the path that `start_spark` sets. Spark starts up
to four Python processes for each write, and each took a second to import what all of them need.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from importlib.machinery import PathFinder

if any(word.startswith("pyspark.") for word in sys.orig_argv):
    # Spark puts an archive of PySpark before the installed one. Python compiles what it imports
    # from there each time, and reads the list of contents again in each process that is forked off.
    unpacked = [place for place in sys.path if not place.endswith(".zip")]
    if PathFinder.find_spec("pyspark", unpacked) and PathFinder.find_spec("py4j", unpacked):
        sys.path[:] = unpacked

if "pyspark.daemon" in sys.orig_argv:
    used = sys.orig_argv[-1]
    gc.disable()  # nothing of what is imported becomes garbage
    with contextlib.suppress(ImportError):
        importlib.import_module(used)
    if used != "pyspark.sql.worker.lookup_data_sources":  # which needs no more
        if used in ("pyspark.worker", "pyspark.sql.worker.write_into_data_source"):
            # PyArrow imports it when it makes an array of a list.
            with contextlib.suppress(ImportError):
                import pandas  # noqa: F401
                import pyarrow.pandas_compat  # noqa: F401
        if "SFTP_ASYNC_BENCH_WORKERS_OF" not in os.environ:  # then they belong to a peer
            with contextlib.suppress(ImportError):
                import uvloop  # noqa: F401
            import sftp_async.spark.batch_writer
            import sftp_async.spark.datasource
            import sftp_async.spark.stream_writer  # noqa: F401
    gc.enable()
    gc.freeze()  # a worker collects garbage after each task, and need not look at all of this
