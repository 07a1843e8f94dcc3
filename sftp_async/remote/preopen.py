"""Opens a staged file before it is needed: it saves the next file a round trip.

While one file uploads, another is created in the same flight of requests, and stays open on the
connection. The next file that this process stages in the same directory takes it, with its name:
before a commit the name of a staged file means nothing. One that no upload takes stays empty, and
is removed with the staging directory.
"""

from __future__ import annotations

import logging
import posixpath
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sftp_async.errors import TransferError
from sftp_async.remote.channel_group import FAR

if TYPE_CHECKING:
    from sftp_async.remote.ssh import Connection, SFTPFile

log = logging.getLogger("sftp_async.remote.preopen")


@dataclass(eq=False)
class _Preopened:
    """The file that was opened on one connection, and for which directory."""

    directory: str
    file: SFTPFile | None = None
    wanted: bool = True


#: Everything here runs on the one event loop of the process.
_PREOPENED: WeakKeyDictionary[Connection, _Preopened] = WeakKeyDictionary()


def take(connection: Connection, directory: str) -> SFTPFile | None:
    """Return the file that was opened there, if any; it is the caller's from now on."""
    there = _PREOPENED.get(connection)
    if there is None or there.directory != directory or there.file is None:
        return None
    file, there.file, there.wanted = there.file, None, True
    return file


async def prepare(connection: Connection, directory: str) -> None:
    """Open a file where it is likely to be used and worth it; never fails.

    Not for the first file of a job on this connection, which may be its only one: a file that no
    upload takes costs the commit a few round trips. Not on a low-latency server, nor on one that is
    not known to keep plain files: an object store might make an object of it.
    """
    there = _PREOPENED.get(connection)
    if there is None or there.directory != directory:
        _PREOPENED[connection] = _Preopened(directory)
        if there is not None and there.file is not None:
            with suppress(TransferError):
                await there.file.close()
    elif there.wanted and connection.in_order and connection.round_trip >= FAR:
        there.wanted = False
        path = posixpath.join(directory, f"ahead-{uuid.uuid4().hex}")
        try:
            there.file = await connection.open_new(path)
        except TransferError as error:
            log.info("%s: no file is opened for the next upload (%s)", directory, error)
