"""Reads options that are templates, and checks the fields of each before anything is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from functools import lru_cache
from string import Formatter
from typing import Final, NamedTuple

from sftp_async.options.parsing import parse_name

#: Fields of a file name that number a job's files: with one of them, each part file has a name.
FILE_NUMBERS: Final = ("partition", "seq")
#: All fields of a file name; the columns of `partition_by` come on top of them.
FILE_FIELDS: Final = (*FILE_NUMBERS, "now", "job", "batch")
_NUMBER: Final = re.compile(r"(?:0[0-9]{0,3})?d?", re.ASCII)
#: The format specifications whose results an overwrite recognizes, by field.
_FORMATS: Final = dict.fromkeys((*FILE_NUMBERS, "batch"), _NUMBER) | {
    "job": re.compile(r"(?:\.[1-9][0-9]?)?", re.ASCII)
}
_FIELD: Final = re.compile(r"[^.\[\]!:]+")


class TemplatePiece(NamedTuple):
    """Literal text of a template, and the field after it; `field` is None behind the last one."""

    literal: str
    field: str | None
    spec: str
    conversion: str


def parse_done_template(value: object) -> str:
    """Read the template of a done file's name: text with `{name}` or `{stem}` in it, or neither."""
    template = parse_name(value)
    rest = re.sub(r"\{(name|stem)\}", "", template, count=1)
    if "{" in rest or "}" in rest:
        raise ValueError("may hold {name} or {stem}, once, and no other field")
    if "/" in template or template in (".", "..") or not rest:
        raise ValueError("must make a file name of its own, without a slash")
    return template


@lru_cache
def template_pieces(template: str) -> tuple[TemplatePiece, ...]:
    """Split a template as `str.format` does.

    Raises:
        ValueError: its braces do not match.

    """
    return tuple(
        TemplatePiece(literal, field, spec or "", conversion or "")
        for literal, field, spec, conversion in Formatter().parse(template)
    )


def template_fields(template: str) -> set[str]:
    """Return the names of the fields in a template that was parsed before."""
    return {piece.field for piece in template_pieces(template) if piece.field is not None}


def names_part_files(template: str) -> bool:
    """Whether a template makes a name for each part file, and not one for the whole output."""
    return not template_fields(template).isdisjoint(FILE_NUMBERS)


def parse_file_name(value: object) -> str:
    """Read the template of file names: `orders_{now:%Y%m%d}_{seq:05d}.csv`."""
    template = parse_name(value)
    try:
        fields = [piece.field for piece in template_pieces(template) if piece.field is not None]
    except ValueError:
        fields = [""]
    if not all(map(_FIELD.fullmatch, fields)):
        raise ValueError("must hold fields such as {seq:05d} or {now:%Y%m%d}; double other braces")
    return template


def file_name_problems(template: str) -> Iterator[str]:
    """Yield what is wrong with a template of file names, whatever the other options say."""
    wrong = [problem for piece in template_pieces(template) if (problem := _field_problem(piece))]
    yield from wrong
    fields = template_fields(template)
    if not names_part_files(template) and not fields <= {"now"}:
        yield (
            f"file_name_template={template} makes one exact file, in whose name only {{now}} can "
            "be a field; add {seq} or {partition} for part files."
        )
    elif not wrong:
        yield from _name_problems(template)


def unknown_fields(template: str, columns: Collection[str]) -> Iterator[str]:
    """Yield the fields of part files' names that neither files nor their partitions have.

    Args:
        template: of file names.
        columns: of `partition_by`.

    """
    if not names_part_files(template):
        return
    known = sorted({*FILE_FIELDS, *columns} - {"batch"})
    for field in sorted(template_fields(template) - {*known, "batch"}):
        yield (
            f"file_name_template has an unknown field, {{{field}}}: there are {', '.join(known)}, "
            "and batch in a streaming query."
        )


def _field_problem(piece: TemplatePiece) -> str | None:
    field, spec = piece.field, piece.spec
    if piece.conversion or "{" in spec:
        return (
            f"file_name_template has a conversion, or a field within {{{field}}}: it takes fields "
            "with a format."
        )
    if field in _FORMATS and not _FORMATS[field].fullmatch(spec):
        allowed = f"{{{field}:.8}}" if field == "job" else f"{{{field}:05d}}"
        return (
            f"file_name_template cannot be filled in with {{{field}:{spec}}}: an overwrite would "
            f"not recognize such names; give {{{field}}}, or a format as in {allowed}."
        )
    return None


def _name_problems(template: str) -> Iterator[str]:
    """Try a template, and yield why what comes out is no file name."""
    values: dict[str, object] = dict.fromkeys(template_fields(template), "x")
    values |= {
        "partition": 0,
        "seq": 1,
        "batch": 0,
        "job": "0" * 16,
        "now": datetime.now().astimezone(),
    }
    try:
        name = template.format_map(values)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        yield f"file_name_template cannot be filled in: {error}."
        return
    if "/" in name or name in (".", ".."):
        yield "file_name_template must make a file name without a slash."
    elif names_part_files(template) and name.startswith((".", "_")):
        yield (
            "file_name_template makes hidden names: readers ignore names that begin with . or _."
        )
