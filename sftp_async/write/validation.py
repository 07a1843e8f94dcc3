"""Checks what options, columns, target and format must agree on before a job is planned.

Each check yields a sentence for each mistake; `sftp_async.write.plan` reports all of them at once.
Mistakes that the options show by themselves are reported when they are built.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from sftp_async.formats.archive_format import ArchiveFormat
from sftp_async.formats.charset import Charset
from sftp_async.formats.values.exact_sums import sum_problems
from sftp_async.layout.member_names import template_problem
from sftp_async.layout.once import MARKERS
from sftp_async.layout.part_names import LONGEST_NAME, is_extension
from sftp_async.layout.path_safety import path_problem
from sftp_async.layout.sidecars import MANIFEST_FILE, SUCCESS_FILE, checksum_name, done_name
from sftp_async.layout.target_paths import STAGING
from sftp_async.options.archives import ARCHIVES
from sftp_async.options.control_template import LINE_END, ControlTemplate
from sftp_async.options.template_option import template_fields, unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from sftp_async.formats.base import Format
    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import SFTPOptions


def job_problems(
    layout: Layout,
    options: SFTPOptions,
    schema: pa.Schema,
    file_format: Format | None,
    *,
    stream: bool,
) -> Iterator[str]:
    """Yield every mistake.

    Args:
        layout: where the job writes.
        options: with the format that the target implies.
        schema: of the rows to come.
        file_format: checked against the schema; None if that failed.
        stream: whether the job is a micro-batch.

    """
    if file_format is not None:
        yield from _extension_problems(options, file_format)
    if layout.row_files or options.format == "binary":
        yield from _row_file_problems(layout, options)
    yield from _collision_problems(layout, options)
    yield from _place_problems(layout, options)
    if layout.file_name is not None:
        yield from _exact_file_problems(layout, options, appends=stream and not layout.overwrite)
    unfilled = list(_template_problems(layout, options, stream=stream))
    yield from unfilled
    if not unfilled:
        yield from _name_problems(layout, options)
    yield from _control_problems(layout, options, schema, file_format)
    yield from _archive_problems(layout, options, stream=stream)
    if options.format == "excel":
        yield from _excel_problems(layout, options)
    if options.verify == "checksum":
        yield "verify=checksum is for reads: a write compares with verify=readback or server."
    if options.verify == "none" and options.commit_mode != "direct":
        yield (
            "verify=none is for servers that take files away as soon as they are closed, which "
            "need commit_mode=direct: set it too, or leave verify out."
        )


def stream_problems(options: SFTPOptions, *, overwrite: bool) -> Iterator[str]:
    """Yield what is wrong with the options of a streaming query alone.

    Args:
        options: as the user gave them.
        overwrite: each micro-batch replaces what is there: output mode `complete`.

    """
    if options.job_key is not None:
        yield "job_key is for batch writes: each batch of a streaming query has a key already."
    if overwrite and "now" in template_fields(options.file_name_template or ""):
        yield (
            "file_name_template holds {now}, but each batch of a query in output mode complete "
            "has to find the files of the one before: leave {now} out."
        )


def _extension_problems(options: SFTPOptions, file_format: Format) -> Iterator[str]:
    """Yield why an overwrite would not recognize the part files of a format of another package."""
    if not is_extension(file_format.extension):
        yield (
            f"format={options.format} has the extension {file_format.extension!r}: an overwrite "
            "recognizes part files by an extension of letters and digits, with dots between them."
        )


def _row_file_problems(layout: Layout, options: SFTPOptions) -> Iterator[str]:
    """Yield what asks for other files than one for each row."""
    for name, given in (
        ("file_name_template", options.file_name_template),
        ("partition_by", options.partition_by),
        ("max_records_per_file", options.max_records_per_file),
        ("max_file_bytes", options.max_file_bytes),
        ("files_per_partition", options.files_per_partition > 1),
    ):
        if given:
            yield (
                f"{name} has no meaning where each row is a file (format={options.format}): "
                "leave it out."
            )
    if layout.file_name is not None:
        yield (
            f"The path {layout.target} names one exact file, but format={options.format} writes "
            "one for each row: give a directory, or set single_file=false."
        )
    if layout.direct:
        yield (
            f"format={options.format} gives names by rename, which commit_mode=direct does without."
        )
    if _rows_reach(layout.paths.staging_base, layout.directory):
        yield (
            f"staging_dir={options.staging_dir} is inside the target, where rows could write: "
            "leave it out, or give a directory elsewhere on the same file system."
        )


def _rows_reach(staging_base: str, directory: str) -> bool:
    """Whether rows may name a file in the staging directories."""
    if posixpath.isabs(staging_base) != posixpath.isabs(directory):
        return False  # one is relative to the login directory, which is not known here
    path = posixpath.relpath(staging_base, directory)
    return path_problem(path) is None


def _collision_problems(layout: Layout, options: SFTPOptions) -> Iterator[str]:
    """Yield why `if_exists` cannot say what happens to files of the same names."""
    if options.if_exists is None:
        return
    if not layout.named:
        yield (
            "if_exists is for names that are asked for: give a path such as "
            f"{layout.directory}/orders.csv, or set file_name_template."
        )
    elif layout.names_parts and layout.overwrite and options.if_exists != "replace":
        yield (
            f"if_exists={options.if_exists} is for one exact file, or for mode append: part files "
            "of an overwrite replace those of their names."
        )
    elif layout.row_files and options.if_exists == "ignore":
        yield "if_exists=ignore is for one exact file: of part files some would be left out."


def _place_problems(layout: Layout, options: SFTPOptions) -> Iterator[str]:
    """Yield why staging has no directory of its own."""
    if layout.paths.staging_base in (layout.directory, layout.target):
        yield (
            f"staging_dir={options.staging_dir} is the target itself, where readers would find "
            "unfinished files: leave it out, or give another directory of the same file system."
        )


def _excel_problems(layout: Layout, options: SFTPOptions) -> Iterator[str]:
    """Yield what a file that is packed at its end, always as `.xlsx`, cannot have."""
    if options.max_file_bytes:
        yield (
            "max_file_bytes is not for format=excel, whose files have no bytes before they end: "
            "take max_records_per_file."
        )
    name = layout.file_name or ""
    if name.lower().endswith((".xls", ".xlsm", ".xlsb", ".ods")):
        yield f"format=excel writes .xlsx: Excel would not open it under the name {name!r}."


def _exact_file_problems(layout: Layout, options: SFTPOptions, *, appends: bool) -> Iterator[str]:
    """Yield what asks for several files where the path names one.

    Args:
        layout: with an exact file.
        options: of the job.
        appends: whether the job is a micro-batch whose rows come on top of those before.

    """
    if appends:
        yield (
            f"The path {layout.target} names one exact file, to which a streaming query "
            'cannot append: give a directory, or use outputMode("complete").'
        )
    if options.partition_by:
        yield (
            f"partition_by makes directories, but the path {options.path} names one exact file: "
            "leave it out, or give a directory."
        )
    for name in ("max_records_per_file", "max_file_bytes"):
        if getattr(options, name):
            yield (
                f"{name} splits the output, but the path {layout.target} names one exact "
                "file: leave it out, or give a directory."
            )


def _template_problems(layout: Layout, options: SFTPOptions, *, stream: bool) -> Iterator[str]:
    """Yield why the names of part files cannot be filled in, or could be the same."""
    if layout.names is None:
        return
    yield from unknown_fields(layout.names.template, options.partition_by)
    fields = template_fields(layout.names.template)
    if not stream and "batch" in fields:
        yield (
            "file_name_template has an unknown field, {batch}: only the batches of a streaming "
            "query have numbers."
        )
    if stream and not layout.overwrite and fields.isdisjoint({"batch", "job"}):
        yield (
            "file_name_template needs {batch} or {job}: the batches of a stream would have the "
            "same names."
        )


def _name_problems(layout: Layout, options: SFTPOptions) -> Iterator[str]:
    """Yield which names of data files, and of the files next to them, cannot be given."""
    name = layout.file_name or (
        layout.names.sample if layout.names is not None else layout.part_names(0, 0, "")[1]
    )
    if _too_long(name):
        option = "path" if layout.file_name else "file_name_template"
        yield f"{option} makes a file name of more than {LONGEST_NAME} bytes: {name[:40]}…"
        return
    taken = {name, SUCCESS_FILE, MANIFEST_FILE, STAGING, MARKERS}
    sidecars: list[tuple[str, str]] = []
    if options.checksum_files != "none":
        sidecars.append(("checksum_files", checksum_name(name, options.checksum_files)))
    if options.done_file_template is not None:
        sidecars.append(("done_file_template", done_name(options.done_file_template, name)))
    for option, sidecar in sidecars:
        if _too_long(sidecar):
            yield (f"{option} makes a name of more than {LONGEST_NAME} bytes: {sidecar!r}.")
        elif sidecar in taken:
            yield f"{option} makes a name that is taken: {sidecar!r}."
        taken.add(sidecar)


def _too_long(name: str) -> bool:
    return len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME


#: Options of control records -> those of fixed-width files that make them.
_CONTROLS: Final = {"header_lines": "fixed_header", "footer_lines": "fixed_trailer"}


def _control_problems(
    layout: Layout, options: SFTPOptions, schema: pa.Schema, file_format: Format | None
) -> Iterator[str]:
    """Yield why control records cannot be put around the data."""
    charset = Charset.named(options.encoding)
    for option, of_fixed in _CONTROLS.items():
        text: str | None = getattr(options, option)
        if text is None:
            continue
        is_layout = options.format == "fixed" and getattr(options, of_fixed) is not None
        name = of_fixed if is_layout else option
        # What if_exists=rename adds to the name is in any character set.
        template = ControlTemplate(text)
        filled = template.filled(layout.file_name or "")
        mark = charset.mark if charset is not None and option == "header_lines" else b""
        if mark or _lacks(charset, filled):
            yield (
                f"{name} cannot be written with encoding={options.encoding}: it lacks a character "
                "of the lines or of the file's name, or its byte order mark has to come first."
            )
        yield from sum_problems(name, template, schema)
        if "any" in template.fields:
            yield f"{name} holds {{any}}, which is for reads: a write has nothing to put there."
        if len(LINE_END.findall(filled)) != len(LINE_END.findall(text)):
            yield f"{name} holds {{name}}, and the name of the file has a line end."
        if layout.file_name is None:
            yield (
                f"{name} is for one exact file: give a path such as {layout.directory}/orders.csv, "
                "or set single_file=true."
            )
        archive = file_format if isinstance(file_format, ArchiveFormat) else None
        content = archive.members if archive is not None else file_format
        encrypted = options.pgp_public_key is not None
        if encrypted and content is not None:
            content = content.for_concatenation()
        if encrypted and options.archive in ARCHIVES:
            yield (
                f"{name} is for an archive that is not encrypted: leave it, archive or "
                "pgp_public_key out."
            )
        elif options.format == "xml" or (content is not None and not content.concatenable):
            yield (
                f"{name} is for text, and format={options.format} has no lines: leave it out, or "
                "write csv, json or text."
            )
        elif archive is not None and not archive.joins:
            yield (
                f"{name} is for an archive with one member, and this one has a member for each "
                "partition: leave it out, or archive_password and the number in "
                "archive_member_template."
            )
        packed = ""
        if options.compression not in (None, "none") or options.archive in ("zip", "tar.gz"):
            packed = "compressed data: leave it, or compression, out"
        elif encrypted:
            packed = "encrypted data: leave it out"
        for field in sorted(template.fields & {"bytes", "sha256"}) if packed else ():
            yield f"{name} holds {{{field}}}, which would be that of the {packed}."


def _archive_problems(layout: Layout, options: SFTPOptions, *, stream: bool) -> Iterator[str]:
    """Yield what is asked of archives where there are none, and why members have no names."""
    if options.archive not in ARCHIVES:
        for name in ("archive_member_template", "archive_password"):
            if getattr(options, name) is not None:
                yield (
                    f"{name} is for archives, and none is written: set archive=zip, or give a "
                    f"path such as {layout.directory}/orders.zip."
                )
        return
    template = options.archive_member_template
    if template is None:
        return
    unknown = template_problem(template, options.partition_by, stream=stream)
    if unknown is not None:
        yield f"archive_member_template has an unknown field, {unknown}."
        return
    if layout.members is None:
        return
    archive = layout.file_name or layout.part_names(0, 0, "0" * 32)[1]
    directory = "/".join(f"{column}=x" for column in options.partition_by)
    try:
        layout.members.render(archive, directory=directory, job=layout.tag)
    except (ValueError, TypeError, OverflowError, MemoryError, LookupError) as error:
        yield f"archive_member_template makes no name of a member: {error}."


def _lacks(charset: Charset | None, text: str) -> bool:
    """Whether text cannot be written; in UTF-8, too, a file name of other bytes cannot."""
    if charset is not None:
        return charset.lacks(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
