"""Checks the network below SSH: the host name, the port, and the banner of the server."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sftp_async.errors import ConnectError
from sftp_async.remote.ssh import network_error
from sftp_async.tools.doctor.context import Finding

if TYPE_CHECKING:
    from sftp_async.options import ConnectionOptions
    from sftp_async.tools.doctor.context import CheckContext

#: RFC 4253, section 4.2: the banner has at most 255 characters, and other lines may precede it. The
#: number of those is ours.
LONGEST_LINE = 255
MOST_LINES = 50
#: Seconds that a server may take to close its side of the connection.
CLOSE_TIMEOUT = 1.0
#: The first bytes of other servers, on ports that are mistaken for that of SFTP.
_OTHER_SERVERS = {
    b"220": "an FTP or mail server; SFTP is a different protocol and needs an SSH server",
    b"HTTP/": "a web server",
    b"RFB ": "a VNC server",
    b"\x15\x03": "a TLS server",
}


async def resolve_name(context: CheckContext) -> Finding:
    """Resolve the host name, unless a proxy or bastion does it."""
    options = context.options
    if context.route:
        return Finding.ok(f"resolved by {context.route[-1]}")
    try:
        async with asyncio.timeout(options.connect_timeout):
            found = await asyncio.get_running_loop().getaddrinfo(
                options.host, options.port, type=socket.SOCK_STREAM
            )
    except TimeoutError:
        raise ConnectError(
            f"No name server answered within {options.connect_timeout:g} seconds",
            hint="Check this machine's name servers, network and VPN, or set host to an IP address",
        ) from None
    except (OSError, UnicodeError) as error:
        raise network_error(error, options) from error
    addresses = dict.fromkeys(str(address[0]) for *_, address in found)
    if options.host in addresses:
        return Finding.ok(f"{options.host} is an IP address")
    return Finding.ok(f"{options.host} resolves to {', '.join(addresses)}")


async def open_port(context: CheckContext) -> Finding:
    """Open a TCP connection; through a proxy or bastion, connect completely."""
    options = context.options
    if context.route:
        await context.reach("TCP")
        return Finding.ok(", through ".join(["the server answers", *context.route]))
    started = time.perf_counter()
    try:
        async with asyncio.timeout(options.connect_timeout):
            context.streams = await asyncio.open_connection(options.host, options.port)
    except TimeoutError:
        raise ConnectError(
            f"Nothing answered on port {options.port} within {options.connect_timeout:g} seconds",
            hint="Check host, port and firewall: a firewall that drops packets has this effect",
        ) from None
    except OSError as error:
        raise network_error(error, options) from error
    milliseconds = (time.perf_counter() - started) * 1000
    return Finding.ok(f"port {options.port} is open ({milliseconds:.1f} ms)")


async def read_banner(context: CheckContext) -> Finding:
    """Read the SSH banner of the server, and close the connection."""
    if context.route:
        return Finding.ok("the server answered")
    assert context.streams is not None
    reader, writer = context.streams
    lines: list[bytes] = []
    try:
        async with asyncio.timeout(context.options.connect_timeout):
            await _read_banner_lines(reader, lines)
    except TimeoutError:
        if not lines:
            silent = "it accepts connections, but sends nothing"
            raise _not_ssh(context.options, silent) from None
    except OSError as error:
        raise _closed() from error
    finally:
        await _close(reader, writer)
    # An SSH server may send other lines before its banner.
    ssh = [line for line in lines if line.startswith(b"SSH-")]
    banner = next(iter(ssh or filter(None, lines)), b"")
    if not banner:
        raise _closed()
    if banner.startswith((b"SSH-2.0-", b"SSH-1.99-")):
        return Finding.ok(banner.decode("ascii", "backslashreplace"))
    if banner.startswith(b"SSH-"):
        shown = banner.decode("ascii", "backslashreplace")
        raise ConnectError(
            f"The server supports only an outdated version of SSH ({shown})",
            hint="Ask its operator to support SSH 2.0",
        )
    kinds = (what for start, what in _OTHER_SERVERS.items() if banner.startswith(start))
    shown = banner[:60].decode("ascii", "backslashreplace")
    raise _not_ssh(context.options, next(kinds, f"it sends {shown!r}"))


async def _read_banner_lines(reader: asyncio.StreamReader, lines: list[bytes]) -> None:
    """Read lines up to the one that begins with `SSH-`, at most `MOST_LINES`."""
    while len(lines) < MOST_LINES and not reader.at_eof():
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            line = error.partial
        except asyncio.LimitOverrunError:
            line = await reader.read(LONGEST_LINE)
        lines.append(line[:LONGEST_LINE].rstrip(b"\r\n"))
        if lines[-1].startswith((b"SSH-", *_OTHER_SERVERS)):
            return


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close without a reset, which servers log as an error."""
    try:
        with suppress(OSError, TimeoutError):
            writer.write_eof()
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while await reader.read(1 << 16):
                    pass
    finally:
        writer.close()


def _not_ssh(options: ConnectionOptions, what: str) -> ConnectError:
    return ConnectError(
        f"What answers on port {options.port} is not an SSH server: {what}",
        hint="Check host and port: an SFTP server is an SSH server, most often on port 22",
    )


def _closed() -> ConnectError:
    return ConnectError(
        "The server closed the connection before sending an SSH banner",
        hint="It may limit the number of connections (OpenSSH: MaxStartups) or block this address: "
        "ask its operator. Or it is not an SSH server",
    )
