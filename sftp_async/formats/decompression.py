"""Decompresses files as a whole, by the codec that their extension or the option names."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError
from sftp_async.options.codecs import CODEC_OF_EXTENSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sftp_async.formats.base import ReadableFile

#: Most bytes that one piece of decompressed data has, whatever the ratio of the compression.
_PIECE = 1024 * 1024


def codec_of(path: str, option: str | None) -> str:
    """Return the codec of a file of text: that of its extension, in any case, else the option's.

    Args:
        path: of the file.
        option: the option `compression`.

    """
    extension = path.rpartition("/")[2].rpartition(".")[2].lower()
    return CODEC_OF_EXTENSION.get(extension) or option or "none"


@contextmanager
def plain_chunks(
    file: ReadableFile, start: int, stop: int, codec: str
) -> Iterator[Iterator[bytes]]:
    """Yield the content of a file, decompressed, in pieces of bounded size.

    Args:
        file: compressed as a whole, or plain.
        start: first byte; 0 if there is a codec.
        stop: the byte behind the last one; the size if there is a codec.
        codec: of `codec_of`.

    Raises:
        DecodeError: the content is not of this codec, or is truncated.

    """
    with file.chunks(start, stop) as chunks:
        yield chunks if codec == "none" else _gunzipped(file, chunks)


def _gunzipped(file: ReadableFile, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what a file of one gzip member or several holds."""
    member = None
    for chunk in chunks:
        data = chunk
        while data:
            member = member or zlib.decompressobj(wbits=31)
            try:
                piece = member.decompress(data, _PIECE)
            except zlib.error as error:
                raise DecodeError(f"No valid gzip data: {error}", path=file.path) from error
            if piece:
                yield piece
            if member.eof:
                data, member = member.unused_data, None
            else:
                data = member.unconsumed_tail
    if member is not None:
        raise DecodeError("The gzip data is truncated", path=file.path)
