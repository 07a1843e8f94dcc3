"""Runs the embedded server in a separate process, with `python -m sftp_async.testing`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from sftp_async.errors import SFTPAsyncError
from sftp_async.tools.testing.base import LocalServer

PASSWORD_VARIABLE = "SFTP_ASYNC_SERVER_PASSWORD"  # noqa: S105 - a name: command lines are public


class SpawnedServer(LocalServer):
    """The embedded server in a separate process, created by `EmbeddedServer.spawn`.

    The process ends when its standard input closes: on `stop`, or when this process ends.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "demo",
        password: str | None = None,
    ) -> None:
        self._command = [
            sys.executable,
            "-m",
            "sftp_async.testing",
            "--root",
            os.fspath(root),
        ]
        self._command += ["--host", host, "--port", str(port), "--username", username]
        # The path of this process, so that it also works from a source tree that is not installed.
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        if password is not None:
            self._environment[PASSWORD_VARIABLE] = password
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start the process, and return when it accepts connections.

        Raises:
            SFTPAsyncError: the process ended before it accepted connections.

        """
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, text=True, env=self._environment
            )
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                message = f"The embedded server ended at once, with status {self._process.wait()}"
                raise SFTPAsyncError(message, hint="Its error message is on standard error")
            vars(self).update(json.loads(line))
            self.root = Path(self.root)
        return self

    def stop(self) -> None:
        """End the server's process, and wait for it."""
        if self._process is not None:
            self._process.communicate()  # closes its standard input
            self._process = None
