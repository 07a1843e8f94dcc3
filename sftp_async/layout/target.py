"""Resolves the target: a directory or one exact file, and the format that its name implies."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError
from sftp_async.options.archives import ARCHIVE_OF_EXTENSION
from sftp_async.options.base import with_inferred
from sftp_async.options.codecs import CODEC_OF_EXTENSION
from sftp_async.options.pgp import ARMORED, pgp_extension, without_pgp
from sftp_async.options.template_option import names_part_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sftp_async.options import SFTPOptions

FORMAT_OF_EXTENSION = {
    "csv": "csv",
    "tsv": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "txt": "text",
    "text": "text",
    "fwf": "fixed",
    "xml": "xml",
    "parquet": "parquet",
    "orc": "orc",
    "avro": "avro",
    "xlsx": "excel",
    "xlsm": "excel",
    "xlsb": "excel",
    "xls": "excel",
    "ods": "excel",
}


def clean(path: str) -> str:
    """Normalise a remote path; relative ones stay relative to the login directory."""
    normal = posixpath.normpath(path)
    # POSIX lets a path start with two slashes mean something else; no SFTP server does.
    return "/" + normal.lstrip("/") if normal.startswith("//") else normal


def archive_kind(path: str) -> str | None:
    """Return the archive that a path's extension names; None if it names none."""
    return _archive(path)[1]


def _archive(path: str) -> tuple[str, str | None]:
    """Split off the extension of an archive, and return what kind it is of.

    An extension of PGP behind it is left out.
    """
    name = posixpath.basename(without_pgp(path))
    for extension, kind in ARCHIVE_OF_EXTENSION.items():
        # A leading dot hides a file, it starts no extension.
        if name.lower().endswith(f".{extension}") and len(name) > len(extension) + 1:
            return name[: -len(extension) - 1], kind
    return name, None


def file_kind(path: str) -> tuple[str | None, str | None]:
    """Return the format and codec that a path's extension names, each None if it names none.

    Those of an archive's members stand before its own extension: `orders.csv.zip`.
    """
    data, packed = _extensions(_archive(path)[0])
    return FORMAT_OF_EXTENSION.get(data), CODEC_OF_EXTENSION.get(packed)


def _extensions(path: str) -> tuple[str, str]:
    """Split off a data file's extension and a codec's, `("csv", "gz")`; empty for none.

    An extension of PGP behind them is left out.
    """
    # A leading dot hides a file, it starts no extension.
    pieces = posixpath.basename(without_pgp(path)).lower().lstrip(".").split(".")
    packed = pieces.pop() if len(pieces) > 1 and pieces[-1] in CODEC_OF_EXTENSION else ""
    return (pieces[-1] if len(pieces) > 1 else ""), packed


def target_problems(options: SFTPOptions) -> Iterator[str]:
    """Yield why the options name no target, or more than one."""
    if options.path is None:
        yield "path is missing: give the remote target, as in .save('/upload/orders')."
        return
    _, name = _split(options)
    if name is not None and name in ("", ".", ".."):
        yield f"{_NO_FILE} {options.path!r}."
    elif name is not None and options.file_name_template is not None:
        yield (
            f"The path {options.path!r} names one exact file, and so does file_name_template: "
            "leave one of them out, or set single_file=false if the path is a directory."
        )
    asked = name or options.file_name_template or ""
    extension = pgp_extension(asked)
    if (
        options.pgp_public_key is None
        and extension
        and (extension != ARMORED or file_kind(asked)[0] or archive_kind(asked))
    ):
        yield (
            f"The name {asked!r} is that of an encrypted file: set pgp_public_key to the key of "
            f"its reader, or leave .{extension} out."
        )


def split_target(options: SFTPOptions) -> tuple[str, str | None]:
    """Return the target directory, and the exact file's name if the path names one file.

    Raises:
        OptionsError: `single_file` is set, and the path can only be a directory.

    """
    directory, name = _split(options)
    if name in ("", ".", ".."):
        raise OptionsError(f"{_NO_FILE} {options.path!r}")
    return directory, name


_NO_FILE = "single_file=true needs a path that names a file, not the directory"


def _split(options: SFTPOptions) -> tuple[str, str | None]:
    path = clean(options.path or ".")
    single = options.single_file
    if single is None:
        archived = options.archive != "none" and archive_kind(path) is not None
        named = archived or file_kind(path)[0] is not None
        single = named and not (options.path or "").endswith("/")
    if not single:
        return path, None
    return posixpath.dirname(path) or ".", posixpath.basename(path)


def with_exact_path(options: SFTPOptions, now: datetime) -> SFTPOptions:
    """Return the options with the exact file as their path, if `file_name_template` makes one.

    Args:
        options: without `target_problems`.
        now: when the job is planned.

    """
    template = options.file_name_template
    if template is None or names_part_files(template):
        return options
    path = posixpath.join(options.path or ".", template.format(now=now))
    return options.model_copy(
        update={"path": path, "single_file": True, "file_name_template": None}
    )


def infer_format(options: SFTPOptions) -> SFTPOptions:
    """Return the options with what the extension of a name asked for says of the files.

    What the user set explicitly wins; `orders.csv.gz` is gzipped CSV without any option, and
    `orders.tsv` has tabs. The same holds for the part files of a template with an extension.
    `orders.csv.asc` has ASCII armor, if it is encrypted.

    The result may break rules between options: see its `contradictions`.
    """
    name = options.file_name_template if split_target(options)[1] is None else options.path
    if name is None:
        return options
    found: dict[str, object] = {}
    if options.archive == "auto" and (kind := archive_kind(name)):
        found["archive"] = kind
    format_name, codec = file_kind(name)
    if _extensions(_archive(name)[0])[0] == "tsv" and "sep" not in options.model_fields_set:
        found["sep"] = "\t"
    if format_name and "format" not in options.model_fields_set:
        found["format"] = format_name
    if codec and options.compression is None:
        found["compression"] = codec
    if pgp_extension(name) == ARMORED and options.pgp_armor is None:
        found["pgp_armor"] = True
    return with_inferred(options, found)
