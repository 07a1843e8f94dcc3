"""Builds `SFTPOptions` from TARGET, the options of a connection, the environment and a profile.

What the command line does not give comes from the environment (`SFTP_ASYNC_HOST` and its like), and
then from the connection that TARGET names.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args

import typer

from sftp_async.errors import OptionsError, SFTPAsyncWarning
from sftp_async.tools.cli.completion import complete_target
from sftp_async.tools.cli.target_syntax import FORM, missing_connection, parse_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sftp_async.options import SFTPOptions

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
            str,
            typer.Argument(
                metavar="TARGET",
                help=f"`{FORM}`",
                show_default=False,
                autocompletion=complete_target,
            ),
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
#: The same, where TARGET may be missing.
OPTIONAL_SERVER_PARAMETERS = (
    HOST_PARAMETERS[0].replace(
        default=None,
        annotation=Annotated[
            str | None,
            typer.Argument(
                metavar="TARGET",
                help=f"`{FORM}`",
                show_default=False,
                autocompletion=complete_target,
            ),
        ],
    ),
    *SERVER_PARAMETERS[1:],
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
    def of(cls, target: str, **more: Any) -> Self:
        """Build from the arguments of the command line; `more` are those of `given_options`.

        Raises:
            OptionsError: lists all mistakes and shows no secret.

        """
        options = _options(given_options(target, **more), target)
        return cls(options, options.path)


def given_options(
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
) -> list[tuple[str, Any]]:
    """Return the options that the command line gives, by name; one may be given several times.

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
    return given


def server_if_given(target: str | None, **more: Any) -> Server | None:
    """Build from the arguments of the command line; None if there is no TARGET.

    Raises:
        OptionsError: as `Server.of`; or there are options for a TARGET, and it is missing.

    """
    if target is not None:
        return Server.of(target, **more)
    if any(more.values()):
        raise OptionsError(f"TARGET is missing, which these options are for: {FORM}.")
    return None


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
        options = _options(given, target)
        if not options.proxy_jump:  # the bastion's login may be with the server's key
            unused = ("private_key_path", "private_key_content", "private_key_passphrase")
            options = options.model_copy(update=dict.fromkeys(unused))
        return cls(options)


def _of_arguments(target: str, pairs: list[str]) -> list[tuple[str, Any]]:
    """Return names and values of options from TARGET and from `-o`; reports all mistakes."""
    given: list[tuple[str, Any]] = []
    problems: list[str] = []
    for values in (parse_target(target), _of_options(pairs)):
        try:
            given.extend(values)
        except OptionsError as error:
            problems += error.problems
    if problems:
        raise OptionsError(problems)
    return given


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
                f"process: write -o {name}=env:NAME, -o {name}=file:/path or -o "
                f"{name}=keyring:NAME, or use a prompt (--ask-password, --ask-passphrase)."
            )
            continue
        yield name, value
    if problems:
        raise OptionsError(problems)


def _options(given: list[tuple[str, Any]], target: str) -> SFTPOptions:
    from sftp_async.options import SFTPOptions
    from sftp_async.options.environment import options_of_environment
    from sftp_async.options.profiles import meant_by, merged

    values: dict[str, Any] = {}
    twice: dict[str, str] = {}
    for name, value in given:
        if values.setdefault(name, str(value)) != str(value):
            twice[name] = f"{name} is given twice with different values."
    surroundings = options_of_environment()
    if meant_by(values, SFTPOptions) & {"host", "profile"}:
        surroundings.pop("profile", None)  # a default for where no server is named
    _note_replaced(values, surroundings)
    values = merged(values, surroundings, SFTPOptions)
    named = meant_by(values, SFTPOptions)
    if not named & {"host", "profile"}:
        raise OptionsError(
            f"TARGET names no server, and neither SFTP_ASYNC_HOST nor SFTP_ASYNC_PROFILE is set: "
            f"write {FORM}."
        )
    problems = [*twice.values()]
    if not named & {"username", "profile"} and (sentence := missing_connection(target)):
        raise OptionsError([*problems, sentence])
    try:
        options = SFTPOptions(**values)
    except OptionsError as error:
        raise OptionsError([*problems, *error.problems]) from None
    if problems:
        raise OptionsError(problems)
    return options


def _note_replaced(given: dict[str, Any], surroundings: dict[str, str]) -> None:
    """Warn where the environment sends a connection of the file somewhere else."""
    from sftp_async.options import SFTPOptions
    from sftp_async.options.profiles import Profiles, meant_by

    addressing = {"host", "port", "username"} & surroundings.keys()
    name = given.get("profile")
    if not addressing or name is None:
        return
    own = meant_by(Profiles.load(SFTPOptions).tables.get(name, {}), SFTPOptions)
    replaced = sorted((addressing & own) - meant_by(given, SFTPOptions))
    if replaced:
        variables = ", ".join(f"SFTP_ASYNC_{each.upper()}" for each in replaced)
        warnings.warn(
            f"{variables} of the environment replaces {', '.join(replaced)} of the connection "
            f"{name}.",
            SFTPAsyncWarning,
            stacklevel=2,
        )


def _ask(what: str) -> str:
    # The prompt is on standard error, since standard output may be the JSON document.
    try:
        return str(typer.prompt(what, hide_input=True, err=True))
    except typer.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise OptionsError(
            f"{what}: the prompt got no answer. Without a terminal, use --password-env NAME, or "
            "-o with env:NAME, file:/path or keyring:NAME."
        ) from None
