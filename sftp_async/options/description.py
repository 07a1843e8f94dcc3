"""Describes the options for readers: in `help()`, in a signature, and in a notebook."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any

from pydantic import BaseModel, SecretStr

#: The line before the options in the docstring of a model.
HEADING = "Options:"
#: The words that fit a line; `textwrap` would take as long as the rest of a docstring.
_LINE = re.compile(r"(.{1,88})(?:\s+|$)")


class Deferred:
    """An attribute of a class that is made when it is read.

    Args:
        make: makes it.

    """

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __get__(self, instance: object, owner: type) -> Any:
        return self._make()


def signature_of(model: type[BaseModel]) -> Signature:
    """Return a signature of keywords: the options with their defaults, then their other names."""
    from sftp_async.options.catalog import option_entries

    keywords = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.is_required() else field.default,
        )
        for name, field in model.model_fields.items()
    ]
    order = [entry.name for entry in option_entries()]
    keywords.sort(key=lambda parameter: order.index(parameter.name))
    return Signature([*keywords, Parameter("other_names", Parameter.VAR_KEYWORD)])


def described(docstring: str) -> str:
    """Return a docstring with a paragraph for each option."""
    from sftp_async.options.catalog import option_entries

    lines = [docstring.rstrip(), "", f"    {HEADING}", ""]
    for entry in option_entries():
        plain = entry.as_plain_text()
        default = plain.default.replace("\r", r"\r").replace("\n", r"\n")
        also = f" Also: {', '.join(plain.also)}." if plain.also else ""
        lines.append(f"    {plain.name} ({plain.value}; default: {default})")
        lines.append(_LINE.sub(r"        \1\n", plain.description + also).rstrip())
    return "\n".join(lines) + "\n    "


def html_table(title: str, options: Mapping[str, object]) -> str:
    """Return options as a table in HTML; secrets are masked, all text is escaped."""
    rows = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td>"
        f"<td style='text-align:left'><code>{html.escape(_shown(value))}</code></td></tr>"
        for name, value in options.items()
    )
    return f"<table><caption>{html.escape(title)}</caption><tbody>{rows}</tbody></table>"


def _shown(value: object) -> str:
    return str(value) if isinstance(value, SecretStr) else repr(value)
