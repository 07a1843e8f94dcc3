"""Asks a server for its own checksum of a file (check-file), an extension that asyncssh lacks."""

# ruff: noqa: SLF001 - asyncssh has no public way to send an extension's request

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncssh.constants import FXP_EXTENDED_REPLY
from asyncssh.packet import PacketDecodeError, String, UInt32, UInt64

from sftp_async.errors import RemoteUnsupportedError

if TYPE_CHECKING:
    import asyncssh

#: draft-ietf-secsh-filexfer-extensions-00, section 3: by name, since the file is closed by then.
REQUEST = b"check-file-name"
ALGORITHM = b"sha256"
DIGEST_SIZE = 32


async def sha256_on_server(sftp: asyncssh.SFTPClient, path: str) -> str:
    """Ask for the SHA-256 of a file, in hex.

    Of all of it: ProFTPD 1.3.8 goes on to the end of the file whatever length it is given.

    Raises:
        RemoteUnsupportedError: this asyncssh's inside is not known, or the answer is no SHA-256.
        asyncssh.SFTPError: the server's own refusal.

    """
    handler: Any = getattr(sftp, "_handler", None)
    if not hasattr(handler, "_make_request") or not hasattr(handler, "_return_types"):
        raise RemoteUnsupportedError("This version of asyncssh sends no check-file request")
    # The handler refuses answers of a kind that it does not expect.
    if REQUEST not in handler._return_types:
        handler._return_types = {**handler._return_types, REQUEST: FXP_EXTENDED_REPLY}
    answer = await handler._make_request(
        REQUEST,
        String(path.encode("utf-8", "surrogateescape")),
        String(ALGORITHM),
        UInt64(0),  # from its start
        UInt64(0),  # to its end
        UInt32(0),  # one checksum for all of it
    )
    try:
        name = answer.get_string()
        if name == b"check-file":
            name = answer.get_string()
        digest = answer.get_remaining_payload()
    except PacketDecodeError as error:
        raise RemoteUnsupportedError("The server's checksum cannot be read") from error
    if name != ALGORITHM or len(digest) != DIGEST_SIZE:
        raise RemoteUnsupportedError(f"The server answers with a {name!r} of {len(digest)} bytes")
    return str(digest.hex())
