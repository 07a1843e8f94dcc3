"""Checks the SSH session: algorithms, host key, login, SFTP extensions and limits."""

from __future__ import annotations

import statistics
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectError, RemoteNotFoundError, RemotePermissionError
from sftp_async.humanize import counted
from sftp_async.remote.ssh import connect
from sftp_async.tools.doctor.context import Finding
from sftp_async.tools.doctor.server_names import NOTES, server_of

if TYPE_CHECKING:
    from sftp_async.remote.ssh import Connection
    from sftp_async.tools.doctor.context import CheckContext

#: Number of stat requests whose median time is the round-trip time.
ROUND_TRIPS = 5
#: Number of SFTP sessions that are tried on one connection: as many as a file uses on a
#: high-latency server.
SESSIONS = 4


async def negotiate_algorithms(context: CheckContext) -> Finding:
    """Negotiate the algorithms."""
    if not await context.reach("Algorithms") or not context.algorithms:
        return Finding.ok("negotiated")
    return Finding.ok(", ".join(f"{kind} {name}" for kind, name in context.algorithms.items()))


async def verify_host_key(context: CheckContext) -> Finding:
    """Verify the server's host key."""
    reached = await context.reach("Host key")
    options = context.options
    if not reached:
        return Finding.ok("trusted")
    shown = f"{context.host_key_fingerprint}"
    if options.host_key_policy == "insecure":
        return Finding.warning(
            f"{shown}, NOT checked (host_key_policy=insecure)",
            "Set host_key_fingerprint to it after the server's operator has confirmed it",
        )
    if options.host_key_fingerprint:
        return Finding.ok(f"{shown}, trusted: host_key_fingerprint contains it")
    if options.known_hosts is not None:
        return Finding.ok(f"{shown}, trusted: known_hosts contains it")
    return Finding.ok(f"{shown}, trusted: this user's known_hosts file contains it")


async def log_in(context: CheckContext) -> Finding:
    """Log in."""
    await context.reach("Login")
    options = context.options
    have = {"private key": options.private_key_content, "password": options.password}
    means = " and ".join(name for name, value in have.items() if value is not None)
    return Finding.ok(f"logged in as {options.username} ({means})")


async def start_sftp(context: CheckContext) -> Finding:
    """Start an SFTP session, and ask for the server's capabilities."""
    await context.reach("SFTP")
    offers = context.connection.capabilities
    context.capabilities = offers
    context.server = server_of(offers.server_version)
    known = {
        "posix-rename": offers.posix_rename,
        "copy-data": offers.copy_data,
        "fsync": offers.fsync,
        "statvfs": offers.statvfs,
        "limits": offers.limits,
    }
    words = {True: "yes", False: "no", None: "unknown"}
    extensions = ", ".join(f"{name} {words[there]}" for name, there in known.items())
    kind = context.server or "unknown server"
    return Finding.ok(
        f"{kind} ({offers.server_version}); {offers.max_write // 1024} KiB per request; "
        f"{extensions}",
        NOTES.get(kind, ""),
    )


async def measure_round_trip(context: CheckContext) -> Finding:
    """Measure the time from a request to its answer."""
    times = []
    for _ in range(ROUND_TRIPS):
        start = time.perf_counter()
        with suppress(RemoteNotFoundError, RemotePermissionError):  # a refusal is an answer, too
            await context.connection.stat(".")
        times.append(time.perf_counter() - start)
    context.round_trip_ms = statistics.median(times) * 1000
    return Finding.ok(f"{context.round_trip_ms:.1f} ms")


async def count_sessions(context: CheckContext) -> Finding:
    """Count the SFTP sessions that one connection may have."""
    context.sessions = await context.connection.open_channels(SESSIONS)
    if context.sessions >= SESSIONS:
        return Finding.ok(f"{SESSIONS} on one connection, as many as a file uses")
    several = counted((context.sessions, "SFTP session"))
    return Finding.warning(
        f"The server allows {several} per connection",
        "Jobs work, but on a high-latency server each file is slower. Ask the server's operator to "
        f"allow {SESSIONS} or more (OpenSSH: MaxSessions)",
    )


async def count_connections(context: CheckContext) -> Finding:
    """Open as many connections as a Python worker would, and count the accepted ones."""
    wanted = context.options.max_connections
    others: list[Connection] = []
    refusal = None
    try:
        while len(others) + 1 < wanted and refusal is None:
            try:
                others.append(await connect(context.options))
            except ConnectError as error:
                refusal = error
    finally:
        for other in others:
            await other.close()
    context.connections = len(others) + 1
    if refusal is None:
        return Finding.ok(f"{wanted} at the same time, as many as max_connections")
    several = counted((context.connections, "connection"))
    return Finding.warning(
        f"The server allows {several} at the same time, and refused the next: {refusal.message}",
        f"Set max_connections={context.connections}. Each of Spark's Python workers has its own "
        f"connections: run at most {counted((context.connections, 'task'))} at the same time "
        f"(df.coalesce({context.connections})), or ask the server's operator to allow more",
    )
