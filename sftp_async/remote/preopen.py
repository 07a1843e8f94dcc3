"""A staged file opened ahead: on a distant server it saves the next file a round trip.

While one file uploads, another is created beside it in the same flight, and stays open on the
connection. The next file that this process stages in the same directory takes it, name and all: on
the way to a commit a staged file's name means nothing. One that nobody takes stays empty, and goes
with the staging directory.
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
class _Ahead:
    """What was opened ahead on one connection, and for which directory."""

    directory: str
    file: SFTPFile | None = None
    wanted: bool = True


#: Everything here runs on the one event loop of the process.
_AHEAD: WeakKeyDictionary[Connection, _Ahead] = WeakKeyDictionary()


def take(connection: Connection, directory: str) -> SFTPFile | None:
    """Return the file that was opened ahead there; it is the caller's from now on."""
    ahead = _AHEAD.get(connection)
    if ahead is None or ahead.directory != directory or ahead.file is None:
        return None
    file, ahead.file, ahead.wanted = ahead.file, None, True
    return file


async def prepare(connection: Connection, directory: str) -> None:
    """Open a file ahead where it is likely to be used and worth it; never fails.

    Not for the first file of a job on this connection, which may be its only one: a file that
    nobody takes costs the commit a few round trips. Not on a near server, nor on one that is not
    known to keep plain files: an object store might make an object of it.
    """
    ahead = _AHEAD.get(connection)
    if ahead is None or ahead.directory != directory:
        _AHEAD[connection] = _Ahead(directory)
        if ahead is not None and ahead.file is not None:
            with suppress(TransferError):
                await ahead.file.close()
    elif ahead.wanted and connection.in_order and connection.round_trip >= FAR:
        ahead.wanted = False
        path = posixpath.join(directory, f"ahead-{uuid.uuid4().hex}")
        try:
            ahead.file = await connection.open_new(path)
        except TransferError as error:
            log.info("%s: no file is opened ahead (%s)", directory, error)
