"""Checks that code and documents use the terms of the glossary in CONTRIBUTING.md.

`tox -e lint` runs it: `python scripts/check_words.py [PATH …]`. It prints each place as
`file:line: "word": use … instead` and exits with status 1 if there is any. A word that is meant
literally gets an entry in `LITERAL`, with the reason.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
#: What is checked if no path is given.
PLACES = (
    *("sftp_async", "pyspark_sftp_async.py", "tests", "benchmarks", "examples", "notebooks"),
    *("docs", "scripts", "deploy", "config", ".ci", "pyproject.toml", "tox.ini", "databricks.yml"),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"),
)
SUFFIXES = {".py", ".md", ".ipynb", ".sh", ".toml", ".ini", ".yml", ".yaml", ".svg", ".css"}
#: Not checked, each with its reason.
EXCLUDED = {
    "scripts/check_words.py": "lists the words",
    "tests/scripts/test_check_words.py": "has them as examples",
    "benchmarks/results": "records of what was measured, as it was printed",
    "docs/_build": "made from what is checked",
}

#: Between the words of a phrase: blanks, a line break with what a comment, a string that goes on or
#: a notebook's cell has around it.
_BETWEEN = r"""(?:[\s#"',\\*_]|\\n)+"""
#: Words end at an underscore, too, so that names of functions and variables are checked.
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"


@dataclass(frozen=True)
class Rule:
    """A word that is not to be used.

    Args:
        pattern: a regular expression for it, without regard to case; a blank in it also matches a
            line break. It matches whole words.
        instead: what to write.

    """

    pattern: str
    instead: str
    compiled: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        phrase = self.pattern.replace(" ", _BETWEEN)
        compiled = re.compile(f"{_START}(?:{phrase}){_END}", re.IGNORECASE)
        object.__setattr__(self, "compiled", compiled)


@dataclass(frozen=True)
class Literal:
    """Text in which a word is meant literally.

    Args:
        pattern: a regular expression that matches the word with its context.
        reason: why it may stand.
        path: where, as the beginning of a path in the repository; everywhere if empty.

    """

    pattern: str
    reason: str
    path: str = ""


@dataclass(frozen=True)
class Finding:
    """A word in a file.

    Args:
        path: of the file.
        line: its number, from 1.
        word: as it is written there.
        instead: what to write.

    """

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f'{self.path}:{self.line}: "{self.word}": use {self.instead} instead'


RULES = (
    Rule(r"(?:may|can|must) be (?:done|called|run|made) twice", '"idempotent"'),
    Rule(
        r"(?:take|takes|took|taken|taking)(?: [\w`'-]+){0,4}? back",
        '"roll back", "remove", "undo"',
    ),
    Rule(
        r"(?:carry|carries|carried|carrying)(?: [\w`'-]+){0,4}? to (?:its|their|an|the) end",
        '"complete"',
    ),
    Rule(r"(?:see|sees|saw|seeing) (?:to it )?that", '"ensure"'),
    Rule(r"anew", '"again"'),
    Rule(r"told", '"reported", "sent", "configured", "distinguished"'),
    Rule(r"said", '"reported", "sent", "stated"'),
    Rule(r"(?:tell|tells|telling) of", '"report", "describe"'),
    Rule(r"whoever|whomever", "the name of the actor"),
    Rule(r"nobody(?:'s)?|no one(?:'s)?", "the name of the actor"),
    Rule(r"somebody(?:'s)?|someone(?:'s)?|anybody(?:'s)?|anyone(?:'s)?", "the name of the actor"),
    Rule(r"everybody(?:'s)?|everyone(?:'s)?", "the names of the actors"),
    Rule(r"stranger(?:s|'s)?", '"another account", "another program", "a newcomer"'),
    Rule(r"under way", '"in flight", "running"'),
    Rule(r"wire", '"network"'),
    Rule(r"lanes?", '"channel", and `channels_per_file` for the option'),
    Rule(r"rooms?", '"module", or "space"'),
    Rule(r"floors?", '"layer", or "minimum"'),
    Rule(r"houses?", '"package"'),
    Rule(r"doors?", '"entry point", "interface", "proxy tunnel"'),
    Rule(r"(?:parts?|files?) that (?:is|are) visible", '"committed file"'),
    Rule(r"announce[sd]?|announcing|announcements?", '"marker" or "sidecar file"; "advertise"'),
    Rule(r"distant", '"high-latency", "remote"'),
    Rule(r"twins?", '"speculative attempt", or "counterpart"'),
    Rule(r"beside", '"next to", "besides", "compared with"'),
    Rule(r"whole or not at all", '"atomic", "atomically"'),
    Rule(r"good ?-?bye", '"disconnect"'),
    Rule(r"signs? of life", '"health check", "heartbeat"'),
    Rule(r"kin", '"earlier attempts of the same query"'),
    Rule(r"mint(?:s|ed|ing)?", '"create", "new"'),
    Rule(r"mosaics?", '"row gather"'),
)

LITERAL = (
    Literal(r"(?s)\n## Words\n.*?(?=\n## )", "the glossary itself", "CONTRIBUTING.md"),
    Literal(r"in-house", "English for work of one's own company"),
    Literal(r"(?i)math\.floor|pc\.floor\w*|np\.floor\w*|floor_\w+|floor division", "arithmetic"),
    Literal(
        r"[`\"']lanes[`\"']|\blanes=|--lanes|    lanes: ",
        "the alias of the option `channels_per_file`",
    ),
    Literal(r"\broom (?:left|for)\b|\bno room\b", "space"),
    Literal(r"nobody:|/nobody|[\"']nobody[\"']|USER nobody", "the Unix account"),
    Literal(r"(?i)compression[_-]?on[_-]?the[_-]?wire", "the option"),
    Literal(r"TAKE BACK RETURN", "a value of TPC-H's column l_shipinstruct"),
)


def check(text: str, path: str = "") -> Iterator[Finding]:
    """Yield what a text has of the words, in its order.

    Args:
        text: of one file.
        path: of the file, from the repository's root; decides which literal uses are allowed.

    """
    allowed = [
        match.span()
        for literal in LITERAL
        if path.startswith(literal.path)
        for match in re.finditer(literal.pattern, text)
    ]
    found = [
        (match.start(), match[0], rule.instead)
        for rule in RULES
        for match in rule.compiled.finditer(text)
        if not any(start <= match.start() and match.end() <= end for start, end in allowed)
    ]
    for start, word, instead in sorted(found):
        line = text.count("\n", 0, start) + 1
        yield Finding(path, line, re.sub(r"(?:\\n)?\W*\s\W*", " ", word), instead)


def files(places: Iterable[Path]) -> Iterator[Path]:
    """Yield the files to check at and below some paths, sorted.

    Raises:
        FileNotFoundError: a path does not exist.

    """
    for place in places:
        if not place.exists():
            raise FileNotFoundError(f"{place} does not exist")
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            name = _name(path)
            excluded = any(name == each or name.startswith(f"{each}/") for each in EXCLUDED)
            if path.is_file() and (path.suffix in SUFFIXES or path == place) and not excluded:
                yield path


def _name(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


def main(arguments: Sequence[str]) -> int:
    """Print what is found; return the exit status."""
    places = [Path(name) for name in arguments] or [
        REPOSITORY / name for name in PLACES if (REPOSITORY / name).exists()
    ]
    count = 0
    for path in files(places):
        for finding in check(path.read_text(encoding="utf-8"), _name(path)):
            print(finding)
            count += 1
    if count:
        print(f"{count} words that the glossary in CONTRIBUTING.md replaces")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
