"""Makes the table that a summary is in a notebook."""

from __future__ import annotations

from collections.abc import Mapping


def table(caption: str, cells: Mapping[str, str]) -> str:
    """Return an HTML table of one row; all texts are HTML already."""
    heads = "".join(f"<th>{name}</th>" for name in cells)
    values = "".join(f"<td>{value}</td>" for value in cells.values())
    return f"<table><caption>{caption}</caption><tr>{heads}</tr><tr>{values}</tr></table>"
