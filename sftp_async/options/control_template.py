"""Reads and fills the templates of control records, and compares lines of files with them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from string import Formatter
from typing import Final, NamedTuple

from sftp_async.options.parsing import parse_text

#: No other separator of Unicode's, which `str.splitlines` takes, ends a line of a text file.
LINE_END: Final = re.compile(r"\r\n|\r|\n")

_SUM: Final = re.compile(r"sum\((.+)\)", re.DOTALL)
#: Formats of a sum: those of Python's numbers that lose no digit.
_SUM_SPEC: Final = re.compile(
    r"(?:.?[<>=^])?[-+ ]?0?[0-9]{0,3}[,_]?(?:\.(?P<precision>[0-9]{1,2}))?(?P<type>[df]?)",
    re.ASCII | re.DOTALL,
)
#: Of a number whose text has a shape: fill, sign, width, digits grouped, and a fraction.
_NUMBER: Final = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>=^]))?(?P<sign>[-+ ]?)(?P<zero>0?)(?P<width>[0-9]*)"
    r"(?P<group>[,_]?)(?P<fraction>(?:\.[0-9]+)?)[df]?",
    re.ASCII | re.DOTALL,
)
#: What each directive of `strftime` makes, of those that are the same in every language.
_TIMES: Final = {
    **dict.fromkeys("mdHMSy", "[0-9]{2}"),
    "Y": "[0-9]{4}",
    "j": "[0-9]{3}",
    "f": "[0-9]{6}",
}
_NOW: Final = datetime(2000, 12, 31, 23, 59, 59, 999999, UTC)
#: Characters of a line that an error shows.
_SHOWN: Final = 200


class ExactSum(NamedTuple):
    """A sum of integers or decimals, which is formatted without loss.

    Attributes:
        unscaled: its digits, without the decimal point.
        scale: how many of them are behind the point.

    """

    unscaled: int
    scale: int = 0

    def __str__(self) -> str:
        return format(self.decimal, "f")

    def __format__(self, spec: str) -> str:
        """Format as a number with its fraction; `d` leaves the decimal point out."""
        if spec.endswith("d"):
            return format(self.unscaled, spec)
        return format(self.decimal, spec if spec.endswith("f") else f"{spec}f")

    @property
    def decimal(self) -> Decimal:
        """The value."""
        # Arithmetic would round to the digits of a context.
        return Decimal(f"{self.unscaled}E-{self.scale}")


#: What control records may hold, with a value to try a template on: the largest of numbers.
CONTROL_FIELDS: Final[dict[str, object]] = {
    "rows": 2**63 - 1,
    "bytes": 2**63 - 1,
    "sha256": "0" * 64,
    "name": "",
}
_LARGEST_SUM: Final = ExactSum(-(10**38))


class Difference(NamedTuple):
    """A field of a control record that differs from what the file holds.

    Attributes:
        field: as in the template, `rows` or `sum(amount)`.
        stated: its text in the file.
        found: the text that it should have.

    """

    field: str
    stated: str
    found: str


class _Piece(NamedTuple):
    """Literal text, and the field after it; `field` is None where there is none."""

    literal: str
    field: str | None
    spec: str
    conversion: str

    @property
    def text(self) -> str:
        """The field, as it was given; empty if there is none."""
        if self.field is None:
            return ""
        conversion, spec = self.conversion, self.spec
        return f"{{{self.field}{conversion and '!'}{conversion}{spec and ':'}{spec}}}"

    def render(self, facts: Mapping[str, object]) -> str:
        """Return the text of the field; empty if there is none."""
        if self.field is None:
            return ""
        value = facts[self.field]
        if self.conversion:
            value = Formatter().convert_field(value, self.conversion)
        return format(value, self.spec)


@dataclass(frozen=True)
class ControlLine:
    """The template of one line."""

    pieces: tuple[_Piece, ...]

    @property
    def text(self) -> str:
        """The template, as it was given."""
        return "".join(_doubled(piece.literal) + piece.text for piece in self.pieces)

    def matches(self, text: str) -> bool:
        """Whether a line has the shape of the template, whatever the values are."""
        return self._pattern.fullmatch(text) is not None

    @property
    def has_text(self) -> bool:
        """Whether the line holds something else than values."""
        return any(piece.literal.strip() for piece in self.pieces)

    def differences(self, text: str, facts: Mapping[str, object]) -> list[Difference]:
        """Return the fields of a line that do not have the values of the file.

        Numbers are compared as numbers, digests without their case.

        Args:
            text: the line, which `matches`.
            facts: values by field; those that are not there may be anything.

        """
        if re.fullmatch(self._regex(facts), text, re.DOTALL):
            return []
        match = self._pattern.fullmatch(text)
        assert match is not None
        found = []
        for number, piece in enumerate(self.pieces):
            if piece.field is None or piece.field not in facts:
                continue
            stated = match[f"f{number}"]
            if not _same(piece, stated, facts[piece.field]):
                found.append(Difference(piece.field, stated, piece.render(facts)))
        return found

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self._regex({}), re.DOTALL)

    def _regex(self, facts: Mapping[str, object]) -> str:
        found = ""
        for number, piece in enumerate(self.pieces):
            found += re.escape(piece.literal)
            if piece.field in facts:
                found += re.escape(piece.render(facts))
            elif piece.field is not None:
                found += f"(?P<f{number}>{_shape(piece)})"
        return found


@dataclass(frozen=True)
class ControlTemplate:
    """Lines with fields in them, formatted as Python does: `TRL|{rows:08d}`."""

    text: str

    @cached_property
    def pieces(self) -> tuple[_Piece, ...]:
        """The text, field by field."""
        return tuple(
            _Piece(literal, field, spec or "", conversion or "")
            for literal, field, spec, conversion in Formatter().parse(self.text)
        )

    @property
    def fields(self) -> set[str]:
        """The names of the fields; doubled braces hold none."""
        return {piece.field for piece in self.pieces if piece.field is not None}

    @property
    def sum_columns(self) -> list[str]:
        """The columns of which there are sums, each once."""
        sums = (_SUM.fullmatch(piece.field or "") for piece in self.pieces)
        return list(dict.fromkeys(found[1] for found in sums if found))

    def render(self, facts: Mapping[str, object]) -> str:
        """Return the lines with values in them."""
        return "".join(piece.literal + piece.render(facts) for piece in self.pieces)

    @property
    def lines(self) -> tuple[ControlLine, ...]:
        """The template of each line."""
        lines: list[list[_Piece]] = [[]]
        for piece in self.pieces:
            *ended, last = LINE_END.split(piece.literal)
            for literal in ended:
                lines[-1].append(_Piece(literal, None, "", ""))
                lines.append([])
            lines[-1].append(piece._replace(literal=last))
        if not any(piece.literal or piece.field is not None for piece in lines[-1]):
            lines.pop()  # the last line has an end, too
        return tuple(ControlLine(tuple(line)) for line in lines)

    def at(self, now: datetime) -> str:
        """Return the text with the time in it."""
        return "".join(
            _doubled(piece.literal)
            + (_doubled(format(now, piece.spec)) if piece.field == "now" else piece.text)
            for piece in self.pieces
        )

    def filled(self, name: str) -> str:
        """Return the lines with the longest of values, but for the name."""
        sums = {f"sum({column})": _LARGEST_SUM for column in self.sum_columns}
        return self.render({**CONTROL_FIELDS, **sums, "name": name, "now": _NOW, "any": ""})

    def rounding_specs(self, column: str, scale: int) -> Iterator[str]:
        """Yield the formats that would round a sum.

        Args:
            column: one of `sum_columns`.
            scale: digits behind the point that its values have.

        """
        for piece in self.pieces:
            if piece.field == f"sum({column})":
                found = _SUM_SPEC.fullmatch(piece.spec)
                if found and found["precision"] and int(found["precision"]) < scale:
                    yield piece.spec


def sum_columns(*templates: str | None) -> list[str]:
    """Return the columns of which the control lines of some options hold sums, each once."""
    found = (ControlTemplate(text).sum_columns for text in templates if text is not None)
    return list(dict.fromkeys(itertools.chain.from_iterable(found)))


def parse_control_lines(value: object) -> str:
    """Read lines with fields in them, formatted as Python does: `{rows:08d}`."""
    text = parse_text(value)
    wrong = (
        f"may hold the fields {', '.join(CONTROL_FIELDS)}, sum(column), now and any, as in "
        "{rows:08d}, {sum(price):.2f} or {now:%Y%m%d}; double other braces"
    )
    template = ControlTemplate(text)
    try:
        if not all(map(_is_known, template.pieces)):
            raise ValueError(wrong)
        template.filled("")
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError):
        raise ValueError(wrong) from None
    return text


def _is_known(piece: _Piece) -> bool:
    field, spec = piece.field, piece.spec
    if field is None or field in CONTROL_FIELDS:
        return "{" not in spec
    if field == "any":
        return not piece.conversion and re.fullmatch(r"[0-9]{0,4}", spec) is not None
    if field == "now":
        return not piece.conversion and _time_shape(spec) is not None
    found = _SUM_SPEC.fullmatch(spec)
    plain = found is not None and not (found["type"] == "d" and found["precision"])
    return plain and not piece.conversion and _SUM.fullmatch(field) is not None


def _time_shape(spec: str) -> str | None:
    """Return the expression of a time's text; None: it is no format of `strftime` known here."""
    if not re.fullmatch(rf"(?:%[{''.join(_TIMES)}]|[^%{{}}\r\n])+", spec) or "%" not in spec:
        return None
    parts = re.split(r"%(.)", spec)
    return "".join(
        _TIMES[part] if number % 2 else re.escape(part) for number, part in enumerate(parts)
    )


def _shape(piece: _Piece) -> str:
    """Return the expression of what may stand for a field."""
    field, spec = piece.field, piece.spec
    if field == "any":
        return f".{{{spec}}}" if spec else ".*?"
    if field == "now":
        return _time_shape(spec) or ".*?"
    if piece.conversion or field == "name":
        return ".*?"
    if field == "sha256":
        length = re.fullmatch(r"(?:\.([0-9]+))?s?", spec)
        return ".*?" if length is None else f"[0-9A-Fa-f]{{{min(int(length[1] or 64), 64)}}}"
    found = _NUMBER.fullmatch(spec)
    if found is None:
        return ".*?"
    characters = "-+0-9" if field not in CONTROL_FIELDS or found["sign"] else "0-9"
    if found["group"]:
        characters += re.escape(found["group"])
    if field not in CONTROL_FIELDS and not spec.endswith("d"):
        characters += "."
    width = int(found["width"] or 0)
    if found["sign"] == " ":
        characters += " "
    if width and not found["zero"]:
        characters += re.escape(found["fill"] or " ")
    # A field of a width is mostly as wide as that: what follows may be digits, too.
    return (
        f"[{characters}]{{{width}}}|[{characters}]{{{width + 1},}}"
        if width
        else (f"[{characters}]+")
    )


def _same(piece: _Piece, stated: str, value: object) -> bool:
    if piece.field == "sha256":
        return stated.lower() == piece.render({"sha256": value}).lower()
    if stated == format(value, piece.spec) and not piece.conversion:
        return True
    number = _number_in(piece, stated)
    if number is None or piece.conversion:
        return False
    if isinstance(value, ExactSum):
        return number == (value.unscaled if piece.spec.endswith("d") else value.decimal)
    return isinstance(value, int) and number == value


def _number_in(piece: _Piece, text: str) -> Decimal | None:
    found = _NUMBER.fullmatch(piece.spec)
    if found is None or (piece.field not in ("rows", "bytes") and not _is_sum(piece.field)):
        return None
    text = text.strip()
    if found["fill"] and not found["fill"].isdigit():
        text = text.strip(found["fill"])
    if found["group"]:
        text = text.replace(found["group"], "")
    return Decimal(text) if re.fullmatch(r"[-+]?[0-9]+(?:\.[0-9]*)?", text, re.ASCII) else None


def _is_sum(field: str | None) -> bool:
    return field is not None and _SUM.fullmatch(field) is not None


def _doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def shown(text: str) -> str:
    """Return a line as an error shows it: printable, and not too long."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return "".join(c if c.isprintable() else "?" for c in cut)
