"""XML that hypothesis makes up: well-formed and broken, with values that fit and that do not.

Hypothesis makes rows. Documents are made of them by chance, and some are damaged.
"""

from __future__ import annotations

import multiprocessing
import random
import zlib
from concurrent.futures import ProcessPoolExecutor
from xml.sax.saxutils import escape

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

_NAMES = (*"abcslgmtihnfkdez", "x", "r", "other", "p:a", "A", "y")
_VALUES = (
    *("1", "-7", "+5", "127", "300", "99999", "2147483648", "1.5", "1,5", "12abc", "1e3", "NaN"),
    *("x", " x ", "", " ", "true", "0", "TRUE", "2024-02-29", "2023-02-29", "2024-2-3", "null"),
    *("2024-07-01T12:00:00Z", "2024-07-01 12:00:00", "2024-07-01T12:00:00.5", "é", "😀", "a\nb"),
)
_TEXTS = st.one_of(
    st.sampled_from(_VALUES).map(escape),
    st.sampled_from(("<![CDATA[<x>]]>", "1<!-- c -->2", "&amp;", "&#65;", "<?p q?>", "&nope;")),
    st.integers(-(2**40), 2**40).map(str),
    st.text("abc é<&", max_size=4).map(escape),
)
_ATTRIBUTES = st.one_of(
    st.just(""),
    st.just(""),
    st.tuples(st.sampled_from(("id", "at", "n", "p:q", "xmlns:p")), st.sampled_from(_VALUES)).map(
        lambda pair: f' {pair[0]}="{escape(pair[1])}"'
    ),
)


def _element(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(_NAMES), _ATTRIBUTES, inner).map(
        lambda made: (
            f"<{made[0]}{made[1]}>{made[2]}</{made[0]}>" if made[2] else f"<{made[0]}{made[1]}/>"
        )
    )


_CONTENT = st.recursive(
    _TEXTS, lambda inner: st.lists(_element(inner), max_size=3).map("".join), max_leaves=5
)
_MIXED = st.tuples(st.lists(_element(_CONTENT), max_size=4), _TEXTS).map(
    lambda made: "".join(made[0][:1]) + made[1] + "".join(made[0][1:])
)
_ROWS = st.one_of(
    st.lists(_element(_TEXTS), max_size=6).map("".join),
    st.lists(_element(_CONTENT), max_size=5).map("".join),
    _MIXED,
)
_RECORDS = st.tuples(_ATTRIBUTES, _ROWS).map(lambda made: f"<r{made[0]}>{made[1]}</r>")
_MARKS = (*"<>&/'\"= ax", "</a>", "<a>", "]]>", "<!--", "\x01")
_SHARE = 3


def document(chance: random.Random, records: list[str]) -> bytes:
    """Make a document."""
    between = chance.choice(("", "\n", "\n  ", "<!-- c -->", "<q>z</q>"))
    text = between.join(chance.choices(records, k=chance.randint(0, 5)))
    text = chance.choice(("", "", '<?xml version="1.0"?>\n')) + f"<R>{text}</R>"
    if chance.random() < 0.25:
        place = chance.randint(0, len(text))
        text = text[:place] + chance.choice(_MARKS) + text[place + chance.randint(0, 1) :]
    elif chance.random() < 0.1:
        text = text[: chance.randint(0, len(text))]
    return text.encode()


def made_elsewhere(number: int, key: object) -> list[bytes]:
    """Return documents, others for each key, from a process in which nothing else is loaded."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(made, number, repr(key)).result()


def made(number: int, key: str) -> list[bytes]:
    """Make documents; see `made_elsewhere`."""
    records: list[str] = []

    @seed(zlib.crc32(key.encode()))
    @settings(
        max_examples=max(number // _SHARE, 20),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_RECORDS)
    def take(record: str) -> None:
        records.append(record)

    take()
    chance = random.Random(key)
    return [document(chance, records) for _ in range(number)]
