"""What the user named: a directory, or one exact file; and what that file's name says of it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError
from sftp_async.layout.name_template import FileNames, fields_of, is_of_many
from sftp_async.options.codecs import CODEC_OF_EXTENSION

if TYPE_CHECKING:
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
    "xml": "xml",
    "parquet": "parquet",
    "orc": "orc",
    "avro": "avro",
}


def clean(path: str) -> str:
    """Normalise a remote path; relative ones stay relative to the login directory."""
    normal = posixpath.normpath(path)
    # POSIX lets a path start with two slashes mean something else; no SFTP server does.
    return "/" + normal.lstrip("/") if normal.startswith("//") else normal


def file_kind(path: str) -> tuple[str | None, str | None]:
    """Return the format and codec that a path's extension names, each None if it names none."""
    data, packed = _extensions(path)
    return FORMAT_OF_EXTENSION.get(data), CODEC_OF_EXTENSION.get(packed)


def _extensions(path: str) -> tuple[str, str]:
    """Split off a data file's extension and a codec's, `("csv", "gz")`; empty for none."""
    # A leading dot hides a file, it starts no extension.
    pieces = posixpath.basename(path).lower().lstrip(".").split(".")
    packed = pieces.pop() if len(pieces) > 1 and pieces[-1] in CODEC_OF_EXTENSION else ""
    return (pieces[-1] if len(pieces) > 1 else ""), packed


def split_target(options: SFTPOptions) -> tuple[str, str | None]:
    """Return the target directory, and the exact file's name if the path names one file.

    Raises:
        OptionsError: `single_file` is set, and the path can only be a directory.

    """
    path = clean(options.path or ".")
    single = options.single_file
    if single is None:
        single = file_kind(path)[0] is not None and not (options.path or "").endswith("/")
    if not single:
        return path, None
    name = posixpath.basename(path)
    if name in ("", ".", ".."):
        raise OptionsError(
            f"single_file=true needs a path that names a file, not the directory {options.path!r}"
        )
    return posixpath.dirname(path) or ".", name


def name_exactly(options: SFTPOptions, now: datetime) -> SFTPOptions:
    """Return the options with the exact file as their path, if `file_name_template` asks for one.

    Args:
        options: `path` must be set.
        now: when the job is planned.

    Raises:
        OptionsError: there is a file name already, or there are to be many files.

    """
    if options.file_name_template is None:
        return options
    if options.single_file or split_target(options)[1] is not None:
        raise OptionsError(
            f"The path {options.path!r} names one exact file, and so does file_name_template: "
            "leave one of them out, or set single_file=false if the path is a directory"
        )
    names = FileNames(options.file_name_template, now, "")
    if is_of_many(names.template):
        return options
    if fields_of(names.template) - {"now"}:
        raise OptionsError(
            f"file_name_template={names.template} makes one exact file, in whose name only {{now}} "
            "can be a field; add {seq} or {partition} for part files"
        )
    name = names.template.format(now=now)
    if "/" in name or name in (".", ".."):
        raise OptionsError("file_name_template must make a file name, without a slash")
    path = posixpath.join(options.path or ".", name)
    return options.model_copy(
        update={"path": path, "single_file": True, "file_name_template": None}
    )


def infer_format(options: SFTPOptions) -> SFTPOptions:
    """Return the options with format and compression taken from the extension of a name asked for.

    What the user set explicitly wins; `orders.csv.gz` is gzipped CSV without any option, and
    `orders.tsv` has tabs. So are the part files of a template with that extension.
    """
    name = options.file_name_template if split_target(options)[1] is None else options.path
    if name is None:
        return options
    format_name, codec = file_kind(name)
    found: dict[str, object] = {}
    if _extensions(name)[0] == "tsv" and "sep" not in options.model_fields_set:
        found["sep"] = "\t"
    if format_name and "format" not in options.model_fields_set:
        found["format"] = format_name
    if codec and options.compression is None:
        found["compression"] = codec
    return options.model_copy(update=found)
