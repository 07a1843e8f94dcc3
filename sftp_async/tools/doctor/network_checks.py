"""The checks below SSH: the name, the port, and the greeting of who listens there."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectError
from sftp_async.remote.ssh.error_mapping import connect_error
from sftp_async.tools.doctor.context import Finding

if TYPE_CHECKING:
    from sftp_async.options import ConnectionOptions
    from sftp_async.tools.doctor.context import CheckContext

#: RFC 4253, section 4.2: the greeting has at most 255 characters, and lines may stand before it.
LONGEST_LINE = 255
MOST_LINES = 50
#: Seconds that a server may take to hang up as well.
PATIENCE = 1.0
#: What other servers greet with, on ports that are mistaken for SFTP's.
_OTHERS = {
    b"220": "an FTP or mail server; SFTP is another protocol, and needs an SSH server",
    b"HTTP/": "a web server",
    b"RFB ": "a VNC server",
    b"\x15\x03": "a TLS server",
}


async def resolve_name(subject: CheckContext) -> Finding:
    """Look the host name up, unless that is done by who is on the way."""
    options = subject.options
    if subject.way:
        return Finding.ok(f"looked up behind {subject.way[-1]}")
    try:
        async with asyncio.timeout(options.connect_timeout):
            found = await asyncio.get_running_loop().getaddrinfo(
                options.host, options.port, type=socket.SOCK_STREAM
            )
    except TimeoutError:
        raise ConnectError(
            f"No name server answered within {options.connect_timeout:g} seconds",
            hint="Check this machine's name servers, network and VPN, or give the host's address",
        ) from None
    except (OSError, UnicodeError) as error:
        raise connect_error(error, options, methods="", ssh=None) from error
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    if options.host in addresses:
        return Finding.ok(f"{options.host} is an address")
    return Finding.ok(f"{options.host} is {', '.join(addresses)}")


async def open_port(subject: CheckContext) -> Finding:
    """Open a TCP connection; through a bastion or a proxy, all that connecting takes."""
    options = subject.options
    if subject.way:
        await subject.reach("TCP")
        return Finding.ok(", through ".join(["the server answers", *subject.way]))
    started = time.perf_counter()
    try:
        async with asyncio.timeout(options.connect_timeout):
            subject.streams = await asyncio.open_connection(options.host, options.port)
    except TimeoutError:
        raise ConnectError(
            f"Nothing answered on port {options.port} within {options.connect_timeout:g} seconds",
            hint="Check host, port and firewall: a firewall that drops packets looks like this",
        ) from None
    except OSError as error:
        raise connect_error(error, options, methods="", ssh=None) from error
    milliseconds = (time.perf_counter() - started) * 1000
    return Finding.ok(f"port {options.port} is open ({milliseconds:.1f} ms)")


async def read_banner(subject: CheckContext) -> Finding:
    """Read what the server says first, and hang up."""
    if subject.way:
        return Finding.ok("the server behind it answered")
    assert subject.streams is not None
    reader, writer = subject.streams
    lines: list[bytes] = []
    try:
        async with asyncio.timeout(subject.options.connect_timeout):
            await _read_greeting(reader, lines)
    except TimeoutError:
        if not lines:
            silent = "it accepts connections, and says nothing"
            raise _no_ssh(subject.options, silent) from None
    except OSError as error:
        raise _closed() from error
    finally:
        await _hang_up(reader, writer)
    # Of SSH's greeting the last line counts; of what another server says, the first.
    said = [line for line in lines if line.startswith(b"SSH-")] or [line for line in lines if line]
    banner = said[0] if said else b""
    if not banner:
        raise _closed()
    if banner.startswith((b"SSH-2.0-", b"SSH-1.99-")):
        return Finding.ok(banner.decode("ascii", "backslashreplace"))
    if banner.startswith(b"SSH-"):
        shown = banner.decode("ascii", "backslashreplace")
        raise ConnectError(
            f"The server knows only an outdated version of SSH ({shown})",
            hint="Ask its operator for a current one",
        )
    kinds = (what for start, what in _OTHERS.items() if banner.startswith(start))
    shown = banner[:60].decode("ascii", "backslashreplace")
    raise _no_ssh(subject.options, next(kinds, f"it says {shown!r}"))


async def _read_greeting(reader: asyncio.StreamReader, lines: list[bytes]) -> None:
    """Read lines up to the one that begins with `SSH-`, or as long as there can be one."""
    while len(lines) < MOST_LINES and not reader.at_eof():
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
        except asyncio.LimitOverrunError:
            line = await reader.read(LONGEST_LINE)
        lines.append(line[:LONGEST_LINE].rstrip(b"\r\n"))
        if lines[-1].startswith((b"SSH-", *_OTHERS)):
            return


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close without a reset: servers log those as faults."""
    try:
        with suppress(OSError, TimeoutError):
            writer.write_eof()
            async with asyncio.timeout(PATIENCE):
                while await reader.read(1 << 16):
                    pass
    finally:
        writer.close()


def _no_ssh(options: ConnectionOptions, what: str) -> ConnectError:
    return ConnectError(
        f"What listens on port {options.port} is no SSH server: {what}",
        hint="Check host and port: an SFTP server is an SSH server, most often on port 22",
    )


def _closed() -> ConnectError:
    return ConnectError(
        "The server closed the connection without a word",
        hint="It may have enough connections (OpenSSH: MaxStartups), or refuse this address: ask "
        "its operator. Or what listens there is no SSH server",
    )
