"""Sets up the process of a Python worker: garbage collection and logging."""

from __future__ import annotations

import gc
import itertools
import logging

#: Writes of a process after which nothing more is imported: PySpark imports pandas during the
#: first one.
WRITES_THAT_IMPORT = 2

_writes = itertools.count()


def freeze_imports() -> None:
    """Exclude what was imported from garbage collection (`gc.freeze`).

    Spark's daemon runs a full collection after every task (pyspark/daemon.py), which walks every
    object of pandas, pyarrow and asyncssh: most of the time of a small task. These objects live as
    long as the process anyway.
    """
    if next(_writes) < WRITES_THAT_IMPORT:
        gc.freeze()


def enable_info_logging() -> None:
    """Let the log line with a write's summary reach `spark.tvf.python_worker_logs()`.

    The process is Spark's, which configures no logging there.
    """
    root = logging.getLogger("sftp_async")
    if root.level == logging.NOTSET:
        root.setLevel(logging.INFO)
