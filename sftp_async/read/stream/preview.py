"""Shows what a stream would do with what is on the server now, without Spark and without a query.

For `sftp-async preview --stream` and `sftp-async ingest`. It writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.options.base import with_inferred
from sftp_async.options.stream import STREAM_STABLE_FOR
from sftp_async.read.ingest_log.contents import IngestState
from sftp_async.read.ingest_log.files import find_stream
from sftp_async.read.ingest_log.known_files import KnownFiles
from sftp_async.read.ingest_log.locations import open_store
from sftp_async.read.listing import list_files
from sftp_async.read.scan import checked
from sftp_async.read.stream.admission import Limits, admit
from sftp_async.remote.operation import run_operation
from sftp_async.remote.pinning import with_pinned_keys
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import get_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.options import SFTPOptions
    from sftp_async.read.listing import FoundFile, Listing
    from sftp_async.remote.ssh import Connection

#: Micro-batches that are planned ahead.
PLANNED = 100


@dataclass(frozen=True)
class StreamLook:
    """What a stream would do with the files that are there.

    Attributes:
        options: of the read, resolved and with pinned host keys.
        listing: what is there; the files that changed within `stable_for` are left out.
        waiting: files to be read: in the order of their paths.
        changed: files that were read in another version, and are not read again (`on_change`).
        read: files that were read in the version that is there.
        batches: how many files each of the next micro-batches has; the first `PLANNED` ones.
        first: files of the next micro-batch, in its order.
        begun: whether a state was found; False: the stream has read nothing, as far as is known.

    """

    options: SFTPOptions
    listing: Listing
    waiting: Sequence[FoundFile]
    changed: Sequence[FoundFile]
    read: Sequence[FoundFile]
    batches: Sequence[int]
    first: Sequence[FoundFile]
    begun: bool


def look(
    options: SFTPOptions, paths: Sequence[str] = (), known: KnownFiles | None = None
) -> StreamLook:
    """Look at what a stream reads, as its first micro-batch does: twice, `stable_for` apart.

    Args:
        options: as the user gave them.
        paths: files, directories and globs; else `options.path` is read.
        known: what the stream has read; None: nothing.

    Raises:
        OptionsError, ConnectError, TransferError: the files cannot be listed.

    """
    if "stable_for" not in options.model_fields_set:
        options = with_inferred(options, {"stable_for": STREAM_STABLE_FOR})
    options, listing = _listed(options, paths)
    begun, known = known is not None, known or KnownFiles()
    waiting: list[FoundFile] = []
    changed: list[FoundFile] = []
    read: list[FoundFile] = []
    for file in listing.files:
        state = known.version_state(file.path, file.size, file.mtime)
        if state == "known":
            read.append(file)
        elif state == "changed" and options.on_change != "read":
            changed.append(file)
        else:
            waiting.append(file)
    batches = list(_batches(waiting, options))
    first = batches[0] if batches else ()
    return StreamLook(
        options, listing, waiting, changed, read, list(map(len, batches)), first, begun
    )


def _batches(waiting: Sequence[FoundFile], options: SFTPOptions) -> Iterator[list[FoundFile]]:
    limits = Limits(options.max_files_per_trigger, options.max_bytes_per_trigger)
    newest = options.latest_first
    in_order = admit(waiting, Limits(), latest_first=newest)
    start = 0
    for _ in range(PLANNED):
        batch = admit(
            in_order[start : start + options.max_files_per_trigger], limits, latest_first=newest
        )
        if not batch:
            return
        start += len(batch)
        yield batch


def known_files(location: str | None) -> KnownFiles | None:
    """Return what the stream with this `state_location` has read; None if there is no state.

    Raises:
        StateError: the state is of an unknown version, damaged or out of reach.

    """
    if location is None or find_stream(open_store(location)) is None:
        return None
    return IngestState.load(location).known


def _listed(options: SFTPOptions, paths: Sequence[str]) -> tuple[SFTPOptions, Listing]:
    options, asked = checked(options, paths)

    async def step(connection: Connection) -> tuple[SFTPOptions, Listing]:
        listing = await list_files(connection, asked, options, of_stream=True)
        return with_pinned_keys(options, connection), listing

    runtime = get_runtime()
    return runtime.run(run_operation(runtime.pool(options), RetryPolicy.of(options), step))
