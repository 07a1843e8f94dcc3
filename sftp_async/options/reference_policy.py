"""`ReferencePolicy`: which variables, local files, keyring entries and profiles options may name.

The options of a write may come from users who send only SQL, to a Spark Connect or Thrift server,
while references are looked up with the rights of that server. The administrator of the server
decides by an environment variable of the driver, which no option can change
(docs/decisions/0021).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Self

from sftp_async.errors import OptionsError

#: The driver's environment variable that holds the policy.
VARIABLE: Final = "SFTP_ASYNC_REFERENCES"
#: What the policy looks like, for messages.
EXAMPLE: Final = f"{VARIABLE}=env:SFTP_*,file:/run/secrets/,profile:*"
#: Spark's servers for several users, by a class on the command line of their Java process.
_SERVERS: Final = {
    b"org.apache.spark.sql.connect.service.SparkConnectServer": "Spark Connect server",
    b"org.apache.spark.sql.connect.SparkConnectPlugin": "Spark Connect server",
    b"org.apache.spark.sql.hive.thriftserver.HiveThriftServer2": "Thrift server",
}
#: PySpark sets it where a session starts a Spark Connect server for itself (`remote("local")`).
_OWN_SERVER: Final = "SPARK_LOCAL_REMOTE"


@dataclass(frozen=True)
class ReferencePolicy:
    """What options may refer to.

    Args:
        everything: there is no restriction.
        variables: patterns of names of environment variables, as in a shell; in exact case.
        files: absolute paths with all links resolved: of files or, with a slash at the end, of
            folders with all that is in them.
        keyring_entries: patterns of entries of the keyring, `service/username`.
        profiles: patterns of names of connections in `connections.toml`.
        server: the kind of server that forbids all references because no policy is set.

    """

    everything: bool = False
    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    keyring_entries: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    server: str = ""

    @classmethod
    def of_environment(cls) -> Self:
        """Return this process's policy.

        Without `SFTP_ASYNC_REFERENCES`, everything is allowed, but nothing in a process of a Spark
        Connect or Thrift server.

        Raises:
            OptionsError: `SFTP_ASYNC_REFERENCES` cannot be read.

        """
        given = os.environ.get(VARIABLE, "").strip()
        if given:
            return cls._read(given)
        server = spark_server()
        return cls(everything=not server, server=server)

    @classmethod
    def _read(cls, text: str) -> Self:
        if text.lower() in ("all", "none"):
            return cls(everything=text.lower() == "all")
        files: list[str] = []
        patterns: dict[str, list[str]] = {"env": [], "keyring": [], "profile": []}
        for entry in filter(None, map(str.strip, text.split(","))):
            kind, _, rest = entry.partition(":")
            if kind in patterns and rest:
                patterns[kind].append(rest)
            elif kind == "file" and (path := _allowed_path(rest)):
                files.append(path)
            else:
                # Not the entry: it may be a secret that was pasted into the wrong variable.
                raise OptionsError(
                    f"{VARIABLE} on the driver must be all, none, or a list of env:NAME, "
                    "file:/path, file:/folder/, keyring:SERVICE/USERNAME and profile:NAME, for "
                    f"example {EXAMPLE}."
                )
        return cls(
            variables=tuple(patterns["env"]),
            files=tuple(files),
            keyring_entries=tuple(patterns["keyring"]),
            profiles=tuple(patterns["profile"]),
        )

    def allows_variable(self, name: str) -> bool:
        """Whether options may refer to an environment variable."""
        return self.everything or any(fnmatchcase(name, pattern) for pattern in self.variables)

    def allows_keyring_entry(self, name: str) -> bool:
        """Whether options may refer to an entry of the keyring, `service/username`."""
        return self.everything or any(fnmatchcase(name, each) for each in self.keyring_entries)

    def allows_profile(self, name: str) -> bool:
        """Whether options may use a connection of `connections.toml`."""
        return self.everything or any(fnmatchcase(name, pattern) for pattern in self.profiles)

    def readable_path(self, path: Path) -> Path | None:
        """Return the path by which an allowed file is to be read; None: it is not allowed.

        Links and `..` are resolved once: what is checked is what is read.

        Raises:
            ValueError: there is a NUL in the path.

        """
        if self.everything:
            return path  # as it is: `/dev/fd/63` of a shell's `<(…)` has no other path
        resolved = os.path.realpath(path)
        allowed = any(
            resolved.startswith(entry) if entry.endswith("/") else resolved == entry
            for entry in self.files
        )
        return Path(resolved) if allowed else None

    @property
    def refusal(self) -> str:
        """Why a reference is refused, and who can change that; continues a sentence."""
        if self.server:
            return (
                f"which is not allowed: this driver is a {self.server}, which looks up references "
                f"with rights of its own, and {VARIABLE} is not set. Its administrator can allow "
                f"some, for example by {EXAMPLE}"
            )
        return (
            f"which is not allowed: {VARIABLE} of the driver does not list it. Ask the driver's "
            "administrator"
        )


def _allowed_path(text: str) -> str:
    """Return a path of the policy with its links resolved; empty if it is not absolute."""
    path = os.path.expanduser(re.sub(r"^//(?=/)", "", text))  # noqa: PTH111 - see host_keys
    if not path.startswith("/"):
        return ""
    resolved = os.path.realpath(path)
    return f"{resolved.rstrip('/')}/" if path.endswith("/") else resolved


def spark_server() -> str:
    """Return which of Spark's servers for several users this is a process of; empty: of none.

    Spark starts the Python processes of a driver below its Java process, with its environment.
    Without `/proc` (not Linux), no server is recognised.
    """
    if os.environ.get(_OWN_SERVER):
        return ""
    lines = list(_ancestors())
    return next((name for key, name in _SERVERS.items() if any(key in line for line in lines)), "")


def _ancestors() -> Iterator[bytes]:
    """Yield the command lines of this process and of those above it."""
    pid = os.getpid()
    while pid:  # process 1 as well: in a container, it may be the server
        try:
            yield Path(f"/proc/{pid}/cmdline").read_bytes()
            # `pid (name) state ppid …`: the name may hold anything, also spaces and brackets.
            pid = int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return
