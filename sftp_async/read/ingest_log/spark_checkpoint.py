"""Finds out in a query's checkpoint, which Spark keeps, how far the query has come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.locations import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sftp_async.read.ingest_log.stores import StateStore


def done_batch(location: str, stream: str) -> int:
    """Return the number of the stream's last batch that the sink has committed; 0: none.

    Spark numbers its batches otherwise: in each of its offsets is where the stream stood.

    Args:
        location: the query's `checkpointLocation`: a path, or a URI of pyarrow or fsspec.
        stream: the stream's id.

    Raises:
        StateError: the place has no checkpoint, or the checkpoint of another stream.

    """
    store = open_store(location)
    if not (offsets := _numbers(store, "offsets")):
        raise StateError(
            f"There is no checkpoint of a query at {store.location}",
            hint="Give the checkpointLocation of the query's writeStream",
        )
    if not any(batch for number in offsets[-1:] for batch in _batches(store, number, stream)):
        raise StateError(
            f"The checkpoint at {store.location} is that of another query, or of a query that has "
            "read no batch of this stream",
            hint="Give the checkpointLocation of the query that reads with this state",
        )
    done = set(_numbers(store, "commits")) & set(offsets)
    return max(_batches(store, max(done), stream), default=0) if done else 0


def _numbers(store: StateStore, folder: str) -> list[int]:
    return sorted(int(name) for name in store.names(folder) if name.isdecimal())


def _batches(store: StateStore, number: int, stream: str) -> Iterator[int]:
    """Yield where the stream stands in one of Spark's offsets, which has a line a source."""
    try:
        with store.open(f"offsets/{number}") as file:
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        offset = _parsed(line)
        if isinstance(offset, dict) and offset.get("stream") == stream:
            yield int(offset["batch"])


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:  # the version of the file, or a source of another kind
        return None
