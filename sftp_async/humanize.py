"""Formats numbers, sizes and remote texts for people."""

from __future__ import annotations

#: Characters of a target that a message shows.
LONGEST_TARGET = 200


def in_units(count: float) -> str:
    """Return a number of bytes for people, in powers of 1000: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def counted(*counts: tuple[int, str]) -> str:
    """Return numbers with their nouns, in the plural where needed: `1 file, 2 retries`."""
    return ", ".join(f"{count:,} {_plural(what) if count != 1 else what}" for count, what in counts)


def _plural(what: str) -> str:
    return f"{what[:-1]}ies" if what.endswith("ry") else f"{what}s"


def readable(text: str) -> str:
    """Return a target for a message: of bounded length, without control characters."""
    text = text.removeprefix("./")
    text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    return text if len(text) <= LONGEST_TARGET else f"{text[: LONGEST_TARGET - 1]}…"
