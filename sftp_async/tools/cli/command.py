"""Turns a function into a command: adds the shared options, and maps errors to exit codes."""

from __future__ import annotations

import copy
import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from sftp_async.errors import OptionsError, SFTPAsyncError, SFTPAsyncWarning
from sftp_async.tools.cli.draft import Draft
from sftp_async.tools.cli.flags import with_flags
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.sources import Login
from sftp_async.tools.cli.target import (
    HOST_PARAMETERS,
    OPTIONAL_SERVER_PARAMETERS,
    SERVER_PARAMETERS,
    Host,
    Server,
    server_if_given,
)


def _flag(name: str, default: Any, kind: type, *flags: str, **more: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(*flags, **more)],
    )


_OUTPUT = (
    _flag(
        "as_json",
        False,
        bool,
        "--json",
        help="Print one JSON document to standard output, and nothing else.",
    ),
    _flag(
        "verbose",
        0,
        int,
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        help="Show more, and what the library logs (-vv: all of it) on standard error.",
    ),
    _flag(
        "quiet",
        False,
        bool,
        "--quiet",
        "-q",
        help="No progress bar, no warnings, no line about what was done.",
    ),
)


#: The shared parameters: what they stand for, and how they are made of it.
_SHARED: tuple[tuple[object, tuple[inspect.Parameter, ...], Callable[..., object]], ...] = (
    (Server, SERVER_PARAMETERS, Server.of),
    (Server | None, OPTIONAL_SERVER_PARAMETERS, server_if_given),
    (Host, HOST_PARAMETERS, Host.of),
    (Login, SERVER_PARAMETERS[1:], Login),
    (Draft, SERVER_PARAMETERS, Draft.of),
)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that Typer accepts as a command.

    A parameter of type `Server`, `Host` or `Draft` becomes TARGET and the options of a connection;
    with `Server | None`, TARGET may be missing, and `Login` has the options alone. A parameter of
    type `Output` becomes `--json`, `--verbose` and `--quiet`.
    """
    parameters = inspect.signature(function, eval_str=True).parameters
    shared = {p.annotation: name for name, p in parameters.items()}

    @functools.wraps(function)
    def run(**given: Any) -> None:
        output = Output(**{each.name: given.pop(each.name) for each in _OUTPUT})
        with output.logging(), warnings.catch_warnings():
            warnings.simplefilter("always", SFTPAsyncWarning)
            warnings.showwarning = lambda message, *_, **__: output.warn(f"Warning: {message}")
            try:
                for kind, own, make in _SHARED:
                    if kind in shared:
                        values = {p.name: given.pop(p.name) for p in own}
                        given[shared[kind]] = make(**values)
                function(**{shared[Output]: output}, **given)
            except OptionsError as error:
                output.error(with_flags(error))
                raise typer.Exit(2) from None
            except SFTPAsyncError as error:
                output.error(with_flags(error))
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
    own = {kind: shared for kind, shared, _ in _SHARED} | {Output: _OUTPUT}
    parameters = list(parameters)
    taken = {
        flag
        for parameter in parameters
        if parameter.annotation not in own
        for flag in _flags_of(parameter)
    }
    for parameter in parameters:
        if parameter.annotation not in own:
            yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            continue
        for each in own[parameter.annotation]:
            yield _without(each, taken).replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _flags_of(parameter: inspect.Parameter) -> set[str]:
    infos = getattr(parameter.annotation, "__metadata__", ())
    return {flag for info in infos for flag in getattr(info, "param_decls", None) or ()}


def _without(parameter: inspect.Parameter, taken: set[str]) -> inspect.Parameter:
    """Return a shared parameter without the letters that the command uses for its own."""
    if not taken & _flags_of(parameter):
        return parameter
    kind = parameter.annotation.__origin__
    info = copy.copy(parameter.annotation.__metadata__[0])
    info.param_decls = tuple(flag for flag in info.param_decls if flag not in taken)
    return parameter.replace(annotation=Annotated[kind, info])


def _local(error: OSError) -> SFTPAsyncError:
    """Return the error for a local file that cannot be read or written."""
    name = f"{error.filename}: " if error.filename else ""
    return SFTPAsyncError(f"{name}{error.strerror or error}")
