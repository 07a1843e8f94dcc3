"""Parses TARGET and the options of a connection into `SFTPOptions`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args

import typer

from sftp_async.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.options import SFTPOptions

_TARGET = re.compile(
    r"(?:(?P<username>[^/:]+)@)?(?P<host>\[[^\]]*\]|[^:/@\[\]]+)"
    r"(?::(?P<port>\d+))?(?::(?P<path>.*))?",
    re.DOTALL,
)
_FORM = "[user@]host[:port][:/path] or sftp://user@host:port/path"
_PANEL = "Connection"


def _option(name: str, kind: Any, default: Any, *flags: str, **more: Any) -> Parameter:
    option = typer.Option(*flags, rich_help_panel=_PANEL, show_default=False, **more)
    return Parameter(
        name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


def _refuse_secret(value: str | None) -> None:
    if value is not None:
        raise typer.BadParameter(
            "a secret must not be an argument: every user of this machine can read the arguments "
            "of a process, and the shell saves them. Use --ask-password, --password-env NAME or "
            "-o password=file:/path (and change this password)"
        )


HOST_PARAMETERS = (
    Parameter(
        "target",
        Parameter.KEYWORD_ONLY,
        annotation=Annotated[
            str, typer.Argument(metavar="TARGET", help=f"`{_FORM}`", show_default=False)
        ],
    ),
    _option("port", int | None, None, "--port", "-p", metavar="N", help="TCP port; 22 if not set."),
    _option(
        "option",
        list[str] | None,
        None,
        "--option",
        "-o",
        metavar="KEY=VALUE",
        help="Any other option of SFTPOptions, as `sftp-async options` lists them. Repeatable.",
    ),
)
SERVER_PARAMETERS = (
    *HOST_PARAMETERS,
    _option("username", str | None, None, "--username", "-u", help="User name to log in with."),
    _option(
        "private_key",
        str | None,
        None,
        "--private-key",
        "-i",
        metavar="PATH",
        help="Private key file.",
    ),
    _option(
        "ask_passphrase",
        bool,
        False,
        "--ask-passphrase",
        help="Prompt for the passphrase of the private key.",
    ),
    _option("ask_password", bool, False, "--ask-password", help="Prompt for the password."),
    _option(
        "password_env",
        str | None,
        None,
        "--password-env",
        metavar="NAME",
        help="Environment variable with the password.",
    ),
    _option(
        "password",
        str | None,
        None,
        "--password",
        "--passphrase",
        hidden=True,
        callback=_refuse_secret,
    ),
    _option(
        "known_hosts",
        str | None,
        None,
        "--known-hosts",
        metavar="PATH",
        help="known_hosts file. If not set, it is ~/.ssh/known_hosts.",
    ),
    _option(
        "host_key_fingerprint",
        str | None,
        None,
        "--host-key-fingerprint",
        metavar="SHA256:…",
        help="Host key to accept; `sftp-async keyscan` shows it.",
    ),
)


@dataclass(frozen=True)
class Server:
    """A server and the credentials for it.

    Args:
        options: as given, validated.
        path: the remote path in TARGET; None if there is none.

    """

    options: SFTPOptions
    path: str | None

    @classmethod
    def of(
        cls,
        target: str,
        port: int | None,
        option: list[str] | None,
        username: str | None,
        private_key: str | None,
        ask_passphrase: bool,
        ask_password: bool,
        password_env: str | None,
        password: str | None,
        known_hosts: str | None,
        host_key_fingerprint: str | None,
    ) -> Self:
        """Build from the arguments of the command line.

        Raises:
            OptionsError: lists all mistakes and shows no secret.

        """
        del password  # refused by the callback of its option
        given = _of_arguments(target, option or [])
        flags = {
            "port": port,
            "username": username,
            "private_key_path": private_key,
            "password": password_env and f"env:{password_env}",
            "known_hosts": known_hosts,
            "host_key_fingerprint": host_key_fingerprint,
        }
        given += [(name, value) for name, value in flags.items() if value is not None]
        if ask_password:
            given.append(("password", _ask("Password")))
        if ask_passphrase:
            given.append(("private_key_passphrase", _ask("Passphrase of the private key")))
        options = _options(given)
        return cls(options, options.path)


@dataclass(frozen=True)
class Host:
    """A server without login: the credentials in `options` are placeholders."""

    options: SFTPOptions

    @classmethod
    def of(cls, target: str, port: int | None, option: list[str] | None) -> Self:
        """Build from the arguments of the command line; see `Server.of`."""
        given = _of_arguments(target, option or [])
        given += [("port", port)] if port is not None else []
        names = {name for name, _ in given}
        for name in {"username", "password"} - names:
            given.append((name, "none"))
        return cls(_options(given))


def _of_arguments(target: str, pairs: list[str]) -> list[tuple[str, Any]]:
    """Return names and values of options from TARGET and from `-o`; reports all mistakes."""
    given: list[tuple[str, Any]] = []
    problems: list[str] = []
    for values in (_of_target(target), _of_options(pairs)):
        try:
            given.extend(values)
        except OptionsError as error:
            problems += error.problems
    if problems:
        raise OptionsError(problems)
    return given


def _of_target(target: str) -> Iterator[tuple[str, Any]]:
    if target.lstrip()[:7].lower() == "sftp://":
        yield "url", target
        return
    # Only up to the first slash: a path may contain any character.
    if re.match(r"(?!\[)[^/@]*:[^/]*@", target):
        raise OptionsError(
            "TARGET has a colon before its @, as if it contained a password, which every user of "
            "this machine could read. Use --ask-password or --password-env NAME (and change the "
            "password). Write a path with an @ as sftp://user@host/path%40"
        )
    match = _TARGET.fullmatch(target)
    if match is None:
        raise OptionsError(f"TARGET must be {_FORM}.")
    if not match["port"] and (meant := re.match(r"(\d{1,5})(/.*)", match["path"] or "", re.DOTALL)):
        # It is written as in a URL. Read as a path, it would end in an error about port 22.
        raise OptionsError(
            f"TARGET needs a colon between port and path: :{meant[1]}:{meant[2]} "
            f"(or :./{meant[0]} for a path in the login directory)."
        )
    for name, value in match.groupdict().items():
        if value:
            yield name, value


def _of_options(pairs: list[str]) -> Iterator[tuple[str, str]]:
    from pydantic import SecretStr

    from sftp_async.options import SFTPOptions
    from sftp_async.options.aliases import Gathered
    from sftp_async.options.ssh_syntax import is_reference

    fields = SFTPOptions.model_fields
    problems = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            # The text is not repeated: it may be a secret without its name.
            problems.append(
                "-o must be followed by name=value, for example -o connect_timeout=10s."
            )
            continue
        meant = Gathered({name: value}, fields).given
        secret = any(SecretStr in get_args(fields[each].annotation) for each in meant)
        if secret and not is_reference(value):
            problems.append(
                f"{name} is a secret, and every user of this machine can read the arguments of a "
                f"process: write -o {name}=env:NAME or -o {name}=file:/path, or use a prompt "
                "(--ask-password, --ask-passphrase)."
            )
            continue
        yield name, value
    if problems:
        raise OptionsError(problems)


def _options(given: list[tuple[str, Any]]) -> SFTPOptions:
    from sftp_async.options import SFTPOptions

    values: dict[str, Any] = {}
    twice: dict[str, str] = {}
    for name, value in given:
        if values.setdefault(name, str(value)) != str(value):
            twice[name] = f"{name} is given twice with different values."
    try:
        options = SFTPOptions(**values)
    except OptionsError as error:
        raise OptionsError([*twice.values(), *error.problems]) from None
    if twice:
        raise OptionsError([*twice.values()])
    return options


def _ask(what: str) -> str:
    # The prompt is on standard error, since standard output may be the JSON document.
    try:
        return str(typer.prompt(what, hide_input=True, err=True))
    except typer.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise OptionsError(
            f"{what}: the prompt got no answer. Without a terminal, use --password-env NAME, or "
            "-o with env:NAME or file:/path."
        ) from None
