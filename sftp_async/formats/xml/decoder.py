"""Reads XML as Spark does: each element with the name of a row is one, wherever it is in a file."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.decode_errors import malformed
from sftp_async.formats.decompression import codec_of, plain_chunks
from sftp_async.formats.nested_columns import check_columns
from sftp_async.formats.xml import events as ev
from sftp_async.formats.xml.events import Events, MalformedXMLError
from sftp_async.formats.xml.inference import Inference
from sftp_async.formats.xml.records import RecordParser
from sftp_async.formats.xml.text_values import TextParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

_log = logging.getLogger(__name__)

#: Most bytes, about, and most rows of a file that are looked at to find its columns.
INFERENCE_BYTES = 1024 * 1024
INFERENCE_ROWS = 10_000
#: Of the samples of `sampling_ratio`: the same in each run, as in Spark.
_SEED = 1
#: Rows of a batch, at most.
_BATCH = 4096
#: Most bytes of a file whose text is the corrupt record of its malformed rows.
CORRUPT_BYTES = 128 * 1024 * 1024
#: Most characters of corrupt records in a batch.
_BATCH_TEXT = 16 * 1024 * 1024


def read_xml(options: FormatOptions, schema: pa.Schema | None) -> ReadFormat:
    """Return the reading half of the format; see `FormatPlugin.decoder`."""
    return XMLReadFormat(options, schema)


@dataclass(frozen=True)
class XMLReadFormat(ReadFormat):
    """Decodes XML files."""

    options: FormatOptions
    schema: pa.Schema | None

    def __post_init__(self) -> None:
        if self.schema is not None:
            corrupt = self.options.column_name_of_corrupt_record
            check_columns(self.schema, corrupt, "XML", TextParser(self.options).is_known)

    def is_splittable(self, path: str) -> bool:
        """Return False: where a row begins depends on everything before it."""
        return False

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file; see `ReadFormat.decode`."""
        assert self.schema is not None, "decode() needs columns"
        name = self.options.column_name_of_corrupt_record
        names = self.schema.names
        corrupt = names.index(name) if name in names else None
        columns = self.schema if corrupt is None else self.schema.remove(corrupt)
        parser = RecordParser(self.options, columns)
        rows: list[list[Any]] = []
        text: str | None = None
        size = 0
        found = False
        for row, is_malformed in self._rows(file, parser, len(columns)):
            found = True
            if is_malformed and self.options.mode != "permissive":
                if self.options.mode == "dropmalformed":
                    continue
                raise DecodeError(
                    "An XML row is malformed, and mode=FAILFAST",
                    path=file.path,
                    hint="Set mode=PERMISSIVE to get what can be read of it",
                )
            if corrupt is not None:
                if is_malformed and text is None:
                    text = self._text(file)
                row.insert(corrupt, text if is_malformed else None)
                size += len(text or "") if is_malformed else 0
            rows.append(row)
            if len(rows) >= _BATCH or size >= _BATCH_TEXT:
                yield self._batch(rows)
                rows, size = [], 0
        if rows:
            yield self._batch(rows)
        elif not found and "row_tag" not in self.options.model_fields_set:
            _log.warning(
                "%s: no row: there is no element <%s>; set row_tag", file.path, self.options.row_tag
            )

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns of the files; see `ReadFormat.infer_schema`."""
        parser = RecordParser(self.options, pa.schema([]))
        inference = Inference(self.options, parser)
        # The order of the samples is no secret.
        sample = random.Random(_SEED)  # noqa: S311
        size = 0
        for file in files:
            size += self._infer(file, parser, inference, sample)
        schema = inference.schema()
        if not len(schema) and "row_tag" not in self.options.model_fields_set:
            raise DecodeError(
                f"No element <{self.options.row_tag}> was found, which is a row unless row_tag is "
                "set",
                path=files[0].path,
                hint="Set row_tag to the name of the element that is a row",
            )
        _log.info(
            "Inferred %d columns from %d rows of XML, in the first %d bytes of %d files",
            *(len(schema), inference.rows, size, len(files)),
        )
        return schema

    def _infer(
        self, file: ReadableFile, parser: RecordParser, inference: Inference, sample: random.Random
    ) -> int:
        """Look at the first rows of a file; returns how many bytes were read."""
        ratio = self.options.sampling_ratio
        codec = codec_of(file.path, self.options.compression)
        with plain_chunks(file, 0, file.size, codec) as chunks:
            events = Events(iter(chunks), self.options.encoding, file.path)
            for _ in range(INFERENCE_ROWS):
                try:
                    event = next_row(events, parser.name, self.options.row_tag)
                except MalformedXMLError as error:
                    if not events.ends_early:
                        inference.add_malformed(file.path, str(error))
                    break
                if event is None:
                    break
                if ratio == 1 or sample.random() < ratio:
                    inference.add(events, event.attributes, file.path)
                if events.stopped or events.size >= INFERENCE_BYTES:
                    break
            return events.size

    def _rows(
        self, file: ReadableFile, parser: RecordParser, width: int
    ) -> Iterator[tuple[list[Any], bool]]:
        codec = codec_of(file.path, self.options.compression)
        with plain_chunks(file, 0, file.size, codec) as chunks:
            events = Events(iter(chunks), self.options.encoding, file.path)
            while not events.stopped:
                try:
                    event = next_row(events, parser.name, self.options.row_tag)
                except MalformedXMLError:
                    if events.ends_early:
                        return
                    yield [None] * width, True
                    break
                if event is None:
                    return
                yield parser.parse(events, event.attributes)
            _log.warning(
                "%s is malformed XML: nothing is read behind the first %d bytes, about",
                *(file.path, events.size),
            )

    def _batch(self, rows: list[list[Any]]) -> pa.RecordBatch:
        assert self.schema is not None
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array(column, field.type) for column, field in zip(columns, self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _text(self, file: ReadableFile) -> str:
        """Return the text of a file, which is the corrupt record of each of its malformed rows.

        Raises:
            DecodeError: it is too large.

        """
        pieces: list[bytes] = []
        size = 0
        with plain_chunks(
            file, 0, file.size, codec_of(file.path, self.options.compression)
        ) as chunks:
            for chunk in chunks:
                size += len(chunk)
                if size > CORRUPT_BYTES:
                    raise malformed(
                        "A row is malformed. Its corrupt record is the text of the whole file, as "
                        f"in Spark, which is larger than {CORRUPT_BYTES} bytes",
                        file.path,
                        hint="Leave the column of corrupt records out of the schema, or correct "
                        "the file",
                    )
                pieces.append(chunk)
        return b"".join(pieces).decode(self.options.encoding, "replace")


def next_row(events: Events, name: Any, row_tag: str) -> ev.Event | None:
    """Go to the start of the next row, and return it; None if there is no other.

    Raises:
        MalformedXMLError: the document is malformed before.

    """
    while (event := events.next()).kind != ev.END_DOCUMENT:
        if event.kind == ev.START and name(event.text) == row_tag:
            return event
    return None
