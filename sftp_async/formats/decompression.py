"""Decompresses files as a whole, by the codec that their extension or the option names."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sftp_async.errors import DecodeError
from sftp_async.formats.base import ReadableFile
from sftp_async.options.codecs import CODEC_OF_READ_EXTENSION, decompress
from sftp_async.options.compressed_source import CompressedSource, CorruptDataError
from sftp_async.options.pgp import without_pgp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class PlainFile(ReadableFile):
    """A file whose `chunks` are decompressed already, whatever its extension says."""


def codec_of(path: str, option: str | None) -> str:
    """Return the codec of a file of text: that of its extension, in any case, else the option's.

    Args:
        path: of the file; an extension of PGP is behind that of the codec.
        option: the option `compression`.

    """
    stem, _, extension = without_pgp(path).rpartition("/")[2].rpartition(".")
    codec = CODEC_OF_READ_EXTENSION.get(extension.lower()) if stem else None
    return codec or option or "none"


@contextmanager
def plain_chunks(
    file: ReadableFile, start: int, stop: int, codec: str
) -> Iterator[Iterator[bytes]]:
    """Yield the content of a file, decompressed, in pieces of bounded size.

    Args:
        file: its whole content has one codec, which may be none.
        start: first byte; 0 if there is a codec.
        stop: the byte behind the last one; the size if there is a codec.
        codec: of `codec_of`.

    Raises:
        DecodeError: the content is not of this codec, is damaged or truncated; names the file and
            about where in it.
        OptionsError: the codec compresses no whole files.

    """
    with file.chunks(start, stop) as chunks:
        is_plain = codec == "none" or isinstance(file, PlainFile)
        yield chunks if is_plain else decompressed(chunks, codec, file.path)


def decompressed(chunks: Iterable[bytes], codec: str, path: str) -> Iterator[bytes]:
    """Yield the content of a compressed file, in pieces of bounded size.

    Args:
        chunks: the file.
        codec: of `codec_of`.
        path: the file's, for errors.

    Raises:
        DecodeError: as for `plain_chunks`.
        OptionsError: the codec compresses no whole files.

    """
    source = CompressedSource(chunks)
    try:
        yield from decompress(codec, source)
    except CorruptDataError as error:
        found = DecodeError(
            f"The {codec} data is damaged at byte {source.position:,} of the compressed file, or "
            f"shortly before it: {error}",
            path=path,
            hint=f"Ensure that the file is complete, and of {codec} as its name or the option "
            "compression says",
        )
        found.offset = source.position
        raise found from error
