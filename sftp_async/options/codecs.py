"""The compression codecs in one table: names, extensions, levels, memory, functions, formats.

To add a codec, add a `Codec` to `CODECS`: the option `compression`, its documentation, the
extensions of files, the checks of levels, the encoders and the decoders all read it from there. The
functions that compress are in `compressors`, and those that decompress in `decompressors` and
`block_framing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sftp_async.errors import OptionsError
from sftp_async.options import block_framing, compressors, decompressors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sftp_async.options.compressed_source import CompressedSource
    from sftp_async.options.compressors import Compressor

#: From the lowest to the highest level of a codec; None where it has no levels.
Levels = tuple[int, int] | None


@dataclass(frozen=True)
class WholeFile:
    """How a codec compresses a text file as a whole.

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
        read_extensions: further extensions of the names of files that are of the codec.
        whole_file: how it compresses text files; None if it does not.
        decompress: yields the content of a file that is compressed as a whole; None if such files
            cannot be read.
        embedded: format -> how it compresses blocks inside files of that format.

    """

    name: str
    aliases: tuple[str, ...] = ()
    file_extensions: tuple[str, ...] = ()
    read_extensions: tuple[str, ...] = ()
    whole_file: WholeFile | None = None
    decompress: Callable[[CompressedSource], Iterator[bytes]] | None = None
    embedded: Mapping[str, Embedded] = field(default_factory=dict)


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
        whole_file=WholeFile("", lambda _: compressors.Plain(), lambda _: 0),
        decompress=decompressors.plain,
        embedded={
            "parquet": Embedded("none"),
            "orc": Embedded("uncompressed"),
            "avro": Embedded("null"),
            "excel": Embedded("none"),
            "binary": Embedded("none"),
        },
    ),
    Codec(
        "gzip",
        aliases=("gz",),
        file_extensions=("gz", "gzip"),
        whole_file=WholeFile(".gz", compressors.gzip, lambda _: compressors.GZIP_MEMORY, (1, 9)),
        decompress=decompressors.gzip,
        # Arrow's own default is level 9: some 20 times slower for a few percent.
        embedded={"parquet": Embedded("gzip", "gz.", (1, 9), level=4)},
    ),
    Codec(
        "zstd",
        aliases=("zst", "zstandard"),
        file_extensions=("zst", "zstd"),
        whole_file=WholeFile(".zst", compressors.zstd, compressors.zstd_memory, (1, 22)),
        decompress=decompressors.zstd,
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
        whole_file=WholeFile(".bz2", compressors.bzip2, compressors.bzip2_memory, (1, 9)),
        decompress=decompressors.bzip2,
        embedded={"avro": Embedded("bzip2")},
    ),
    Codec(
        "xz",
        file_extensions=("xz",),
        read_extensions=("lzma",),
        whole_file=WholeFile(".xz", compressors.xz, compressors.xz_memory, (0, 9)),
        decompress=decompressors.xz,
        embedded={"avro": Embedded("xz")},
    ),
    Codec(
        "snappy",
        read_extensions=("snappy", "sz"),
        decompress=block_framing.snappy,
        embedded={
            "parquet": Embedded("snappy", "snappy."),
            "orc": Embedded("snappy", "snappy."),
            "avro": Embedded("snappy"),
        },
    ),
    # Not in ORC: Arrow writes such files uncompressed. In Parquet it is the format's LZ4_RAW.
    Codec(
        "lz4",
        aliases=("lz4_raw", "lz4raw"),
        read_extensions=("lz4",),
        decompress=block_framing.lz4,
        embedded={"parquet": Embedded("lz4", "lz4raw.")},
    ),
    Codec("brotli", embedded={"parquet": Embedded("brotli", "br.", (1, 11))}),
    Codec(
        "deflate",
        read_extensions=("deflate",),
        decompress=decompressors.deflate,
        embedded={"avro": Embedded("deflate", levels=(1, 9))},
    ),
    Codec("zlib", embedded={"orc": Embedded("zlib", "zlib.")}),
)

#: Built-in format -> its codec where the user names none: Spark's own defaults.
DEFAULT_CODECS: Final = {
    "csv": "none",
    "fixed": "none",
    "json": "none",
    "text": "none",
    "xml": "none",
    "parquet": "snappy",
    "orc": "zstd",
    "avro": "snappy",
    "excel": "none",
    "binary": "none",
}
#: Built-in formats whose files are compressed as a whole.
TEXT_FORMATS: Final = ("csv", "fixed", "json", "text", "xml")

#: The values of the option `compression`.
NAMES: Final = tuple(codec.name for codec in CODECS)
#: Other spellings -> values of the option.
ALIASES: Final = {alias: codec.name for codec in CODECS for alias in codec.aliases}
#: Extension of a file name, in lower case and without the dot -> the codec that it asks for.
CODEC_OF_EXTENSION: Final = {
    extension: codec.name for codec in CODECS for extension in codec.file_extensions
}

#: The same of files that are read.
CODEC_OF_READ_EXTENSION: Final = CODEC_OF_EXTENSION | {
    extension: codec.name for codec in CODECS for extension in codec.read_extensions
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


def decompress(codec: str, source: CompressedSource) -> Iterator[bytes]:
    """Yield the content of a file that a codec compressed as a whole, in pieces of bounded size.

    Args:
        codec: a name of `NAMES`.
        source: the compressed bytes.

    Raises:
        OptionsError: the codec is for the inside of other formats alone.
        CorruptDataError: the data is not of the codec, is damaged, or ends too early.

    """
    found = _BY_NAME[codec].decompress
    if found is None:
        others = ", ".join(codec.name for codec in CODECS if codec.decompress is not None)
        raise OptionsError(f"compression={codec} is of no whole files; {others} are.")
    return found(source)


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


def compresses_whole_files(form: str) -> bool:
    """Return whether a built-in format compresses its files as a whole."""
    return form in TEXT_FORMATS


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


def only_decompresses(form: str, codec: str) -> bool:
    """Return whether files of a built-in format are read with a codec, and not written."""
    found = _BY_NAME[codec]
    return form in TEXT_FORMATS and found.whole_file is None and found.decompress is not None


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
