"""What options, layout and format must agree on before a job is planned."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sftp_async.errors import OptionsError
from sftp_async.formats.charset import Charset
from sftp_async.layout.once import MARKERS
from sftp_async.layout.part_names import LONGEST_NAME, is_extension
from sftp_async.layout.path_safety import path_problem
from sftp_async.layout.sidecars import MANIFEST_FILE, SUCCESS_FILE, checksum_name, done_name
from sftp_async.layout.target_paths import STAGING
from sftp_async.options.name_templates import CONTROL_FIELDS, control_fields

if TYPE_CHECKING:
    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions


def check(
    layout: Layout, options: SFTPOptions, file_format: Format, *, stream: bool, overwrite: bool
) -> None:
    """Check them all.

    Args:
        layout: where the job writes.
        options: resolved.
        file_format: checked against the schema.
        stream: whether the job is a micro-batch.
        overwrite: what the mode says.

    Raises:
        OptionsError: they do not make a job.

    """
    _check_extension(options, file_format)
    if layout.row_files:
        _check_row_files(layout, options)
    _check_names(layout, options, stream=stream, overwrite=overwrite)
    _check_places(layout, options)
    limits = [n for n in ("max_records_per_file", "max_file_bytes") if getattr(options, n)]
    if layout.file_name is not None and limits:
        raise OptionsError(
            f"{limits[0]} splits the output, but the path {layout.target} names one exact "
            "file: leave it out, or give a directory"
        )
    _check_companions(layout, options)
    _check_control(layout, options, file_format)
    if options.verify == "none" and options.commit_mode != "direct":
        raise OptionsError(
            "verify=none is for servers that take files away as soon as they are closed, which "
            "need commit_mode=direct: set it too, or leave verify out"
        )


def _check_extension(options: SFTPOptions, file_format: Format) -> None:
    """Check that an overwrite recognises the part files of a format that is not built in.

    Raises:
        OptionsError: it does not.

    """
    if not is_extension(file_format.extension):
        raise OptionsError(
            f"format={options.format} has the extension {file_format.extension!r}: an overwrite "
            "recognises part files by an extension of letters and digits, with dots between them"
        )


def _check_row_files(layout: Layout, options: SFTPOptions) -> None:
    """Check that nothing asks for other files than one a row.

    Raises:
        OptionsError: something does.

    """
    given = [
        name
        for name, given in (
            ("file_name_template", options.file_name_template),
            ("partition_by", options.partition_by),
            ("max_records_per_file", options.max_records_per_file),
            ("max_file_bytes", options.max_file_bytes),
            ("files_per_partition", options.files_per_partition > 1),
        )
        if given
    ]
    problems = [
        f"{name} has no meaning where each row is a file (format={options.format}): leave it out."
        for name in given
    ]
    if layout.file_name is not None:
        problems.append(
            f"The path {layout.target} names one exact file, but format={options.format} writes "
            "one for each row: give a directory, or set single_file=false."
        )
    if _rows_reach(layout.paths.staging_base, layout.directory):
        problems.append(
            f"staging_dir={options.staging_dir} is inside the target, where rows could write: "
            "leave it out, or give a directory elsewhere on the same file system."
        )
    if problems:
        raise OptionsError(problems)


def _rows_reach(staging_base: str, directory: str) -> bool:
    """Whether rows may name a file in the staging directories."""
    if posixpath.isabs(staging_base) != posixpath.isabs(directory):
        return False  # one is relative to the login directory, which is not known here
    path = posixpath.relpath(staging_base, directory)
    return path_problem(path) is None


def _check_places(layout: Layout, options: SFTPOptions) -> None:
    """Check that the file system has room for the name, and staging a place of its own.

    Raises:
        OptionsError: it has not.

    """
    name = layout.file_name or (layout.names.sample if layout.names is not None else "")
    if len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        option = "path" if layout.file_name else "file_name_template"
        raise OptionsError(
            f"{option} makes a file name of more than {LONGEST_NAME} bytes: {name[:40]}…"
        )
    if layout.paths.staging_base in (layout.directory, layout.target):
        raise OptionsError(
            f"staging_dir={options.staging_dir} is the target itself, where readers would find "
            "unfinished files: leave it out, or give another directory of the same file system"
        )


def _check_companions(layout: Layout, options: SFTPOptions) -> None:
    """Check the names of what is to stand beside each data file.

    Raises:
        OptionsError: one is too long, or something else's.

    """
    name = layout.file_name or (
        layout.names.sample if layout.names is not None else layout.part_names(0, 0, "")[1]
    )
    taken = {name, SUCCESS_FILE, MANIFEST_FILE, STAGING, MARKERS}
    beside: list[tuple[str, str]] = []
    if options.checksum_files != "none":
        beside.append(("checksum_files", checksum_name(name, options.checksum_files)))
    if options.done_file_template is not None:
        beside.append(("done_file_template", done_name(options.done_file_template, name)))
    for option, companion in beside:
        if len(companion.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
            raise OptionsError(
                f"{option} needs room in the name: {companion!r} is longer than "
                f"{LONGEST_NAME} bytes"
            )
        if companion in taken:
            raise OptionsError(f"{option} makes a name that is taken: {companion!r}")
        taken.add(companion)


def _check_control(layout: Layout, options: SFTPOptions, file_format: Format) -> None:
    """Check that control records can be put around the data.

    Raises:
        OptionsError: they cannot.

    """
    given = {
        name: text
        for name, text in (
            ("header_lines", options.header_lines),
            ("footer_lines", options.footer_lines),
        )
        if text is not None
    }
    charset = Charset.named(options.encoding)
    for name, text in given.items():
        # What if_exists=rename adds to the name is in any character set.
        filled = text.format_map({**CONTROL_FIELDS, "name": layout.file_name or ""})
        mark = charset.mark if charset is not None and name == "header_lines" else b""
        if mark or _lacks(charset, filled):
            raise OptionsError(
                f"{name} cannot be written with encoding={options.encoding}: it lacks a character "
                "of the lines or of the file's name, or its byte order mark has to come first"
            )
        if layout.file_name is None:
            raise OptionsError(
                f"{name} is for one exact file: give a path such as {layout.directory}/orders.csv, "
                "or set single_file=true"
            )
        if not file_format.concatenable or options.format == "xml":
            raise OptionsError(
                f"{name} is for text, and format={options.format} has no lines: leave it out, or "
                "write csv, json or text"
            )
        for field in ("bytes", "sha256"):
            if field in control_fields(text) and options.compression not in (None, "none"):
                raise OptionsError(
                    f"{name} holds {{{field}}}, which would be that of the compressed data: leave "
                    "it, or compression, out"
                )


def _lacks(charset: Charset | None, text: str) -> bool:
    """Whether text cannot be written; in UTF-8, too, a file name of other bytes cannot."""
    if charset is not None:
        return charset.lacks(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _check_names(layout: Layout, options: SFTPOptions, *, stream: bool, overwrite: bool) -> None:
    """Check the names that were asked for, and what is to be done where they are taken.

    Raises:
        OptionsError: they cannot be given, or may be the same.

    """
    if options.if_exists is not None and not layout.named:
        raise OptionsError(
            "if_exists is for names that are asked for: give a path such as "
            f"{layout.directory}/orders.csv, or set file_name_template"
        )
    if not layout.names_parts:
        return
    rolls = (
        options.max_records_per_file or options.max_file_bytes or options.files_per_partition > 1
    )
    if layout.names is not None:
        layout.names.check(stream=stream, appends=not overwrite, rolls=bool(rolls))
    if layout.direct:
        what = "file_name_template" if layout.names is not None else "format=binary"
        raise OptionsError(f"{what} gives names by rename, which commit_mode=direct does without")
    if options.if_exists == "ignore" or (overwrite and options.if_exists not in (None, "replace")):
        raise OptionsError(
            f"if_exists={options.if_exists} is for one exact file, or for mode append: part files "
            "of an overwrite take the place of those of their names"
            if overwrite
            else "if_exists=ignore is for one exact file: of part files some would be left out"
        )
