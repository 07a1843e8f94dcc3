"""Lists every option with its description, default and example, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self, get_args, get_origin

from pydantic.fields import FieldInfo

from sftp_async.options.aliases import aliases_of
from sftp_async.options.base import OptionsModel, field_type_of
from sftp_async.options.binary import BinaryOptions
from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.decoding import DecodingOptions
from sftp_async.options.formats import FormatOptions
from sftp_async.options.proxy import FirewallOptions
from sftp_async.options.read import ReadOptions
from sftp_async.options.text_formats import TextFormatOptions
from sftp_async.options.write import TransferOptions, WriteOptions
from sftp_async.options.xml import XMLOptions

#: The models, in the order in which their options are shown.
GROUPS: Final = (
    ConnectionOptions,
    FirewallOptions,
    TransferOptions,
    FormatOptions,
    TextFormatOptions,
    XMLOptions,
    BinaryOptions,
    WriteOptions,
    ReadOptions,
    DecodingOptions,
)

_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class OptionEntry:
    """One option. `value`, `default` and `description` are Markdown.

    Args:
        name: its canonical name.
        group: the heading that it stands under.
        value: the kind of value that it takes, or the values to choose from.
        default: the default as a user would write it, or `required`, `not set` or `empty`.
        also: the other names that are accepted.
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

    def as_plain_text(self) -> Self:
        """Return the same entry without links and code marks, for a terminal."""
        return replace(
            self,
            value=_plain(self.value),
            default=_plain(self.default),
            description=_plain(self.description),
        )


def option_entries() -> list[OptionEntry]:
    """Return all options, in the order of the reference."""
    return [
        OptionEntry(
            name,
            model.group,
            _value_of(model, name),
            _default_of(field),
            tuple(aliases_of(name)),
            field.description or "",
            str((field.examples or [""])[0]),
        )
        for model in GROUPS
        for name, field in model.model_fields.items()
        if name in model.__annotations__  # a base class's own options have their own group
    ]


def as_code(text: str) -> str:
    """Return a text as code in Markdown."""
    text = text.replace("\r", r"\r").replace("\n", r"\n")
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _value_of(model: type[OptionsModel], name: str) -> str:
    words = field_type_of(model, name).words
    return words or ", ".join(
        as_code(choice) for choice in _choices(model.model_fields[name].annotation)
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(choice for part in get_args(annotation) for choice in _choices(part))


def _default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    match field.default:
        case None | ():
            return "not set"
        case "":
            return "empty"
        case bool():
            return as_code(str(field.default).lower())
        case float():
            return as_code(f"{field.default:g}")
        case int() if field.default and field.default % 1024**2 == 0:
            return as_code(f"{field.default // 1024**2}MiB")
        case int() if field.default and field.default % 1024 == 0:
            return as_code(f"{field.default // 1024}KiB")
        case _:
            return as_code(str(field.default))


def _plain(markdown: str) -> str:
    return _LINK.sub(r"\1", markdown).replace("`", "")
