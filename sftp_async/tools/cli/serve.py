"""Implements `sftp-async serve`, which runs the embedded server for demos and tests."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from sftp_async.errors import OptionsError
from sftp_async.tools.cli.output import Output, host_key_option


def serve(
    output: Output,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="Folder to serve; created if missing. Without it, sftp-root.",
            show_default=False,
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--directory", "-d", help="The same as FOLDER.", show_default=False),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", metavar="N", help="TCP port; 0 chooses a free one.", min=0, max=65535
        ),
    ] = 0,
    username: Annotated[
        str, typer.Option("--username", "-u", help="Name of the only user.")
    ] = "demo",
    password_env: Annotated[
        str | None,
        typer.Option(
            "--password-env",
            metavar="NAME",
            help="Environment variable with the password. Without it, a password is generated.",
            show_default=False,
        ),
    ] = None,
    authorized_keys: Annotated[
        Path | None,
        typer.Option(
            "--authorized-keys",
            metavar="PATH",
            help="File with public keys that may log in, instead of a password.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve a folder over SFTP on loopback until Ctrl-C, for demos and tests.

    The command prints the address, the user, and the options for Spark. The server is not made for
    production.
    """
    from sftp_async.tools.testing.embedded_server import EmbeddedServer

    if folder is not None and directory is not None:
        raise OptionsError("FOLDER and --directory are the same: give one of them.")
    keys = authorized_keys.read_text().splitlines() if authorized_keys else []
    try:
        server = EmbeddedServer(
            folder or directory or Path("sftp-root"),
            port=port,
            username=username,
            password=_password(password_env),
            authorized_keys=[key for key in keys if key.strip() and not key.startswith("#")],
        )
    except ValueError as error:
        raise OptionsError(f"--authorized-keys must be a file of public keys ({error}).") from None
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    # Without it, asyncio logs an error for each client that drops its connection.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with server:
        options = server.options()
        if password_env is not None:
            options["password"] = f"env:{password_env}"
        output.document(
            {
                "host": server.host,
                "port": server.port,
                "username": server.username,
                # A generated password is for this server alone. One from the environment is secret.
                "password": options.get("password"),
                "fingerprint": server.fingerprint,
                "known_hosts": server.host_key,
                "directory": str(server.root),
                "pid": os.getpid(),
                "options": options,
            },
            compact=True,
        )
        for line in _lines(str(server.root), options, server.fingerprint, password_env):
            output.line(line)
        stop.wait()
    output.line("The server has stopped.")


def _password(variable: str | None) -> str | None:
    if variable is None:
        return None
    password = os.environ.get(variable)
    if not password:
        raise OptionsError(f"The environment variable {variable} is not set.")
    return password


def _lines(
    root: str, options: dict[str, str], fingerprint: str, password_env: str | None
) -> list[str]:
    variable = password_env or "SFTP_PASSWORD"
    target = f"{options['username']}@{options['host']}:{options['port']}:/"
    lines = [
        f"Serving {root} until Ctrl-C.",
        "",
        *(f"  {name:21} {value}" for name, value in options.items()),
        "",
        "Spark:",
        '  df.write.format("sftp").options(',
        *(f"      {name}={value!r}," for name, value in options.items()),
        '  ).mode("append").save("/orders")',
        "",
        "Another terminal:",
    ]
    if "password" not in options:
        return [*lines, f"  sftp-async doctor {target} -i KEY {host_key_option(fingerprint)}"]
    if password_env is None:
        lines.append(f"  export {variable}='{options['password']}'")
    login = f"--password-env {variable}"
    return [*lines, f"  sftp-async doctor {target} {login} {host_key_option(fingerprint)}"]
