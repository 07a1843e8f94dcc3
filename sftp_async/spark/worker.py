"""Process set-up of a Python worker: garbage collection and logging."""

from __future__ import annotations

import gc
import itertools
import logging

#: Writes of a process after which nothing more is imported: PySpark imports pandas during the
#: first.
WRITES_THAT_IMPORT = 2

_writes = itertools.count()


def freeze_imports() -> None:
    """Take what was imported out of the garbage collector's sight.

    Spark's daemon collects in full after every task (pyspark/daemon.py) and walks every object of
    pandas, pyarrow and asyncssh each time: most of what a small task costs. These objects stay for
    the process's life anyway.
    """
    if next(_writes) < WRITES_THAT_IMPORT:
        gc.freeze()


def enable_info_logging() -> None:
    """Let the line that says what was written reach `spark.tvf.python_worker_logs()`.

    The process is Spark's, and nobody configures logging there.
    """
    root = logging.getLogger("sftp_async")
    if root.level == logging.NOTSET:
        root.setLevel(logging.INFO)
