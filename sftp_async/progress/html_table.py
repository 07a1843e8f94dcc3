"""Makes the table that a summary is in a notebook."""

from __future__ import annotations

from collections.abc import Mapping

#: Characters of a text that stays on one line. JupyterLab breaks cells at any space.
_SHORT = 24


def table(caption: str, cells: Mapping[str, str]) -> str:
    """Return an HTML table of one row; all texts are HTML already."""
    heads = "".join(f"<th{_width(value)}>{name}</th>" for name, value in cells.items())
    values = "".join(f"<td>{value}</td>" for value in cells.values())
    return f"<table><caption>{caption}</caption><tr>{heads}</tr><tr>{values}</tr></table>"


def _width(value: str) -> str:
    """Return the style of a head that keeps it, and a short value below it, on one line."""
    wide = f"; min-width: {len(value)}ch" if len(value) <= _SHORT else ""
    return f' style="white-space: nowrap{wide}"'
