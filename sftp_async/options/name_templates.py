"""Options that are templates: which fields each may hold, checked before anything is written."""

from __future__ import annotations

import re
from string import Formatter
from typing import Final

from sftp_async.options.parsing import parse_name, parse_text

#: What control records may tell, with a value to try a template on: the largest of numbers.
CONTROL_FIELDS: Final[dict[str, object]] = {
    "rows": 2**63 - 1,
    "bytes": 2**63 - 1,
    "sha256": "0" * 64,
    "name": "",
}


def parse_done_template(value: object) -> str:
    """Read the template of a done file's name: text with `{name}` or `{stem}` in it, or neither."""
    template = parse_name(value)
    rest = re.sub(r"\{(name|stem)\}", "", template, count=1)
    if "{" in rest or "}" in rest:
        raise ValueError("may hold {name} or {stem}, once, and no other field")
    if "/" in template or template in (".", "..") or not rest:
        raise ValueError("must make a file name of its own, without a slash")
    return template


def parse_control_lines(value: object) -> str:
    """Read lines with `CONTROL_FIELDS` in them, formatted as Python does: `{rows:08d}`."""
    text = parse_text(value)
    wrong = (
        f"may hold the fields {', '.join(CONTROL_FIELDS)}, as in {{rows:08d}}; double other braces"
    )
    try:
        nested = any(spec and "{" in spec for _, _, spec, _ in Formatter().parse(text))
        if nested or not control_fields(text) <= CONTROL_FIELDS.keys():
            raise ValueError(wrong)
        text.format_map(CONTROL_FIELDS)
    except (ValueError, KeyError, IndexError, TypeError, OverflowError):
        raise ValueError(wrong) from None
    return text


def control_fields(text: str) -> set[str]:
    """Return the names of the fields in control lines; doubled braces hold none."""
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def parse_file_name(value: object) -> str:
    """Read the template of file names: `orders_{now:%Y%m%d}_{seq:05d}.csv`."""
    template = parse_name(value)
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    except ValueError:
        fields = [""]
    if any(not field or not re.fullmatch(r"[^.\[\]!:]+", field) for field in fields):
        raise ValueError("must hold fields such as {seq:05d} or {now:%Y%m%d}; double other braces")
    return template
