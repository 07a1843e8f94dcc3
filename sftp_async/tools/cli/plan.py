"""Implements `sftp-async plan`, which checks a write, and shows what it would do."""

from __future__ import annotations

from typing import Annotated

import typer

from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import Server


def plan(
    server: Server,
    output: Output,
    schema: Annotated[
        str,
        typer.Option(
            "--schema",
            "-s",
            metavar="DDL",
            help="The columns, as in 'id BIGINT, name STRING'; or Spark's JSON of a schema.",
            show_default=False,
        ),
    ],
    mode: Annotated[
        str, typer.Option("--mode", "-m", metavar="MODE", help="`append` or `overwrite`.")
    ] = "append",
    connect: Annotated[
        bool,
        typer.Option(
            "--connect/--offline",
            help="Look at the server, too; or check only what needs no connection.",
        ),
    ] = True,
) -> None:
    """Check a write to TARGET, and show what it would do. Nothing is written.

    The options of the write are given with `-o`, such as `-o partition_by=country`. The exit status
    is 1 if anything is wrong.
    """
    options = server.options
    if "max_retries" not in options.model_fields_set:
        options = options.model_copy(update={"max_retries": 0})
    found = options.plan(None, schema, mode, connect=connect)
    output.document(found.to_dict())
    output.line(found.title, None if found.ok else "bold red")
    for heading, text, more in found.rows():
        output.line(f"{heading:12} {text}".rstrip(), "red" if heading == "Problems" else None)
        for line in more:
            output.line(f"{'':12}   {line}")
    if not found.ok:
        raise typer.Exit(1)
