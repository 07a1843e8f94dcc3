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
from sftp_async.formats.base import Format

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

    """

    opens_encoder: str

    def encoder(self, options: FormatOptions, schema: pa.Schema, /) -> Format:
        """Check options and columns, and return the format; see `FormatPlugin.encoder`."""
        module, _, function = self.opens_encoder.partition(":")
        found: Format = getattr(import_module(module), function)(options, schema)
        return found


BUILT_IN: dict[str, FormatPlugin] = {
    "csv": BuiltIn("sftp_async.formats.csv.encoder:open_csv"),
    "json": BuiltIn("sftp_async.formats.json.encoder:open_json"),
    "text": BuiltIn("sftp_async.formats.text.encoder:open_text"),
    "xml": BuiltIn("sftp_async.formats.xml.encoder:open_xml"),
    "parquet": BuiltIn("sftp_async.formats.parquet.encoder:open_parquet"),
    "orc": BuiltIn("sftp_async.formats.orc.encoder:open_orc"),
    "avro": BuiltIn("sftp_async.formats.avro.encoder:open_avro"),
    "binary": BuiltIn("sftp_async.formats.binary.encoder:open_binary"),
}


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
