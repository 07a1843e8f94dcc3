"""Options of file formats: format, compression, dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from sftp_async.options import codecs
from sftp_async.options import parsing as p
from sftp_async.options.binary import BinaryOptions
from sftp_async.options.field_types import (
    Character,
    FormatName,
    Kind,
    Level,
    LineSep,
    Pattern,
    Sep,
    Switch,
    Text,
)
from sftp_async.options.format_names import format_problem
from sftp_async.options.text_formats import DialectOptions
from sftp_async.options.xml import XMLOptions

_Codec = Literal[
    "none", "gzip", "zstd", "bzip2", "xz", "snappy", "lz4", "brotli", "deflate", "zlib"
]


class FormatOptions(BinaryOptions, XMLOptions, DialectOptions):
    """What the files look like; names, defaults and meaning are Spark's own where it has them."""

    group: ClassVar[str] = "Format"

    format: FormatName = Field(
        "csv", description="File format; `json` is JSON Lines.", examples=["parquet"]
    )
    compression: Annotated[
        _Codec | None, BeforeValidator(p.one_of(codecs.NAMES, also=codecs.ALIASES)), Kind()
    ] = Field(
        None,
        description="Codec; [what each format has](reference/formats.md#the-built-in-formats). "
        "Not set: from the extension of the name asked for, `orders.csv.gz`, else Spark's default: "
        "`snappy` for Parquet and Avro, `zstd` for ORC, `none` for the others.",
        examples=["gzip"],
    )
    compression_level: Level = Field(
        None,
        description="The codec's level: the higher, the smaller the files and the slower the "
        "write. Not set: a fast one.",
        examples=["9"],
    )
    header: Switch = Field(
        False, description="CSV: first line with the column names.", examples=["true"]
    )
    sep: Sep = Field(
        ",",
        description=r"CSV: what separates values, one or more characters; `\t` for a tab, which "
        "is the default of an exact file `*.tsv`.",
        examples=[";"],
    )
    quote: Character = Field(
        '"',
        description="CSV: character around values that hold a separator. Empty: no quoting.",
        examples=["'"],
    )
    escape: Character = Field(
        "\\", description="CSV: character before a quote inside a quoted value.", examples=['"']
    )
    null_value: Text = Field("", description="CSV: text for a null.", examples=["NULL"])
    empty_value: Text = Field(
        '""', description="CSV: text for an empty string.", examples=["EMPTY"]
    )
    line_sep: LineSep = Field(
        "\n",
        description="CSV, JSON and text: what ends a line; in CSV one or two characters.",
        examples=["\r\n"],
    )
    date_format: Pattern = Field(
        None,
        description="CSV and JSON: Spark's datetime pattern for dates. Not set: `yyyy-MM-dd`.",
        examples=["dd.MM.yyyy"],
    )
    timestamp_format: Pattern = Field(
        None,
        description="CSV and JSON: Spark's datetime pattern for timestamps. Not set: Spark's "
        "default, `yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]`.",
        examples=["yyyy-MM-dd HH:mm:ss"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if wrong := format_problem(self.format):
            yield ("format",), wrong
        # Format and codec that were not given may yet come from the path's extension: the plan
        # checks again.
        if "format" in self.model_fields_set and self.compression is not None:
            yield from self.codec_contradictions()
        if self.format == "csv" and len(self.line_sep) > 2:
            yield ("format", "line_sep"), "line_sep must be one or two characters for csv."
        if self.format == "csv" and self.quote and self.quote in self.sep:
            yield ("format", "sep", "quote"), "sep and quote must not share a character."

    def codec_contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield what codec or level the format does not have: options, and a sentence."""
        if wrong := codecs.codec_problem(self.format, self.compression):
            yield ("format", "compression"), wrong
        elif wrong := codecs.level_problem(self.format, self.compression, self.compression_level):
            yield ("format", "compression", "compression_level"), wrong

    def _as_given(self) -> dict[str, Any]:
        given = super()._as_given()
        if "sep" in given:
            given["sep"] = self.sep.replace("\\", "\\\\")
        return given
