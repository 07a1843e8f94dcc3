"""Finds the names of the files that a job would write, before any row is known: for a dry run."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from sftp_async.layout.part_names import ATTEMPT_DIGITS, PartFile
from sftp_async.layout.sidecars import MANIFEST_FILE, SUCCESS_FILE, checksum_name, done_name
from sftp_async.options.template_option import template_fields
from sftp_async.write.commit.final_names import name_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sftp_async.layout.job_layout import Layout
    from sftp_async.options import WriteOptions
    from sftp_async.remote.filesystem import RemoteFileSystem

#: Stand for what differs from job to job, and from file to file, in the names that are shown.
JOB, ATTEMPT = "<job>", "<random>"


def target_names(layout: Layout, options: WriteOptions) -> tuple[str, ...]:
    """Return the names of the first files that a job would write, as far as they are known.

    Args:
        layout: of the job.
        options: the write options.

    """
    directory = "/".join(f"{column}=<{column}>" for column in layout.partition_by)
    if layout.file_name is not None:
        name = layout.file_name
    elif layout.row_files:
        return ("the name that each row has in its column path",)
    elif layout.names is not None:
        names = replace(layout.names, job=JOB)
        name = posixpath.join(directory, names.render(0, 1, directory, "0"))
    else:
        attempt = "0" * ATTEMPT_DIGITS
        _, name = layout.part_names(0, 0, attempt, directory)
        # The names next to it are made of a part file's own.
        names_of_one = (name, *sidecars_of(name, options))
        varies = {f"{layout.tag}-{attempt}": f"{JOB}-{ATTEMPT}", layout.tag: JOB}
        return tuple(_with_placeholders(each, varies) for each in names_of_one)
    return (name, *sidecars_of(name, options))


async def first_names(
    connection: RemoteFileSystem, layout: Layout, options: WriteOptions
) -> tuple[str, ...]:
    """Return the names that a job of `file_name_template` is to give first, as the job finds them.

    Args:
        connection: to the server.
        layout: of the job; its directory exists.
        options: the write options.

    Returns:
        The names of the first data file, which is a free one with `if_exists=rename`, and of the
        files next to it. Empty: only the rows or the job itself decide the name.

    Raises:
        CommitError: the job cannot give this name, as the job itself raises it.

    """
    if layout.names is None or layout.partition_by:
        return ()
    if template_fields(layout.names.template) & {"partition", "job"}:
        return ()
    _, name = layout.part_names(0, 0, "0" * ATTEMPT_DIGITS, "")
    (part,), _ = await name_parts(connection, layout, options, [PartFile("", name, 0, 0, "")])
    return (part.final, *sidecars_of(part.final, options))


def _with_placeholders(name: str, varies: Mapping[str, str]) -> str:
    for text, placeholder in varies.items():
        name = name.replace(text, placeholder)
    return name


def sidecars_of(name: str, options: WriteOptions) -> Iterator[str]:
    """Yield the names of the files that a job writes next to a data file."""
    if options.checksum_files != "none":
        yield checksum_name(name, options.checksum_files)
    if options.done_file_template is not None:
        yield done_name(options.done_file_template, name)
    if options.manifest:
        yield MANIFEST_FILE
    if options.success_file:
        yield SUCCESS_FILE
