"""Reads the tokens of one JSON record as Jackson does: lenient forms, limits, and after errors.

Spark goes on with a record behind a field that failed, so what a malformed record becomes depends
on where Jackson's parser stands after an error. This is a model of that parser's states
(https://github.com/FasterXML/jackson-core, UTF8StreamJsonParser), for the few records that the
quicker paths refuse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from sftp_async.formats.json.characters import (
    begins_word,
    first_byte,
    is_identifier_part,
    is_name_part,
    joined_surrogates,
)
from sftp_async.formats.json.limits import MAX_DEPTH, MAX_NAME, MAX_NUMBER, MAX_STRING

#: Kinds of tokens. Strings, numbers and names have text.
OBJECT, OBJECT_END, ARRAY, ARRAY_END, NAME = "{", "}", "[", "]", "name"
STRING, INT, FLOAT, TRUE, FALSE, NULL = "string", "int", "float", "true", "false", "null"

# ErrorReportConfiguration.DEFAULT_MAX_ERROR_TOKEN_LENGTH
_MAX_ERROR_TOKEN = 256

_NUMBER = re.compile(r"-?([0-9]+)(?:(\.)([0-9]*))?(?:([eE])([+-]?)([0-9]*))?")
# What ends a run of plain characters in a string. Bytes that are not UTF-8 are lone surrogates.
_SPECIAL = re.compile('["\\\\\x00-\x1f\udc80-\udcff]')
_APOSTROPHE_SPECIAL = re.compile("['\\\\\x00-\x1f\udc80-\udcff]")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "/": "/", "\\": "\\"}
_HEX = re.compile("[0-9A-Fa-f]{4}")
# A byte that begins no character.
_STRAY_BYTE = "\udc80"
_WORDS = {"t": (TRUE, "true"), "f": (FALSE, "false"), "n": (NULL, "null")}


class MalformedJSONError(Exception):
    """A record is malformed, or a value does not fit its column's type."""


@dataclass(frozen=True)
class Leniency:
    """What is accepted besides JSON: Spark's options `allow…`."""

    comments: bool = False
    unquoted_names: bool = False
    single_quotes: bool = True
    leading_zeros: bool = False
    non_numeric: bool = True
    any_escape: bool = False
    control_characters: bool = False
    #: Whether the parser reads characters rather than bytes, as Jackson does for a given encoding.
    reads_characters: bool = False


class _Scope:
    __slots__ = ("index", "kind", "name")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.index = -1
        self.name: str | None = None


class Tokens:
    """The tokens of one record.

    Args:
        text: the record; bytes that are not UTF-8 are decoded by `surrogateescape`.
        leniency: what is accepted.

    Attributes:
        token: the current one; None before the first and after the last.
        number: the text of the current number, without zeros that were skipped.
        start: where the current value begins.

    """

    def __init__(self, text: str, leniency: Leniency) -> None:
        self._data = text
        self._lenient = leniency
        self._at = 0
        self._scopes = [_Scope("root")]
        self._pending: str | None = None
        self._incomplete = False
        self._stray = 0  # bytes of the last character that a parser of bytes has not read
        self._string = ""
        self.token: str | None = None
        self.number = ""
        self.start = 0

    @property
    def name(self) -> str | None:
        """The name of the field that the parser is at; None in arrays."""
        scope = self._scopes[-2 if self.token in (OBJECT, ARRAY) else -1]
        return scope.name

    def since(self, start: int) -> str:
        """Return the record's text from an index up to the end of the current token."""
        return self._data[start : self._at]

    def next(self) -> str | None:
        """Go to the next token; None behind the record.

        Raises:
            MalformedJSONError: there is none that is allowed here.

        """
        if self.token == NAME:
            token, self._pending = self._pending, None
            return self._set(token)
        if self._incomplete:
            self._incomplete = False
            self._rest_of_string()
        char = self._skip_space()
        if char == "":
            if len(self._scopes) > 1:
                raise MalformedJSONError("it ends early")
            self.token = None
            return None
        if char in "]}":
            self.start = self._at - 1
            if self._scopes[-1].kind != ("[" if char == "]" else "{"):
                raise MalformedJSONError(f"{char} closes nothing")
            self._scopes.pop()
            self.token = char
            return char
        scope = self._scopes[-1]
        scope.index += 1
        if scope.index and scope.kind != "root":
            if char != ",":
                raise MalformedJSONError("a comma is missing")
            char = self._must_skip_space()
        if scope.kind != "{":
            self.start = self._at - 1
            return self._set(self._value(char))
        scope.name = self._name(char)
        self.token = NAME
        if self._must_skip_space() != ":":
            raise MalformedJSONError("a colon is missing")
        char = self._must_skip_space()
        self.start = self._at - 1
        self._pending = self._value(char)
        return NAME

    def string(self) -> str:
        """Return the text of the current string token.

        Raises:
            MalformedJSONError: the string is malformed; the next token is looked for behind that.

        """
        if self._incomplete:
            self._incomplete = False
            self._string = self._rest_of_string()
            if len(self._string) > MAX_STRING:
                raise MalformedJSONError(f"a string has more than {MAX_STRING} characters")
        return self._string

    def skip_children(self) -> None:
        """Skip the current object or array; do nothing at another token."""
        if self.token not in (OBJECT, ARRAY):
            return
        depth = 1
        while depth:
            token = self.next()
            if token is None:
                if len(self._scopes) > 1:
                    raise MalformedJSONError("it ends early")
                return
            if token in (OBJECT, ARRAY):
                depth += 1
            elif token in (OBJECT_END, ARRAY_END):
                depth -= 1

    def _set(self, token: str | None) -> str | None:
        if token is not None and token in (OBJECT, ARRAY):
            self._scopes.append(_Scope(token))
            if len(self._scopes) - 1 > MAX_DEPTH:
                raise MalformedJSONError(f"it is nested more than {MAX_DEPTH} deep")
        self.token = token
        return token

    def _read(self) -> str:
        """Return the next character; empty at the end."""
        char = self._data[self._at : self._at + 1]
        self._at += len(char)
        return char

    def _must_read(self) -> str:
        char = self._read()
        if not char:
            raise MalformedJSONError("it ends early")
        return char

    def _skip_space(self) -> str:
        if self._stray:
            self._stray -= 1
            return _STRAY_BYTE
        while char := self._read():
            if char > " ":
                if char != "/":
                    if char > "\x7f" and not self._lenient.reads_characters:
                        self._stray = len(char.encode(errors="surrogateescape")) - 1
                    return char
                self._comment()
            elif char not in " \t\r\n":
                raise MalformedJSONError("a control character is between values")
        return ""

    def _must_skip_space(self) -> str:
        char = self._skip_space()
        if not char:
            raise MalformedJSONError("it ends early")
        return char

    def _comment(self) -> None:
        if not self._lenient.comments:
            raise MalformedJSONError("comments are not allowed")
        kind = self._must_read()
        if kind == "/":
            found = re.compile("\r\n?|\n|[\udc80-\udcff]").search(self._data, self._at)
            self._at = found.end() if found else len(self._data)
            bad = found is not None and bool(_NOT_UTF8.match(found[0]))
        elif kind == "*":
            found = re.compile("\\*/|[\udc80-\udcff]").search(self._data, self._at)
            self._at = found.end() if found else len(self._data)
            bad = found is None or bool(_NOT_UTF8.match(found[0]))
        else:
            bad = True
        if bad:
            raise MalformedJSONError("a comment is malformed")

    def _name(self, char: str) -> str:
        single = char == "'" and self._lenient.single_quotes
        if char == '"' or single:
            name = self._rest_of_string(_APOSTROPHE_SPECIAL if single else _SPECIAL, name=True)
        else:
            if not self._lenient.unquoted_names or not is_name_part(char):
                raise MalformedJSONError("a name has no quotes")
            self._stray = 0
            start = self._at - 1
            while is_name_part(self._data[self._at : self._at + 1]):
                self._at += 1
            name = self._data[start : self._at]
            if self._at == len(self._data) or _NOT_UTF8.search(name):
                raise MalformedJSONError("a name is malformed")
        if len(name) > MAX_NAME or len(name.encode(errors="surrogatepass")) > MAX_NAME:
            raise MalformedJSONError(f"a name has more than {MAX_NAME} bytes")
        return name

    def _value(self, char: str) -> str:
        if char == '"':
            self._incomplete = True
            return STRING
        if char in "{[":
            return char
        if char in _WORDS:
            token, word = _WORDS[char]
            self._match(word, 1)
            return token
        if "0" <= char <= "9" or char == "-":
            return self._parse_number(char)
        if char == "'" and self._lenient.single_quotes:
            self._string = self._rest_of_string(_APOSTROPHE_SPECIAL)
            return STRING
        if char == "N":
            return self._non_numeric("NaN", 1)
        if char == "I":
            return self._non_numeric("Infinity", 1)
        if char == "+":
            return self._signed_infinity(char)
        if begins_word(char if self._lenient.reads_characters else first_byte(char)):
            if char > "\x7f" and not _NOT_UTF8.match(char) and not self._lenient.reads_characters:
                self._stray -= 1
                raise MalformedJSONError("a word is none of JSON")
            self._bad_word()
        raise MalformedJSONError("a value is missing")

    def _match(self, word: str, at: int) -> None:
        for expected in word[at:]:
            if self._data[self._at : self._at + 1] != expected:
                self._bad_word()
            self._at += 1
        behind = self._data[self._at : self._at + 1]
        if behind >= "0" and behind not in "]}" and is_identifier_part(behind):
            self._bad_word()

    def _bad_word(self) -> NoReturn:
        for _ in range(_MAX_ERROR_TOKEN):
            char = self._read()
            if not char or not is_identifier_part(char):
                # A parser of characters leaves the one behind the word.
                self._at -= len(char) * self._lenient.reads_characters
                if "\udcc0" <= char <= "\udcf7":  # the first byte of a character without others
                    self._read()
                break
        raise MalformedJSONError("a word is none of JSON")

    def _non_numeric(self, word: str, at: int) -> str:
        self._match(word, at)
        if not self._lenient.non_numeric:
            raise MalformedJSONError(f"{word} is not allowed")
        self.number = word
        return FLOAT

    def _signed_infinity(self, sign: str) -> str:
        if self._must_read() == "I":
            kind = self._must_read()
            if kind in "Nn":
                return self._non_numeric(sign + ("INF" if kind == "N" else "Infinity"), 3)
        raise MalformedJSONError("a number has no digits")

    def _parse_number(self, char: str) -> str:
        start = self._at - 1
        found = _NUMBER.match(self._data, start)
        if found is None:
            return self._signed_infinity(char)
        whole, point, fraction, e, _, exponent = found.groups()
        number = found[0]
        if len(whole) > 1 and whole[0] == "0":
            if not self._lenient.leading_zeros:
                self._at = found.start(1) + 1
                raise MalformedJSONError("a number begins with a zero")
            short = whole.lstrip("0") or "0"
            number = number.replace(whole, short, 1)
            whole = short
        # A part without digits ends the number, and the character behind it is consumed.
        if point and not fraction:
            self._at = min(found.end(2) + 1, len(self._data))
            raise MalformedJSONError("a number has no digits behind its point")
        if e and not exponent:
            self._at = min(found.end() + 1, len(self._data))
            raise MalformedJSONError("a number has no digits in its exponent")
        self._at = found.end()
        if len(whole) + len(fraction or "") + len(exponent or "") > MAX_NUMBER:
            raise MalformedJSONError(f"a number has more than {MAX_NUMBER} digits")
        self.number = number
        return FLOAT if point or e else INT

    def _rest_of_string(self, special: re.Pattern[str] = _SPECIAL, *, name: bool = False) -> str:
        """Read up to the closing quote."""
        data = self._data
        found = special.search(data, self._at)
        if found is not None and found[0] in "\"'":  # the usual case
            text = data[self._at : found.start()]
            self._at = found.end()
            return text
        pieces = []
        broken = False
        while True:
            if found is None:
                self._at = len(data)
                raise MalformedJSONError("a string has no end")
            pieces.append(data[self._at : found.start()])
            self._at = found.end()
            char = found[0]
            if char in "\"'":
                if broken:
                    raise MalformedJSONError("a name is not UTF-8")
                # Escapes may have made a pair of surrogates one by one.
                return joined_surrogates("".join(pieces))
            if char == "\\":
                pieces.append(self._escaped())
            elif char >= " ":
                if not name:
                    raise MalformedJSONError("a string is not UTF-8")
                broken = True
            elif self._lenient.control_characters:
                pieces.append(char)
            else:
                raise MalformedJSONError("a string has a control character")
            found = special.search(data, self._at)

    def _escaped(self) -> str:
        char = self._must_read()
        if char in _ESCAPES:
            return _ESCAPES[char]
        if _NOT_UTF8.match(char):
            if "\udcc0" <= char <= "\udcf7":  # the first byte of a character, without the others
                self._read()
            raise MalformedJSONError("an escape is not UTF-8")
        if char == "u":
            found = _HEX.match(self._data, self._at)
            if found is None:
                while self._must_read() in "0123456789abcdefABCDEF":
                    pass
                raise MalformedJSONError("an escape has too few digits")
            self._at = found.end()
            return chr(int(found[0], 16))
        if self._lenient.any_escape or (char == "'" and self._lenient.single_quotes):
            return char
        raise MalformedJSONError("an escape is none of JSON")
