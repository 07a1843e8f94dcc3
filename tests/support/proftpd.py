"""ProFTPD's mod_sftp as a child of the tests: the server that sums files up itself (check-file)."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.support.keys import KeySet
from tests.support.requirements import skip_without

USERNAME, PASSWORD = "partner", "secret"
#: Where Debian has its modules.
MODULES = Path("/usr/lib/proftpd")
READY_SECONDS = 20


class ProFTPD:
    """A running ProFTPD. Files are served as this user sees them, below `/`.

    Args:
        directory: for its configuration and logs.
        host_keys: of which it shows the RSA one.
        directives: further lines of its configuration, such as `MaxClients 1`.

    """

    def __init__(self, directory: Path, host_keys: KeySet, *directives: str) -> None:
        binary = shutil.which("proftpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if binary is None or not (MODULES / "mod_sftp.so").exists():
            skip_without("ProFTPD with mod_sftp (Debian packages proftpd-core, proftpd-mod-crypto)")
        self.host = "127.0.0.1"
        with socket.create_server((self.host, 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._binary = binary
        self._directory = directory
        self._host_keys = host_keys
        self._directives = directives
        self._process: subprocess.Popen[bytes] | None = None

    def options(self) -> dict[str, str]:
        """Return the options that a write needs to log in."""
        return {
            "host": self.host,
            "port": str(self.port),
            "username": USERNAME,
            "password": PASSWORD,
            "host_key_fingerprint": self._host_keys.fingerprint("rsa"),
        }

    def start(self) -> ProFTPD:
        """Start it and return once it listens."""
        config = self._directory / "proftpd.conf"
        config.write_text(self._config_text())
        self._process = subprocess.Popen(
            [self._binary, "--nodaemon", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._directory / "stderr").open("wb"),
        )
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                socket.create_connection((self.host, self.port), 1).close()
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = (self._directory / "stderr").read_text(errors="replace")
                    raise AssertionError(f"ProFTPD does not listen; its log:\n{log}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        """End it and every session it serves."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _config_text(self) -> str:
        directory, user = self._directory, getpass.getuser()
        key = directory / "host_key"
        key.write_text(self._host_keys.export("rsa", "pkcs1-pem"))
        key.chmod(0o600)
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True
        ).stdout.strip()
        users = directory / "users"
        users.write_text(f"{USERNAME}:{hashed}:{os.getuid()}:{os.getgid()}::{directory}:/bin/sh\n")
        users.chmod(0o600)
        more = "\n".join(self._directives)
        return f"""
ModulePath {MODULES}
LoadModule mod_sftp.c
ServerType standalone
DefaultAddress {self.host}
UseIPv6 off
Port {self.port}
User {user}
Group {grp.getgrgid(os.getgid()).gr_name}
RootLogin on
RequireValidShell off
AuthOrder mod_auth_file.c
AuthUserFile {users}
AllowOverwrite on
UseReverseDNS off
DelayEngine off
WtmpLog off
TransferLog none
SystemLog {directory / "system.log"}
PidFile {directory / "pid"}
ScoreboardFile {directory / "scoreboard"}
SFTPEngine on
SFTPHostKey {key}
SFTPAuthMethods password
SFTPLog {directory / "sftp.log"}
{more}
"""
