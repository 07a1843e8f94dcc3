"""File formats by name: `open_format` checks options and schema together, before any task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.encoders.base import Format, PartEncoder
from sftp_async.encoders.cells import CellText, check_zone, is_text
from sftp_async.encoders.checks import check_columns, is_nested, leaves, refused
from sftp_async.encoders.compression import Compression
from sftp_async.encoders.csv import CSVDialect, CSVFormat
from sftp_async.encoders.datetime_patterns import Pattern
from sftp_async.encoders.jsonl import JSONLinesFormat
from sftp_async.encoders.text import TextFormat
from sftp_async.errors import EncodeError, OptionsError
from sftp_async.options.codecs import DEFAULT_CODECS

if TYPE_CHECKING:
    from sftp_async.encoders.base import Opener
    from sftp_async.options import FormatOptions

__all__ = ["Format", "PartEncoder", "open_format"]


def open_format(options: FormatOptions, schema: pa.Schema) -> Format:
    """Return the format that `options` ask for, checked against the columns of `schema`.

    Args:
        options: the format's name, compression, dialect and patterns.
        schema: the columns, as Spark hands them over.

    Raises:
        OptionsError: the options do not suit the format; all mistakes are listed.
        EncodeError: there is no column, two have one name, or one has a type that the format
            cannot hold so that it reads back.

    """
    opener = _FORMATS.get(options.format) or _brought(options.format)
    _raise_all([sentence for _, sentence in options.codec_contradictions()])
    return opener(options, schema)


def _csv(options: FormatOptions, schema: pa.Schema) -> Format:
    problems: list[str] = []
    cells = _cell_text(options, problems)
    if options.quote and not options.escape:
        problems.append(
            "escape is empty: Spark could not read back a quote inside a value. "
            "Set it to a backslash, or to the quote itself to double it."
        )
    if not {*options.sep}.isdisjoint(options.line_sep):
        problems.append("sep and line_sep must not share a character.")
    if options.quote and options.quote in options.line_sep:
        problems.append("quote and line_sep must not share a character.")
    _raise_all(problems)
    check_columns(schema)
    for field in schema:
        if not CellText.holds(field.type):
            raise refused(field.name, field.type, "CSV", _csv_hint(field))
        check_zone(field.name, field.type)
    dialect = CSVDialect(
        sep=options.sep,
        quote=options.quote,
        escape=options.escape,
        null_value=options.null_value,
        empty_value=options.empty_value,
        line_sep=options.line_sep,
    )
    return CSVFormat(schema, dialect, cells, header=options.header, compression=_codec(options))


def _json(options: FormatOptions, schema: pa.Schema) -> Format:
    problems: list[str] = []
    cells = _cell_text(options, problems)
    _raise_all(problems)
    check_columns(schema)
    for name, kind in leaves(schema):
        types = pa.types
        if types.is_map(kind) and not is_text(kind.key_type):
            raise refused(
                name, kind, "JSON", "JSON's keys are strings: cast them with transform_keys"
            )
        if not (
            CellText.holds(kind)
            or is_nested(kind)
            or types.is_binary(kind)
            or types.is_large_binary(kind)
            or types.is_null(kind)
        ):
            raise refused(name, kind, "JSON", f"Cast it: CAST(`{name}` AS STRING)")
        check_zone(name, kind)
    return JSONLinesFormat(schema, cells, line_sep=options.line_sep, compression=_codec(options))


def _parquet(options: FormatOptions, schema: pa.Schema) -> Format:
    # Late: pyarrow's Parquet costs a worker more time to load than all the other formats together.
    from sftp_async.encoders.parquet import ParquetFormat

    check_columns(schema)
    for name, kind in leaves(schema):
        if pa.types.is_null(kind):
            raise refused(name, kind, "Parquet", f"Cast it: CAST(`{name}` AS STRING)")
        if pa.types.is_struct(kind) and not kind.num_fields:
            raise refused(name, kind, "Parquet", "Leave it out, or give it a field")
    return ParquetFormat(
        schema,
        compression=options.compression or DEFAULT_CODECS["parquet"],
        level=options.compression_level,
    )


def _orc(options: FormatOptions, schema: pa.Schema) -> Format:
    from sftp_async.encoders.orc import open_orc  # late, as Parquet

    return open_orc(options, schema)


def _avro(options: FormatOptions, schema: pa.Schema) -> Format:
    from sftp_async.encoders.avro import open_avro  # late: it needs fastavro

    return open_avro(options, schema)


def _xml(options: FormatOptions, schema: pa.Schema) -> Format:
    from sftp_async.encoders.xml import open_xml

    problems: list[str] = []
    cells = _cell_text(options, problems)
    _raise_all(problems)
    return open_xml(options, schema, cells, _codec(options))


def _text(options: FormatOptions, schema: pa.Schema) -> Format:
    check_columns(schema)
    if len(schema) != 1:
        raise EncodeError(
            f"Text files hold one column, but there are {len(schema)}: {', '.join(schema.names)}",
            hint="Select one, or join them with concat_ws",
        )
    if not is_text(schema.field(0).type):
        field = schema.field(0)
        hint = f"Cast it: CAST(`{field.name}` AS STRING)"
        raise refused(field.name, field.type, "a text file", hint)
    return TextFormat(line_sep=options.line_sep, compression=_codec(options))


_FORMATS: dict[str, Opener] = {
    "csv": _csv,
    "json": _json,
    "text": _text,
    "xml": _xml,
    "parquet": _parquet,
    "orc": _orc,
    "avro": _avro,
}


def _brought(name: str) -> Opener:
    # Late: Python's way to look through packages takes time to load, and tasks never need it.
    from sftp_async.encoders import plugins

    return plugins.find(name, built_in=_FORMATS)


def _codec(options: FormatOptions) -> Compression:
    compression = Compression(options.compression or "none", options.compression_level)
    if compression.level is not None:
        compression.open()  # a package that is missing shows now, not in the tasks
    return compression


def _cell_text(options: FormatOptions, problems: list[str]) -> CellText:
    patterns: dict[str, Pattern] = {}
    for option, text in (
        ("date_format", options.date_format),
        ("timestamp_format", options.timestamp_format),
    ):
        if text is None:
            continue
        try:
            clock = option == "timestamp_format"
            patterns[option] = Pattern.parse(text, option=option, clock=clock)
        except OptionsError as error:
            problems.extend(error.problems)
    return CellText(**patterns)


def _raise_all(problems: list[str]) -> None:
    if problems:
        raise OptionsError(problems)


def _csv_hint(field: pa.Field) -> str:
    name = f"`{field.name}`"
    if is_nested(field.type):
        return f"Write it as JSON text, to_json({name}), or take format=json or parquet"
    if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
        return f"Write it as text: base64({name}) or hex({name})"
    return f"Cast it: CAST({name} AS STRING)"
