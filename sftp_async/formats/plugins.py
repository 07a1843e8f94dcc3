"""Finds the formats of other packages, through the entry points of the group sftp_async.formats."""

from __future__ import annotations

from importlib.metadata import entry_points

from sftp_async.errors import OptionsError
from sftp_async.options.format_names import GROUP, format_problem

#: Documents what a package has to provide.
_PAGE = "docs/how-to/own-format.md"


def find(name: str) -> object:
    """Return the object of a format that is not built in; it has one half or both.

    Args:
        name: the format's name.

    Raises:
        OptionsError: no package has the format, several have it, it cannot be loaded, or its
            object is no `FormatPlugin`.

    """
    # A package may be on the path twice: an editable install next to its source.
    found = {
        (point.dist and point.dist.name, point.value): point
        for point in entry_points(group=GROUP, name=name)
    }
    if not found:
        raise OptionsError(format_problem(name) or f"format={name} is not known.")
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
