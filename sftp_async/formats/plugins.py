"""Formats that other packages bring: found by name through the entry points of their group."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError
from sftp_async.options.format_names import GROUP, format_problem

if TYPE_CHECKING:
    from sftp_async.formats.base import Opener


def find(name: str) -> Opener:
    """Return what opens a format that is not built in: the object of its entry point.

    Called on the driver only, since tasks get the format itself: to look through all installed
    packages takes tens of milliseconds.

    Args:
        name: the format's name.

    Raises:
        OptionsError: no package brings it, several do, or it cannot be loaded.

    """
    # A package may be on the path twice: an editable install beside its source.
    found = {
        (point.dist and point.dist.name, point.value): point
        for point in entry_points(group=GROUP, name=name)
    }
    if not found:
        raise OptionsError(format_problem(name) or f"format={name} is not known.")
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
