"""Knows the names of formats: the built-in ones, and those of other packages' entry points."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import Final

#: The formats of this package.
BUILT_IN: Final = (
    "avro",
    "binary",
    "csv",
    "excel",
    "fixed",
    "json",
    "orc",
    "parquet",
    "text",
    "xml",
)
#: An entry point in this group has the name of a format, in lower case; its object is a
#: `FormatPlugin`.
GROUP: Final = "sftp_async.formats"


def format_problem(name: str) -> str | None:
    """Return why there is no format of this name here, as a sentence; None if there is one.

    For a name that is not built in, this looks through all installed packages, which takes tens of
    milliseconds. Tasks never do it, since options are pickled as they are.
    """
    if name in BUILT_IN:
        return None
    known = {*BUILT_IN, *entry_points(group=GROUP).names}
    if name in known:
        return None
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return (
        f"format={name} is not known{hint} There are {', '.join(sorted(known))}; a package "
        f"can add others by an entry point in the group {GROUP} (docs/how-to/own-format.md)."
    )
