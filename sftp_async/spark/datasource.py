"""Turns Spark's options and schema into readers and writers: `SFTPDataSource`, without I/O."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, ClassVar, NoReturn

from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamWriter,
    DataSourceWriter,
)
from pyspark.sql.types import StructType

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.formats.values.zones import machine_zone
from sftp_async.options import SFTPOptions
from sftp_async.options.problems import Problems
from sftp_async.progress.session_mode import ask_mode
from sftp_async.read.columns import OVERRIDDEN
from sftp_async.read.scan import plan_scan, plan_schema
from sftp_async.spark.batch_reader import SFTPBatchReader
from sftp_async.spark.batch_writer import SFTPBatchWriter
from sftp_async.spark.plain_secrets import warn_of_plain_secrets
from sftp_async.spark.schema import arrow_schema, collation_problems, spark_schema
from sftp_async.spark.stream_writer import stream_writer
from sftp_async.write.plan import plan_job, plan_stream_job

if TYPE_CHECKING:
    from sftp_async.progress.messages import Address

log = logging.getLogger("sftp_async.spark.datasource")


class SFTPDataSource(DataSource):
    """DataFrames from and to an SFTP server: `spark.read`, `df.write`, `df.writeStream`.

    Spark finds it where the package is installed; otherwise register it in the session, with
    `spark.dataSource.register(SFTPDataSource)`. It writes in the modes `append` and `overwrite`:

        df.write.format("sftp").options(**options.to_spark()).mode("append").save("/upload/orders")

    A path that ends in a data file's extension (`orders.csv`, `orders.csv.gz`) names one exact
    file; any other path is a directory of part files. A read takes files, directories and globs:

        spark.read.format("sftp").options(**options.to_spark()).load("/in/orders/*.csv.gz")

    All options: docs/options.md.
    """

    # Set in the class that `register` makes for a session.
    #: Where its writes report their progress, and what answers for the session's setting.
    listener: ClassVar[Address | None] = None
    #: The session's number at the listener.
    session: ClassVar[int | None] = None
    #: The session's mode of overwriting partitions when it was registered; None: not known.
    session_mode: ClassVar[str | None] = None
    #: Tasks that the session can run at once; None: not known, and taken for the driver's cores.
    parallelism: ClassVar[int | None] = None
    #: What `schema` found for the metadata `OVERRIDDEN`; None if it was not asked, or found none.
    overridden: bytes | None = None

    @classmethod
    def name(cls) -> str:
        """Return `sftp`."""
        return "sftp"

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """Plan and prepare a batch write, on the driver, before any task.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            EncodeError: a column cannot be written in the format, and nothing else is wrong.
            ConnectError, CommitError: the server or the target cannot take the job.

        """
        options = self._options()
        if overwrite:
            options = self._with_session_mode(options)
        problems = Problems()
        problems.add(collation_problems(schema, options.partition_by))
        columns = arrow_schema(schema, problems)
        job = plan_job(options, columns, overwrite=overwrite, problems=problems)
        return SFTPBatchWriter(job.with_listener(self.listener).prepare())

    def streamWriter(  # noqa: N802 - Spark's name
        self, schema: StructType, overwrite: bool
    ) -> DataSourceStreamWriter:
        """Plan a micro-batch's write, on the driver; called for each batch and for its commit.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            EncodeError: a column cannot be written in the format, and nothing else is wrong.
            ConnectError: the server cannot be reached.

        """
        options = self._options()
        problems = Problems()
        problems.add(collation_problems(schema, options.partition_by))
        columns = arrow_schema(schema, problems)
        checkpoint = self.options.get("checkpointLocation", "")
        job = plan_stream_job(
            options, columns, overwrite=overwrite, checkpoint=checkpoint, problems=problems
        )
        return stream_writer(job.with_listener(self.listener).check(), columns)

    def schema(self) -> StructType:
        """Return the columns of a read that names none: Spark's rule for the format.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            DecodeError: no columns can be found in the files.
            ConnectError, TransferError: the files cannot be read.

        """
        columns = plan_schema(self._options(), self._paths(), zone=machine_zone())
        # Spark's schema has no place for it; Spark pickles this source between the two calls.
        self.overridden = (columns.metadata or {}).get(OVERRIDDEN)
        return spark_schema(columns)

    def reader(self, schema: StructType) -> DataSourceReader:
        """Plan a batch read, on the driver, before any task.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            SFTPAsyncError: no file matches.
            ConnectError, TransferError: the files cannot be listed.

        """
        options = self._options()
        columns = arrow_schema(schema)
        if self.overridden is not None:
            columns = columns.with_metadata(
                {**(columns.metadata or {}), OVERRIDDEN: self.overridden}
            )
        scan, tasks, tracking = plan_scan(
            options,
            columns,
            self._paths(),
            zone=machine_zone(),
            listener=self.listener,
            parallelism=self.parallelism or os.cpu_count() or 1,
        )
        return SFTPBatchReader(scan, tasks, tracking)

    def streamReader(self, schema: StructType) -> NoReturn:  # noqa: N802 - Spark's name
        """Refuse: files are read in batches.

        Raises:
            SFTPAsyncError: with what to do instead.

        """
        raise SFTPAsyncError(
            "The sftp format does not read streams",
            hint="Read batches on a schedule, with spark.read and modified_after; on Databricks, "
            "Auto Loader reads sftp:// paths as a stream.",
        )

    def _paths(self) -> tuple[str, ...]:
        """Return the paths of `load([...])`; none where there is one, in the option `path`."""
        text = self.options.get("paths")
        return tuple(json.loads(text)) if text else ()

    def _options(self) -> SFTPOptions:
        given = dict(self.options)
        if not given:
            raise OptionsError(_NO_OPTIONS)
        warn_of_plain_secrets(given)
        return SFTPOptions.from_spark(given)

    def _with_session_mode(self, options: SFTPOptions) -> SFTPOptions:
        """Return the options of an overwrite with the session's mode, where none is set.

        The option stays unset if the session's mode is not known now: then the preparation warns
        where there are partitions, and the commit before it empties those without new rows.
        """
        name = "partition_overwrite_mode"
        if not options.partition_by or name in options.model_fields_set:
            return options
        mode = None
        if self.listener is not None and self.session is not None:
            mode = ask_mode(self.listener, self.session)
        if mode is None and self.session_mode == "dynamic":
            mode = self.session_mode
        if mode is None:
            return options
        log.info("%s=%s, as the session's setting is", name, mode)
        return options.model_copy(update={name: mode})


# PythonDataSourceV2.getTable drops the properties of a table, OPTIONS among them; insertInto drops
# those of the writer.
_NO_OPTIONS = (
    "no option has arrived. Spark hands on those of save, saveAsTable, writeTo and INSERT INTO t "
    "WITH (host '…', …). It drops those of insertInto, and the OPTIONS of a table: insert into a "
    "temporary view, which keeps its own."
)
