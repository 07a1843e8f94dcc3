"""Finds the formats of other packages, through the entry points of the group sftp_async.formats."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: An entry point's name is the format's, in lower case; its object is a `FormatPlugin`.
GROUP = "sftp_async.formats"
_PAGE = "docs/how-to/own-format.md"


def find(name: str, *, built_in: Iterable[str]) -> object:
    """Return the object of a format that is not built in; it has one half or both.

    Args:
        name: the format's name.
        built_in: names that need no entry point, for the error.

    Raises:
        OptionsError: no package has the format, several have it, it cannot be loaded, or its
            object is no `FormatPlugin`.

    """
    points = entry_points(group=GROUP)
    # A package may be on the path twice: an editable install next to its source.
    found = {
        (point.dist and point.dist.name, point.value): point for point in points.select(name=name)
    }
    if not found:
        raise OptionsError(_unknown(name, [*built_in, *points.names]))
    if len(found) > 1:
        owners = " and ".join(sorted(str(owner) for owner, _ in found))
        raise OptionsError(
            f"format={name} comes from several packages: {owners}. Uninstall all but one."
        )
    [point] = found.values()
    try:
        plugin: object = point.load()
    except Exception as error:
        raise OptionsError(
            f"format={name} cannot be loaded from {point.value}: {type(error).__name__}: {error}"
        ) from error
    if isinstance(plugin, type):
        raise OptionsError(
            f"format={name}: {point.value} is a class; an entry point names an instance of it "
            f"({_PAGE})."
        )
    if not any(callable(getattr(plugin, half, None)) for half in ("encoder", "decoder")):
        raise OptionsError(
            f"format={name}: {point.value} has neither encoder() nor decoder() ({_PAGE})."
        )
    return plugin


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]}?" if close else "."
    return (
        f"format={name} is not known{meant} There are {', '.join(sorted(set(known)))}; a package "
        f"can add others by an entry point in the group {GROUP} ({_PAGE})."
    )
