"""Reads XML as Spark does: each element with the name of a row is one, wherever it is in a file."""

from __future__ import annotations

import logging
import random
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.decompression import codec_of, plain_chunks
from sftp_async.formats.nested_columns import check_columns
from sftp_async.formats.xml.blocks import utf8_chunks
from sftp_async.formats.xml.document_rows import DocumentRows, next_row
from sftp_async.formats.xml.events import Events, MalformedXMLError
from sftp_async.formats.xml.inference import Inference
from sftp_async.formats.xml.kept_text import KeptText
from sftp_async.formats.xml.records import RecordParser
from sftp_async.formats.xml.row_batches import RowBatches
from sftp_async.formats.xml.text_values import TextParser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

_log = logging.getLogger(__name__)

#: Most bytes, about, and most rows of a file that are looked at to find its columns.
INFERENCE_BYTES = 1024 * 1024
INFERENCE_ROWS = 10_000
#: Of the samples of `sampling_ratio`: the same in each run, as in Spark.
_SEED = 1


def read_xml(options: FormatOptions, schema: pa.Schema | None) -> ReadFormat:
    """Return the reading half of the format; see `FormatPlugin.decoder`."""
    return XMLReadFormat(options, schema)


@dataclass(frozen=True)
class XMLReadFormat(ReadFormat):
    """Decodes XML files.

    Args:
        options: of the read.
        schema: the columns that are wanted.
        paths: of bytes to rows, see `DocumentRows`; for tests.
        on_path: see `ReadFormat.reporting`.

    """

    options: FormatOptions
    schema: pa.Schema | None
    paths: str = "all"
    on_path: Callable[[bool, int], None] | None = field(default=None, compare=False)

    def reporting(self, on_path: Callable[[bool, int], None]) -> Self:
        """Return the format with a callback; see `ReadFormat.reporting`."""
        return replace(self, on_path=on_path)

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
        codec = codec_of(file.path, self.options.compression)
        with plain_chunks(file, 0, file.size, codec) as chunks, ExitStack() as stack:
            source = iter(chunks)
            text = None
            if corrupt is not None and self.options.mode == "permissive":
                source = kept = stack.enter_context(closing(KeptText(source, file.path)))
                text = partial(kept.text, self.options.encoding)
            rows = DocumentRows(
                source,
                self.options,
                RecordParser(self.options, columns),
                columns,
                file.path,
                self.paths,
            )
            batches = RowBatches(self.options.mode, self.schema, corrupt, text, file.path)
            yield from self._batches(rows, batches, len(columns))
            yield from batches.rest()
        self._report(rows, batches, file.path)

    def _batches(
        self, rows: DocumentRows, batches: RowBatches, width: int
    ) -> Iterator[pa.RecordBatch]:
        try:
            for part in rows:
                if isinstance(part, tuple):
                    batches.add_row(*part)
                else:
                    batches.add_columns(part)
                yield from batches.full()
        except MalformedXMLError:
            if not rows.events.ends_early:
                batches.add_row([None] * width, True)
                rows.events.stop()

    def _report(self, rows: DocumentRows, batches: RowBatches, path: str) -> None:
        if rows.events.stopped:
            _log.warning(
                "%s is malformed XML: nothing is read behind the first %d bytes, about",
                *(path, rows.events.size),
            )
        elif not batches.found and "row_tag" not in self.options.model_fields_set:
            _log.warning(
                "%s: no row: there is no element <%s>; set row_tag", path, self.options.row_tag
            )
        if self.on_path is not None:
            self.on_path(True, rows.fast_bytes)
            self.on_path(False, rows.exact_bytes)

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
            events = Events(utf8_chunks(iter(chunks), self.options.encoding), file.path)
            rows = 0
            try:
                while rows < INFERENCE_ROWS and events.size < INFERENCE_BYTES:
                    events.fill()
                    event = next_row(events, parser.name, self.options.row_tag)
                    if event is not None:
                        rows += 1
                        if ratio == 1 or sample.random() < ratio:
                            inference.add(events, event.attributes, file.path)
                    if events.stopped or events.has_ended:
                        break
            except MalformedXMLError as error:
                if not events.ends_early:
                    inference.add_malformed(file.path, str(error))
            return events.size
