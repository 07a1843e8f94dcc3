"""Formats that other packages bring: found by name through the entry points of their group."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.formats.base import Opener

#: An entry point's name is the format's, in lower case; its object is an `Opener`.
GROUP = "sftp_async.formats"


def find(name: str, *, built_in: Iterable[str]) -> Opener:
    """Return what opens a format that is not built in.

    Called on the driver only, since tasks get the format itself: to look through all installed
    packages takes tens of milliseconds.

    Args:
        name: the format's name.
        built_in: names that need no entry point, for the error.

    Raises:
        OptionsError: no package brings it, several do, or it cannot be loaded.

    """
    points = entry_points(group=GROUP)
    # A package may be on the path twice: an editable install beside its source.
    found = {
        (point.dist and point.dist.name, point.value): point for point in points.select(name=name)
    }
    if not found:
        raise OptionsError(_unknown(name, [*built_in, *points.names]))
    if len(found) > 1:
        owners = " and ".join(sorted(str(owner) for owner, _ in found))
        raise OptionsError(f"format={name} is brought by several packages: {owners}.")
    [point] = found.values()
    try:
        opener = point.load()
    except Exception as error:
        raise OptionsError(
            f"format={name} cannot be loaded from {point.value}: {type(error).__name__}: {error}"
        ) from error
    if not callable(opener):
        raise OptionsError(f"format={name}: {point.value} is no function of options and schema.")
    found_opener: Opener = opener
    return found_opener


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]}?" if close else "."
    return (
        f"format={name} is not known{meant} There are {', '.join(sorted(set(known)))}; a package "
        f"can add others by an entry point in the group {GROUP} (docs/how-to/own-format.md)."
    )
