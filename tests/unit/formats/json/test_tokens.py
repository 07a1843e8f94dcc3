"""Tokens are those of Jackson's parser: lenient forms, limits, and where it stands after errors."""

from __future__ import annotations

import pytest

from sftp_async.formats.json import limits
from sftp_async.formats.json import tokens as t


def tokens_of(text: str, **lenient: bool) -> list[str]:
    found = []
    tokens = t.Tokens(text, t.Leniency(**lenient))
    while (token := tokens.next()) is not None:
        if token == t.STRING:
            found.append(repr(tokens.string()))
        elif token in (t.INT, t.FLOAT):
            found.append(tokens.number)
        elif token == t.NAME:
            found.append(f"{tokens.name}:")
        else:
            found.append(token)
    return found


def test_a_record_becomes_tokens() -> None:
    assert tokens_of('{"a":[1,-2.50,"x"],"b":{"c":null}}') == [
        *("{", "a:", "[", "1", "-2.50", "'x'", "]", "b:", "{", "c:", "null", "}", "}")
    ]


def test_surrogates_meet_and_lone_ones_are_question_marks() -> None:
    assert tokens_of(r'["\ud83d\ude00\ud83d"]') == ["[", repr("\U0001f600?"), "]"]


@pytest.mark.parametrize(
    ("text", "option", "tokens"),
    [
        ("[/*x*/1]", "comments", ["[", "1", "]"]),
        ("{a:1}", "unquoted_names", ["{", "a:", "1", "}"]),
        ("['x']", "single_quotes", ["[", "'x'", "]"]),
        ("[007]", "leading_zeros", ["[", "7", "]"]),
        ("[-INF]", "non_numeric", ["[", "-INF", "]"]),
        (r'["\q"]', "any_escape", ["[", "'q'", "]"]),
        ('["\t"]', "control_characters", ["[", r"'\t'", "]"]),
    ],
)
def test_lenient_forms_are_accepted_only_if_allowed(
    text: str, option: str, tokens: list[str]
) -> None:
    assert tokens_of(text, **{option: True}) == tokens
    with pytest.raises(t.MalformedJSONError):
        tokens_of(text, **{option: False})


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("[" * (limits.MAX_DEPTH + 1), "deep"),
        ("[" + "1" * (limits.MAX_NUMBER + 1) + "]", "digits"),
        ('{"' + "a" * (limits.MAX_NAME + 1) + '":1}', "bytes"),
        ('["' + "a" * (limits.MAX_STRING + 1) + '"]', "characters"),
    ],
    ids=["depth", "number", "name", "string"],
)
def test_limits_are_kept(text: str, limit: str) -> None:
    with pytest.raises(t.MalformedJSONError, match=limit):
        tokens_of(text)


def test_a_malformed_string_is_read_on_behind_its_error() -> None:
    tokens = t.Tokens(r'{"a":"\q","b":1}', t.Leniency())
    assert [tokens.next(), tokens.next(), tokens.next()] == [t.OBJECT, t.NAME, t.STRING]
    with pytest.raises(t.MalformedJSONError, match="escape"):
        tokens.string()
    with pytest.raises(t.MalformedJSONError, match="comma"):
        tokens.next()  # at the quote that would have ended the string


def test_a_name_whose_value_is_malformed_ends_the_tokens() -> None:
    tokens = t.Tokens('{"a":tru,"b":1}', t.Leniency())
    assert tokens.next() == t.OBJECT
    with pytest.raises(t.MalformedJSONError, match="word"):
        tokens.next()
    assert tokens.next() is None
