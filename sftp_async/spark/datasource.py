"""Turns Spark's options and schema into readers and writers: `SFTPDataSource`, without I/O."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, ClassVar

from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamReader,
    DataSourceStreamWriter,
    DataSourceWriter,
)
from pyspark.sql.types import StructType

from sftp_async.errors import OptionsError
from sftp_async.formats.values.zones import machine_zone
from sftp_async.options import SFTPOptions
from sftp_async.options.limits import divided
from sftp_async.options.problems import Problems
from sftp_async.progress.permits import join_driver
from sftp_async.progress.session_mode import ask_mode
from sftp_async.read.columns import OVERRIDDEN
from sftp_async.read.scan import plan_scan
from sftp_async.read.stream.columns import columns_text
from sftp_async.read.stream.source import plan_columns, plan_stream
from sftp_async.spark.batch_reader import SFTPBatchReader
from sftp_async.spark.batch_writer import SFTPBatchWriter
from sftp_async.spark.brief_errors import brief_errors
from sftp_async.spark.plain_secrets import warn_of_plain_secrets
from sftp_async.spark.schema import arrow_schema, spark_schema
from sftp_async.spark.stream_reader import SFTPStreamReader
from sftp_async.spark.stream_writer import stream_writer
from sftp_async.write.plan import plan_job, plan_stream_job

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.progress.messages import Address

log = logging.getLogger("sftp_async.spark.datasource")


class SFTPDataSource(DataSource):
    """DataFrames from and to an SFTP server: `spark.read`, `spark.readStream`, `df.write`, ….

    Spark finds it where the package is installed; otherwise register it in the session, with
    `spark.dataSource.register(SFTPDataSource)`. It writes in the modes `append` and `overwrite`:

        df.write.format("sftp").options(**options.to_spark()).mode("append").save("/upload/orders")

    A path that ends in a data file's extension (`orders.csv`, `orders.csv.gz`) names one exact
    file; any other path is a directory of part files. A read takes files, directories and globs:

        spark.read.format("sftp").options(**options.to_spark()).load("/in/orders/*.csv.gz")

    `spark.readStream` reads each version of a file in exactly one micro-batch.

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
    #: `columns_text` of what `schema` found; None if it was not asked.
    inferred: str | None = None

    @classmethod
    def name(cls) -> str:
        """Return `sftp`."""
        return "sftp"

    @brief_errors
    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """Plan and prepare a batch write, on the driver, before any task.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            EncodeError: a column cannot be written in the format, and nothing else is wrong.
            ConnectError, CommitError: the server or the target cannot take the job.

        """
        options = self._divided(self._options())
        if overwrite:
            options = self._with_session_mode(options)
        problems = Problems()
        columns = arrow_schema(schema, problems)
        job = plan_job(options, columns, overwrite=overwrite, problems=problems)
        return SFTPBatchWriter(job.with_listener(self.listener).prepare())

    @brief_errors
    def streamWriter(  # noqa: N802 - Spark's name
        self, schema: StructType, overwrite: bool
    ) -> DataSourceStreamWriter:
        """Plan a micro-batch's write, on the driver; called for each batch and for its commit.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            EncodeError: a column cannot be written in the format, and nothing else is wrong.
            ConnectError: the server cannot be reached.

        """
        options = self._divided(self._options())
        problems = Problems()
        columns = arrow_schema(schema, problems)
        job = plan_stream_job(
            options,
            columns,
            overwrite=overwrite,
            checkpoint=self._checkpoint(),
            problems=problems,
        )
        return stream_writer(job.with_listener(self.listener).check(), columns)

    @brief_errors
    def schema(self) -> StructType:
        """Return the columns of a read that names none: Spark's rule for the format.

        Those of a stream that has a place for its state are the ones of its first start.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            DecodeError: no columns can be found in the files.
            ConnectError, TransferError: the files cannot be read.

        """
        options = self._options()
        join_driver(options, self.listener, in_task=False)
        columns = plan_columns(
            options, self._paths(), checkpoint=self._checkpoint(), zone=machine_zone()
        )
        # Spark's schema has no place for it; Spark pickles this source between the two calls.
        self.overridden = (columns.metadata or {}).get(OVERRIDDEN)
        self.inferred = columns_text(columns)
        return spark_schema(columns)

    @brief_errors
    def reader(self, schema: StructType) -> DataSourceReader:
        """Plan a batch read, on the driver, before any task.

        Raises:
            OptionsError: the options are wrong; lists every mistake.
            SFTPAsyncError: no file matches.
            ConnectError, TransferError: the files cannot be listed.

        """
        scan, tasks, tracking = plan_scan(
            self._options(),
            self._columns(schema),
            self._paths(),
            zone=machine_zone(),
            listener=self.listener,
            parallelism=self.parallelism or os.cpu_count() or 1,
            tasks_at_once=self.parallelism,
        )
        return SFTPBatchReader(scan, tasks, tracking)

    @brief_errors
    def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802 - Spark's name
        """Return a reader of micro-batches; makes no connection.

        Raises:
            OptionsError: the options are wrong; lists every mistake.

        """
        source = plan_stream(
            # One more: the stream looks at the server while a batch runs.
            self._divided(self._options(), besides=1),
            self._columns(schema),
            self._paths(),
            checkpoint=self._checkpoint(),
            inferred=self.inferred,
            zone=machine_zone(),
            parallelism=self.parallelism or os.cpu_count() or 1,
            listener=self.listener,
        )
        return SFTPStreamReader(source)

    def _columns(self, schema: StructType) -> pa.Schema:
        """Return the columns of a read, with what `schema` found out about them."""
        columns = arrow_schema(schema)
        if self.overridden is None:
            return columns
        return columns.with_metadata({**(columns.metadata or {}), OVERRIDDEN: self.overridden})

    def _checkpoint(self) -> str:
        """Return Spark's option `checkpointLocation`; empty if it is not given here."""
        return self.options.get("checkpointLocation", "")

    def _paths(self) -> tuple[str, ...]:
        """Return the paths of `load([...])`; none where there is one, in the option `path`."""
        text = self.options.get("paths")
        return tuple(json.loads(text)) if text else ()

    def _options(self) -> SFTPOptions:
        given = dict(self.options)
        if not given or given.keys() >= _OF_THE_CATALOG:
            raise OptionsError(_NO_OPTIONS)
        warn_of_plain_secrets(given)
        return SFTPOptions.from_spark(given)

    def _divided(self, options: SFTPOptions, besides: int = 0) -> SFTPOptions:
        """Return the options with limits that hold where no listener hands out permits.

        Args:
            options: as the user gave them.
            besides: connections of the driver while tasks run.

        """
        if self.listener is not None:
            return options
        return divided(options, self.parallelism and self.parallelism + besides)

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


#: What Spark's catalog hands on instead, where a table is created without columns.
_OF_THE_CATALOG = {"owner", "provider"}
# PythonDataSourceV2.getTable drops the properties of a table, OPTIONS among them; insertInto drops
# those of the writer.
_NO_OPTIONS = (
    "no option has arrived. Spark hands on those of save, saveAsTable, writeTo and INSERT INTO t "
    "WITH (host '…', …). It drops those of insertInto, and the OPTIONS of a table: insert into a "
    "temporary view, which keeps its own."
)
