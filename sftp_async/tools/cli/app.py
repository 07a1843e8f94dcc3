"""The commands, and the page that is shown without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from sftp_async.tools.cli import bench, doctor, files, keyscan, options, recover, serve
from sftp_async.tools.cli.command import command
from sftp_async.version import __version__

_EPILOG = """\
A first look, in two terminals: `sftp-async serve` prints the command for the other one.

TARGET is `[user@]host[:port][:/path]` or `sftp://user@host:port/path`. Secrets come from a prompt
(`--ask-password`), the environment (`--password-env NAME`) or a file (`-o password=file:/path`).

Every command takes `--json`. It ends with 0 when all is done, with 1 when a check found a fault or
nothing was done, and with 2 when it was called wrongly.
"""

app = typer.Typer(
    name="sftp-async",
    help="Checks, looks after and tries out SFTP servers that Spark writes to with sftp_async.",
    epilog=_EPILOG,
    rich_markup_mode="markdown",
    add_completion=False,
    # Tracebacks with the values of variables would show secrets.
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
        typer.Option("--version", is_eager=True, callback=_version, help="Show the version."),
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
    "recover": recover.recover,
    "clean": recover.clean,
    "bench": bench.bench,
    "serve": serve.serve,
    "options": options.options,
}
for _name, _function in _COMMANDS.items():
    app.command(_name)(command(_function))
