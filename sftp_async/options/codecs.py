"""The compression codecs in one table: names, extensions, levels, memory, compressors, formats.

To add a codec, add a `Codec` to `CODECS`: the option `compression`, its documentation, the
extensions of exact files, the checks of levels and the encoders all read it from there. Packages
that compress are imported when the first file is opened, since this module loads with the options.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, cast

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from typing_extensions import Buffer

#: From the lowest to the highest level of a codec; None where it has no levels.
Levels = tuple[int, int] | None

_MIB = 1024 * 1024


class Compressor(Protocol):
    """The compressed stream of one file: `compress` may hold input back, `flush` ends the file."""

    def compress(self, data: Buffer, /) -> Buffer:
        """Take input; return the bytes that are ready."""

    def flush(self) -> Buffer:
        """Return the rest. Nothing may follow."""


@dataclass(frozen=True)
class WholeFile:
    """How a codec compresses a text file as a whole.

    Reading adds the decompressor here, as a field next to `open`.

    Args:
        extension: what it adds to the file's name, `.gz`, as Spark does.
        open: starts the stream of one file at a level; None is a fast one.
        memory: returns the bytes of memory that a stream takes at a level, as its library states
            them.
        levels: as the codec's own tool counts them.

    """

    extension: str
    open: Callable[[int | None], Compressor]
    memory: Callable[[int | None], int]
    levels: Levels = None


@dataclass(frozen=True)
class Embedded:
    """How files of one format use a codec that compresses blocks inside them.

    The library that writes the format decompresses such files as well.

    Args:
        name: the codec's name for the library that writes the format.
        extension: what Spark puts before the format's own extension, such as `snappy.`.
        levels: those that the library takes.
        level: the level where the user sets none; None is the library's default.

    """

    name: str
    extension: str = ""
    levels: Levels = None
    level: int | None = None


@dataclass(frozen=True)
class Codec:
    """One codec.

    Args:
        name: a value of the option `compression`.
        aliases: other values that mean the same: Spark's other names, and extensions.
        file_extensions: extensions by which the name of an exact file asks for the codec.
        whole_file: how it compresses text files; None if it does not.
        embedded: format -> how it compresses blocks inside files of that format.

    """

    name: str
    aliases: tuple[str, ...] = ()
    file_extensions: tuple[str, ...] = ()
    whole_file: WholeFile | None = None
    embedded: Mapping[str, Embedded] = field(default_factory=dict)


class _Plain:
    """No compression."""

    def compress(self, data: Buffer, /) -> Buffer:
        return data

    def flush(self) -> Buffer:
        return b""


# zlib's default level 6 is three times slower than level 1 for some 10 % smaller files; isal's
# level 2, its default, is faster than both. A network is rarely slow enough to make up for it.
_ZLIB_LEVEL = 1
_ISAL_LEVEL = 2
# A window of 2**15 bytes, and 16 more for a gzip header and trailer (zlib.compressobj).
_GZIP_WINDOW = 16 + 15
# zlib.h, deflateInit2: 256 KiB at any level; isal's levels, measured, a little more.
_GZIP_MEMORY = 5 * _MIB // 16
# bzip2's levels take nearly the same time. xz's default 6 was nine times slower than 1 on lineitem,
# and takes 94 MiB of memory for each open file instead of 9 (man xz).
_BZIP2_LEVEL = 9
_XZ_LEVEL = 1
# man xz: MiB by level.
_XZ_MEMORY = (3, 9, 17, 32, 48, 94, 94, 186, 370, 674)
# Without a level, measured: a window of half a MiB.
_ZSTD_MEMORY = 3 * _MIB // 2


@functools.cache
def _isal() -> ModuleType | None:
    try:
        from isal import isal_zlib
    except ImportError:  # the extra `fast` is not installed
        return None
    return isal_zlib


def _gzip(level: int | None) -> Compressor:
    import zlib

    # A level is one of zlib's: those of isal are others, and all of them fast.
    if level is None and (isal := _isal()) is not None:
        return cast("Compressor", isal.compressobj(_ISAL_LEVEL, wbits=_GZIP_WINDOW))
    return zlib.compressobj(_ZLIB_LEVEL if level is None else level, wbits=_GZIP_WINDOW)


def _bzip2(level: int | None) -> Compressor:
    import bz2

    return bz2.BZ2Compressor(_BZIP2_LEVEL if level is None else level)


def _bzip2_memory(level: int | None) -> int:
    # man bzip2: 400k, and eight times the block.
    return 400_000 + 800_000 * (_BZIP2_LEVEL if level is None else level)


def _xz(level: int | None) -> Compressor:
    import lzma

    return lzma.LZMACompressor(preset=_XZ_LEVEL if level is None else level)


def _xz_memory(level: int | None) -> int:
    return _XZ_MEMORY[_XZ_LEVEL if level is None else level] * _MIB


def _zstd(level: int | None) -> Compressor:
    if level is None:
        return _ArrowZstd()
    # pyarrow's stream takes no level.
    try:
        import zstandard
    except ImportError as error:
        raise OptionsError(
            "compression_level with compression=zstd needs the package zstandard, here and on "
            "every worker: pip install 'sftp-async[zstd]'"
        ) from error
    return cast("Compressor", zstandard.ZstdCompressor(level=level).compressobj())


def _zstd_memory(level: int | None) -> int:
    if level is None:
        return _ZSTD_MEMORY
    import zstandard

    # As ZSTD_estimateCStreamSize adds up: the context, the window, and a block in and out.
    parameters = zstandard.ZstdCompressionParameters.from_level(level)
    context, window = parameters.estimated_compression_context_size(), 2**parameters.window_log
    return int(context + window + 3 * 128 * 1024)


class _ArrowZstd:
    """One zstd frame by pyarrow: some readers stop after the first of several frames."""

    def __init__(self) -> None:
        import pyarrow as pa

        self._ready = ByteSink()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._ready, mode="w"), "zstd")

    def compress(self, data: Buffer, /) -> Buffer:
        self._stream.write(data)
        return self._ready.take()

    def flush(self) -> Buffer:
        self._stream.close()
        return self._ready.take()


class ByteSink:
    """A file in memory that Arrow writes to, whose bytes can be taken before and after its end."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.closed = False

    def write(self, data: Buffer) -> int:
        """Keep a copy of `data` for the next `take`; return its length."""
        chunk = bytes(data)
        self._chunks.append(chunk)
        return len(chunk)

    def take(self) -> bytes:
        """Return, and forget, the bytes written since the last call."""
        taken = b"".join(self._chunks)
        self._chunks.clear()
        return taken

    def flush(self) -> None:
        """Do nothing: all bytes are in memory."""

    def close(self) -> None:
        """Mark the end; bytes written before can still be taken."""
        self.closed = True


#: All codecs, in the order in which messages and the documentation list them. Levels: zlib, bzip2
#: and xz as their own tools count; zstd as its tool without `--ultra` and `--fast` up to 19, the
#: others up to 22. Inside files the libraries that write them decide: Arrow's ORC writer takes no
#: level, fastavro one for deflate and zstd only. The extensions of Parquet and ORC are those of
#: org.apache.parquet CompressionCodecName and org.apache.spark.sql.execution.datasources.orc
#: OrcUtils; Avro's names are those that stand in its files.
CODECS: Final = (
    Codec(
        "none",
        aliases=("uncompressed",),
        whole_file=WholeFile("", lambda _: _Plain(), lambda _: 0),
        embedded={
            "parquet": Embedded("none"),
            "orc": Embedded("uncompressed"),
            "avro": Embedded("null"),
            "binary": Embedded("none"),
        },
    ),
    Codec(
        "gzip",
        aliases=("gz",),
        file_extensions=("gz", "gzip"),
        whole_file=WholeFile(".gz", _gzip, lambda _: _GZIP_MEMORY, (1, 9)),
        # Arrow's own default is level 9: some 20 times slower for a few percent.
        embedded={"parquet": Embedded("gzip", "gz.", (1, 9), level=4)},
    ),
    Codec(
        "zstd",
        aliases=("zst", "zstandard"),
        file_extensions=("zst", "zstd"),
        whole_file=WholeFile(".zst", _zstd, _zstd_memory, (1, 22)),
        embedded={
            "parquet": Embedded("zstd", "zstd.", (1, 22)),
            "orc": Embedded("zstd", "zstd."),
            "avro": Embedded("zstandard", levels=(1, 22)),
        },
    ),
    Codec(
        "bzip2",
        aliases=("bz2",),
        file_extensions=("bz2", "bzip2"),
        whole_file=WholeFile(".bz2", _bzip2, _bzip2_memory, (1, 9)),
        embedded={"avro": Embedded("bzip2")},
    ),
    Codec(
        "xz",
        file_extensions=("xz",),
        whole_file=WholeFile(".xz", _xz, _xz_memory, (0, 9)),
        embedded={"avro": Embedded("xz")},
    ),
    Codec(
        "snappy",
        embedded={
            "parquet": Embedded("snappy", "snappy."),
            "orc": Embedded("snappy", "snappy."),
            "avro": Embedded("snappy"),
        },
    ),
    # Not in ORC: Arrow writes such files uncompressed. In Parquet it is the format's LZ4_RAW.
    Codec("lz4", aliases=("lz4_raw", "lz4raw"), embedded={"parquet": Embedded("lz4", "lz4raw.")}),
    Codec("brotli", embedded={"parquet": Embedded("brotli", "br.", (1, 11))}),
    Codec("deflate", embedded={"avro": Embedded("deflate", levels=(1, 9))}),
    Codec("zlib", embedded={"orc": Embedded("zlib", "zlib.")}),
)

#: Built-in format -> its codec where the user names none: Spark's own defaults.
DEFAULT_CODECS: Final = {
    "csv": "none",
    "json": "none",
    "text": "none",
    "xml": "none",
    "parquet": "snappy",
    "orc": "zstd",
    "avro": "snappy",
    "binary": "none",
}
#: Built-in formats whose files are compressed as a whole.
TEXT_FORMATS: Final = ("csv", "json", "text", "xml")

#: The values of the option `compression`.
NAMES: Final = tuple(codec.name for codec in CODECS)
#: Other spellings -> values of the option.
ALIASES: Final = {alias: codec.name for codec in CODECS for alias in codec.aliases}
#: Extension of a file name, in lower case and without the dot -> the codec that it asks for.
CODEC_OF_EXTENSION: Final = {
    extension: codec.name for codec in CODECS for extension in codec.file_extensions
}

_BY_NAME = {codec.name: codec for codec in CODECS}


def whole_file(codec: str) -> WholeFile:
    """Return how a codec compresses a text file as a whole.

    Raises:
        OptionsError: the codec is for the inside of other formats alone.

    """
    found = _BY_NAME[codec].whole_file
    if found is None:
        others = ", ".join(codec.name for codec in CODECS if codec.whole_file is not None)
        raise OptionsError(f"compression={codec} cannot compress a whole file; {others} can.")
    return found


def embedded(form: str, codec: str | None) -> Embedded:
    """Return how files of a built-in format use a codec inside.

    Args:
        form: a format that compresses inside: `parquet`, `orc` or `avro`.
        codec: one that the format has, see `codec_problem`; None for the format's default.

    """
    return _BY_NAME[codec or DEFAULT_CODECS[form]].embedded[form]


def levels_of(form: str) -> dict[str, Levels]:
    """Return the levels of each codec that a format has; none for one that is not built in."""
    if form in TEXT_FORMATS:
        return {codec.name: codec.whole_file.levels for codec in CODECS if codec.whole_file}
    return {codec.name: codec.embedded[form].levels for codec in CODECS if form in codec.embedded}


def codec_problem(form: str, codec: str | None) -> str | None:
    """Return what is wrong with a codec for a built-in format, as a sentence.

    Args:
        form: a format's name; one that is not built in knows its codecs itself.
        codec: a name of `NAMES`, or None for the format's default.

    """
    known = levels_of(form)
    if not known or codec is None or codec in known:
        return None
    owners = [name for name in DEFAULT_CODECS if codec in levels_of(name)]
    last = f" and {owners[-1]}" if owners[1:] else ""
    framed = form in TEXT_FORMATS and codec in ("lz4", "snappy")
    why = f" (a text file of {codec} has Hadoop's own framing: no other tool reads it)"
    return (
        f"compression={codec} is for {', '.join(owners[:-1] or owners)}{last}; {form} has "
        f"{', '.join(known)}{why if framed else ''}."
    )


def level_problem(form: str, codec: str | None, level: int | None) -> str | None:
    """Return what is wrong with a compression level, as a sentence; see `codec_problem`."""
    known = levels_of(form)
    if not known or level is None:
        return None
    codec = codec or DEFAULT_CODECS[form]
    levels = known.get(codec)
    if levels is None:
        graded = [name for name, some in known.items() if some]
        others = f"; {', '.join(graded)} have" if graded else ""
        return f"compression_level is set, but {form}'s compression={codec} has no levels{others}."
    if not levels[0] <= level <= levels[1]:
        return (
            f"compression_level must be from {levels[0]} to {levels[1]} for compression={codec} "
            f"in {form}, not {level}."
        )
    return None
