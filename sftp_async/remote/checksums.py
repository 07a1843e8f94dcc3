"""Checks that the server holds the bytes that were sent: read back, or hashed by the server."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

from sftp_async.errors import ShortReadError, VerificationError
from sftp_async.remote.download import read_range

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.remote.filesystem import RemoteFileSystem

How = Literal["size", "readback", "server", "checksum", "none"]


async def verify(
    connection: RemoteFileSystem, path: str, start: int, size: int, digest: str, how: How
) -> None:
    """Compare a range of a closed remote file with what was sent.

    Args:
        connection: to the server.
        path: the file.
        start: first byte of the range.
        size: bytes in it.
        digest: SHA-256 of what was sent, in hex.
        how: `readback` reads the bytes, `server` asks for the file's checksum (check-file); with
            `size` and `none` there is nothing to do: the upload compares sizes, or not.

    Raises:
        VerificationError: it holds something else.
        RemoteUnsupportedError: the server computes no checksums.

    """
    if how in ("size", "none") or not size:
        return
    if how == "server":
        found = await connection.sha256_on_server(path)
    else:
        try:
            found = (await digests_of(connection, [(path, start, size)], ["sha256"]))["sha256"]
        except ShortReadError as error:
            raise _differs(connection, path, f"it ends after {error.end:,} bytes") from error
    if found != digest:
        raise _differs(connection, path, f"its SHA-256 is {found}, not {digest}")


def _differs(connection: RemoteFileSystem, path: str, how: str) -> VerificationError:
    return VerificationError(
        f"The file does not hold what was sent: {how}",
        host=connection.address,
        path=path,
        hint="Spark retries the task if task retries are enabled (not in local mode); if it "
        "happens again, check the server's disk",
    )


async def digests_of(
    connection: RemoteFileSystem, ranges: Iterable[tuple[str, int, int]], algorithms: Iterable[str]
) -> dict[str, str]:
    """Read ranges of remote files, once, as if they were one file.

    Args:
        connection: to the server.
        ranges: path, first byte and size of each.
        algorithms: names that `hashlib` knows.

    Returns:
        The digests by algorithm, in hex.

    Raises:
        ShortReadError: a file ends before its range does.

    """
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    for path, start, size in ranges:
        async with aclosing(read_range(connection, path, start, start + size)) as pieces:
            async for piece in pieces:
                for digest in digests.values():
                    digest.update(piece)
    return {name: digest.hexdigest() for name, digest in digests.items()}
