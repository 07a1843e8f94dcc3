"""Implements `sftp-async connections`, which keeps the profiles of `connections.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.tools.cli.completion import complete_connection
from sftp_async.tools.cli.draft import Draft
from sftp_async.tools.cli.output import Output

if TYPE_CHECKING:
    from sftp_async.remote.ssh import HostKey
    from sftp_async.tools.cli.connection_store import ConnectionStore

_NAME = typer.Argument(
    metavar="NAME",
    help="Name of the connection.",
    show_default=False,
    autocompletion=complete_connection,
)
_REPLACE = typer.Option("--replace", help="Replace a connection of the same name.")


def add(
    output: Output,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name for the connection.", show_default=False)
    ],
    draft: Draft,
    pin: Annotated[
        bool,
        typer.Option(
            "--pin-host-key", help="Ask the server for its host key, and keep it if you confirm it."
        ),
    ] = False,
    replace: Annotated[bool, _REPLACE] = False,
) -> None:
    """Add a connection: `sftp-async connections add partner me@host:/out -i ~/.ssh/id_ed25519`.

    Its options are checked, and may be incomplete: what is missing comes from the command line or
    the environment. Keep secrets out of the file: `-o password=env:NAME`, `file:/path` or
    `keyring:NAME`.
    """
    from sftp_async.options.masking import MASK
    from sftp_async.options.profiles import NAME, NAME_FORM
    from sftp_async.tools.cli.connection_store import ConnectionStore

    if not NAME.fullmatch(name):
        raise OptionsError(f"NAME must consist of {NAME_FORM}.")
    store = ConnectionStore.open()
    if name in store.profiles.tables and not replace:
        raise SFTPAsyncError(
            f"There is a connection {name} in {store.file}", hint="Replace it with --replace"
        )
    options = dict(draft.options)
    if pin:
        options["host_key_fingerprint"] = _confirmed(options, output)
    store.set(name, options)
    store.save()
    output.document({"name": name, "file": str(store.file), "options": _masked(options)})
    output.line(f"Added {name} to {store.file}. Check it: sftp-async doctor {name}", "green")
    if plain := [each for each, value in _masked(options).items() if value == MASK]:
        output.note(
            f"{', '.join(plain)}: kept as text in the file, which only you can read. A reference "
            "keeps it out: env:NAME, file:/path or keyring:NAME."
        )


def list_(output: Output) -> None:
    """List the connections: name, server, and how they log in."""
    store = _store()
    rows = [_summary(store, name) for name in store.profiles.tables]
    output.document({"file": str(store.file), "connections": rows})
    if not rows:
        output.line(f"{store.file} has no connections. Add one: sftp-async connections add -h")
        return
    width = max(len(row["name"]) for row in rows)
    wide = max(len(row["address"]) for row in rows)
    for row in rows:
        output.line(f"{row['name']:{width}}  {row['address']:{wide}}  {row['login']}")
        for problem in row["problems"]:
            output.line(f"  {problem}", "red")


def show(output: Output, name: Annotated[str, _NAME]) -> None:
    """Show the options of a connection; secrets are masked."""
    store = _store()
    _check_known(store, name)
    options = _masked(store.profiles.tables[name])
    problems = _problems(store, name)
    output.document(
        {"name": name, "file": str(store.file), "options": options, "problems": problems}
    )
    output.line(f"{name}, in {store.file}", "bold")
    width = max((len(each) for each in options), default=0)
    for option, value in options.items():
        output.line(f"  {option:{width}}  {value}")
    for problem in problems:
        output.line(problem, "red")


def remove(output: Output, name: Annotated[str, _NAME]) -> None:
    """Remove a connection from the file. Entries of the keyring stay."""
    store = _store()
    _check_known(store, name)
    store.remove(name)
    store.save()
    output.document({"name": name, "file": str(store.file), "removed": True})
    output.line(f"Removed {name} from {store.file}.", "green")


def import_(
    output: Output,
    config: Annotated[
        Path, typer.Argument(metavar="FILE", help="OpenSSH client configuration.")
    ] = Path("~/.ssh/config"),
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="NAME", help="Only this host. Repeatable."),
    ] = None,
    replace: Annotated[bool, _REPLACE] = False,
) -> None:
    """Add the hosts of OpenSSH's client configuration; it is not changed.

    Taken over are HostName, User, Port, IdentityFile, ProxyJump and UserKnownHostsFile. Patterns
    name no host, and are left out.
    """
    from sftp_async.options.masking import without_passwords
    from sftp_async.tools.cli.ssh_config import read_ssh_config

    found = read_ssh_config(config.expanduser())
    wanted = host or [each.name for each in found.hosts]
    known = {each.name: each for each in found.hosts}
    left_out = [] if host else list(found.left_out)
    left_out += [(name, f"{config} has no such host") for name in wanted if name not in known]
    store = _store()
    imported: dict[str, tuple[str, ...]] = {}
    for name in wanted:
        if name not in known:
            continue
        if why := _why_not(store, name, known[name].options, replace=replace):
            left_out.append((name, why))
            continue
        store.set(name, known[name].options)
        imported[name] = known[name].notes
    if imported:
        store.save()
    left_out = [(without_passwords(name), reason) for name, reason in left_out]
    output.document(
        {
            "file": str(store.file),
            "imported": [{"name": name, "notes": notes} for name, notes in imported.items()],
            "left_out": [{"name": name, "reason": reason} for name, reason in left_out],
        }
    )
    for name, notes in imported.items():
        output.line(f"{name}: imported", "green")
        for note in notes:
            output.line(f"  {note}")
    for name, reason in left_out:
        output.line(f"{name}: left out: {reason}", "yellow")
    output.line(f"{len(imported)} imported to {store.file}.")
    if not imported:
        raise typer.Exit(1)


def _why_not(
    store: ConnectionStore, name: str, options: Mapping[str, object], *, replace: bool
) -> str | None:
    from sftp_async.options import SFTPOptions
    from sftp_async.options.profiles import NAME, NAME_FORM, mistakes_in

    if not NAME.fullmatch(name):
        return f"a name must consist of {NAME_FORM}"
    if name in store.profiles.tables and not replace:
        return f"{store.file} has a connection of that name (--replace)"
    return " ".join(mistakes_in(options, SFTPOptions)) or None


def _store() -> ConnectionStore:
    from sftp_async.tools.cli.connection_store import ConnectionStore

    return ConnectionStore.open()


def _check_known(store: ConnectionStore, name: str) -> None:
    if name not in store.profiles.tables:
        raise OptionsError(store.profiles.missing(name))


def _problems(store: ConnectionStore, name: str) -> list[str]:
    from sftp_async.options import SFTPOptions

    return store.profiles.problems_of(name, SFTPOptions)


def _summary(store: ConnectionStore, name: str) -> dict[str, Any]:
    from sftp_async.options import SFTPOptions
    from sftp_async.options.address import authority, parse_host
    from sftp_async.options.masking import without_passwords

    problems = _problems(store, name)
    row: dict[str, Any] = {"name": name, "address": "-", "login": "-", "problems": problems}
    if not problems:
        values = store.profiles.values_of(name, SFTPOptions)
        host, port = parse_host(values.get("host", "-")), int(values.get("port", 22))
        username = without_passwords(str(values.get("username", "-")))
        row["address"] = f"{username}@{authority(host, port)}"
        row["login"] = _login(values)
    return row


def _login(values: Mapping[str, object]) -> str:
    """Say in a few words how a connection logs in."""
    from sftp_async.options.masking import without_passwords
    from sftp_async.options.ssh_syntax import is_reference

    ways = []
    for option, what in (
        ("private_key_path", "private key"),
        ("private_key_content", "private key"),
        ("password", "password"),
    ):
        if (value := values.get(option)) is not None:
            shown = option.endswith("path") or is_reference(str(value))
            ways.append(f"{what} {without_passwords(str(value)) if shown else 'in the file'}")
    return ", ".join(ways) or "no credentials"


def _masked(options: Mapping[str, object]) -> dict[str, object]:
    """Return options without secrets; a name that is no option may be one for a secret."""
    from sftp_async.options.masking import without_passwords

    return {without_passwords(name): _shown(name, value) for name, value in options.items()}


def _shown(name: str, value: object) -> object:
    """Return an option's value as it may be shown, for JSON."""
    from sftp_async.options import SFTPOptions
    from sftp_async.options.masking import MASK
    from sftp_async.options.profiles import is_plain_secret, meant_by

    known = meant_by({name: value}, SFTPOptions)
    if not known or isinstance(value, dict) or is_plain_secret(name, value, SFTPOptions):
        return MASK
    if isinstance(value, bool | int | float):
        return value
    if known == {"proxy_jump"} and _is_route(value):
        return value
    if isinstance(value, list):
        return [MASK if isinstance(each, dict | list) else _text(each) for each in value]
    return _text(value)


def _is_route(value: object) -> bool:
    """Whether bastions are valid, and so without passwords, although there may be a `:` and `@`."""
    from sftp_async.options.proxy_syntax import parse_jump_hosts

    try:
        parse_jump_hosts(value)
    except ValueError:
        return False
    return True


def _text(value: object) -> str:
    from sftp_async.options.masking import without_passwords

    return without_passwords(str(value))


def _confirmed(options: Mapping[str, object], output: Output) -> str:
    """Return the fingerprint of the server's host key, if the user confirms it."""
    from sftp_async.options import SFTPOptions
    from sftp_async.remote.ssh import scan_host_keys
    from sftp_async.tools.cli.run import run

    login = {} if {"private_key_path", "password"} & options.keys() else {"password": "none"}
    given: dict[str, Any] = {"username": "none", **login, **options}
    server = SFTPOptions(**given)
    keys: list[HostKey] = run(scan_host_keys(server.resolve()))
    if not keys:
        raise SFTPAsyncError("The server presented no host key of a supported type")
    fingerprint = keys[0].fingerprint
    output.note(f"{server.host} presents {fingerprint} ({keys[0].algorithm}).", None)
    if not output.interactive:
        raise SFTPAsyncError(
            "The host key needs to be confirmed, and there is no terminal to ask on",
            hint="Compare the fingerprint with the one that the server's operator confirms, and "
            f"give it: --host-key-fingerprint {fingerprint}",
        )
    if not typer.confirm("Has the server's operator confirmed this fingerprint?", err=True):
        raise SFTPAsyncError("The host key is not confirmed: nothing was added")
    return fingerprint
