"""Sets up the process of a Python worker: garbage collection and logging."""

from __future__ import annotations

import gc
import itertools
import logging

from pyspark import TaskContext

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


def task_numbers(*, stage: int = 0) -> tuple[int, int, int]:
    """Return Spark's numbers of this task's partition, stage and attempt.

    Args:
        stage: the number of the stage where no task runs.

    """
    context = TaskContext.get()
    if context is None:
        return 0, stage, 0
    return context.partitionId(), context.stageId(), context.attemptNumber()


def enable_info_logging() -> None:
    """Let the log line with a write's summary reach `spark.tvf.python_worker_logs()`.

    The process is Spark's, which configures no logging there.
    """
    root = logging.getLogger("sftp_async")
    if root.level == logging.NOTSET:
        root.setLevel(logging.INFO)


def show_info(name: str) -> None:
    """Let a logger's lines reach the process's standard error, which is the driver's.

    The process is Spark's, which configures no logging there: without this, only warnings show.

    Args:
        name: of the logger.

    """
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
