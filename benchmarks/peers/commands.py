"""The command lines of OpenSSH and rclone: as their users type them, and with the host key checked.

Nothing of this machine's user leaks in: no ssh_config, no agent, no configuration of rclone.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.servers import Server

#: What every contender that can choose is set to use: the fastest one that all of them know.
CIPHER = "aes128-gcm@openssh.com"
#: What rclone does by default and no other tool here: for the report.
RCLONE_NOTE = (
    "compares each file's MD5 or SHA-1 afterwards, where the server has a shell to make it"
)
#: It takes more than one request to write so many bytes.
PROBE_SIZE = 1 << 20
#: Flags: no second try.
RCLONE_ONCE = ("--retries", "1", "--low-level-retries", "1")
#: Seconds after which a command is killed; a comparison's own patience is shorter.
PATIENCE = 1800


class CommandError(RuntimeError):
    """A command failed; says which one, and what it printed last."""


def missing(*tools: str) -> str | None:
    """Say which tools are not on this machine; None if all are."""
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if not absent:
        return None
    packages = {"sftp": "openssh-client", "ssh": "openssh-client", "rclone": "rclone"}
    return "; ".join(f"{tool} is not installed (Debian: {packages[tool]})" for tool in absent)


def sftp(server: Server, batch: Sequence[str], printed: Path | None = None) -> None:
    """Run OpenSSH's `sftp` in batch mode: all commands over one connection, the first failure ends.

    Args:
        server: where to.
        batch: lines of commands, paths in them by `quoted`.
        printed: where its standard output goes; None drops it.

    """
    command = ["sftp", "-b", "-", *_openssh(server), "-P", str(server.port)]
    given = "\n".join(batch) + "\n"
    _call([*command, f"{server.username}@{server.host}"], given=given, printed=printed)


def ssh(
    server: Server, command: str, source: Path | None = None, printed: Path | None = None
) -> None:
    """Run a command of the server's shell over `ssh`, with files as standard input and output."""
    words = ["ssh", *_openssh(server), "-p", str(server.port)]
    _call([*words, f"{server.username}@{server.host}", command], source=source, printed=printed)


def no_shell(server: Server) -> str | None:
    """Say that the server runs no commands; None if it does."""
    try:
        ssh(server, "true")
    except CommandError as error:
        return f"the server runs no commands ({error})"
    return None


def rclone(server: Server, verb: str, source: Path, target: str, *flags: str) -> None:
    """Upload with `rclone copy` or `rclone copyto` and rclone's own defaults.

    Among these: four files at a time, and `RCLONE_NOTE`.
    """
    _rclone(server, [verb, str(source), f":sftp:{target}", *flags])


def rclone_get(server: Server, verb: str, source: str, target: Path, *flags: str) -> None:
    """Download with `rclone copy` or `rclone copyto`; see `rclone`."""
    _rclone(server, [verb, f":sftp:{source}", str(target), *flags])


def rclone_list(server: Server, path: str, printed: Path) -> None:
    """List all files below a directory with `rclone lsf -R`."""
    _rclone(server, ["lsf", "-R", "--files-only", f":sftp:{path}"], printed=printed)


def _rclone(server: Server, arguments: Sequence[str], printed: Path | None = None) -> None:
    words = ["rclone", *arguments, "--config", os.devnull]
    words += ["--sftp-host", server.host, "--sftp-port", str(server.port)]
    words += ["--sftp-user", server.username, "--sftp-key-file", str(server.key_file)]
    words += ["--sftp-known-hosts-file", str(server.known_hosts_file)]
    if rclone_takes_ciphers():
        words += ["--sftp-ciphers", CIPHER]
    _call(words, printed=printed)


def no_rclone(server: Server) -> str | None:
    """Say why rclone cannot be run against this server; None if it can.

    The embedded server is asyncssh's, which refuses the bytes that rclone 1.60 (Debian 12's) leaves
    behind the data of a write; OpenSSH overlooks them. Other versions may do better: it is tried.
    """
    if (absent := missing("rclone")) is not None or server.kind != "embedded":
        return absent
    target = server.new_target()
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "probe")
        source.write_bytes(bytes(PROBE_SIZE))
        try:
            rclone(server, "copyto", source, target, *RCLONE_ONCE)
        except CommandError as error:
            return f"rclone and the embedded server do not understand each other ({error})"
        finally:
            server.remove(target)
    return None


def no_rclone_download(server: Server) -> str | None:
    """Say why rclone cannot read from this server; None if it can. See `no_rclone`."""
    if (absent := missing("rclone")) is not None or server.kind != "embedded":
        return absent
    source = server.new_target()
    server.local(source).write_bytes(bytes(PROBE_SIZE))
    with tempfile.TemporaryDirectory() as directory:
        try:
            rclone_get(server, "copyto", source, Path(directory, "probe"), *RCLONE_ONCE)
        except CommandError as error:
            return f"rclone and the embedded server do not understand each other ({error})"
        finally:
            server.remove(source)
    return None


@functools.cache
def rclone_takes_ciphers() -> bool:
    """Whether this rclone lets its user choose a cipher: Debian 12's, 1.60, does not."""
    done = subprocess.run(
        ["rclone", "help", "flags"], check=True, capture_output=True, text=True, timeout=PATIENCE
    )
    return "--sftp-ciphers" in done.stdout


def quoted(path: str | Path) -> str:
    """Return a path as one word of a batch for `sftp`."""
    if "\n" in str(path):
        raise ValueError(f"sftp -b takes no path with a line break: {path!r}")
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _openssh(server: Server) -> list[str]:
    options = {
        "Ciphers": CIPHER,
        "IdentityFile": f'"{server.key_file}"',
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": f'"{server.known_hosts_file}"',
        "GlobalKnownHostsFile": os.devnull,
    }
    return ["-F", "none", *(f"-o{key}={value}" for key, value in options.items())]


def _call(
    command: Sequence[str],
    *,
    given: str | None = None,
    source: Path | None = None,
    printed: Path | None = None,
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RCLONE_")}
    with ExitStack() as stack:
        stdin: dict[str, Any] = {"stdin": subprocess.DEVNULL}
        if source is not None:
            stdin = {"stdin": stack.enter_context(source.open("rb"))}
        elif given is not None:
            stdin = {"input": given.encode()}
        stdout: Any = subprocess.DEVNULL
        if printed is not None:
            stdout = stack.enter_context(printed.open("wb"))
        try:
            done = subprocess.run(
                command,
                **stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                timeout=PATIENCE,
                check=False,
                env=environment,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CommandError(f"{command[0]}: {error}") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise CommandError(f"{command[0]} failed ({done.returncode}): {' | '.join(lines)}")
