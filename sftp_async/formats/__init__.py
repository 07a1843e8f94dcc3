"""File formats by name: `open_format` checks options and schema together, before any task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.errors import EncodeError, OptionsError
from sftp_async.formats.base import Format, PartEncoder
from sftp_async.formats.charset import Charset
from sftp_async.formats.compression import Compression
from sftp_async.formats.csv.encoder import CSVDialect, CSVFormat
from sftp_async.formats.json.encoder import JSONLinesFormat
from sftp_async.formats.schema_checks import (
    check_case,
    check_columns,
    check_structs,
    is_nested,
    leaves,
    refused,
)
from sftp_async.formats.text.encoder import TextFormat
from sftp_async.formats.values.cell_text import CellText, check_zone, is_text, is_zone
from sftp_async.formats.values.datetime_patterns import Pattern
from sftp_async.formats.values.intervals import NarrowIntervals
from sftp_async.layout.part_names import is_extension
from sftp_async.options.codecs import DEFAULT_CODECS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.formats.base import Opener
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
    if options.format in _FORMATS:
        check_structs(schema, options.format)
    if options.format in _COMPARE_CASE and not options.case_sensitive:
        check_case(schema)
    if options.format not in _KNOW_NARROW_INTERVALS:
        narrow = NarrowIntervals.of(schema)
        _refuse_intervals([*narrow.nested, *(name for name, _ in narrow.columns)])
    found = opener(options, schema)
    if not is_extension(found.extension):
        raise OptionsError(
            f"format={options.format} has the extension {found.extension!r}: letters and digits, "
            "and dots between them, are what an overwrite knows part files by"
        )
    return found


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
    if not options.quote:
        marks = {*options.sep, *options.line_sep, "\n", "\r"}
        problems += [
            f"{name} holds a separator or a line break, and quote is empty."
            for name in ("null_value", "empty_value")
            if not marks.isdisjoint(getattr(options, name))
        ]
        if options.quote_all:
            problems.append("quote_all is true, but quote is empty.")
    charset = _charset(options, problems, *_CSV_TEXTS)
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
        quote_all=options.quote_all,
        escape_quotes=options.escape_quotes,
        escape_escape=options.char_to_escape_quote_escaping,
        ignore_leading=options.ignore_leading_white_space,
        ignore_trailing=options.ignore_trailing_white_space,
    )
    return CSVFormat(
        schema,
        dialect,
        cells,
        header=options.header,
        compression=_codec(options),
        intervals=NarrowIntervals.of(schema),
        charset=charset,
    )


def _json(options: FormatOptions, schema: pa.Schema) -> Format:
    problems: list[str] = []
    cells = _cell_text(options, problems)
    charset = _charset(options, problems, "line_sep", json=True)
    _raise_all(problems)
    check_columns(schema)
    intervals = NarrowIntervals.of(schema)
    _refuse_intervals(intervals.nested)
    for name, kind in leaves(schema):
        types = pa.types
        if types.is_map(kind) and not _is_key(kind.key_type):
            raise refused(
                name, kind, "JSON", "JSON's keys are strings: cast them with transform_keys"
            )
        if not (CellText.holds(kind) or is_nested(kind) or types.is_null(kind)):
            raise refused(name, kind, "JSON", f"Cast it: CAST(`{name}` AS STRING)")
        check_zone(name, kind)
    return JSONLinesFormat(
        schema,
        cells,
        line_sep=options.line_sep,
        compression=_codec(options),
        keep_nulls=not options.ignore_null_fields,
        intervals=intervals,
        charset=charset,
    )


def _parquet(options: FormatOptions, schema: pa.Schema) -> Format:
    # Late: pyarrow's Parquet costs a worker more time to load than all the other formats together.
    from sftp_async.formats.parquet.encoder import ParquetFormat

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
    from sftp_async.formats.orc.encoder import open_orc  # late, as Parquet

    return open_orc(options, schema)


def _avro(options: FormatOptions, schema: pa.Schema) -> Format:
    from sftp_async.formats.avro.encoder import open_avro  # late: it needs fastavro

    return open_avro(options, schema)


def _xml(options: FormatOptions, schema: pa.Schema) -> Format:
    from sftp_async.formats.xml.encoder import frame_problems, open_xml

    problems: list[str] = []
    cells = _cell_text(options, problems)
    if Charset.named(options.encoding) is not None:
        problems.append(f"encoding={options.encoding} is not for xml, whose files are in UTF-8.")
    problems += frame_problems(options)
    _raise_all(problems)
    return open_xml(options, schema, cells, _codec(options))


def _binary(options: FormatOptions, schema: pa.Schema) -> Format:
    from sftp_async.formats.binary.encoder import open_binary

    return open_binary(options, schema)


def _text(options: FormatOptions, schema: pa.Schema) -> Format:
    problems: list[str] = []
    charset = _charset(options, problems, "line_sep")
    _raise_all(problems)
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
    return TextFormat(line_sep=options.line_sep, compression=_codec(options), charset=charset)


_FORMATS: dict[str, Opener] = {
    "csv": _csv,
    "json": _json,
    "text": _text,
    "xml": _xml,
    "parquet": _parquet,
    "orc": _orc,
    "avro": _avro,
    "binary": _binary,
}


#: The others would write them as intervals of all fields, which do not read back.
_KNOW_NARROW_INTERVALS = ("csv", "json", "parquet")
#: As Spark's own; its CSV writer takes any names.
_COMPARE_CASE = ("json", "parquet", "orc", "avro", "xml")
#: What `_csv` puts into a file as it was given.
_CSV_TEXTS = (
    *("sep", "quote", "escape", "char_to_escape_quote_escaping"),
    *("null_value", "empty_value", "line_sep"),
)


def _brought(name: str) -> Opener:
    # Late: Python's way to look through packages takes time to load, and tasks never need it.
    from sftp_async.formats import plugins

    return plugins.find(name)


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
        ("timestamp_ntz_format", options.timestamp_ntz_format),
    ):
        if text is None:
            continue
        try:
            patterns[option] = Pattern.parse(
                text,
                option=option,
                clock=option != "date_format",
                zone=option != "timestamp_ntz_format",
            )
        except OptionsError as error:
            problems.extend(error.problems)
    zone = options.time_zone
    if zone is not None and not is_zone(zone):
        problems.append(
            f"time_zone={zone!r} is not known here: take a name such as Europe/Berlin or UTC, or "
            "an offset such as +02:00, and check that the machine has the time zone database."
        )
        zone = None
    return CellText(**patterns, time_zone=zone)


def _charset(
    options: FormatOptions, problems: list[str], *names: str, json: bool = False
) -> Charset | None:
    """Return the file's character set, None for UTF-8; it must hold the options `names`."""
    charset = Charset.named(options.encoding, json=json)
    if charset is not None:
        lacking = [name for name in names if charset.lacks(getattr(options, name) or "")]
        problems += [f"{name} has a character that {charset.name} lacks." for name in lacking]
    return charset


def _raise_all(problems: list[str]) -> None:
    if problems:
        raise OptionsError(problems)


def _is_key(kind: pa.DataType) -> bool:
    """Tell whether map keys of this type are printed as they are; Spark's dates are numbers."""
    types = pa.types
    return is_text(kind) or bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
    )


def _refuse_intervals(names: Iterable[str]) -> None:
    """Raise if there are intervals of fewer fields than day to second, where Arrow's have all."""
    for name in names:
        raise EncodeError(
            f"Column {name!r} is an interval of fewer fields than day to second, which would not "
            "read back",
            hint="Cast it: CAST(… AS INTERVAL DAY TO SECOND)",
        )


def _csv_hint(field: pa.Field) -> str:
    name = f"`{field.name}`"
    if is_nested(field.type):
        return f"Write it as JSON text, to_json({name}), or take format=json or parquet"
    return f"Cast it: CAST({name} AS STRING)"
