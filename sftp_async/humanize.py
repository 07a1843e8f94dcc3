"""Formats numbers, sizes and texts from elsewhere for people to read."""

from __future__ import annotations

#: Bytes from which on a speed is shown. The time of less is that of round trips and of Spark's
#: tasks, whatever the network does.
SPEED_FROM = 10_000_000
#: Characters of a target that a message shows.
LONGEST_TARGET = 200


def in_units(count: float) -> str:
    """Return a number of bytes for people, in powers of 1000: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return counted((round(count), "byte")) if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def clock(seconds: float) -> str:
    """Return a duration in minutes and seconds: `1:05`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def speed_of(count: int, seconds: float, *, then: bool = False) -> str:
    """Return a speed; empty below `SPEED_FROM` bytes.

    Args:
        count: bytes.
        seconds: that the transfer took.
        then: as what came after the start-up, `, then 9.5 MB/s`.

    """
    if count < SPEED_FROM or seconds <= 0:
        return ""
    return f"{', then ' if then else ''}{in_units(count / seconds)}/s"


def counted(*counts: tuple[int, str]) -> str:
    """Return numbers with their nouns, in the plural where needed: `1 file, 2 retries`."""
    return ", ".join(f"{count:,} {_plural(what) if count != 1 else what}" for count, what in counts)


def _plural(what: str) -> str:
    return f"{what[:-1]}ies" if what.endswith("ry") else f"{what}s"


def printable(text: str, limit: int | None = None, *, keep: str = "") -> str:
    """Return a text that a server or a user has chosen, safe for a terminal or a log.

    Args:
        text: any text. Characters that are not printable, such as escape sequences, become `?`.
        limit: characters of the result at most; a longer text ends in `…`. None: no limit.
        keep: characters that stay though they are not printable, such as a line break.

    """
    if limit is not None and len(text) > limit:
        text = f"{text[: limit - 1]}…"
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)


def well_formed(text: str) -> str:
    """Return text as UTF-8 can hold it: for bytes of a name that are none, U+FFFD, as in Java."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def readable_target(path: str) -> str:
    """Return the path of a target for a message: printable, of at most `LONGEST_TARGET`."""
    return printable(path.removeprefix("./"), LONGEST_TARGET)
