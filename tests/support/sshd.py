"""OpenSSH's sshd as a child of the tests: own configuration, own host keys, a loopback port."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

from tests.support.keys import KINDS, PASSPHRASE, KeySet
from tests.support.requirements import skip_without

READY_SECONDS = 20


class SSHD:
    """A running sshd. Files are served as this user sees them: a remote path is a local path.

    Args:
        directory: for its configuration.
        host_keys: the keys it shows, one of each kind.
        user_keys: the keys it lets in, all of them.
        config: lines of sshd_config that replace or extend the default ones, such as
            `MaxSessions=1`; a list repeats the keyword.

    """

    def __init__(
        self, directory: Path, host_keys: KeySet, user_keys: KeySet, **config: object
    ) -> None:
        self.host = "127.0.0.1"
        self.port = _free_port()
        self.username = getpass.getuser()
        self.host_keys = host_keys
        self.user_keys = user_keys
        self._directory = directory
        self._binary = _find_sshd()
        self._config = config
        self._log = bytearray()
        self._changed = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def known_hosts(self) -> str:
        """Lines for a known_hosts file, one for each host key."""
        return "".join(
            f"[{self.host}]:{self.port} {self.host_keys.public(kind)}\n" for kind in KINDS
        )

    @property
    def fingerprints(self) -> dict[str, str]:
        """`SHA256:…` of each host key, by kind."""
        return {kind: self.host_keys.fingerprint(kind) for kind in KINDS}

    def options(self, kind: str = "ed25519", *, encrypted: bool = False) -> dict[str, str]:
        """Return the options that `df.write.format("sftp").options(**...)` needs to log in."""
        options = {
            "host": self.host,
            "port": str(self.port),
            "username": self.username,
            "private_key_content": self.user_keys.private(kind, encrypted=encrypted),
            "known_hosts": self.known_hosts,
        }
        return options | {"private_key_passphrase": PASSPHRASE} if encrypted else options

    def start(self) -> SSHD:
        """Start it and return once it listens; always on the same port."""
        if self._process is not None:
            return self
        config = self._directory / "sshd_config"
        config.write_text(self._config_text())
        listening = f"Server listening on {self.host} port {self.port}."
        before = self.log_text().count(listening)
        self._process = subprocess.Popen(
            [self._binary, "-D", "-e", "-f", str(config)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        threading.Thread(target=self._follow, args=[self._process], daemon=True).start()
        self.wait_for_log(listening, count=before + 1, seconds=READY_SECONDS)
        return self

    def stop(self) -> None:
        """End it and every session it serves: clients see their connections die."""
        if self._process is None:
            return
        # Sessions outlive the listener, each in a process group of its own.
        family = descendants(self._process.pid)
        self._process.terminate()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._drain(self._process)
        self._process = None

    def kill_sessions(self) -> None:
        """Kill every session, and go on listening."""
        if self._process is not None:
            for pid in descendants(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def log_text(self) -> str:
        """Everything sshd has logged until now, over all starts."""
        if self._process is not None:
            self._drain(self._process)
        with self._changed:
            return self._log.decode(errors="replace")

    def logins(self) -> int:
        """How many logins have succeeded until now."""
        return len(re.findall(r"^Accepted (?:publickey|password)", self.log_text(), re.MULTILINE))

    def wait_for_log(self, text: str, *, count: int = 1, seconds: float = 10) -> None:
        """Wait until `text` stands in the log `count` times."""
        wanted = text.encode()
        with self._changed:
            if not self._changed.wait_for(lambda: self._log.count(wanted) >= count, seconds):
                tail = self._log[-2000:].decode(errors="replace")
                raise AssertionError(
                    f"sshd did not log {text!r} {count} times; its log ends:\n{tail}"
                )

    def _config_text(self) -> str:
        authorized = self._directory / "authorized_keys"
        authorized.write_text("".join(self.user_keys.public(kind) + "\n" for kind in KINDS))
        lines: dict[str, object] = {
            "ListenAddress": self.host,
            "Port": self.port,
            "HostKey": [self.host_keys.path(kind) for kind in KINDS],
            "PidFile": "none",
            "LogLevel": "VERBOSE",
            "UsePAM": "no",
            "StrictModes": "no",
            "PermitRootLogin": "yes",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "AuthorizedKeysFile": authorized,
            "Subsystem": "sftp internal-sftp",
            "UseDNS": "no",
            # The default, 10:30:100, drops connections at random; tests of that set their own.
            "MaxStartups": 100,
        }
        if _version(self._binary) >= (9, 8):
            # Else tests of wrong keys would lock this address out for the tests after them.
            lines["PerSourcePenalties"] = "no"
        text = ""
        for keyword, value in (lines | self._config).items():
            for one in value if isinstance(value, list) else [value]:
                text += f"{keyword} {one}\n"
        return text

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stderr, selectors.EVENT_READ)
            while selector.select() and self._drain(process):
                pass
        with self._changed:
            process.stderr.close()

    def _drain(self, process: subprocess.Popen[bytes]) -> bool:
        """Take all that sshd has written; False at its end. Readers call it, to be current."""
        assert process.stderr is not None
        with self._changed:
            if process.stderr.closed:
                return False
            try:
                while data := os.read(process.stderr.fileno(), 1 << 16):
                    self._log += data
                    self._changed.notify_all()
            except BlockingIOError:
                return True
            return False


def _find_sshd() -> str:
    # sshd insists on being called by its absolute path, and sbin is not on every user's PATH.
    binary = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        skip_without("OpenSSH's sshd (Debian package openssh-server)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its privilege separation directory
    return binary


def _version(binary: str) -> tuple[int, int]:
    # Older ones do not know -V, and name their version in the usage message instead.
    printed = subprocess.run([binary, "-V"], check=False, capture_output=True, text=True)
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", printed.stderr + printed.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # `pid (name) state ppid …`: the name may hold anything, also spaces and brackets.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    family: list[int] = []
    queue = [pid]
    while queue:
        found = children.get(queue.pop(), [])
        family += found
        queue += found
    return family
