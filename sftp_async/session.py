"""`register`: makes the source known to a Spark session, and the session fast for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sftp_async.datasource import SFTPDataSource

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("sftp_async.session")

#: Spark's limit on the bytes of an Arrow batch on its way to Python (SPARK-51316, since 4.0).
BATCH_LIMIT = "spark.sql.execution.arrow.maxBytesPerBatch"
#: The one value at which Spark leaves out the check: Int.MaxValue.
UNLIMITED = 2**31 - 1


def register(spark: SparkSession) -> None:
    """Register `format("sftp")` in a session, and lift Spark's byte limit on Arrow batches there.

    From Spark 4.1 on, where the package is installed, Spark knows the format by itself
    (pyspark_sftp_async). Call this all the same in a thread that you have started: Spark looks for
    a format in the session that is active in the thread, and this makes `spark` that one.

    To hold that limit, Spark adds up the size of every column after every row, which is near half
    of the JVM's time in a write of sixteen columns (docs/decisions/0013). Without it a batch still
    ends after `spark.sql.execution.arrow.maxRecordsPerBatch` rows, 10,000 by default, so only rows
    of more than some 6 KB on average make larger batches than before: for those set a limit of
    your own, which is left alone here, or register with
    `spark.dataSource.register(SFTPDataSource)`, which changes no setting.

    Args:
        spark: a session; a Spark Connect session, too.

    """
    spark.dataSource.register(SFTPDataSource)
    # The one public call that makes a session its thread's active one (DataSource.lookupDataSource
    # knows a source in Python by no other; builder.getOrCreate() is not enough).
    spark.createDataFrame([], "n INT")
    if spark.conf.get(BATCH_LIMIT, None) is None:
        spark.conf.set(BATCH_LIMIT, UNLIMITED)
        log.info("%s set to %d: Arrow batches end by their rows alone", BATCH_LIMIT, UNLIMITED)
