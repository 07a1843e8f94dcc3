"""One file from the server, without Spark: ours, and every tool one would take for it.

Each opens a connection of its own in every run, and leaves the bytes in a new file, which lies in
memory (`/dev/shm`) where there is space. Ours is what one task of a Spark job does with one file,
up to its decoder: requests ahead on the event loop, chunks handed to the task's thread, and the
file's version compared at the end. The tools are called with their defaults, and with the same
cipher where they take one.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
import paramiko

from benchmarks.comparison import Contender
from benchmarks.peers.commands import (
    CIPHER,
    RCLONE_NOTE,
    missing,
    no_rclone_download,
    no_shell,
    quoted,
    rclone_get,
    sftp,
    ssh,
)
from benchmarks.peers.tools import connected_paramiko, paramiko_transport
from benchmarks.verify import bytes_outcome
from sftp_async import SFTPOptions
from sftp_async.read.readable_file import RemoteReadable
from sftp_async.remote.file_version import FileVersion
from sftp_async.remote.resumable_download import Download
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import Runtime

if TYPE_CHECKING:
    from benchmarks.context import Context
    from benchmarks.servers import Server

#: Share of a task's bytes that is asked for ahead: see `sftp_async.read.readable_file`.
AHEAD = 0.875


@dataclass(frozen=True)
class DownloadTool:
    """A way to get one file from a server.

    Args:
        title: for people.
        get: (server, remote path, local file).
        unavailable: why it cannot be run against this server from this machine.
        note: for the report: what else it does.

    """

    title: str
    get: Callable[[Server, str, Path], object]
    unavailable: Callable[[Server], str | None] = lambda server: None
    note: str | None = None


def downloads(
    context: Context, server: Server, source: str, names: Sequence[str] | None = None
) -> list[Contender]:
    """Return contenders that get `source`, each into one new file.

    Args:
        context: the suite's.
        server: it, or the relay before it.
        source: the file, on the server.
        names: keys of `DOWNLOADS`; None takes all, ours first.

    """
    truth = bytes_outcome(context.server.local(source))
    return [
        Contender(
            name,
            DOWNLOADS[name].title,
            lambda target, get=DOWNLOADS[name].get: get(server, source, Path(target)),  # type: ignore[misc]
            lambda target: bytes_outcome(Path(target)),
            truth=truth,
            target=context.new_local,
            unavailable=DOWNLOADS[name].unavailable(server),
            labels={"note": DOWNLOADS[name].note} if DOWNLOADS[name].note else {},
        )
        for name in names or DOWNLOADS
    ]


def get_with_sftp_async(server: Server, source: str, target: Path) -> None:
    """Get a file as a task of ours reads one, on one connection."""
    options = SFTPOptions(**server.options(), max_connections=1).resolve()
    runtime = Runtime()  # this run's own: the process's would keep the connection for the next run
    try:
        pool = runtime.pool(options)

        async def version() -> FileVersion:
            async with pool.lease() as connection:
                found = await connection.stat(source)
            return FileVersion(source, found.size, found.mtime)

        download = Download(
            pool,
            RetryPolicy.of(options),
            runtime.run(version()),
            window=int(options.max_buffer_bytes * AHEAD),
        )
        readable = RemoteReadable(runtime, download, options.max_buffer_bytes)
        with (
            closing(readable),
            target.open("wb", buffering=0) as file,
            readable.chunks(0, readable.size) as chunks,
        ):
            for chunk in chunks:
                file.write(chunk)
    finally:
        runtime.close()


def get_with_openssh(server: Server, source: str, target: Path) -> None:
    """Get a file with OpenSSH's `sftp -b`."""
    sftp(server, [f"get {quoted(source)} {quoted(target)}"])


def get_with_ssh_cat(server: Server, source: str, target: Path) -> None:
    """Get what a `cat` prints that the server's shell runs: no SFTP in it."""
    ssh(server, f"cat {shlex.quote(source)}", printed=target)


def get_with_rclone(server: Server, source: str, target: Path) -> None:
    """Get a file with `rclone copyto`, and have the server's shell make its hash afterwards."""
    rclone_get(server, "copyto", source, target)


def get_with_rclone_unchecked(server: Server, source: str, target: Path) -> None:
    """Get a file with `rclone copyto`, without hashes: no other tool here makes any."""
    rclone_get(server, "copyto", source, target, "--ignore-checksum")


def get_with_paramiko(server: Server, source: str, target: Path) -> None:
    """Get a file with Paramiko's `SFTPClient.get`, which asks for all of it ahead."""
    with connected_paramiko(server) as client, client.open_sftp() as session:
        session.get(source, str(target))


def get_with_asyncssh(server: Server, source: str, target: Path, **options: Any) -> None:
    """Get a file with asyncssh's `SFTPClient.get`, on asyncio's own event loop."""

    async def get() -> None:
        async with (
            asyncssh.connect(
                server.host,
                server.port,
                username=server.username,
                client_keys=[str(server.key_file)],
                known_hosts=str(server.known_hosts_file),
                config=None,
                agent_path=None,
                **options,
            ) as connection,
            connection.start_sftp_client() as session,
        ):
            await session.get(source, str(target))

    asyncio.run(get())


def get_with_asyncssh_same_cipher(server: Server, source: str, target: Path) -> None:
    """Get a file with asyncssh and its defaults, but for the cipher."""
    get_with_asyncssh(server, source, target, encryption_algs=[CIPHER])


def get_with_fsspec(server: Server, source: str, target: Path) -> None:
    """Get a file with `get_file` of fsspec's own `SFTPFileSystem`, which calls Paramiko."""
    from fsspec.implementations.sftp import (
        SFTPFileSystem,
    )

    filesystem = SFTPFileSystem(
        server.host,
        port=server.port,
        username=server.username,
        key_filename=str(server.key_file),
        allow_agent=False,
        look_for_keys=False,
        host_key_policy=_KnownHosts(server.known_hosts_file),
        transport_factory=paramiko_transport,
        skip_instance_cache=True,  # it would keep the connection for the next run
    )
    try:
        filesystem.get_file(source, str(target))
    finally:
        filesystem.client.close()


class _KnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Takes the keys of a known_hosts file: fsspec gives no way to load one."""

    def __init__(self, file: Path) -> None:
        self._keys = paramiko.HostKeys(str(file))

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        if not self._keys.check(hostname, key):
            raise paramiko.SSHException(f"Host key of {hostname} is not in known_hosts")


DOWNLOADS = {
    "sftp_async": DownloadTool("sftp_async", get_with_sftp_async),
    "openssh_sftp": DownloadTool("OpenSSH sftp", get_with_openssh, lambda server: missing("sftp")),
    "ssh_cat": DownloadTool(
        "ssh cat", get_with_ssh_cat, lambda server: missing("ssh") or no_shell(server)
    ),
    "rclone": DownloadTool("rclone", get_with_rclone, no_rclone_download, RCLONE_NOTE),
    "rclone_unchecked": DownloadTool(
        "rclone, no checksum", get_with_rclone_unchecked, no_rclone_download
    ),
    "paramiko": DownloadTool("Paramiko", get_with_paramiko),
    "asyncssh": DownloadTool("asyncssh, all its defaults", get_with_asyncssh),
    "asyncssh_same_cipher": DownloadTool(
        "asyncssh, the same cipher", get_with_asyncssh_same_cipher
    ),
    "fsspec": DownloadTool("fsspec's sftp", get_with_fsspec),
}
