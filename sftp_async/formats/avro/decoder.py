"""Decodes Avro files block by block through fastavro, into the types that Spark finds in them."""

from __future__ import annotations

import io
import itertools
import json
import logging
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import OptionsError
from sftp_async.formats.avro.casts import avro_rule, stored_rule
from sftp_async.formats.avro.container import Block, header_bytes, open_blocks, read_header
from sftp_async.formats.avro.reading import AvroTypes, Decoded
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.column_cast import ColumnCast, find_field
from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.schema_merge import merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.avro.container import Header
    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

_log = logging.getLogger(__name__)

#: Bytes of blocks, and rows, that are decoded together, about.
GROUP_BYTES = 512 * 1024
GROUP_ROWS = 16_384
#: Rows of a batch: they are Python objects before they are Arrow's.
BATCH_ROWS = 4_096


def read_avro(options: FormatOptions, schema: pa.Schema | None) -> AvroReadFormat:
    """Return the reading half of the format; see `FormatPlugin.decoder`."""
    try:
        import fastavro  # noqa: F401 - tasks need it
    except ImportError as error:
        raise OptionsError(
            "format=avro needs fastavro, here and on every worker: pip install 'sftp-async[avro]'"
        ) from error
    reader = None
    if options.avro_schema is not None:
        try:
            reader = json.loads(options.avro_schema)
            AvroTypes(reader)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise OptionsError(f"avro_schema is no Avro schema of records: {error}") from error
    return AvroReadFormat(
        schema,
        reader,
        case_sensitive=options.case_sensitive,
        merge_schema=options.merge_schema,
    )


class AvroReadFormat(ReadFormat):
    """Avro container files.

    A range of a file holds the blocks whose preceding sync marker begins in it. In memory are some
    blocks, of `GROUP_BYTES` together or one larger one, and their rows.

    Args:
        schema: the columns that are wanted; None: they will be inferred.
        reader: the Avro schema to read with; None: each file's own.
        case_sensitive: whether the case of names counts.
        merge_schema: infer the columns of all files, instead of those of the first.

    """

    def __init__(
        self,
        schema: pa.Schema | None,
        reader: Any = None,
        *,
        case_sensitive: bool = False,
        merge_schema: bool = False,
    ) -> None:
        self._schema = schema
        self._reader = reader
        self._case_sensitive = case_sensitive
        self._merge_schema = merge_schema

    def is_splittable(self, path: str) -> bool:
        """Return True: sync markers tell where blocks begin."""
        return True

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns of `avro_schema`, else those that the headers state."""
        if self._reader is not None:
            return pa.schema(AvroTypes(self._reader).row.kind)
        looked_at = files if self._merge_schema else files[:1]
        schemas = [
            (file.path, pa.schema(_types(read_header(file).schema, file).row.kind))
            for file in looked_at
        ]
        _log.info(
            "Took the columns from the headers of %d of %d Avro files; no rows were read",
            len(looked_at),
            len(files),
        )
        return merged(schemas, case_sensitive=self._case_sensitive)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the blocks whose preceding sync marker begins in the range."""
        assert self._schema is not None
        with open_blocks(file, start, stop) as (header, blocks):
            written = _types(header.schema, file).row
            row = written if self._reader is None else AvroTypes(self._reader).row
            rows = _Rows(file, header, written, row, evolves=self._reader is not None)
            names = rows.select(self._schema, case_sensitive=self._case_sensitive)
            cast = ColumnCast(self._schema, avro_rule, self._case_sensitive, file.path)
            for columns, count in rows.columns(blocks):
                yield cast.batch(names, columns, count)


def _types(schema: Any, file: ReadableFile) -> AvroTypes:
    try:
        return AvroTypes(schema)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise malformed(
            f"The file's schema has a type that Spark does not read: {error}", file.path, offset=0
        ) from error


class _Rows:
    """Decodes the blocks of a file.

    Args:
        file: for errors.
        header: of the file.
        written: how its rows are decoded.
        row: how the rows are decoded that are wanted.
        evolves: whether these are others.

    """

    def __init__(
        self, file: ReadableFile, header: Header, written: Decoded, row: Decoded, *, evolves: bool
    ) -> None:
        self._file = file
        self._header = header
        self._row = row
        self._reader = row.schema if evolves else None
        self._head = header_bytes(written.schema, header.codec, header.sync)
        self._names: list[str] = []

    def select(self, schema: pa.Schema, *, case_sensitive: bool) -> list[str]:
        """Choose the wanted columns that there are, and return their names.

        Raises:
            DecodeError: several columns of the file could be meant.

        """
        names = [field.name for field in self._row.kind]
        for wanted in schema.names:
            number = find_field(
                names,
                wanted,
                case_sensitive=case_sensitive,
                path=self._file.path,
                what="The file",
            )
            if number is not None:
                self._names.append(names[number])
        return self._names

    def columns(self, blocks: Iterator[Block]) -> Iterator[tuple[list[pa.Array], int]]:
        """Yield the chosen columns of the rows of some blocks, and how many rows they are."""
        stored = pa.schema([self._row.stored.field(name) for name in self._names])
        kinds = pa.schema([self._row.kind.field(name) for name in self._names])
        cast = ColumnCast(kinds, stored_rule, True, self._file.path)
        for group in _grouped(blocks):
            for rows in self._decoded(group):
                arrays = [
                    self._array([row[field.name] for row in rows], field.type, group)
                    for field in stored
                ]
                batch = cast.batch(stored.names, arrays, len(rows))
                yield batch.columns, len(rows)

    def _array(self, values: list[Any], kind: pa.DataType, group: list[Block]) -> pa.Array:
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise self._damaged(group, error) from error

    def _decoded(self, group: list[Block]) -> Iterator[list[dict[str, Any]]]:
        import fastavro

        stream = io.BytesIO(b"".join([self._head, *(block.data for block in group)]))
        convert = self._row.convert
        seen = 0
        try:
            rows: Iterator[Any] = fastavro.reader(
                stream, self._reader, return_record_name=True, return_named_type=True
            )
            while part := list(itertools.islice(rows, BATCH_ROWS)):
                seen += len(part)
                yield part if convert is None else [convert(row) for row in part]
        except GeneratorExit:
            raise
        except Exception as error:
            raise self._damaged(group, error) from error
        expected = sum(block.rows for block in group)
        if seen != expected:
            raise self._damaged(group, ValueError(f"it has {seen:,} rows, not {expected:,}"))

    def _damaged(self, group: list[Block], error: BaseException) -> Exception:
        return malformed(
            f"A block of codec {self._header.codec!r} cannot be decoded: "
            f"{type(error).__name__}: {error}",
            self._file.path,
            offset=group[0].offset,
        )


def _grouped(blocks: Iterator[Block]) -> Iterator[list[Block]]:
    """Yield the blocks in groups, which cost less than single ones."""
    group: list[Block] = []
    size = rows = 0
    for block in blocks:
        group.append(block)
        size, rows = size + len(block.data), rows + block.rows
        if size >= GROUP_BYTES or rows >= GROUP_ROWS:
            yield group
            group, size, rows = [], 0, 0
    if group:
        yield group
