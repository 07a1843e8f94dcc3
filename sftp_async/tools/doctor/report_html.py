"""The table that a notebook shows for a check: what was tried, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

__all__ = ["steps_table"]

#: A sign and a colour, which can be read on light and on dark ground, for each status.
_SHOWN: Final = {
    "ok": ("&#10003;", "#2a9d4a"),
    "warning": ("&#9888;", "#b7791f"),
    "FAILED": ("&#10007;", "#d9363e"),
    "not run": ("&#8211;", "#888888"),
}
# Notebooks align cells to the right and let words of two parts break: each cell says otherwise.
_CELL: Final = "text-align:left;vertical-align:top"


def steps_table(title: str, steps: Iterable[tuple[str, str, str, str]]) -> str:
    """Return an HTML table; every text in it is escaped.

    Args:
        title: stands above the table.
        steps: status (`ok`, `warning`, `FAILED` or `not run`), name, what was found, what to do;
            the last two may be empty.

    """
    rows = "".join(_row(*step) for step in steps)
    caption = f'<caption style="text-align:left;font-weight:bold">{escape(title)}</caption>'
    return f"<table>{caption}<tbody>{rows}</tbody></table>"


def _row(status: str, name: str, found: str, advice: str) -> str:
    sign, colour = _SHOWN[status]
    told = escape(found)
    if advice:
        told += f"<div><b>&#8594;</b> {escape(advice)}</div>"
    return (
        f'<tr><td style="{_CELL};white-space:nowrap;color:{colour}">{sign} {status}</td>'
        f'<td style="{_CELL};white-space:nowrap">{escape(name)}</td>'
        f'<td style="{_CELL};overflow-wrap:anywhere">{told}</td></tr>'
    )
