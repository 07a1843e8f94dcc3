"""Reads JSON as Spark does: one record in each line, or one document in each file."""

from __future__ import annotations

import codecs
import itertools
import logging
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadFormat
from sftp_async.formats.decompression import codec_of, plain_chunks
from sftp_async.formats.json.blocks import BlockDecoder, leniency_of, split_lines
from sftp_async.formats.json.inference import Inference
from sftp_async.formats.json.text_values import TextParser
from sftp_async.formats.line_decoder import LineReader
from sftp_async.formats.nested_columns import check_columns
from sftp_async.formats.rescued import check_rescued

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.formats.base import ReadableFile
    from sftp_async.options import FormatOptions

_log = logging.getLogger(__name__)

#: Most bytes and records of a file that are looked at to find its columns.
INFERENCE_BYTES = 1024 * 1024
INFERENCE_RECORDS = 10_000
#: Most bytes of a file that is one document: it and its rows are in memory at once.
DOCUMENT_BYTES = 256 * 1024 * 1024
#: Of the samples of `sampling_ratio`: the same in each run, as in Spark.
_SEED = 1


def read_json(options: FormatOptions, schema: pa.Schema | None) -> ReadFormat:
    """Return the reading half of the format; see `FormatPlugin.decoder`."""
    return JSONReadFormat(options, schema)


@dataclass(frozen=True)
class JSONReadFormat(ReadFormat):
    """Decodes JSON files.

    Args:
        options: of the read.
        schema: the columns that are wanted.
        paths: of a block's bytes to its rows, see `BlockDecoder`; for tests.
        on_path: see `ReadFormat.reporting`.

    """

    options: FormatOptions
    schema: pa.Schema | None
    paths: str = "all"
    on_path: Callable[[bool, int], None] | None = field(default=None, compare=False)
    lines: LineReader = field(init=False)

    def reporting(self, on_path: Callable[[bool, int], None]) -> Self:
        """Return the format with a callback; see `ReadFormat.reporting`."""
        return replace(self, on_path=on_path)

    def __post_init__(self) -> None:
        # Malformed UTF-8 makes a record malformed, so it must not be replaced.
        lines = replace(LineReader.of(self.options), checked=False)
        object.__setattr__(self, "lines", lines)
        if self.schema is not None:
            texts = TextParser(self.options)
            corrupt = self.options.column_name_of_corrupt_record
            check_rescued(self.schema, self.options.rescued_data_column)
            check_columns(self.schema, corrupt, "JSON", texts.is_known)

    def is_splittable(self, path: str) -> bool:
        """Whether a range of the file can be decoded by itself."""
        return not self.options.multi_line and self.lines.is_splittable(path)

    def decode(self, file: ReadableFile, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a range; see `ReadFormat.decode`."""
        assert self.schema is not None, "decode() needs columns"
        decoder = BlockDecoder(
            self.options, self.schema, file.path, self.lines.separator, self.paths
        )
        if self.options.multi_line:
            yield from decoder.document(self._document(file))
        else:
            for block in self.lines.blocks(file, start, stop):
                yield from decoder.decode(block)
        if self.on_path is not None:
            self.on_path(True, decoder.fast_bytes)
            self.on_path(False, decoder.exact_bytes)

    def infer_schema(self, files: Sequence[ReadableFile]) -> pa.Schema:
        """Return the columns of the files; see `ReadFormat.infer_schema`."""
        inference = Inference(self.options, leniency_of(self.options))
        # The order of the samples is no secret.
        sample = random.Random(_SEED)  # noqa: S311
        size, ratio = 0, self.options.sampling_ratio
        for file in files:
            for record in self._first_records(file):
                size += len(record)
                if ratio == 1 or sample.random() < ratio:
                    inference.add(record, file.path)
        schema = inference.schema(files[0].path)
        _log.info(
            "Inferred %d columns from %d records of JSON, in the first %d bytes of %d files",
            *(len(schema), inference.records, size, len(files)),
        )
        return schema

    def _first_records(self, file: ReadableFile) -> Iterator[bytes]:
        if self.options.multi_line:
            yield self._document(file)
            return
        size = count = 0
        for block in self.lines.blocks(file, 0, file.size):
            for line in itertools.islice(
                split_lines(block.data, self.lines.separator), INFERENCE_RECORDS - count
            ):
                yield line
                count += 1
                size += len(line) + 1
                if size >= INFERENCE_BYTES:
                    return
            if count >= INFERENCE_RECORDS:
                return

    def _document(self, file: ReadableFile) -> bytes:
        """Return the content of a file, as UTF-8 if its encoding is given.

        Raises:
            DecodeError: it is larger than `DOCUMENT_BYTES`, or cannot be decompressed.

        """
        pieces: list[bytes] = []
        size = 0
        codec = codec_of(file.path, self.options.compression)
        with plain_chunks(file, 0, file.size, codec) as chunks:
            for chunk in chunks:
                size += len(chunk)
                if size > DOCUMENT_BYTES:
                    raise DecodeError(
                        f"A JSON document has more than {DOCUMENT_BYTES} bytes, which do not fit "
                        "into a worker's memory",
                        path=file.path,
                        hint="Write the records one in each line, and leave out multi_line",
                    )
                pieces.append(chunk)
        content = b"".join(pieces)
        if self.lines.charset is None:
            return content
        return content.decode(codecs.lookup(self.options.encoding).name, "replace").encode()
