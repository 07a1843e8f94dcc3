"""Plans a read on the driver: options, files and columns, and the input of each task."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, TypeVar

import pyarrow as pa

from sftp_async.errors import OptionsError
from sftp_async.formats import open_read_format
from sftp_async.layout.target import file_kind
from sftp_async.options.base import with_inferred
from sftp_async.options.limits import divided
from sftp_async.options.problems import Problems
from sftp_async.progress.permits import join_driver
from sftp_async.progress.telemetry.providers import telemetry_problems
from sftp_async.read.columns import ResultColumns
from sftp_async.read.control import ControlReading
from sftp_async.read.listing import list_files
from sftp_async.read.root_paths import asked_paths
from sftp_async.read.schema import infer_columns
from sftp_async.read.sources import keys_of, may_split
from sftp_async.read.splits import split_files
from sftp_async.read.tracking import ReadTracking
from sftp_async.remote.operation import run_operation
from sftp_async.remote.pinning import with_pinned_keys
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.formats.base import ReadFormat
    from sftp_async.options import SFTPOptions
    from sftp_async.progress.messages import Address
    from sftp_async.read.listing import Listing
    from sftp_async.read.splits import TaskInput
    from sftp_async.remote.ssh import Connection

    T = TypeVar("T")

log = logging.getLogger("sftp_async.read.scan")


@dataclass(frozen=True)
class Scan:
    """What all tasks of one read have in common; pickled to them.

    Attributes:
        options: resolved, with pinned host keys.
        columns: of the result, and where each comes from.
        file_format: opened with the data columns.
        follows_session: whether texts without a time zone are in that of the session.
        of_stream: whether it reads a micro-batch, whose replay reads the same versions.

    """

    options: SFTPOptions
    columns: ResultColumns
    file_format: ReadFormat
    follows_session: bool = True
    of_stream: bool = False

    def in_zone(self, zone: str) -> Self:
        """Return the scan as a session of this time zone reads it; `time_zone` takes precedence.

        Args:
            zone: of the session, such as `Europe/Berlin` or `+02:00`.

        """
        if not self.follows_session or zone == self.options.time_zone:
            return self
        options = with_inferred(self.options, {"time_zone": zone})
        return replace(
            self,
            options=options,
            columns=replace(self.columns, time_zone=zone),
            file_format=open_read_format(options, self.columns.data),
        )


def plan_scan(
    options: SFTPOptions,
    schema: pa.Schema,
    paths: Sequence[str] = (),
    *,
    zone: str = "UTC",
    listener: Address | None = None,
    parallelism: int = 1,
    tasks_at_once: int | None = None,
) -> tuple[Scan, list[TaskInput], ReadTracking]:
    """Plan a read, on the driver.

    Args:
        options: as the user gave them.
        schema: the columns of the result, in Spark's Arrow form.
        paths: files, directories and globs, where they are several; else `options.path` is read.
        zone: the time zone of the session, as far as it is known, unless `time_zone` is set.
        listener: where the progress goes; None: nowhere.
        parallelism: tasks that can run at once.
        tasks_at_once: the same, if it is known; else limits are divided among all tasks.

    Returns:
        What the tasks have in common, the input of each, and what reports their progress.

    Raises:
        OptionsError: the options are wrong; lists all mistakes.
        SFTPAsyncError: no file matches.
        ConnectError, TransferError: the files cannot be listed.

    """
    options, follows_session = with_zone(options, zone)
    join_driver(options, listener, in_task=False)
    options, listing = list_scan(options, paths)
    # Only a stream has earlier columns.
    options = with_inferred(with_format(options, listing), {"schema_evolution": "none"})
    scan, inputs = scan_of(options, listing, schema, parallelism)
    tracking = ReadTracking(
        uuid.uuid4().hex,
        ", ".join(paths) or options.path or "",
        len(inputs),
        listing.left_out_count,
        listener,
    )
    if listener is None:
        tasks = max(1, min(len(inputs), tasks_at_once or len(inputs)))
        scan = replace(scan, options=divided(scan.options, tasks))
    return replace(scan, follows_session=follows_session), inputs, tracking


def plan_schema(options: SFTPOptions, paths: Sequence[str] = (), *, zone: str = "UTC") -> pa.Schema:
    """Return the columns of a read whose user gave none, by Spark's rules for the format.

    Args:
        options: as the user gave them.
        paths: see `plan_scan`.
        zone: see `plan_scan`.

    Raises:
        As `plan_scan`; and DecodeError: no columns can be found in the files.

    """
    options, _ = with_zone(options, zone)
    options, listing = list_scan(options, paths)
    return infer_columns(with_format(options, listing), listing)


def list_scan(options: SFTPOptions, paths: Sequence[str] = ()) -> tuple[SFTPOptions, Listing]:
    """List the files of a read; raises as `plan_scan`.

    Returns:
        The options, resolved and with pinned host keys; and the files.

    """
    options, paths = checked(options, paths)

    async def step(connection: Connection) -> tuple[SFTPOptions, Listing]:
        listing = await list_files(connection, paths, options)
        return with_pinned_keys(options, connection), listing

    runtime = get_runtime()
    work = run_operation(runtime.pool(options), RetryPolicy.of(options), step)
    try:
        pinned, listing = runtime.run(work)
    finally:
        runtime.leave(options)
    log.info(
        "%s: %s: %d files, %d bytes; %d files left out",
        options.address,
        ", ".join(paths),
        len(listing.files),
        sum(file.size for file in listing.files),
        listing.left_out_count,
    )
    if not listing.files:
        reasons = listing.left_out_summary or "there is none"
        log.warning("%s: %s: no file to read: %s", options.address, ", ".join(paths), reasons)
    return pinned, listing


def scan_of(
    options: SFTPOptions, listing: Listing, schema: pa.Schema, parallelism: int = 1
) -> tuple[Scan, list[TaskInput]]:
    """Return what tasks have in common, and the input of each, for files that are listed.

    Args:
        options: of `with_format`.
        listing: of `list_scan`.
        schema: the columns of the result.
        parallelism: tasks that can run at once.

    Raises:
        OptionsError, DecodeError: the options or the columns do not suit the format.

    """
    if options.format == "csv" and options.header and _goes_by_name(options):
        options = with_inferred(options, {"match_columns": "name"})
    columns = ResultColumns.of(schema, listing.partition_by, options)
    file_format = open_read_format(options, columns.data)
    ControlReading.of(options, columns.data)  # what is wrong shows now, not in the tasks
    inputs = split_files(
        listing.files, options, lambda path: may_split(path, options, file_format), parallelism
    )
    return Scan(options, columns, file_format), inputs


def _goes_by_name(options: SFTPOptions) -> bool:
    """Whether the columns of CSV files with a header are found by their names."""
    if "match_columns" in options.model_fields_set:
        return bool(options.columns)
    rescues = options.rescued_data_column is not None
    return bool(options.columns) or rescues or options.schema_evolution == "add_columns"


def with_zone(options: SFTPOptions, zone: str) -> tuple[SFTPOptions, bool]:
    """Return the options with a time zone, and whether it is the session's."""
    if options.time_zone is not None:
        return options, False
    return with_inferred(options, {"time_zone": zone}), True


def checked(options: SFTPOptions, paths: Sequence[str]) -> tuple[SFTPOptions, tuple[str, ...]]:
    """Return the options, resolved, and the paths, normalised. The keys of PGP are checked.

    Raises:
        OptionsError: the options are wrong; lists all mistakes.

    """
    problems = Problems()
    with problems.collect():
        options = options.resolve()
    asked: tuple[str, ...] = ()
    with problems.collect():
        asked = asked_paths(options, paths)
    problems.add(telemetry_problems(options))
    problems.raise_all()
    keys_of(options)
    return options, asked


def with_format(options: SFTPOptions, listing: Listing) -> SFTPOptions:
    """Return the options with the format that the extensions of the files name, if none is set.

    Raises:
        OptionsError: the files have several formats.

    """
    if "format" in options.model_fields_set:
        return options
    found = {file_kind(file.path)[0] for file in listing.files} - {None}
    if len(found) > 1:
        names = ", ".join(sorted(name for name in found if name))
        raise OptionsError(
            f"The files have several formats ({names}): set format, and path_glob_filter to the "
            "files of one of them."
        )
    inferred: dict[str, object] = dict.fromkeys(("format",), *found) if found else {}
    tabs = all(file.path.lower().rpartition("/")[2].find(".tsv") > 0 for file in listing.files)
    if listing.files and tabs and "sep" not in options.model_fields_set:
        inferred["sep"] = "\t"
    return with_inferred(options, inferred)
