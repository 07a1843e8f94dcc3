"""Resolves the target: a directory or one exact file, and the format that its name implies."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError
from sftp_async.options.codecs import CODEC_OF_EXTENSION
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
        single = file_kind(path)[0] is not None and not (options.path or "").endswith("/")
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
    """Return the options with format and compression taken from the extension of a name asked for.

    What the user set explicitly wins; `orders.csv.gz` is gzipped CSV without any option, and
    `orders.tsv` has tabs. The same holds for the part files of a template with an extension.

    The result may break rules between options: see its `contradictions`.
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
    return options.with_inferred(found)
