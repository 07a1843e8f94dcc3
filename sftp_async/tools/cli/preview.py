"""Implements `sftp-async preview`, which shows what a read would take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sftp_async.humanize import counted, in_units, printable
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
    import pyarrow as pa

    from sftp_async.read.listing import Listing
    from sftp_async.read.preview import Preview
    from sftp_async.read.stream.preview import StreamLook

#: Files of each kind that are shown; `--json` has all of them.
_SHOWN = 20
#: Characters of a value in the table of rows.
_WIDEST = 40


def preview(
    server: Server,
    output: Output,
    rows: Annotated[
        int, typer.Option("--rows", "-n", metavar="N", min=0, help="Number of rows to show.")
    ] = 10,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream", help="Show what a stream would read next; `-o state_location=…` is its own."
        ),
    ] = False,
) -> None:
    """Show what a read of TARGET would take: files, columns, tasks, and the first rows.

    TARGET is a file, a directory or a glob. The options of the read are given with `-o`, such as
    `-o header=true -o format=csv`. Nothing is written to the server.
    """
    from sftp_async.read.preview import preview as look
    from sftp_async.read.preview import preview_stream

    path = server.path or "."
    found = (preview_stream if stream else look)(server.options, (path,), rows=rows)
    output.document(found.to_dict())
    output.line(f"{server.options.address}, path {path}")
    if found.stream is not None:
        show_stream(found.stream, output)
    show_files(found.listing, output, "Next micro-batch: " if found.stream else "")
    _show_plan(found, output)
    if found.problem is not None:
        if not output.as_json:  # the document has the problem
            output.error(found.problem)
        raise typer.Exit(1)


def show_stream(stream: StreamLook, output: Output) -> None:
    """Show what a stream would do with the files that are there."""
    from sftp_async.read.ingest_log.locations import without_secrets
    from sftp_async.read.stream.preview import PLANNED

    size = sum(file.size for file in stream.waiting)
    batches = f"{len(stream.batches):,}" + (" or more" if len(stream.batches) == PLANNED else "")
    output.line()
    if not stream.begun and (location := stream.options.state_location) is not None:
        output.line(
            f"No state at {without_secrets(location)}: the stream has not begun, or its state is "
            "elsewhere",
            "bold",
        )
    output.line(
        f"Waiting: {counted((len(stream.waiting), 'file'))}, {in_units(size)}; micro-batches "
        f"for them: {batches}"
    )
    output.line(f"Read before, in this version: {counted((len(stream.read), 'file'))}")
    if stream.changed:
        action = stream.options.on_change
        output.line(f"Changed since they were read (on_change={action}): {len(stream.changed):,}")
        for file in stream.changed[:_SHOWN]:
            output.line(f"  {file.path}")


def show_files(listing: Listing, output: Output, what: str = "") -> None:
    """Show the files of a read, and those that it leaves out."""
    size = sum(file.size for file in listing.files)
    output.line()
    output.line(f"{what}{counted((len(listing.files), 'file'))}, {in_units(size)}", "bold")
    for file in listing.files[:_SHOWN]:
        when = f"{datetime.fromtimestamp(file.mtime, UTC):%Y-%m-%d %H:%M}" if file.mtime else "-"
        output.line(f"  {file.size:>15,}  {when:16}  {file.path}")
    if len(listing.files) > _SHOWN:
        output.line(f"  and {len(listing.files) - _SHOWN:,} more")
    if listing.left_out_count:
        output.line(f"{counted((listing.left_out_count, 'name'))} left out", "bold")
    for each in listing.left_out[:_SHOWN]:
        output.line(f"  {each.path}: {each.reason}")
    if listing.left_out_count > _SHOWN:
        output.line(f"  and {listing.left_out_count - min(_SHOWN, len(listing.left_out)):,} more")


def _show_plan(found: Preview, output: Output) -> None:
    output.line()
    output.line(f"Format: {found.format}")
    if found.ddl is not None:
        output.line(f"Schema: {found.ddl}")
        splits = sum(len(task.splits) for task in found.tasks)
        output.line(f"Tasks: {len(found.tasks):,}, which read {counted((splits, 'range'))}")
    if found.rows is not None and found.rows.num_columns:
        output.line()
        _show_rows(found.rows, output)


def _show_rows(rows: pa.Table, output: Output) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for name in rows.column_names:
        table.add_column(Text(_cell(name)), overflow="ellipsis")
    for row in rows.to_pylist():
        table.add_row(*(Text("null", "dim") if v is None else Text(_cell(v)) for v in row.values()))
    output.show(table)


def _cell(value: object) -> str:
    return printable(str(value), _WIDEST)
