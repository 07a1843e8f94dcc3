"""Lists every option with its description, default and example, as data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self, get_args, get_origin

from pydantic.fields import FieldInfo

from sftp_async.options.aliases import aliases_of
from sftp_async.options.archives import ArchiveOptions
from sftp_async.options.base import OptionsModel, field_type_of
from sftp_async.options.binary import BinaryOptions
from sftp_async.options.connection import ConnectionOptions
from sftp_async.options.decoding import DecodingOptions
from sftp_async.options.excel import ExcelOptions
from sftp_async.options.fixed import FixedOptions
from sftp_async.options.formats import FormatOptions
from sftp_async.options.limits import LimitOptions
from sftp_async.options.pgp import PGPOptions
from sftp_async.options.proxy import FirewallOptions
from sftp_async.options.read import ReadOptions
from sftp_async.options.stream import StreamOptions
from sftp_async.options.text_formats import TextFormatOptions
from sftp_async.options.write import TransferOptions, WriteOptions
from sftp_async.options.xml import XMLOptions

#: The headings of the models' own options, in the order in which they are shown.
GROUPS: Final[dict[type[OptionsModel], str]] = {
    ConnectionOptions: "Connection",
    FirewallOptions: "Bastions and proxies",
    LimitOptions: "Limits",
    TransferOptions: "Transfer",
    FormatOptions: "Formats",
    TextFormatOptions: "Format: CSV, JSON and text in detail",
    FixedOptions: "Fixed width",
    XMLOptions: "XML",
    BinaryOptions: "Binary",
    ArchiveOptions: "Archives",
    ExcelOptions: "Excel",
    PGPOptions: "PGP",
    WriteOptions: "Write",
    ReadOptions: "Read",
    DecodingOptions: "Reading: columns and content",
    StreamOptions: "Streams that are read",
}

_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_CODE: Final = re.compile(r"`([^`]+)`")


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
            value=_without_code(self.value),
            default=_without_code(self.default),
            description=_without_code(self.description),
        )


def option_entries() -> list[OptionEntry]:
    """Return all options, in the order of the reference."""
    return [
        OptionEntry(
            name,
            GROUPS[model],
            _value_of(model, name),
            _default_of(field),
            tuple(aliases_of(name)),
            field.description or "",
            str((field.examples or [""])[0]),
        )
        for model, name, field in fields_in_order()
    ]


def fields_in_order() -> Iterator[tuple[type[OptionsModel], str, FieldInfo]]:
    """Yield the model, the name and the field of each option, in the order of the reference."""
    for model in GROUPS:
        for name, field in model.model_fields.items():
            if name in model.__annotations__:  # a base class's own options have their own group
                yield model, name, field


def choices_of(model: type[OptionsModel], name: str) -> tuple[str, ...]:
    """Return the values to choose from, also where others are accepted; else an empty tuple."""
    listed = _CODE.findall(field_type_of(model, name).words)
    return tuple(dict.fromkeys((*_choices(model.model_fields[name].annotation), *listed)))


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


def without_links(markdown: str) -> str:
    """Return Markdown with the text of each link in place of the link."""
    return _LINK.sub(r"\1", markdown)


def _without_code(markdown: str) -> str:
    return without_links(markdown).replace("`", "")
