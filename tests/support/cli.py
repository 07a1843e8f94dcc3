"""Runs the command in this process, and returns its output and exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from sftp_async.tools.cli.app import app
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.sshd import SSHD

PASSWORD_VARIABLE = "TEST_SFTP_PASSWORD"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


def sftp_async(*arguments: object, env: dict[str, str] | None = None, answers: str = "") -> Ended:
    """Run `sftp-async` with these arguments, and these answers to its prompts."""
    given = {"COLUMNS": "200", **(env or {})}
    ended = CliRunner().invoke(app, [str(each) for each in arguments], input=answers, env=given)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


class AtServer:
    """The command against one server: `at("ls", "/out", "--json")` adds host and login."""

    def __init__(self, server: EmbeddedServer | SSHD, home: Path) -> None:
        self.server = server
        self.address = f"{server.username}@{server.host}:{server.port}"
        self.env: dict[str, str] = {}
        self.answers = ""
        if isinstance(server, SSHD):
            known_hosts = home / "known_hosts_of_test"
            known_hosts.write_text(server.known_hosts)
            key = server.user_keys.path("ed25519")
            self.login = ["-i", str(key), "--known-hosts", str(known_hosts)]
        else:
            self.login = ["--host-key-fingerprint", server.fingerprint]
            self.login += ["--password-env", PASSWORD_VARIABLE]
            self.env[PASSWORD_VARIABLE] = str(server.password)

    def __call__(self, command: str, path: object, *more: object, before: object = None) -> Ended:
        """Run a command on a remote path; `before` goes before TARGET, `more` after it."""
        first = [command] if before is None else [command, before]
        target = f"{self.address}:{path}"
        return sftp_async(*first, target, *more, *self.login, env=self.env, answers=self.answers)
