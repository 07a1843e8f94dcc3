"""Turns a function into a command: adds the shared options, and maps errors to exit codes."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from sftp_async.errors import OptionsError, SFTPAsyncError, SFTPAsyncWarning
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import HOST_PARAMETERS, SERVER_PARAMETERS, Host, Server

_JSON = inspect.Parameter(
    "as_json",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON document to standard output, and nothing else."
        ),
    ],
)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that Typer accepts as a command.

    A parameter of type `Server` or `Host` becomes TARGET and the options of a connection. A
    parameter of type `Output` becomes `--json`.
    """
    parameters = inspect.signature(function, eval_str=True).parameters
    shared = {p.annotation: name for name, p in parameters.items()}

    @functools.wraps(function)
    def run(**given: Any) -> None:
        output = Output(given.pop("as_json"))
        with warnings.catch_warnings():
            warnings.simplefilter("always", SFTPAsyncWarning)
            warnings.showwarning = lambda message, *_, **__: output.note(f"Warning: {message}")
            try:
                for kind, own in ((Server, SERVER_PARAMETERS), (Host, HOST_PARAMETERS)):
                    if kind in shared:
                        values = {p.name: given.pop(p.name) for p in own}
                        given[shared[kind]] = kind.of(**values)
                function(**{shared[Output]: output}, **given)
            except OptionsError as error:
                output.error(error)
                raise typer.Exit(2) from None
            except SFTPAsyncError as error:
                output.error(error)
                raise typer.Exit(1) from None
            except BrokenPipeError:
                raise  # the reader of standard output has ended, and Typer exits without a message
            except OSError as error:
                output.error(_local(error))
                raise typer.Exit(1) from None

    signature = inspect.Signature([*_expanded(parameters.values())])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    return run


def _expanded(parameters: Any) -> Iterator[inspect.Parameter]:
    own: dict[object, tuple[inspect.Parameter, ...]] = {
        Server: SERVER_PARAMETERS,
        Host: HOST_PARAMETERS,
        Output: (_JSON,),
    }
    for parameter in parameters:
        for each in own.get(parameter.annotation, (parameter,)):
            yield each.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _local(error: OSError) -> SFTPAsyncError:
    """Return the error for a local file that cannot be read or written."""
    name = f"{error.filename}: " if error.filename else ""
    return SFTPAsyncError(f"{name}{error.strerror or error}")
