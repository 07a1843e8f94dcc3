"""Registers the commands, and shows the help page if none is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from sftp_async.tools.cli import (
    bench,
    connections,
    doctor,
    files,
    ingest,
    keyscan,
    listing,
    manage,
    options,
    plan,
    preview,
    recover,
    serve,
)
from sftp_async.tools.cli.command import command
from sftp_async.tools.cli.examples import epilog
from sftp_async.version import __version__

_EPILOG = """\
For a first try, use two terminals: `sftp-async serve` prints the command for the other one.

TARGET is `[user@]host[:port][:/path]`, `sftp://user@host:port/path`, or the name of a connection
that `sftp-async connections add` keeps: `partner:/out`. Secrets come from a prompt
(`--ask-password`), the environment (`--password-env NAME`), a file (`-o password=file:/path`) or
the keyring (`-o password=keyring:NAME`).

Every command accepts `--json`, `-v` and `-q`. The exit status is 0 after success, 1 if a check
failed or nothing was done, 2 if the arguments are invalid, and 130 after Ctrl-C.
"""

app = typer.Typer(
    name="sftp-async",
    help="Checks SFTP servers that Spark writes to with sftp_async, transfers files, and recovers "
    "interrupted jobs.",
    epilog=_EPILOG,
    rich_markup_mode="markdown",
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
    "ls": listing.ls,
    "tree": listing.tree,
    "get": files.get,
    "put": files.put,
    "cat": files.cat,
    "rm": manage.rm,
    "mkdir": manage.mkdir,
    "mv": manage.mv,
    "preview": preview.preview,
    "plan": plan.plan,
    "ingest": ingest.ingest,
    "recover": recover.recover,
    "clean": recover.clean,
    "bench": bench.bench,
    "serve": serve.serve,
    "options": options.options,
}
for _name, _function in _COMMANDS.items():
    app.command(_name, epilog=epilog(_name))(command(_function))

_CONNECTIONS: dict[str, Callable[..., None]] = {
    "add": connections.add,
    "list": connections.list_,
    "show": connections.show,
    "remove": connections.remove,
    "import": connections.import_,
}
_group = typer.Typer(
    help="Keep connections under names: `sftp-async ls NAME:/path`.", no_args_is_help=True
)
for _name, _function in _CONNECTIONS.items():
    _group.command(_name, epilog=epilog(f"connections {_name}"))(command(_function))
app.add_typer(_group, name="connections")
