"""Which codecs each built-in format has, and the levels of each."""

from __future__ import annotations

from typing import Final

#: From the lowest to the highest level of a codec; None where it has no levels.
Levels = tuple[int, int] | None

_NONE: Final[dict[str, Levels]] = {"none": None}
# Levels: zlib, bzip2 and xz as their own tools count; zstd as its tool without `--ultra` and
# `--fast` up to 19, the others up to 22.
_TEXT: Final[dict[str, Levels]] = _NONE | {
    "gzip": (1, 9),
    "zstd": (1, 22),
    "bzip2": (1, 9),
    "xz": (0, 9),
}

#: format -> codec -> its levels. Where a file is compressed inside, the libraries that write it
#: decide: Arrow's ORC writer takes no level, fastavro one for deflate and zstd only.
CODECS: Final[dict[str, dict[str, Levels]]] = {
    "csv": _TEXT,
    "json": _TEXT,
    "text": _TEXT,
    "xml": _TEXT,
    "parquet": _NONE
    | {"snappy": None, "gzip": (1, 9), "zstd": (1, 22), "lz4": None, "brotli": (1, 11)},
    # Not lz4: Arrow writes it uncompressed.
    "orc": _NONE | {"zlib": None, "snappy": None, "zstd": None},
    "avro": _NONE | {"deflate": (1, 9), "snappy": None, "zstd": (1, 22), "bzip2": None, "xz": None},
    "binary": _NONE,
}

#: What is compressed without a word of the user: Spark's own defaults.
DEFAULT_CODECS: Final = {"parquet": "snappy", "orc": "zstd", "avro": "snappy"}

#: Every codec of any format.
NAMES: Final = (
    "none",
    "gzip",
    "zstd",
    "bzip2",
    "xz",
    "snappy",
    "lz4",
    "brotli",
    "deflate",
    "zlib",
)
#: Spark's other names of codecs, and the endings of files.
ALIASES: Final = {
    "uncompressed": "none",
    "gz": "gzip",
    "zst": "zstd",
    "zstandard": "zstd",
    "bz2": "bzip2",
    "lz4_raw": "lz4",
    "lz4raw": "lz4",
}


def codec_problem(form: str, codec: str | None) -> str | None:
    """Return what is wrong with a codec for a built-in format, as a sentence.

    Args:
        form: a format's name; one that is not built in knows its codecs itself.
        codec: a name of `NAMES`, or None for the format's default.

    """
    codecs = CODECS.get(form)
    if codecs is None or codec is None or codec in codecs:
        return None
    own = [name for name, known in CODECS.items() if codec in known]
    last = f" and {own[-1]}" if own[1:] else ""
    framed = codecs is _TEXT and codec in ("lz4", "snappy")
    why = f" (a text file of {codec} has Hadoop's own framing: no other tool reads it)"
    return (
        f"compression={codec} is for {', '.join(own[:-1] or own)}{last}; {form} has "
        f"{', '.join(codecs)}{why if framed else ''}."
    )


def level_problem(form: str, codec: str | None, level: int | None) -> str | None:
    """Return what is wrong with a compression level, as a sentence; see `codec_problem`."""
    codecs = CODECS.get(form)
    if codecs is None or level is None:
        return None
    codec = codec or DEFAULT_CODECS.get(form, "none")
    levels = codecs.get(codec)
    if levels is None:
        graded = [name for name, known in codecs.items() if known]
        others = f"; {', '.join(graded)} have" if graded else ""
        return f"compression_level is set, but {form}'s compression={codec} has no levels{others}."
    if not levels[0] <= level <= levels[1]:
        return (
            f"compression_level must be from {levels[0]} to {levels[1]} for compression={codec} "
            f"in {form}, not {level}."
        )
    return None
