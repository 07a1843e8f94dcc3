"""Parses columns in Spark's DDL, `id BIGINT NOT NULL, tags ARRAY<STRING>`, without Spark.

The result is Spark's own JSON of a schema. The names of types are those of Spark's SQL reference
("Data Types"), in any case.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from sftp_async.formats.spark_schema import COLLATIONS

#: Names of types that take no arguments, and what Spark's JSON calls them.
_PLAIN: Final = {
    "boolean": "boolean",
    "byte": "byte",
    "tinyint": "byte",
    "short": "short",
    "smallint": "short",
    "int": "integer",
    "integer": "integer",
    "long": "long",
    "bigint": "long",
    "float": "float",
    "real": "float",
    "double": "double",
    "string": "string",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ltz": "timestamp",
    "timestamp_ntz": "timestamp_ntz",
    "void": "void",
    "variant": "variant",
}
_DECIMALS: Final = ("decimal", "dec", "numeric")
_YEARS, _DAYS = ("year", "month"), ("day", "hour", "minute", "second")
_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>`(?:[^`]|``)*`)|(?P<text>'[^']*')|(?P<word>\w+)|(?P<sign>.))"
)
#: Digits of a DECIMAL and of a TIME without arguments (DecimalType.USER_DEFAULT, TimeType).
_DEFAULT_DECIMAL, _DEFAULT_TIME = (10, 0), 6
_MOST_DIGITS = 38
#: Types within types: a deeper one is no table's, and would exhaust the stack.
_DEEPEST = 100


class DDLError(ValueError):
    """A text is no list of columns. The message is a sentence that says where."""


def parse_ddl(text: str) -> dict[str, Any]:
    """Return the columns as Spark's JSON of a schema, `{"type": "struct", "fields": […]}`.

    Args:
        text: as for `StructType.fromDDL`, or all of it within `STRUCT<…>`.

    Raises:
        DDLError: the text is no list of columns, or names an unknown type.

    """
    parser = _Parser(text)
    if parser.is_next("struct") and parser.word_after("<"):
        kind, _ = parser.type_of("")
        found: dict[str, Any] = kind
    else:
        found = {"type": "struct", "fields": parser.fields("")}
    if not parser.at_end:
        parser.fail("a comma, or the end")
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_TOKEN.finditer(text.rstrip()))
        self._at = 0
        self._depth = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._tokens)

    def is_next(self, *words: str) -> bool:
        """Whether the next token is one of these words or signs, in any case."""
        return self._peek() in words

    def word_after(self, sign: str) -> bool:
        """Whether the token after the next one is this sign."""
        after = self._at + 1
        return after < len(self._tokens) and self._tokens[after]["sign"] == sign

    def _peek(self) -> str:
        if self.at_end:
            return ""
        found = self._tokens[self._at]
        return (found["word"] or found["sign"] or "").lower()

    def _take(self, *words: str) -> bool:
        taken = self.is_next(*words)
        self._at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            self.fail(repr(sign))

    def fail(self, expected: str) -> NoReturn:
        """Raise the error for the next token.

        Raises:
            DDLError: always.

        """
        if self.at_end:
            raise DDLError(f"{expected} is missing at the end of {self._text!r}")
        token = self._tokens[self._at]
        found = token.group().strip()
        before = self._text[: token.start() + len(token.group()) - len(found)]
        raise DDLError(f"{expected} is missing before {found!r}, after {before!r}")

    def fields(self, end: str) -> list[dict[str, Any]]:
        """Parse columns up to a sign, or the end."""
        found: list[dict[str, Any]] = []
        if end and self.is_next(end):
            return found
        while True:
            found.append(self._field())
            if not self._take(","):
                return found

    def _field(self) -> dict[str, Any]:
        name = self._name()
        self._take(":")
        kind, collations = self.type_of(name)
        nullable = True
        metadata: dict[str, Any] = {COLLATIONS: collations} if collations else {}
        while self.is_next("not", "comment"):
            if self._take("not"):
                if not self._take("null"):
                    self.fail("NULL")
                nullable = False
            else:
                self._at += 1
                metadata["comment"] = self._quoted_text()
        return {"name": name, "type": kind, "nullable": nullable, "metadata": metadata}

    def _name(self) -> str:
        token = None if self.at_end else self._tokens[self._at]
        if token is None or not (token["word"] or token["quoted"]):
            self.fail("the name of a column")
        self._at += 1
        if token["word"]:
            return str(token["word"])
        return str(token["quoted"])[1:-1].replace("``", "`")

    def _quoted_text(self) -> str:
        token = None if self.at_end else self._tokens[self._at]
        if token is None or not token["text"]:
            self.fail("a text in single quotes")
        self._at += 1
        return str(token["text"])[1:-1]

    def type_of(self, path: str) -> tuple[Any, dict[str, str]]:
        """Parse a type; returns it as in Spark's JSON, and the collations in it by path."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise DDLError(f"Types are nested more than {_DEEPEST} deep")
        word = self._peek()
        if self.at_end or not self._tokens[self._at]["word"]:
            self.fail(f"the type of {path!r}" if path else "a type")
        self._at += 1
        found = self._nested(word, path) or (self._simple(word, path), {})
        if found[0] == "string" and self._take("collate"):
            collation = self._name()
            provider = "spark" if collation.upper().startswith("UTF8_") else "icu"
            if collation.upper() != "UTF8_BINARY":
                found = "string", {path: f"{provider}.{collation.upper()}"}
        self._depth -= 1
        return found

    def _nested(self, word: str, path: str) -> tuple[Any, dict[str, str]] | None:
        if word not in ("array", "map", "struct"):
            return None
        self._expect("<")
        collations: dict[str, str] = {}
        kind: dict[str, Any] = {"type": word}
        if word == "array":
            kind["elementType"], collations = self.type_of(f"{path}.element")
            kind["containsNull"] = True
        elif word == "map":
            kind["keyType"], of_keys = self.type_of(f"{path}.key")
            self._expect(",")
            kind["valueType"], of_values = self.type_of(f"{path}.value")
            kind["valueContainsNull"] = True
            collations = of_keys | of_values
        else:
            # Collations inside of it are in the metadata of its own fields.
            kind["fields"] = self.fields(">")
        self._expect(">")
        return kind, collations

    def _simple(self, word: str, path: str) -> str:
        if word in _PLAIN:
            return _PLAIN[word]
        if word in _DECIMALS:
            precision, scale = self._numbers(*_DEFAULT_DECIMAL)
            if not 0 <= scale <= precision <= _MOST_DIGITS:
                raise DDLError(
                    f"{path or word}: DECIMAL({precision},{scale}) needs 1 to {_MOST_DIGITS} "
                    "digits, and no more behind the point"
                )
            return f"decimal({precision},{scale})"
        if word in ("char", "character", "varchar"):
            (length,) = self._numbers(0)
            if not length:
                raise DDLError(f"{path}: {word.upper()} needs a length, as in {word.upper()}(10)")
            return f"{'varchar' if word == 'varchar' else 'char'}({length})"
        if word == "time":
            (digits,) = self._numbers(_DEFAULT_TIME)
            return f"time({digits})"
        if word == "interval":
            return self._interval(path)
        self._at -= 1
        raise DDLError(f"{path or 'A column'} has the type {word!r}, which Spark does not have")

    def _interval(self, path: str) -> str:
        first = self._peek()
        for units in (_YEARS, _DAYS):
            if first in units:
                self._at += 1
                last = first
                if self._take("to"):
                    last = self._peek()
                    if last not in units or units.index(last) <= units.index(first):
                        self.fail(f"a smaller unit than {first.upper()}")
                    self._at += 1
                return f"interval {first}" if last == first else f"interval {first} to {last}"
        raise DDLError(f"{path}: INTERVAL needs its units, as in INTERVAL DAY TO SECOND")

    def _numbers(self, *defaults: int) -> list[int]:
        """Parse numbers in parentheses; those that are left out are the defaults."""
        numbers: list[int] = []
        if self._take("("):
            while True:
                if not self._peek().isdecimal():
                    self.fail("a number")
                numbers.append(int(self._peek()))
                self._at += 1
                if len(numbers) == len(defaults) or not self._take(","):
                    break
            self._expect(")")
        return [*numbers, *defaults[len(numbers) :]]
