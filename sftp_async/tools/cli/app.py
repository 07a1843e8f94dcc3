"""Registers the commands, and shows the help page if none is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from sftp_async.tools.cli import (
    bench,
    doctor,
    files,
    keyscan,
    options,
    preview,
    recover,
    serve,
)
from sftp_async.tools.cli.command import command
from sftp_async.version import __version__

_EPILOG = """\
For a first try, use two terminals: `sftp-async serve` prints the command for the other one.

TARGET is `[user@]host[:port][:/path]` or `sftp://user@host:port/path`. Secrets come from a prompt
(`--ask-password`), the environment (`--password-env NAME`) or a file (`-o password=file:/path`).

Every command accepts `--json`. The exit status is 0 after success, 1 if a check failed or nothing
was done, and 2 if the arguments are invalid.
"""

app = typer.Typer(
    name="sftp-async",
    help="Checks SFTP servers that Spark writes to with sftp_async, transfers single files, and "
    "recovers interrupted jobs.",
    epilog=_EPILOG,
    rich_markup_mode="markdown",
    add_completion=False,
    # Tracebacks that contain the values of variables would show secrets.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sftp-async {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


_COMMANDS: dict[str, Callable[..., None]] = {
    "doctor": doctor.doctor,
    "keyscan": keyscan.keyscan,
    "ls": files.ls,
    "get": files.get,
    "put": files.put,
    "preview": preview.preview,
    "recover": recover.recover,
    "clean": recover.clean,
    "bench": bench.bench,
    "serve": serve.serve,
    "options": options.options,
}
for _name, _function in _COMMANDS.items():
    app.command(_name)(command(_function))
