"""One file to the server, without Spark: ours, and every tool one would take for it.

All read the same file, which lies in memory (`/dev/shm`), and open a connection of their own in
every run. Ours is what one task of a Spark job does with one part file, from the bytes on: chunks
through a byte budget into a `FileUpload`, and the server's word on the size at the end. The tools
are called with their defaults, and with the same cipher where they take one.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Sequence
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
    no_rclone,
    no_shell,
    quoted,
    rclone,
    sftp,
    ssh,
)
from benchmarks.verify import bytes_outcome
from sftp_async import SFTPOptions
from sftp_async.remote.byte_budget import ByteBudget
from sftp_async.remote.retry import RetryPolicy
from sftp_async.remote.runtime import Runtime
from sftp_async.remote.upload import FileUpload, UploadedFile

if TYPE_CHECKING:
    from concurrent.futures import Future

    from benchmarks.context import Context
    from benchmarks.servers import Server


@dataclass(frozen=True)
class Tool:
    """A way to put one file on a server.

    Args:
        title: for people.
        put: (server, local file, remote path).
        unavailable: why it cannot be run against this server from this machine.
        note: for the report: what else it does.

    """

    title: str
    put: Callable[[Server, Path, str], object]
    unavailable: Callable[[Server], str | None] = lambda server: None
    note: str | None = None


def one_file(
    context: Context, server: Server, source: Path, names: Sequence[str] | None = None
) -> list[Contender]:
    """Return contenders that put `source` on the server, each as one new file.

    Args:
        context: the suite's.
        server: it, or the relay before it.
        source: the file.
        names: keys of `TOOLS`; None takes all, ours first.

    """
    return [
        Contender(
            name,
            TOOLS[name].title,
            lambda target, put=TOOLS[name].put: put(server, source, target),  # type: ignore[misc]
            lambda target: bytes_outcome(context.local(target)),
            unavailable=TOOLS[name].unavailable(server),
            labels={"note": TOOLS[name].note} if TOOLS[name].note else {},
        )
        for name in names or TOOLS
    ]


def put_with_sftp_async(server: Server, source: Path, target: str) -> None:
    """Put a file as a task of ours puts a part file, on one connection."""
    options = SFTPOptions(**server.options(), max_connections=1).resolve()
    runtime = Runtime()  # this run's own: the process's would keep the connection for the next run
    try:
        budget = ByteBudget(options.max_buffer_bytes)
        retry = RetryPolicy.of(options)
        transfer = FileUpload(target, runtime.pool(options), retry, budget.release)
        upload = runtime.submit(transfer.run())

        def ended(future: Future[UploadedFile]) -> None:
            if not future.cancelled() and (error := future.exception()) is not None:
                budget.fail(error)

        upload.add_done_callback(ended)
        try:
            with source.open("rb") as file:
                while chunk := file.read(options.chunk_size):
                    budget.acquire(len(chunk))
                    runtime.loop.call_soon_threadsafe(transfer.feed, memoryview(chunk))
            runtime.loop.call_soon_threadsafe(transfer.end)
            upload.result()
        finally:
            upload.cancel()
    finally:
        runtime.close()


def put_with_openssh(server: Server, source: Path, target: str) -> None:
    """Put a file with OpenSSH's `sftp -b`; it takes regular files only, no pipe."""
    sftp(server, [f"put {quoted(source)} {quoted(target)}"])


def put_with_ssh_cat(server: Server, source: Path, target: str) -> None:
    """Put a file through a `cat` that the server's shell runs: no SFTP in it."""
    ssh(server, f"cat > {shlex.quote(target)}", source)


def put_with_rclone(server: Server, source: Path, target: str) -> None:
    """Put a file with `rclone copyto`, and have the server's shell make its hash afterwards."""
    rclone(server, "copyto", source, target)


def put_with_rclone_unchecked(server: Server, source: Path, target: str) -> None:
    """Put a file with `rclone copyto`, without hashes: no other tool here makes any."""
    rclone(server, "copyto", source, target, "--ignore-checksum")


def put_with_paramiko(server: Server, source: Path, target: str) -> None:
    """Put a file with Paramiko's `SFTPClient.put`."""
    with connected_paramiko(server) as client, client.open_sftp() as session:
        session.put(str(source), target)


def paramiko_transport(*arguments: Any, **options: Any) -> paramiko.Transport:
    """Return a transport that offers the suite's cipher alone."""
    made = paramiko.Transport(*arguments, **options)
    choice = made.get_security_options()
    if CIPHER in choice.ciphers:  # Paramiko has it since 3.5
        choice.ciphers = (CIPHER,)
    return made


def connected_paramiko(server: Server) -> paramiko.SSHClient:
    """Connect with Paramiko; the caller closes the client, as a context manager does."""
    client = paramiko.SSHClient()
    client.load_host_keys(str(server.known_hosts_file))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    client.connect(
        server.host,
        server.port,
        server.username,
        key_filename=str(server.key_file),
        allow_agent=False,
        look_for_keys=False,
        transport_factory=paramiko_transport,
    )
    return client


def put_with_asyncssh(server: Server, source: Path, target: str, **options: Any) -> None:
    """Put a file with asyncssh's `SFTPClient.put`, on asyncio's own event loop."""

    async def put() -> None:
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
            await session.put(str(source), target)

    asyncio.run(put())


def put_with_asyncssh_same_cipher(server: Server, source: Path, target: str) -> None:
    """Put a file with asyncssh and its defaults, but for the cipher."""
    put_with_asyncssh(server, source, target, encryption_algs=[CIPHER])


TOOLS = {
    "sftp_async": Tool("sftp_async", put_with_sftp_async),
    "openssh_sftp": Tool("OpenSSH sftp", put_with_openssh, lambda server: missing("sftp")),
    "ssh_cat": Tool("ssh cat", put_with_ssh_cat, lambda server: missing("ssh") or no_shell(server)),
    "rclone": Tool("rclone", put_with_rclone, no_rclone, RCLONE_NOTE),
    "rclone_unchecked": Tool("rclone, no checksum", put_with_rclone_unchecked, no_rclone),
    "paramiko": Tool("Paramiko", put_with_paramiko),
    "asyncssh": Tool("asyncssh, all its defaults", put_with_asyncssh),
    "asyncssh_same_cipher": Tool("asyncssh, the same cipher", put_with_asyncssh_same_cipher),
}
