"""Makes transfers over an asyncssh connection cheaper, if asyncssh's internals are known; else not.

asyncssh spends most of a transfer's time on its own bookkeeping: some fifteen copies of every
byte, an empty packet before each packet, a send for each of both, and tasks, locks and log lines
for every response. `speed_up` turns a connection, after its login, into one that encrypts a batch
of packets in one buffer and sends it at once, and opens received packets in place. Logins, key
exchanges, errors and all unusual messages stay asyncssh's. docs/decisions/0010-fast-packets.md
gives the reasons and the figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sftp_async.remote.ssh.fast.channel import FastTunnel
from sftp_async.remote.ssh.fast.compatibility import STOCK_VARIABLE, connection_fits, tunnel_fits
from sftp_async.remote.ssh.fast.connection import FastConnection

if TYPE_CHECKING:
    import asyncssh

__all__ = ["STOCK_VARIABLE", "speed_up"]


def speed_up(ssh: asyncssh.SSHClientConnection) -> None:
    """Make transfers cheaper on a connection and on its SFTP channels opened from now on.

    The tunnel that the connection runs in is made cheaper too, if its bastion's connection is a
    fast one already.

    Does nothing where asyncssh's internals are not known, which is logged once, or where
    `SFTP_ASYNC_STOCK_ASYNCSSH` is set.

    Args:
        ssh: asyncssh's connection, just logged in.

    """
    if connection_fits(ssh):
        FastConnection.take_over(ssh)
        # asyncssh has no public name for the transport of a connection.
        tunnel: Any = getattr(ssh, "_transport", None)
        if tunnel_fits(tunnel) and isinstance(tunnel.get_connection(), FastConnection):
            tunnel.__class__ = FastTunnel
