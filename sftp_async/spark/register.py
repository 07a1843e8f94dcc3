"""`register`: makes the source known to a Spark session, and the session fast and open for it."""

from __future__ import annotations

import logging
import re
from functools import cache, partial
from typing import TYPE_CHECKING, Literal

from pyspark.errors import PySparkException

from sftp_async.progress import answer_mode, listen
from sftp_async.spark.datasource import SFTPDataSource

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sftp_async.progress.messages import Address

log = logging.getLogger("sftp_async.spark.register")

#: Spark's limit on the bytes of an Arrow batch on its way to Python (SPARK-51316, since 4.0).
BATCH_LIMIT = "spark.sql.execution.arrow.maxBytesPerBatch"
#: The one value at which Spark leaves out the check: Int.MaxValue.
UNLIMITED = 2**31 - 1
#: Masters whose tasks run in this very machine's JVM.
LOCAL = re.compile(r"local(\[.*\])?")
LOOPBACK = "127.0.0.1"
#: Spark's setting of what mode `overwrite` replaces where there are partitions.
OVERWRITE_MODE = "spark.sql.sources.partitionOverwriteMode"


def register(spark: SparkSession) -> None:
    """Register `format("sftp")` in a session, lift a limit of Spark there, and show its writes.

    From Spark 4.1 on, where the package is installed, Spark knows the format by itself
    (pyspark_sftp_async). Call this all the same in a thread that you have started: Spark looks for
    a format in the session that is active in the thread, and this makes `spark` that one. A session
    of `spark.newSession()` is registered like the first.

    To hold its byte limit on Arrow batches, Spark adds up the size of every column after every row,
    which is near half of the JVM's time in a write of sixteen columns (docs/decisions/0013).
    Without it a batch still ends after `spark.sql.execution.arrow.maxRecordsPerBatch` rows, 10,000
    by default, so only rows of more than some 6 KB on average make larger batches than before: for
    those set a limit of your own, which is left alone here.

    A write of more than a second is shown while it runs (option `progress`), and
    `sftp_async.last_write()` tells of it afterwards: this process listens on a port of its own, of
    the loopback interface in local mode, of the driver's address on a cluster. Not with Spark
    Connect, whose tasks run elsewhere.

    Mode `overwrite` follows the session's spark.sql.sources.partitionOverwriteMode where the option
    `partition_overwrite_mode` is not set: as the setting is when a write is planned, or, with Spark
    Connect, as it is now.

    `spark.dataSource.register(SFTPDataSource)` registers as well, and does none of this.

    Args:
        spark: a session; a Spark Connect session, too.

    """
    # The one public call that makes a session its thread's active one (DataSource.lookupDataSource
    # knows a source in Python by no other; builder.getOrCreate() is not enough). Before all else:
    # a name that the active session knows cannot be registered in a second one
    # (DataSourceRegistration.checkDataSourceExists, DATA_SOURCE_ALREADY_EXISTS).
    spark.createDataFrame([], "n INT")
    listener = _listener_for(spark)
    number = _number_of(spark) if listener is not None else None
    spark.dataSource.register(telling(listener, session=number, mode=_overwrite_mode(spark)))
    _lift_batch_limit(spark)


def _lift_batch_limit(spark: SparkSession) -> None:
    try:
        if spark.conf.get(BATCH_LIMIT, None) is not None:
            return
        spark.conf.set(BATCH_LIMIT, UNLIMITED)
    except PySparkException as error:  # serverless compute lets few settings be seen or changed
        log.info("%s stays, and writes take longer: %s", BATCH_LIMIT, error)
        return
    log.info("%s set to %d: Arrow batches end by their rows alone", BATCH_LIMIT, UNLIMITED)


def telling(
    listener: Address | None,
    *,
    session: int | None = None,
    mode: Literal["static", "dynamic"] | None = None,
) -> type[SFTPDataSource]:
    """Return the source whose writes report their progress and know their session's setting.

    Spark pickles it by value, since no module has it: so the listener's address is in every process
    of a write, and in no setting, plan or event log.

    Args:
        listener: gets the progress, and answers what the session's setting is; None: there is none.
        session: the session's number at the listener.
        mode: of overwriting partitions in the session now; None: not known.

    """
    if listener is None and mode is None:
        return SFTPDataSource
    fields = {
        "__doc__": SFTPDataSource.__doc__,
        "__module__": SFTPDataSource.__module__,
        "listener": listener,
        "session": session,
        "session_mode": mode,
    }
    return type("SFTPDataSource", (SFTPDataSource,), fields)


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


def _listener_for(spark: SparkSession) -> Address | None:
    """Listen for the session's writes, if its tasks reach this process; nothing depends on it."""
    try:
        context = spark.sparkContext
        local = LOCAL.fullmatch(context.master or "") is not None
        host = LOOPBACK if local else context.getConf().get("spark.driver.host")
        return listen(host) if host else None
    except Exception as error:  # noqa: BLE001 - Spark Connect, and managed Sparks that hide things
        log.debug("writes will not be shown: %s", error)
        return None
