"""Reads members of objects, name and value at once, where they are plain: most of odd records."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sftp_async.formats.json import tokens as t
from sftp_async.formats.json.limits import MAX_NAME, MAX_NUMBER, MAX_STRING, SHORT, within_limits
from sftp_async.formats.json.quick_values import (
    Number,
    OddRecordError,
    refuse,
    scanner,
    unique_pairs,
)

# Objects that are nested deeper are read token by token: what is in them is nested deeper still.
_SHALLOW = 100
_WORDS = {"true": True, "false": False, "null": None}
# Groups of `_patterns`, behind three of names: the last that matches is the kind of a value.
_TEXTS, _FLOAT, _INTEGER, _WORD = (4, 5), 6, 7, 8
_SURROGATES = re.compile("[\udc80-\udcff]|\\\\u[dD]")
# Python's scanner is strict, and what it takes is JSON. A name given twice is left to the tokens.
_scan = scanner(refuse, unique_pairs)


class Field(NamedTuple):
    """What becomes of the member of one name.

    Attributes:
        place: of the value in a row.
        convert: see `QuickValues.converter`.
        keeps_source: whether the text of any value is the value, as it stands in the record.

    """

    place: int
    convert: Callable[[Any], Any]
    keeps_source: bool


class MemberPatterns:
    """What matches plain members.

    Args:
        leniency: what is accepted besides JSON.

    Attributes:
        first: matches the first member of an object.
        other: matches another one, with the comma before it.
        end: matches what is behind a member.

    """

    def __init__(self, leniency: t.Leniency) -> None:
        # A comment ends at once, so what is between values is never matched in two ways.
        comment = r"|/\*[^\udc80-\udcff]*?\*/" if leniency.comments else ""
        space = rf"(?>(?:[ \t\r\n]{comment})*)"
        text, apostrophe = (rf"([^{mark}\\\x00-\x1f\udc80-\udcff]*)" for mark in "\"'")
        quoted = f'"{text}"|' + (f"'{apostrophe}'" if leniency.single_quotes else "((?!))")
        bare = r"([A-Za-z_][A-Za-z0-9_]*)" if leniency.unquoted_names else "((?!))"
        whole, exponent = "-?(?:0|[1-9][0-9]*)", "[eE][+-]?[0-9]+"
        number = rf"({whole}(?:\.[0-9]+(?:{exponent})?|{exponent}))|({whole})"
        behind = rf"(?={space}[,}}])"
        value = rf"(?:(?:{quoted}|{number}|(true|false|null)){behind}|(?=[\"{{\[]))"
        member = rf"(?:{quoted}|{bare}){space}:{space}{value}"
        self.first = re.compile(f"{space}{member}").match
        self.other = re.compile(f"{space},{space}{member}").match
        self.end = re.compile(f"{space}[,}}]").match


class MemberTokens(t.Tokens):
    """Tokens that can be taken a whole member at once.

    Args:
        text: see `Tokens`.
        leniency: what is accepted.
        patterns: of the same leniency.

    """

    def __init__(self, text: str, leniency: t.Leniency, patterns: MemberPatterns) -> None:
        super().__init__(text, leniency)
        self._patterns = patterns
        self._is_clean: bool | None = None

    def take_members(self, fields: dict[str, Field], row: list[Any]) -> bool:
        """Read the members that follow while they are plain.

        What is read is what `next` and the parser of tokens make of it. A member that is none of
        plain JSON, or whose value has to be looked into, is the next one afterwards.

        Args:
            fields: by their names; members of other names are skipped.
            row: takes the values.

        Returns:
            Whether a value does not fit its type: then its place in `row` stays as it was.

        """
        scope = self._scopes[-1]
        is_between = self.token != t.NAME and not self._incomplete and not self._stray
        if scope.kind != "{" or not is_between or len(self._scopes) > _SHALLOW:
            return False
        data, at = self._data, self._at
        match = self._patterns.first if scope.index < 0 else self._patterns.other
        other = self._patterns.other
        partial = False
        taken = 0
        last = None
        while (found := match(data, at)) is not None:
            end = found.end()
            if end - at >= SHORT and not _is_short(found):
                break
            name = found[1]
            if name is None:
                name = found[2] or found[3] or ""
            kind = found.lastindex
            try:
                if kind in _TEXTS:
                    value = source = found[kind]
                elif kind == _INTEGER:
                    source = found[_INTEGER]
                    value = int(source)
                elif kind == _FLOAT:
                    source = found[_FLOAT]
                    value = Number(source)
                elif kind == _WORD:
                    value = _WORDS[found[_WORD]]
                    source = None if value is None else found[_WORD]
                else:
                    value, source, end = self._scanned(end)
                if name in fields:
                    place, convert, keeps_source = fields[name]
                    row[place] = source if keeps_source or value is None else convert(value)
            except OddRecordError:
                break
            except ValueError:
                partial = True
            at = end
            taken += 1
            last = name
            match = other
        if taken:
            scope.index += taken
            scope.name = last
            self._at = at
            self.token = t.NULL
        return partial

    def _scanned(self, start: int) -> tuple[Any, str, int]:
        """Return the value at a place, its text (of a string, what is in it), and where it ends.

        Raises:
            OddRecordError: it is none of plain JSON.

        """
        if self._is_clean is None:
            self._is_clean = _SURROGATES.search(self._data) is None
        if not self._is_clean:
            raise OddRecordError
        try:
            value, end = _scan(self._data, start)
        except (ValueError, StopIteration, RecursionError):
            raise OddRecordError from None
        source = self._data[start:end]
        is_short = len(source) < SHORT or within_limits(source.encode())
        if not is_short or not self._patterns.end(self._data, end):
            raise OddRecordError
        return value, value if type(value) is str else source, end


def _is_short(found: re.Match[str]) -> bool:
    """Whether a long member keeps Jackson's limits, a character being four bytes at most."""
    parts = [len(part or "") for part in found.groups()]
    name, text, number = max(parts[:3]), max(parts[3:5]), max(parts[5:7])
    return 4 * name < MAX_NAME and text < MAX_STRING and number < MAX_NUMBER
