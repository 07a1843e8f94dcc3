"""Implements `python -m sftp_async.testing`, which serves a folder until standard input closes."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys

from sftp_async.tools.testing.base import LocalServer
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.tools.testing.spawned_server import PASSWORD_VARIABLE


def main(arguments: list[str] | None = None) -> None:
    """Serve until standard input closes; print the address and login as one JSON line."""
    parser = argparse.ArgumentParser(
        prog="python -m sftp_async.testing",
        description="Serve a folder over SFTP on loopback until standard input closes (Ctrl-D). "
        f"The environment variable {PASSWORD_VARIABLE} may set the password; without it, one is "
        "generated.",
    )
    parser.add_argument("--root", required=True, help="folder to serve; created if missing")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 chooses a free one")
    parser.add_argument("--username", default="demo", help="name of the only user")
    given = parser.parse_args(arguments)
    password = os.environ.pop(PASSWORD_VARIABLE, None)
    server = EmbeddedServer(
        given.root, host=given.host, port=given.port, username=given.username, password=password
    )
    with server, contextlib.suppress(KeyboardInterrupt):
        login = {name: getattr(server, name) for name in LocalServer.__annotations__}
        print(json.dumps(login, default=str), flush=True)  # noqa: T201 - the output of the command
        while sys.stdin.readline():
            pass
