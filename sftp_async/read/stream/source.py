"""Describes a stream as its user asked for it: options, paths, rules and the place of its state."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError
from sftp_async.options.base import with_inferred
from sftp_async.options.stream import STREAM_STABLE_FOR
from sftp_async.read.ingest_log.files import find_stream
from sftp_async.read.ingest_log.locations import open_store
from sftp_async.read.root_paths import asked_paths
from sftp_async.read.scan import checked, plan_schema, with_zone
from sftp_async.read.stream.admission import Limits
from sftp_async.read.stream.batch_scan import StreamScan
from sftp_async.read.stream.columns import columns_of
from sftp_async.read.stream.planner import StreamRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from sftp_async.options import SFTPOptions
    from sftp_async.progress.messages import Address

log = logging.getLogger("sftp_async.read.stream_source")


@dataclass(frozen=True)
class StreamSource:
    """A stream; pickled to its tasks.

    Attributes:
        scan: what its tasks have in common.
        paths: files, directories and patterns, on the server.
        rules: what the options say.
        state: a path or URI for the state; None: Spark's checkpoint keeps it.
        inferred: `columns_text` of the columns, if they were inferred.

    """

    scan: StreamScan
    paths: tuple[str, ...]
    rules: StreamRules
    state: str | None = None
    inferred: str | None = None

    @property
    def source(self) -> str:
        """What the stream reads, as its state has it: the address and the paths."""
        return source_of(self.scan.options, self.paths)


def plan_stream(
    options: SFTPOptions,
    schema: pa.Schema,
    paths: Sequence[str] = (),
    *,
    checkpoint: str | None = None,
    inferred: str | None = None,
    zone: str = "UTC",
    parallelism: int = 1,
    listener: Address | None = None,
) -> StreamSource:
    """Return a stream, in any process; makes no connection.

    Args:
        options: as the user gave them.
        schema: the columns of the result, in Spark's Arrow form.
        paths: files, directories and globs, where they are several; else `options.path` is read.
        checkpoint: the option `checkpointLocation` of the reader, if it is given.
        inferred: `columns_text` of the columns, if they were inferred.
        zone: the time zone of the session, as far as it is known, unless `time_zone` is set.
        parallelism: tasks that can run at once.
        listener: where the progress goes, and who hands out permits; None: there is none.

    Raises:
        OptionsError: the options are wrong; lists all mistakes.

    """
    options, follows_session = with_zone(options, zone)
    options, asked = checked(options, paths)
    given = options.model_fields_set
    rules = StreamRules(
        source_of(options, asked),
        Limits(options.max_files_per_trigger, options.max_bytes_per_trigger),
        latest_first=options.latest_first,
        on_change=options.on_change,
        stable_for=options.stable_for if "stable_for" in given else STREAM_STABLE_FOR,
    )
    if options.access == "once":
        log.warning(
            "%s: access=once: a micro-batch that is interrupted cannot be read again", rules.target
        )
    state = state_of(options, asked, checkpoint)
    if options.schema_evolution != "none" and inferred is None:
        log.warning(
            "%s: schema_evolution=%s has no effect: the columns are those of .schema()",
            *(rules.target, options.schema_evolution),
        )
        options = with_inferred(options, {"schema_evolution": "none"})
    if options.schema_evolution == "add_columns" and state is None:
        raise OptionsError(
            "schema_evolution=add_columns needs state_location, which keeps the columns for the "
            "next start."
        )
    # The planner compares looks itself, so that a look never waits.
    options = with_inferred(options, {"stable_for": 0.0})
    target = ", ".join(asked)
    scan = StreamScan(options, schema, target, parallelism, follows_session, listener)
    return StreamSource(scan, asked, rules, state, inferred)


def plan_columns(
    options: SFTPOptions,
    paths: Sequence[str] = (),
    *,
    checkpoint: str | None = None,
    zone: str = "UTC",
) -> pa.Schema:
    """Return the columns of a read whose user gave none: those of the state, or what files have.

    Args:
        options: as the user gave them.
        paths: see `plan_stream`.
        checkpoint: see `plan_stream`.
        zone: see `plan_stream`.

    Raises:
        As `plan_schema`; and StateError: the state cannot be read.

    """
    place = state_of(options, asked_paths(options, paths), checkpoint)
    record = None if place is None else find_stream(open_store(place))
    if record is not None and record.schema is not None:
        return columns_of(record.schema)
    return plan_schema(options, paths, zone=zone)


def state_of(options: SFTPOptions, paths: Sequence[str], checkpoint: str | None) -> str | None:
    """Return the place of a stream's state; None: Spark's checkpoint keeps it.

    Args:
        options: of the read.
        paths: as of `asked_paths`.
        checkpoint: the option `checkpointLocation` of the reader, if it is given.

    """
    if options.state_location is not None:
        return options.state_location
    if not checkpoint:
        return None
    digest = hashlib.blake2b(source_of(options, paths).encode("utf-8", "surrogatepass"))
    return f"{checkpoint.rstrip('/')}/sftp_async-{digest.hexdigest()[:8]}"


def source_of(options: SFTPOptions, paths: Sequence[str]) -> str:
    """Return the address and the paths of a read, for people and for its state."""
    return f"{options.address}: {', '.join(paths)}"
