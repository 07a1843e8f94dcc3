"""Every option with its description, default and example, as data: for whoever shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sftp_async.options.aliases import aliases_of
from sftp_async.options.docs_table import GROUPS, default_of, value_of

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class OptionEntry:
    """One option.

    Args:
        name: its canonical name.
        group: heading that it stands under.
        value: what kind of value it takes, or which ones.
        default: as it would be written; empty: not set.
        also: other names that are accepted.
        description: what it does.
        example: a value.

    """

    name: str
    group: str
    value: str
    default: str
    also: tuple[str, ...]
    description: str
    example: str


def option_entries() -> list[OptionEntry]:
    """Return all options, in the order of the reference."""
    return [
        OptionEntry(
            name,
            model.group,
            _plain(value_of(model, name)),
            _plain(default_of(field)),
            tuple(aliases_of(name)),
            _plain(field.description or ""),
            str((field.examples or [""])[0]),
        )
        for model in GROUPS
        for name, field in model.model_fields.items()
        if name in model.__annotations__
    ]


def _plain(markdown: str) -> str:
    """Return the text of Markdown without links and code marks."""
    return _LINK.sub(r"\1", markdown).replace("`", "")
