"""Defines the options of file formats: format, compression and CSV dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sftp_async.options import codecs
from sftp_async.options import parsing as p
from sftp_async.options.archives import ArchiveOptions
from sftp_async.options.binary import BinaryOptions
from sftp_async.options.decoding import DecodingOptions
from sftp_async.options.excel import ExcelOptions
from sftp_async.options.field_types import (
    Character,
    FieldType,
    FormatName,
    Level,
    LineSep,
    Pattern,
    Sep,
    Switch,
    Text,
)
from sftp_async.options.fixed import FixedOptions
from sftp_async.options.format_names import format_problem
from sftp_async.options.pgp import PGPOptions
from sftp_async.options.text_formats import TextFormatOptions
from sftp_async.options.xml import XMLOptions


class FormatOptions(
    DecodingOptions,
    ArchiveOptions,
    BinaryOptions,
    ExcelOptions,
    FixedOptions,
    PGPOptions,
    XMLOptions,
    TextFormatOptions,
):
    """The format of files; names, defaults and meaning are those of Spark where it has them."""

    format: FormatName = Field(
        "csv",
        description="File format; `json` is JSON Lines. If not set, an extension decides: of an "
        "exact file that is written (`orders.json`), or of the files that are read.",
        examples=["parquet"],
    )
    compression: Annotated[
        str | None,
        BeforeValidator(p.one_of(codecs.NAMES, also=codecs.ALIASES)),
        FieldType(", ".join(f"`{name}`" for name in codecs.NAMES)),
    ] = Field(
        None,
        description="Compression codec; see "
        "[which codecs each format supports](reference/formats.md#the-built-in-formats). If not "
        "set, the extension of a requested name decides (`orders.csv.gz`), then Spark's default: "
        "`snappy` for Parquet and Avro, `zstd` for ORC, `none` for the others. A read decompresses "
        "by extension; the option is for files whose extension names no codec.",
        examples=["gzip"],
    )
    compression_level: Level = Field(
        None,
        description="Level of the codec: a higher level makes smaller files and a slower write. "
        "If not set, a fast level is used. It has no effect on a read.",
        examples=["9"],
    )
    header: Switch = Field(
        False,
        description="CSV: the column names are the first line of each file. A write puts them "
        "there; a read takes them for the columns, if it has no schema, and never for a row. "
        "Excel: the same of the first row; not set, it is there.",
        examples=["true"],
    )
    sep: Sep = Field(
        ",",
        description=r"CSV: separator of values, one or more characters. `\t` stands for a tab, "
        "which is the default for an exact file `*.tsv`, and for a read of such files.",
        examples=[";"],
    )
    quote: Character = Field(
        '"',
        description="CSV: character around values that contain a separator. If empty, values are "
        "not quoted, and a quote is read as a character like others.",
        examples=["'"],
    )
    escape: Character = Field(
        "\\",
        description="CSV: character before a quote inside a quoted value.",
        examples=['"'],
    )
    null_value: Text = Field(
        "",
        description="CSV: text that stands for null, written and read. XML: the same, if it is "
        "set.",
        examples=["NULL"],
    )
    empty_value: Text = Field(
        '""',
        description="CSV: text that an empty string is written as. A read makes it of a value that "
        "is empty between its quotes; if not set, that is an empty string.",
        examples=["EMPTY"],
    )
    line_sep: LineSep = Field(
        "\n",
        description="CSV, JSON, text and fixed width: "
        "end of a line. In CSV it has one or two "
        "characters. If "
        r"not set, a read takes each of `\n`, `\r\n` and `\r`.",
        examples=["\r\n"],
    )
    date_format: Pattern = Field(
        None,
        description="CSV, JSON, XML and fixed width: Spark's datetime pattern for dates. If not "
        "set, it is `yyyy-MM-dd`, and a read takes all that Spark's reader takes. Excel: that of "
        "text that is read as a date; cells that are dates need none.",
        examples=["dd.MM.yyyy"],
    )
    timestamp_format: Pattern = Field(
        None,
        description="CSV, JSON, XML and fixed width: "
        "Spark's datetime pattern for timestamps. If not set, a "
        "write has Spark's default, `yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]`, and a read takes all that "
        "Spark's reader takes.",
        examples=["yyyy-MM-dd HH:mm:ss"],
    )

    def _contradictions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        yield from super()._contradictions()
        if wrong := format_problem(self.format):
            yield ("format",), wrong
        # A format or codec that is not given may come from the path's extension, so the plan of a
        # write checks again; there, codecs that are only read are refused, too.
        codec = self.compression
        if (
            "format" in self.model_fields_set
            and codec is not None
            and not codecs.only_decompresses(self.format, codec)
        ):
            yield from codec_contradictions(self)
        if self.format == "csv" and len(self.line_sep) > 2:
            yield ("format", "line_sep"), "line_sep must be one or two characters for csv."
        if self.format == "csv" and self.quote and self.quote in self.sep:
            yield ("format", "sep", "quote"), "sep and quote must not share a character."

    def _as_given(self) -> dict[str, Any]:
        given = super()._as_given()
        if "sep" in given:
            given["sep"] = self.sep.replace("\\", "\\\\")
        return given


def codec_contradictions(options: FormatOptions) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each codec or level that the format does not support: options, and a sentence.

    In archives that compress, `archive_format.archive_problems` looks for them.
    """
    if options.archive in ("zip", "tar.gz") and codecs.compresses_whole_files(options.format):
        return
    if wrong := codecs.codec_problem(options.format, options.compression):
        yield ("format", "compression"), wrong
    elif wrong := codecs.level_problem(
        options.format, options.compression, options.compression_level
    ):
        yield ("format", "compression", "compression_level"), wrong
