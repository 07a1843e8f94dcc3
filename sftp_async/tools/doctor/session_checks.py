"""The checks of the session: who the server is, who we are to it, what it offers and allows."""

from __future__ import annotations

import statistics
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectError, RemoteNotFoundError, RemotePermissionError
from sftp_async.remote.ssh import connect
from sftp_async.tools.doctor.context import Finding
from sftp_async.tools.doctor.server_names import NOTES, server_of

if TYPE_CHECKING:
    from sftp_async.remote.ssh import Connection
    from sftp_async.tools.doctor.context import CheckContext

#: Stats whose median is the round-trip time.
ROUND_TRIPS = 5
#: SFTP sessions that are tried on one connection: as many as a file uses on a
#: high-latency server.
SESSIONS = 4


async def agree(subject: CheckContext) -> Finding:
    """Agree on algorithms."""
    if not await subject.reach("Algorithms") or not subject.algorithms:
        return Finding.ok("agreed on")
    return Finding.ok(", ".join(f"{kind} {name}" for kind, name in subject.algorithms.items()))


async def trust(subject: CheckContext) -> Finding:
    """Check the server's host key."""
    reached = await subject.reach("Host key")
    options = subject.options
    if not reached:
        return Finding.ok("trusted")
    shown = f"{subject.host_key_fingerprint}"
    if options.host_key_policy == "insecure":
        return Finding.warning(
            f"{shown}, NOT checked (host_key_policy=insecure)",
            "Once the server's operator confirms it, set host_key_fingerprint to it",
        )
    if options.host_key_fingerprint:
        return Finding.ok(f"{shown}, trusted: it is the host_key_fingerprint")
    if options.known_hosts is not None:
        return Finding.ok(f"{shown}, trusted: known_hosts names it")
    return Finding.ok(f"{shown}, trusted: this user's known_hosts file names it")


async def log_in(subject: CheckContext) -> Finding:
    """Log in."""
    await subject.reach("Login")
    options = subject.options
    have = {"private key": options.private_key_content, "password": options.password}
    means = " and ".join(name for name, value in have.items() if value is not None)
    return Finding.ok(f"accepted as {options.username} ({means})")


async def start_sftp(subject: CheckContext) -> Finding:
    """Start an SFTP session, and see what the server offers."""
    await subject.reach("SFTP")
    offers = subject.connection.capabilities
    subject.capabilities = offers
    subject.server = server_of(offers.server_version)
    known = {
        "posix-rename": offers.posix_rename,
        "copy-data": offers.copy_data,
        "fsync": offers.fsync,
        "statvfs": offers.statvfs,
        "limits": offers.limits,
    }
    words = {True: "yes", False: "no", None: "unknown"}
    extensions = ", ".join(f"{name} {words[there]}" for name, there in known.items())
    kind = subject.server or "server unknown"
    return Finding.ok(
        f"{kind} ({offers.server_version}); {offers.max_write // 1024} KiB a request; {extensions}",
        NOTES.get(kind, ""),
    )


async def measure(subject: CheckContext) -> Finding:
    """Measure the time of a request and its answer."""
    times = []
    for _ in range(ROUND_TRIPS):
        start = time.perf_counter()
        with suppress(RemoteNotFoundError, RemotePermissionError):  # an answer all the same
            await subject.connection.stat(".")
        times.append(time.perf_counter() - start)
    subject.round_trip_ms = statistics.median(times) * 1000
    return Finding.ok(f"{subject.round_trip_ms:.1f} ms")


async def count_sessions(subject: CheckContext) -> Finding:
    """Count the SFTP sessions that one connection may have."""
    subject.sessions = await subject.connection.open_channels(SESSIONS)
    if subject.sessions >= SESSIONS:
        return Finding.ok(f"{SESSIONS} on one connection, as many as a file makes use of")
    several = "one SFTP session" if subject.sessions == 1 else f"{subject.sessions} SFTP sessions"
    return Finding.warning(
        f"The server allows {several} on a connection",
        "A job makes do with it; each file is then slower on a distant server. Ask the server's "
        f"operator for {SESSIONS} or more (OpenSSH: MaxSessions)",
    )


async def count_connections(subject: CheckContext) -> Finding:
    """Open as many connections as a Python worker would, and count those that are let in."""
    wanted = subject.options.max_connections
    others: list[Connection] = []
    refusal = None
    try:
        while len(others) + 1 < wanted and refusal is None:
            try:
                others.append(await connect(subject.options))
            except ConnectError as error:
                refusal = error
    finally:
        for other in others:
            await other.close()
    subject.connections = len(others) + 1
    if refusal is None:
        return Finding.ok(f"{wanted} at once, as many as max_connections asks for")
    several = "one connection" if subject.connections == 1 else f"{subject.connections} connections"
    return Finding.warning(
        f"The server allows {several} at once, and turned the next away: {refusal.message}",
        f"Set max_connections={subject.connections}. Each of Spark's Python workers has "
        f"connections of its own: let no more than {subject.connections} run at once "
        f"(df.coalesce({subject.connections})), or ask the server's operator for more",
    )
