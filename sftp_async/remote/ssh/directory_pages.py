"""Lists a directory page by page, with several READDIR requests in flight where that is safe.

A page is what a server answers to one READDIR: 100 names from OpenSSH. asyncssh asks for one page
at a time, which costs a round trip for each. Its handler of requests, which is not public, is used
here and nowhere else; where it is not as expected, pages come from its `scandir`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import aclosing, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import asyncssh

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

log = logging.getLogger("sftp_async.remote.ssh")

#: The versions of asyncssh whose source was read.
KNOWN_VERSIONS = ("2.24.",)
#: READDIR requests in flight at first. OpenSSH sends 100 names for one: two are for the names of a
#: directory with up to 198 files, and the third one finds the end.
FIRST = 3
#: READDIR requests in flight at most. Each batch is twice the one before it, and waits for its end,
#: so that few requests are in vain; from then on there are always so many.
MOST = 32


async def name_pages(
    sftp: asyncssh.SFTPClient, path: str, *, ahead: bool
) -> AsyncGenerator[Sequence[asyncssh.SFTPName]]:
    """Yield the names of a directory, a page at a time. Consume it within `contextlib.aclosing`.

    Args:
        sftp: the channel.
        path: of the directory.
        ahead: whether to ask for several pages at once: only where the server is known to serve
            requests in their order. Others may give a page twice, or not at all.

    Raises:
        asyncssh.SFTPError: the server refuses.

    """
    handler = _handler_of(sftp)
    if handler is None:
        generator = cast("AsyncGenerator[asyncssh.SFTPName]", sftp.scandir(path))
        async with aclosing(generator) as listing:
            async for name in listing:
                yield (name,)
        return
    handle = await handler.opendir(sftp.compose_path(path))
    coming: deque[asyncio.Task[Any]] = deque()
    batch, ended = FIRST if ahead else 1, False
    try:
        while True:
            if not coming or batch == MOST:
                while not ended and len(coming) < batch:
                    coming.append(asyncio.create_task(handler.readdir(handle)))
            if not coming:
                return
            try:
                names, at_end = await asyncio.shield(coming[0])
            except asyncssh.SFTPEOFError:
                names, at_end = (), True
            coming.popleft()
            # What is still in flight is looked at all the same: no name may be lost.
            ended = ended or at_end
            if ahead and not coming:
                batch = min(2 * batch, MOST)
            yield names
    finally:
        await asyncio.gather(*coming, return_exceptions=True)
        # All names are there, or there is another error.
        with suppress(asyncssh.SFTPError):
            await handler.close(handle)


def _handler_of(sftp: asyncssh.SFTPClient) -> Any:
    """Return asyncssh's handler of requests, if it is one that is known; else None."""
    handler = getattr(sftp, "_handler", None)
    if not asyncssh.__version__.startswith(KNOWN_VERSIONS):
        _note_once(f"asyncssh {asyncssh.__version__} is not a version known to sftp_async")
        return None
    names = ("opendir", "readdir", "close")
    if missing := [name for name in names if not hasattr(handler, name)]:
        _note_once(f"asyncssh's handler has no {', '.join(missing)}")
        return None
    return handler


@cache  # once a process
def _note_once(reason: str) -> None:
    log.info("Directories are listed with one request at a time: %s", reason)
