"""Keeps the columns of a stream that were inferred, so that a restart does not find others."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import StateError
from sftp_async.formats.spark_schema import ddl_of

if TYPE_CHECKING:
    from sftp_async.read.ingest_log.log import IngestLog


def columns_text(schema: pa.Schema) -> str:
    """Return columns as the state keeps them: as DDL for people, and whole, with metadata."""
    whole = base64.b64encode(schema.serialize().to_pybytes()).decode()
    return json.dumps({"columns": ddl_of(schema), "arrow": whole})


def columns_of(text: str) -> pa.Schema:
    """Return the columns of a `columns_text`.

    Raises:
        StateError: it is damaged.

    """
    try:
        whole = base64.b64decode(json.loads(text)["arrow"], validate=True)
        return pa.ipc.read_schema(pa.py_buffer(whole))
    except (ValueError, LookupError, TypeError, OSError) as error:
        raise StateError(
            f"The columns in the stream's state are damaged ({error})",
            hint="Restore the state, or give the columns with .schema(…)",
        ) from error


def columns_digest(text: str) -> str:
    """Return a short digest of a `columns_text`: different columns have different ones."""
    columns = json.loads(text)["columns"]
    return hashlib.blake2b(columns.encode(), digest_size=8).hexdigest()


def keep_columns(log: IngestLog, text: str) -> None:
    """Keep the columns in the state, unless it has those of an earlier start.

    Raises:
        StateError: the state cannot be written.

    """
    if log.schema is None:
        log.set_schema(text)
