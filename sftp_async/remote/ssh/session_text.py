"""Reads the text that a login prints where SFTP should answer, for the error that shows it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncssh

#: Seconds in which the text must come: a login script prints at once, and SFTP then waits for us.
SECONDS = 2.0
#: Bytes after which nothing more is read.
LIMIT = 4096


async def session_text(ssh: asyncssh.SSHClientConnection) -> str:
    """Open one more session for SFTP, send nothing, and return what it prints.

    The session that failed cannot be asked: its first bytes were taken for the length of an answer.

    Args:
        ssh: a connection whose SFTP session failed because of what came.

    Returns:
        The text; empty if nothing came, or no other session could be opened.

    """
    got = b""
    with suppress(asyncssh.Error, OSError, TimeoutError):
        async with asyncio.timeout(SECONDS):
            writer, output, _ = await ssh.open_session(subsystem="sftp", encoding=None)
            try:
                while len(got) < LIMIT and (data := await output.read(LIMIT)):
                    got += data
            finally:
                writer.channel.abort()
    return got.decode("utf-8", "backslashreplace")
