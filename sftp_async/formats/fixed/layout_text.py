r"""Reads layouts: the compact notation, JSON, tables of text, and comments of columns.

The compact notation:

    layout   = field { ("," | line break) field }        # a comment ends with its line
    field    = [ name ] ":" place [ type ] { word }      a column; without a name, or `_`: blanks
             | text [ ":" place ]                        a constant
    place    = width [ "." decimals ] | first "-" last [ "." decimals ]
    word     = "left" | "right" | "zero"
             | "overpunch" | "overpunch_ascii" | "leading" | "trailing" | "unsigned"
             | text                                      a pattern of dates
             | ("pad" | "null" | "true" | "false") "=" text
    text     = '"' … '"' | "'" … "'"                     with the quote doubled inside

Names of other characters than letters, digits and `_` stand in backticks. Types are Spark's.
"""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any, Final

from sftp_async.formats.ddl import DDLError, parse_ddl
from sftp_async.formats.fixed.layout import SIGNS, Layout, placed
from sftp_async.formats.spark_schema import spark_fields
from sftp_async.formats.spark_types import arrow_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

#: How a comment of a column that states its place begins.
COMMENT: Final = "fixed:"
_TOKEN: Final = re.compile(
    r"""(?P<skip>[ \t\r]+|\#[^\n]*)
    |(?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
    |(?P<place>\d+(?:-\d+)?(?:\.\d+)?(?![\w.]))
    |(?P<name>`(?:[^`]|``)+`|\w+(?:[ ]*\([ \d,]*\))?)
    |(?P<mark>[:=;]|[,\n]+)""",
    re.VERBOSE,
)
_ALIGNMENTS: Final = ("left", "right")
_VALUES: Final = ("pad", "null", "true", "false")
_TABLE_MARKS: Final = "\t|;,"
#: Titles of a table's columns, and keys of JSON: what each gives. COBOL and data sheets say so.
_KEYS: Final = {
    "name": "name", "column": "name", "field": "name",
    "width": "width", "length": "width", "size": "width",
    "start": "start", "from": "start", "position": "start",
    "end": "end", "to": "end",
    "type": "type",
    "align": "align", "alignment": "align", "justify": "align",
    "pad": "pad", "padding": "pad", "fill": "pad",
    "decimals": "decimals", "scale": "decimals",
    "sign": "sign",
    "pattern": "pattern", "format": "pattern",
    "null": "null", "true": "true", "false": "false",
    "constant": "constant", "value": "constant",
}  # fmt: skip


def parse_layout(text: str) -> Layout:
    """Return the layout that a text states, in any of the three forms.

    Args:
        text: JSON if it begins with a bracket; a table if its first line has the titles `name` and
            `width`, `start` or `end`; else the compact notation.

    Raises:
        ValueError: what is wrong, and where, as a sentence.

    """
    stripped = text.strip()
    if stripped[:1] in ("[", "{"):
        layout = _of_json(stripped)
    else:
        rows = _table(stripped)
        layout = Layout.of(placed([*map(_entry, rows)] if rows else [*_compact(stripped)]))
    if not layout.fields:
        raise ValueError("There is no field.")
    return layout


def parse_layouts(text: str) -> list[Layout]:
    """Return the layouts of several records, between which the compact notation has semicolons.

    Args:
        text: as for `parse_layout`.

    Raises:
        ValueError: what is wrong, and where, as a sentence.

    """
    stripped = text.strip()
    if stripped[:1] in ("[", "{") or _table(stripped):
        return [parse_layout(text)]
    records: list[list[tuple[str, str]]] = [[]]
    for kind, found in _tokens(stripped):
        if kind == ";":
            records.append([])
        else:
            records[-1].append((kind, found))
    layouts = [Layout.of(placed([*_entries(tokens)])) for tokens in records if tokens]
    if not layouts or not all(layout.fields for layout in layouts):
        raise ValueError("There is no field.")
    return layouts


def layout_of_comments(schema: pa.Schema) -> Layout | None:
    """Return the layout in the comments of columns: `COMMENT 'fixed: 8 right zero'`.

    Args:
        schema: with Spark's own schema among its metadata, which has the comments.

    Returns:
        None if no comment states a place.

    Raises:
        ValueError: what is wrong, as a sentence; a column has no such comment, but others have.

    """
    entries: list[dict[str, Any]] = []
    missing = []
    for field in spark_fields(schema):
        comment = str((field.get("metadata") or {}).get("comment", "")).strip()
        if not comment.lower().startswith(COMMENT):
            missing.append(field["name"])
            continue
        name = field["name"].replace("`", "``")
        (entry,) = _compact(f"`{name}`:{comment[len(COMMENT) :].lstrip(' :')}")
        entries.append(entry)
    if not entries:
        return None
    if missing:
        raise ValueError(
            f"The comments of {', '.join(map(repr, missing))} state no place, and those of other "
            f"columns do: begin them with {COMMENT}, as in '{COMMENT} 8 right zero'."
        )
    return Layout.of(placed(entries))


def _compact(text: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of the compact notation."""
    yield from _entries([*_tokens(text)])


def _entries(tokens: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    start = 0
    for at in range(len(tokens) + 1):
        if at == len(tokens) or tokens[at][0] == "end":
            if at > start:
                yield _Entry(tokens[start:at]).read()
            start = at + 1


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"The layout cannot be read from {text[at : at + 20]!r} on.")
        at = match.end()
        kind, found = str(match.lastgroup), match.group()
        if kind == "mark":
            yield (found, found) if found in ":=;" else ("end", found)
        elif kind == "text":
            yield kind, found[1:-1].replace(found[0] * 2, found[0])
        elif kind != "skip":
            yield kind, found


class _Entry:
    """One field of the compact notation."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._words = " ".join(text for _, text in tokens)
        self._at = 0

    def read(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": ""}
        if self._is("text"):
            entry["constant"] = self._take()
            entry["width"] = len(entry["constant"])
            if not self._is(":"):
                self._end()
                return entry
        elif not self._is(":"):
            if not (self._is("name") or self._is("place")):
                raise self._error("begins with no name")
            name = self._take()
            entry["name"] = name[1:-1].replace("``", "`") if name[0] == "`" else name
            if entry["name"] == "_":
                entry["name"] = ""
        if not self._is(":"):
            raise self._error("has no width: write name:8 or name:1-8")
        self._take()
        if not self._is("place"):
            raise self._error("has no width behind its colon: write name:8 or name:1-8")
        entry |= _place(self._take())
        while self._at < len(self._tokens):
            self._word(entry)
        if not entry["name"]:
            for key in entry.keys() - {"name", "width", "start", "constant"}:
                raise self._error(f"is no column, and has {key}")
        return entry

    def _word(self, entry: dict[str, Any]) -> None:
        if self._is("text"):
            self._set(entry, "pattern", self._take())
            return
        if self._is(";"):
            raise self._error("is followed by a semicolon, and rows have one layout")
        if not self._is("name"):
            raise self._error(f"has {self._tokens[self._at][1]!r} where a word is expected")
        word = self._take()
        lowered = word.lower()
        if self._is("=") and lowered in _VALUES:
            self._take()
            if not self._is("text"):
                raise self._error(f"has no text in quotes behind {lowered}=")
            self._set(entry, lowered, self._take())
        elif lowered in _ALIGNMENTS:
            self._set(entry, "align", lowered)
        elif lowered == "zero":
            self._set(entry, "pad", "0")
        elif lowered in SIGNS:
            self._set(entry, "sign", lowered)
        else:
            self._set(entry, "kind", _type(word, self._error))

    def _set(self, entry: dict[str, Any], key: str, value: object) -> None:
        if key in entry:
            raise self._error(f"states its {key} twice")
        if key == "pad" and len(str(value)) != 1:
            raise self._error("has a pad that is not one character")
        entry[key] = value

    def _is(self, kind: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][0] == kind

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _end(self) -> None:
        if self._at < len(self._tokens):
            raise self._error("has more than a text, and no colon")

    def _error(self, problem: str) -> ValueError:
        return ValueError(f"The field {self._words!r} {problem}.")


def _place(text: str) -> dict[str, Any]:
    """Return start, width and decimals of `8`, `9.2`, `1-8` or `1-9.2`."""
    place, _, decimals = text.partition(".")
    first, dash, last = place.partition("-")
    found: dict[str, Any] = {"width": int(first)}
    if dash:
        found = {"start": int(first) - 1, "width": int(last) - int(first) + 1}
        if found["start"] < 0:
            raise ValueError(f"The place {text} begins before 1, which is the first.")
    if decimals:
        found["decimals"] = int(decimals)
    return found


def _type(word: str, error: Callable[[str], ValueError]) -> pa.DataType:
    try:
        (field,) = parse_ddl(f"c {word}")["fields"]
        return arrow_type(field["type"])
    except (DDLError, ValueError):
        raise error(
            f"has {word!r}, which is no type of Spark's and none of the words left, right, zero, "
            f"{', '.join(filter(None, SIGNS))}, pad=, null=, true=, false="
        ) from None


def _of_json(text: str) -> Layout:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"The layout begins with a bracket, and is no JSON: {error}.") from None
    width = None
    if isinstance(given, dict):
        width = given.get("width")
        given = given.get("fields")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ValueError(
            'The JSON of a layout is a list of objects such as {"name": …, "width": …}.'
        )
    if width is not None and not isinstance(width, int):
        raise ValueError("The width of the record is no number.")
    return Layout.of(placed([_entry(each) for each in given]), width)


def _table(text: str) -> list[dict[str, Any]]:
    """Return the rows of a table by their titles; none if the text is no table."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    first = lines[0] if lines else ""
    mark = next((mark for mark in _TABLE_MARKS if mark in first), None)
    if mark is None:
        return []
    titles, *rows = ([cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark))
    known = [_KEYS.get(title.lower()) for title in titles]
    if "name" not in known or not {"width", "start", "end"} & {*known}:
        return []
    return [
        {title: cell for title, cell in zip(titles, row, strict=False) if title and cell}
        for row in rows
        if not {*"".join(row)} <= {*"-+= "}  # the rule below the titles
    ]


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of an object of JSON, or of a row of a table."""
    label = f"The field {row.get('name', row)!r}"
    found: dict[str, Any] = {}
    for title, value in row.items():
        key = _KEYS.get(title.lower())
        if key is None:
            raise ValueError(f"{label} has {title!r}; known are {', '.join(dict.fromkeys(_KEYS))}.")
        if value is not None:
            found[key] = value
    entry: dict[str, Any] = {"name": str(found.get("name", ""))}
    if entry["name"] in ("_", "-") or "constant" in found:
        entry["name"] = ""
    numbers: dict[str, int] = {
        key: _number(found[key], key, label) for key in _NUMBERS if key in found
    }
    entry |= _span(numbers, label, found.get("constant"))
    if "type" in found:
        entry["kind"] = _type(str(found["type"]), lambda problem: ValueError(f"{label} {problem}."))
    for key in ("null", "true", "false", "pattern", "constant"):
        if key in found:
            entry[key] = str(found[key])
    for key, allowed in (("align", _ALIGNMENTS), ("sign", SIGNS)):
        if key in found:
            entry[key] = str(found[key]).lower()
            if entry[key] not in allowed:
                raise ValueError(f"{label} has {key}={found[key]!r}; take {', '.join(allowed)}.")
    if "pad" in found:
        pad = str(found["pad"])
        entry["pad"] = {"zero": "0", "blank": " ", "space": " "}.get(pad.lower(), pad)
        if len(entry["pad"]) != 1:
            raise ValueError(f"{label} has a pad that is not one character.")
    if "decimals" in numbers:
        entry["decimals"] = numbers["decimals"]
    return entry


_NUMBERS: Final = ("start", "end", "width", "decimals")


def _number(value: object, key: str, label: str) -> int:
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{label} has {key}={value!r}, which is no number.")
    return int(text)


def _span(numbers: Mapping[str, int], label: str, constant: object) -> dict[str, int]:
    """Return start and width of any two of start, end and width; or the width alone."""
    start, end, width = numbers.get("start"), numbers.get("end"), numbers.get("width")
    if width is None and start is not None and end is not None:
        width = end - start + 1
    if start is None and end is not None and width is not None:
        start = end - width + 1
    if width is None and constant is not None:
        width = len(str(constant))
    if width is None:
        raise ValueError(f"{label} has no width: give width, or start and end.")
    if start is not None and end is not None and end - start + 1 != width:
        raise ValueError(f"{label} is from {start} to {end}, and has the width {width}.")
    if start is not None and start < 1:
        raise ValueError(f"{label} begins before 1, which is the first place.")
    return {"width": width} | ({} if start is None else {"start": start - 1})
