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
from sftp_async.options.archives import ARCHIVES
from sftp_async.options.format_names import BUILT_IN as NAMES
from sftp_async.options.formats import codec_contradictions

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


def open_format(options: FormatOptions, schema: pa.Schema, *, mtime: int | None = None) -> Format:
    """Return the writing half of the format that `options` ask for, checked against `schema`.

    Args:
        options: the format's name, compression, dialect and patterns.
        schema: the columns, as Spark hands them over.
        mtime: of the members of archives, in seconds since 1970; None: now.

    Raises:
        OptionsError: the format is unknown or cannot be written, or the options do not suit it;
            all mistakes are listed.
        EncodeError: there is no column, two have one name, or one has a type that the format
            cannot hold so that it reads back.

    """
    if options.archive in ARCHIVES:
        from sftp_async.formats.archive_format import open_archive

        found: Format = open_archive(
            options, lambda of_members: _open_plain(of_members, schema), mtime
        )
    else:
        found = _open_plain(options, schema)
    if options.pgp_public_key is None:
        return found
    # Around all else, so that a reader finds what it would without encryption.
    from sftp_async.formats.pgp.encrypt import encrypted
    from sftp_async.formats.pgp.keys import encryption_keys

    keys = encryption_keys(options)
    assert keys is not None
    return encrypted(found, keys, armor=bool(options.pgp_armor))


def _open_plain(options: FormatOptions, schema: pa.Schema) -> Format:
    encoder = find_half(options.format, "encoder")
    if problems := [sentence for _, sentence in codec_contradictions(options)]:
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
    opens = find_half(options.format, "decoder")
    if schema is not None and options.rescued_data_column in schema.names:
        from sftp_async.formats.rescued_columns import WITH_COLUMNS, RescuingFormat

        if options.format in WITH_COLUMNS:
            return RescuingFormat(options, schema, BUILT_IN[options.format].decoder)
    found = opens(options, schema)
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
