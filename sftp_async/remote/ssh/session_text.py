"""Reads the text that a login prints where SFTP should answer, for the error that shows it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncssh

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds in which the text must come: a login script prints at once, and SFTP then waits for us.
SECONDS = 2.0
#: Bytes that are read at most.
LIMIT = 4096


async def session_text(ssh: asyncssh.SSHClientConnection) -> str:
    """Open one more session for SFTP, send nothing, and return what it prints.

    The session that failed cannot be asked: its first bytes were taken for the length of an answer.

    Args:
        ssh: a connection whose SFTP session failed because of what came.

    Returns:
        The text; empty if nothing came, or no other session could be opened.

    """
    got: list[bytes] = []
    with suppress(asyncssh.Error, OSError, TimeoutError):
        async with asyncio.timeout(SECONDS):
            writer, output, errors = await ssh.open_session(subsystem="sftp", encoding=None)
            try:
                await asyncio.gather(*(_collect(stream, got) for stream in (output, errors)))
            finally:
                writer.channel.abort()
    return _text(got)


async def _collect(stream: asyncssh.SSHReader[bytes], got: list[bytes]) -> None:
    while sum(map(len, got)) < LIMIT and (data := await stream.read(LIMIT)):
        got.append(data)


def _text(got: Sequence[bytes]) -> str:
    return b"".join(got)[:LIMIT].decode("utf-8", "backslashreplace")
