"""asyncssh's way to the wire made cheaper, where its inside is the one we know; else as it is.

asyncssh spends most of an upload's time on its own bookkeeping: some fifteen copies of every
byte, an empty packet before each packet, a send for each of both, and tasks, locks and log lines
for every answer. `speed_up` turns a connection, after its login, into one that seals a batch of
packets in one buffer and sends it at once. Logins, key exchanges, errors and whatever is unusual
stay asyncssh's. docs/decisions/0010-fast-packets.md tells the reasons and the figures.
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
    """Make the uploads of a connection cheaper, and those of its SFTP channels opened from now on.

    So too the tunnel that it runs in, if the bastion's connection was made cheaper before.

    Does nothing where asyncssh's inside is not known, with one line in the log, or where
    `SFTP_ASYNC_STOCK_ASYNCSSH` is set.

    Args:
        ssh: asyncssh's, just logged in.

    """
    if connection_fits(ssh):
        FastConnection.take_over(ssh)
        # asyncssh has no public word for what a connection runs on.
        tunnel: Any = getattr(ssh, "_transport", None)
        if tunnel_fits(tunnel) and isinstance(tunnel.get_connection(), FastConnection):
            tunnel.__class__ = FastTunnel
