"""Finds a format by its name: the built-in ones in a table, others among installed packages.

The table holds import paths, since the libraries of a format take time to load and a job needs one
format: pyarrow's Parquet takes longer than all the other formats together. Only the driver finds
formats by name; tasks get theirs pickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from sftp_async.errors import OptionsError
from sftp_async.formats.base import Format, ReadFormat
from sftp_async.options.format_names import BUILT_IN as NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from sftp_async.formats.base import FormatPlugin
    from sftp_async.options import FormatOptions

#: What the absence of each half of a format means.
_LACKS = {
    "encoder": "can be read, but not written",
    "decoder": "can be written, but not read",
}


@dataclass(frozen=True)
class BuiltIn:
    """A built-in format as a `FormatPlugin`; its module is imported when a half is opened.

    Args:
        opens_encoder: import path of the function behind `encoder`.
        opens_decoder: import path of the function behind `decoder`.

    """

    opens_encoder: str
    opens_decoder: str

    def encoder(self, options: FormatOptions, schema: pa.Schema, /) -> Format:
        """Check options and columns, and return the format; see `FormatPlugin.encoder`."""
        found: Format = _imported(self.opens_encoder)(options, schema)
        return found

    def decoder(self, options: FormatOptions, schema: pa.Schema | None, /) -> ReadFormat:
        """Check options and columns, and return the format; see `FormatPlugin.decoder`."""
        found: ReadFormat = _imported(self.opens_decoder)(options, schema)
        return found


def _imported(path: str) -> Callable[..., Any]:
    module, _, function = path.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _built_in(name: str) -> BuiltIn:
    folder = f"sftp_async.formats.{name}"
    return BuiltIn(f"{folder}.encoder:open_{name}", f"{folder}.decoder:read_{name}")


BUILT_IN: dict[str, FormatPlugin] = {name: _built_in(name) for name in NAMES}


def open_format(options: FormatOptions, schema: pa.Schema) -> Format:
    """Return the writing half of the format that `options` ask for, checked against `schema`.

    Args:
        options: the format's name, compression, dialect and patterns.
        schema: the columns, as Spark hands them over.

    Raises:
        OptionsError: the format is unknown or cannot be written, or the options do not suit it;
            all mistakes are listed.
        EncodeError: there is no column, two have one name, or one has a type that the format
            cannot hold so that it reads back.

    """
    encoder = find_half(options.format, "encoder")
    if problems := [sentence for _, sentence in options.codec_contradictions()]:
        raise OptionsError(problems)
    if options.format not in BUILT_IN:
        from sftp_async.formats.schema_checks import check_intervals

        check_intervals(schema)
    found = encoder(options, schema)
    if not isinstance(found, Format):
        raise OptionsError(
            f"format={options.format}: its encoder() returned {type(found).__name__}, not a Format."
        )
    return found


def open_read_format(options: FormatOptions, schema: pa.Schema | None) -> ReadFormat:
    """Return the reading half of the format that `options` ask for.

    Args:
        options: the format's name, dialect and patterns.
        schema: the columns that are wanted; None: they will be inferred.

    Raises:
        OptionsError: the format is unknown or cannot be read, or the options do not suit it.
        DecodeError: the format cannot hold a column.

    """
    found = find_half(options.format, "decoder")(options, schema)
    if not isinstance(found, ReadFormat):
        kind = type(found).__name__
        raise OptionsError(
            f"format={options.format}: its decoder() returned {kind}, not a ReadFormat."
        )
    return found


def find_half(name: str, half: Literal["encoder", "decoder"]) -> Callable[..., Any]:
    """Return what opens one half of a format: a function of options and schema.

    Args:
        name: the format's name.
        half: `encoder` writes files, `decoder` reads them.

    Raises:
        OptionsError: no format has the name, or the format lacks the half.

    """
    plugin: object = BUILT_IN.get(name)
    if plugin is None:
        # To look through installed packages takes tens of milliseconds, imports included.
        from sftp_async.formats import plugins

        plugin = plugins.find(name)
    found = getattr(plugin, half, None)
    if not callable(found):
        raise OptionsError(f"format={name} {_LACKS[half]}: it has no {half}.")
    function: Callable[..., Any] = found
    return function
