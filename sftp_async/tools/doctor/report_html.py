"""Renders the steps of a check as an HTML table for notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

__all__ = ["steps_table"]

#: A sign and a colour for each status; the colours are legible on light and dark backgrounds.
_SHOWN: Final = {
    "ok": ("&#10003;", "#2a9d4a"),
    "warning": ("&#9888;", "#b7791f"),
    "FAILED": ("&#10007;", "#d9363e"),
    "not run": ("&#8211;", "#888888"),
}
# Notebooks align cells to the right and break words, so each cell sets its own style.
_CELL: Final = "text-align:left;vertical-align:top"


def steps_table(title: str, steps: Iterable[tuple[str, str, str, str]]) -> str:
    """Return an HTML table; every text in it is escaped.

    Args:
        title: the caption of the table.
        steps: status (`ok`, `warning`, `FAILED` or `not run`), name, detail and advice of each
            step; the last two may be empty.

    """
    rows = "".join(_row(*step) for step in steps)
    caption = f'<caption style="text-align:left;font-weight:bold">{escape(title)}</caption>'
    return f"<table>{caption}<tbody>{rows}</tbody></table>"


def _row(status: str, name: str, detail: str, advice: str) -> str:
    sign, colour = _SHOWN[status]
    content = escape(detail)
    if advice:
        content += f"<div><b>&#8594;</b> {escape(advice)}</div>"
    return (
        f'<tr><td style="{_CELL};white-space:nowrap;color:{colour}">{sign} {status}</td>'
        f'<td style="{_CELL};white-space:nowrap">{escape(name)}</td>'
        f'<td style="{_CELL};overflow-wrap:anywhere">{content}</td></tr>'
    )
