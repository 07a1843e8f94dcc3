"""Registers the source in a Spark session, sets the session up for it, and shows its writes."""

from __future__ import annotations

import logging
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

from pyspark.errors import PySparkException

from sftp_async.progress import answer_mode, answer_tasks, listen
from sftp_async.spark.datasource import SFTPDataSource

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sftp_async.progress.messages import Address

log = logging.getLogger("sftp_async.spark.register")

#: Spark's limit on the bytes of an Arrow batch on its way to Python (SPARK-51316, since 4.0).
BATCH_LIMIT = "spark.sql.execution.arrow.maxBytesPerBatch"
#: The one value with which Spark skips the check: Int.MaxValue.
UNLIMITED = 2**31 - 1
#: Masters whose tasks run on this machine.
LOCAL = re.compile(r"local(\[.*\])?")
LOOPBACK = "127.0.0.1"
#: Spark's setting of what mode `overwrite` replaces where there are partitions.
OVERWRITE_MODE = "spark.sql.sources.partitionOverwriteMode"


def register(spark: SparkSession) -> None:
    """Register `format("sftp")` in a session, lift a limit of Spark there, and show its writes.

    From Spark 4.1 on, Spark finds the format where the package is installed (pyspark_sftp_async).
    In a thread that you have started call this function even so: Spark looks for a format in the
    thread's active session, and this makes `spark` the active one. Register a session of
    `spark.newSession()` like the first one.

    To enforce its byte limit on Arrow batches, Spark adds up the size of every column after every
    row, which takes almost half of the JVM's time in a write of sixteen columns
    (docs/decisions/0013). Without that limit a batch still ends after
    `spark.sql.execution.arrow.maxRecordsPerBatch` rows, 10,000 by default. So batches become larger
    only where rows have more than some 6 KB on average. For those set a limit of your own, which
    this function does not change.

    A write of more than a second is shown while it runs (option `progress`), and
    `sftp_async.last_write()` returns its summary afterwards. For this, and to hand out permits for
    connections (option `max_total_connections`), the process listens on a port
    of the loopback interface in local mode, and of the driver's address on a cluster. It does not
    with Spark Connect, whose tasks run elsewhere.

    Mode `overwrite` follows the session's spark.sql.sources.partitionOverwriteMode where the option
    `partition_overwrite_mode` is not set: as the setting is when a write is planned, or, with Spark
    Connect, as it is now.

    `spark.dataSource.register(SFTPDataSource)` registers the source without any of this.

    Args:
        spark: a session; it may be one of Spark Connect.

    """
    # The only public call that makes a session its thread's active one, in which Spark looks up
    # Python sources (DataSource.lookupDataSource); builder.getOrCreate() does not. It comes first:
    # a name that the active session knows cannot be registered in another session
    # (DataSourceRegistration.checkDataSourceExists, DATA_SOURCE_ALREADY_EXISTS).
    spark.createDataFrame([], "n INT")
    listener = _listener_for(spark)
    number = _number_of(spark) if listener is not None else None
    if listener is not None:
        answer_tasks(partial(_tasks_of, spark))
    source = with_listener(
        listener, session=number, mode=_overwrite_mode(spark), parallelism=_parallelism(spark)
    )
    spark.dataSource.register(source)
    _lift_batch_limit(spark)


def _lift_batch_limit(spark: SparkSession) -> None:
    try:
        if spark.conf.get(BATCH_LIMIT, None) is not None:
            return
        spark.conf.set(BATCH_LIMIT, UNLIMITED)
    except PySparkException as error:  # serverless compute lets few settings be seen or changed
        log.info("%s cannot be lifted, so writes take longer: %s", BATCH_LIMIT, error)
        return
    log.info("%s set to %d: Arrow batches end by their rows alone", BATCH_LIMIT, UNLIMITED)


def with_listener(
    listener: Address | None,
    *,
    session: int | None = None,
    mode: Literal["static", "dynamic"] | None = None,
    parallelism: int | None = None,
) -> type[SFTPDataSource]:
    """Return the source with a listener that its writes report to, and its session's setting.

    Spark pickles the class by value, since no module has it. So the listener's address reaches
    every process of a write, and is in no setting, plan or event log.

    Args:
        listener: gets the progress, and answers what the session's setting is; None: there is none.
        session: the session's number at the listener.
        mode: of overwriting partitions in the session now; None: not known.
        parallelism: tasks that the session can run at once; None: not known.

    """
    if listener is None and mode is None and parallelism is None:
        return SFTPDataSource
    fields = {
        "__doc__": SFTPDataSource.__doc__,
        "__module__": SFTPDataSource.__module__,
        "listener": listener,
        "session": session,
        "session_mode": mode,
        "parallelism": parallelism,
    }
    return type("SFTPDataSource", (SFTPDataSource,), fields)


def _tasks_of(spark: SparkSession, stage: int) -> int | None:
    """Return the number of tasks of a stage; None: it is not known (any more)."""
    found = spark.sparkContext.statusTracker().getStageInfo(stage)
    return None if found is None else int(found.numTasks)


@cache
def _number_of(spark: SparkSession) -> int:
    return answer_mode(partial(_mode_now, spark))


def _mode_now(spark: SparkSession) -> Literal["static", "dynamic"]:
    """Return the session's mode of overwriting partitions.

    Raises:
        Exception: Spark does not report it, or is stopped.

    """
    setting = spark.conf.get(OVERWRITE_MODE, "static")
    return "dynamic" if str(setting).lower() == "dynamic" else "static"


def _overwrite_mode(spark: SparkSession) -> Literal["static", "dynamic"] | None:
    try:
        return _mode_now(spark)
    except PySparkException as error:  # serverless compute lets few settings be seen
        log.info("%s is not known: %s", OVERWRITE_MODE, error)
        return None


def _parallelism(spark: SparkSession) -> int | None:
    try:
        return int(spark.sparkContext.defaultParallelism)
    except Exception as error:  # noqa: BLE001 - Spark Connect, and managed Sparks that hide things
        log.debug("the session's parallelism is not known: %s", error)
        return None


def _listener_for(spark: SparkSession) -> Address | None:
    """Listen for the session's writes, if its tasks can reach this process."""
    try:
        context = spark.sparkContext
        local = LOCAL.fullmatch(context.master or "") is not None
        host = LOOPBACK if local else context.getConf().get("spark.driver.host")
        return listen(host) if host else None
    except Exception as error:  # noqa: BLE001 - Spark Connect, and managed Sparks that hide things
        log.debug("writes will not be shown: %s", error)
        return None
