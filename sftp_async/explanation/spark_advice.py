"""Lists what to do about Spark's own errors that users of this source meet, each tried on Spark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Advice:
    """What to do about one error of Spark.

    Args:
        title: the heading that docs/reference/errors.md has for it.
        pattern: found in the error's text.
        remedy: what to do.

    """

    title: str
    pattern: re.Pattern[str]
    remedy: str


def _advice(title: str, pattern: str, remedy: str) -> Advice:
    return Advice(title, re.compile(pattern), remedy)


_PYTHON_OF_TASKS: Final = (
    "Tasks and the driver's helper processes run the python3 of the PATH, unless PYSPARK_PYTHON "
    "says otherwise: before the session starts, set it to the Python that has sftp-async, in a "
    'notebook with os.environ["PYSPARK_PYTHON"] = sys.executable. On a cluster that Python must be '
    "on every node."
)

#: The first whose pattern is found is the one.
ADVICE: Final = (
    _advice(
        "Save modes",
        r"UNSUPPORTED_DATA_SOURCE_SAVE_MODE",
        'Add .mode("append") or .mode("overwrite"): Spark knows no other modes for sources in '
        "Python, and its default is another one. What it would mean here is an option of one exact "
        'file: if_exists="fail" with mode append fails if the file exists, if_exists="ignore" '
        "then writes nothing.",
    ),
    _advice(
        "partitionBy",
        r"provided partitioning or clustering columns do not match",
        "Use the option partition_by in place of .partitionBy(): Spark does not hand its columns "
        "to sources in Python, and in a stream it drops them without a word.",
    ),
    _advice(
        "bucketBy and sortBy",
        r"'save' does not support (?:bucketBy|sortBy)",
        "Leave out .bucketBy() and .sortBy(): files on an SFTP server have no buckets. To sort "
        "rows within files, use df.sortWithinPartitions() before the write.",
    ),
    _advice(
        "DATA_SOURCE_NOT_FOUND",
        r"DATA_SOURCE_NOT_FOUND|DATA_SOURCE_NOT_EXIST|Failed to find the data source: sftp\b",
        'The format is called "sftp". Register it in this session: from sftp_async import '
        "register; register(spark). Spark 4.0 never finds it by itself, and a session of "
        "spark.newSession() is registered like the first one. From 4.1 on it is found where "
        "sftp-async is installed in the Python that Spark runs.",
    ),
    _advice(
        "Another Python in the tasks",
        r"PYTHON_VERSION_MISMATCH|Python in worker has different version",
        f"Driver and tasks run different versions of Python. {_PYTHON_OF_TASKS}",
    ),
    _advice(
        "No module named pyarrow or sftp_async",
        r"No module named '(?:pyarrow|pandas|asyncssh|pydantic|sftp_async)[\w.]*'"
        r"|PACKAGE_NOT_INSTALLED\] PyArrow",
        f"A Python of Spark does not have the package. {_PYTHON_OF_TASKS}",
    ),
    _advice(
        "A Python that cannot start",
        r'Cannot run program "[^"]*python',
        f"The Python that tasks are to run is not there. {_PYTHON_OF_TASKS}",
    ),
    _advice(
        "Python worker failed to connect back",
        r"Python worker failed to connect back",
        "The Python process of a task did not start in time, or ended while it started: see its "
        f"output in the log of the driver or executor. {_PYTHON_OF_TASKS}",
    ),
    _advice(
        "Python worker exited unexpectedly",
        r"Python worker exited unexpectedly",
        "The Python process of a task was killed, mostly for want of memory. Give executors more "
        "(spark.executor.memoryOverhead), or write with a smaller max_buffer_bytes, and with fewer "
        "columns in partition_by or rows that are sorted by them.",
    ),
    _advice(
        "checkpointLocation",
        r"checkpointLocation must be specified",
        'Give the stream a directory that stays, .option("checkpointLocation", …), one for each '
        "query: with it a restart goes on where the query stood.",
    ),
)


def advice_on(text: str) -> Advice | None:
    """Return what is known about an error of Spark with this text."""
    return next((each for each in ADVICE if each.pattern.search(text)), None)
