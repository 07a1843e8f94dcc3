"""Finds columns that the files of a micro-batch have and its stream has not, before a read."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sftp_async.errors import DecodeError, NewColumnsError, RemoteChangedError
from sftp_async.formats.spark_schema import SPARK_SCHEMA, ddl_of, spark_fields, without_columns
from sftp_async.read.scan import with_format
from sftp_async.read.schema import infer_columns
from sftp_async.read.stream.columns import columns_of, columns_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.options import SFTPOptions
    from sftp_async.read.ingest_log.log import IngestLog
    from sftp_async.read.listing import Listing
    from sftp_async.read.stream.source import StreamSource

log = logging.getLogger("sftp_async.read.evolution")


@dataclass
class SchemaEvolution:
    """Looks at files for columns that a stream does not have.

    Args:
        options: of the stream.
        columns: of the stream, with the metadata of inferred ones.
        keep: makes the text of more columns those of the stream's next start; None: nothing does.

    """

    options: SFTPOptions
    columns: pa.Schema
    keep: Callable[[str], None] | None = None

    @classmethod
    def of(cls, source: StreamSource, state: IngestLog | None) -> Self | None:
        """Return what looks at the files of a stream; None if nothing has to.

        Args:
            source: the stream.
            state: keeps its columns.

        """
        options = source.scan.options
        if options.schema_evolution == "none" or source.inferred is None:
            return None
        adds = options.schema_evolution == "add_columns" and state is not None
        return cls(options, columns_of(source.inferred), state.set_schema if adds else None)  # type: ignore[union-attr]

    def check(self, listing: Listing) -> None:
        """Look at the first files of a batch, as many as `infer_files` allows.

        Raises:
            NewColumnsError: they have columns that the stream has not.
            OptionsError, SFTPAsyncError: columns cannot be looked for.

        """
        options = with_format(self.options, listing)
        wider, found_in = self.columns, ""
        for file in listing.files[: options.infer_files]:
            try:
                found = infer_columns(options, replace(listing, files=(file,)))
            except (DecodeError, RemoteChangedError) as error:
                # What is wrong with a file is an error of its read, as far as the options say so.
                log.info("the columns of a file are not looked at: %s", error)
                continue
            # Malformed records are no reason to stop: the mode says what becomes of them.
            found = without_columns(found, (options.column_name_of_corrupt_record,))
            before = wider
            wider = widened(wider, found, case_sensitive=options.case_sensitive)
            if wider is not before and not found_in:
                found_in = file.path
        if found_in:
            self._stop(wider, found_in)

    def _stop(self, wider: pa.Schema, path: str) -> None:
        known = [*self.columns]
        new = pa.schema([field for field in wider if field not in known])
        if self.keep is None:
            hint = (
                "schema_evolution=fail asks for this error: with add_columns the stream takes new "
                "columns at its next start, and with none it does not read them; or move the "
                "file away"
            )
        else:
            self.keep(columns_text(wider))
            hint = (
                "Load and start the stream again: it goes on with these columns, which its state "
                "has now. The micro-batch of this file has not been read yet"
            )
        raise NewColumnsError(
            f"Files have columns that the stream has not: {ddl_of(new)}",
            host=self.options.address,
            path=path,
            hint=hint,
        )


def widened(columns: pa.Schema, found: pa.Schema, *, case_sensitive: bool) -> pa.Schema:
    """Return columns with those that a file has besides, last; the same object if it has none.

    Types stay as they are, but objects get the members that they have in the file besides.

    Args:
        columns: of the stream.
        found: those of a file.
        case_sensitive: whether names that differ in case alone are two columns.

    """
    fields = _widened([*columns], [*found], case_sensitive=case_sensitive)
    if fields == [*columns]:
        return columns
    metadata = dict(columns.metadata or {})
    if SPARK_SCHEMA in metadata:
        types = {field["name"]: field for field in spark_fields(found) + spark_fields(columns)}
        if types.keys() >= {field.name for field in fields}:
            kept = {"type": "struct", "fields": [types[field.name] for field in fields]}
            metadata[SPARK_SCHEMA] = json.dumps(kept).encode()
        else:
            del metadata[SPARK_SCHEMA]
    return pa.schema(fields, metadata=metadata)


def _widened(
    fields: list[pa.Field], found: list[pa.Field], *, case_sensitive: bool
) -> list[pa.Field]:
    def key(field: pa.Field) -> str:
        name: str = field.name
        return name if case_sensitive else name.lower()

    new = {key(field): field for field in found}
    result = []
    for field in fields:
        other = new.pop(key(field), None)
        kind = field.type if other is None else _type(field.type, other.type, case_sensitive)
        result.append(field.with_type(kind))
    # A column that earlier files lack is null there.
    return result + [field.with_nullable(True) for field in new.values()]


def _type(kind: pa.DataType, other: pa.DataType, case_sensitive: bool) -> pa.DataType:
    types = pa.types
    if types.is_struct(kind) and types.is_struct(other):
        return pa.struct(_widened([*kind], [*other], case_sensitive=case_sensitive))
    if types.is_list(kind) and types.is_list(other):
        item = _type(kind.value_type, other.value_type, case_sensitive)
        return pa.list_(kind.value_field.with_type(item))
    return kind
