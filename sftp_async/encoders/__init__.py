"""File formats by name: `open_format` checks options and schema together, before any task runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from sftp_async.encoders.base import Format, PartEncoder
from sftp_async.encoders.cells import CellText, check_zone, is_text
from sftp_async.encoders.csv import CSVDialect, CSVFormat
from sftp_async.encoders.datetime_patterns import Pattern
from sftp_async.encoders.jsonl import JSONLinesFormat
from sftp_async.encoders.text import TextFormat
from sftp_async.errors import EncodeError, OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    return _FORMATS[options.format](options, schema)


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
    _check_columns(schema)
    for field in schema:
        if not CellText.holds(field.type):
            raise _refused(field.name, field.type, "CSV", _csv_hint(field))
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
    _check_columns(schema)
    for name, kind in _leaves(schema):
        types = pa.types
        if types.is_map(kind) and not is_text(kind.key_type):
            raise _refused(
                name, kind, "JSON", "JSON's keys are strings: cast them with transform_keys"
            )
        if not (
            CellText.holds(kind)
            or _is_nested(kind)
            or types.is_binary(kind)
            or types.is_large_binary(kind)
            or types.is_null(kind)
        ):
            raise _refused(name, kind, "JSON", f"Cast it: CAST(`{name}` AS STRING)")
        check_zone(name, kind)
    return JSONLinesFormat(schema, cells, line_sep=options.line_sep, compression=_codec(options))


def _parquet(options: FormatOptions, schema: pa.Schema) -> Format:
    # Late: pyarrow's Parquet costs a worker more time to load than all the other formats together.
    from sftp_async.encoders.parquet import ParquetFormat

    _check_columns(schema)
    for name, kind in _leaves(schema):
        if pa.types.is_null(kind):
            raise _refused(name, kind, "Parquet", f"Cast it: CAST(`{name}` AS STRING)")
        if pa.types.is_struct(kind) and not kind.num_fields:
            raise _refused(name, kind, "Parquet", "Leave it out, or give it a field")
    return ParquetFormat(schema, compression=options.compression or "snappy")


def _text(options: FormatOptions, schema: pa.Schema) -> Format:
    _check_columns(schema)
    if len(schema) != 1:
        raise EncodeError(
            f"Text files hold one column, but there are {len(schema)}: {', '.join(schema.names)}",
            hint="Select one, or join them with concat_ws",
        )
    if not is_text(schema.field(0).type):
        field = schema.field(0)
        hint = f"Cast it: CAST(`{field.name}` AS STRING)"
        raise _refused(field.name, field.type, "a text file", hint)
    return TextFormat(line_sep=options.line_sep, compression=_codec(options))


_FORMATS: dict[str, Callable[[FormatOptions, pa.Schema], Format]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "text": _text,
}


def _codec(options: FormatOptions) -> str:
    return options.compression or "none"


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


def _check_columns(schema: pa.Schema) -> None:
    if not len(schema):
        raise EncodeError(
            "There is no column to write", hint="Select at least one column before the write"
        )
    for owner, names in _names(schema):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            where = f"struct {owner!r}" if owner else "the DataFrame"
            raise EncodeError(
                f"Column names occur more than once in {where}: {', '.join(map(repr, twice))}",
                hint="Rename all but one with withColumnRenamed or toDF",
            )


def _names(schema: pa.Schema) -> Iterator[tuple[str, list[str]]]:
    yield "", schema.names
    for path, kind in _leaves(schema):
        if pa.types.is_struct(kind):
            yield path, [field.name for field in kind]


def _is_nested(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_struct(kind)
        or types.is_map(kind)
        or types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
    )


def _leaves(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """Yield every type in the schema, those inside nested ones too, with its dotted path."""
    for field in schema:
        yield from _types_within(field.name, field.type)


def _types_within(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    yield path, kind
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _types_within(f"{path}.{field.name}", field.type)
    elif pa.types.is_map(kind):
        yield from _types_within(f"{path}.key", kind.key_type)
        yield from _types_within(f"{path}.value", kind.item_type)
    elif _is_nested(kind):
        yield from _types_within(f"{path}.element", kind.value_type)


def _csv_hint(field: pa.Field) -> str:
    name = f"`{field.name}`"
    if _is_nested(field.type):
        return f"Write it as JSON text, to_json({name}), or take format=json or parquet"
    if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
        return f"Write it as text: base64({name}) or hex({name})"
    return f"Cast it: CAST({name} AS STRING)"


def _refused(name: str, kind: pa.DataType, form: str, hint: str) -> EncodeError:
    return EncodeError(
        f"Column {name!r} has the type {kind}, which {form} cannot hold so that it reads back",
        hint=hint,
    )
