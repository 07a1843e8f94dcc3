"""Runs the work of a command on the event loop, and lets it clean up after an interrupt."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from sftp_async.remote.runtime import get_runtime, new_pool
from sftp_async.tools.cli.interrupts import interrupts

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Coroutine

    from sftp_async.options import SFTPOptions
    from sftp_async.remote.pool import ConnectionPool

T = TypeVar("T")

#: Seconds that an interrupted command may take to clean up.
CLEAN_UP_SECONDS = 15.0
#: Seconds of clean-up after which the command shows what it waits for.
NOTICE_SECONDS = 1.0
#: Seconds between looks for a signal. One that comes right before the wait does not end the wait.
_LOOK = 0.1


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; an interrupt cancels it and waits for its `finally` blocks.

    Raises:
        KeyboardInterrupt: a signal has ended the work.

    """
    loop = get_runtime().loop
    ended = threading.Event()
    tasks: list[asyncio.Task[T]] = []

    def start() -> None:
        task = loop.create_task(work)
        task.add_done_callback(lambda _: ended.set())
        tasks.append(task)

    with interrupts.noted():
        loop.call_soon_threadsafe(start)
        try:
            while not ended.wait(_LOOK) and interrupts.number is None:
                pass
            if interrupts.number is not None:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            # The loop runs it behind `start`. The done work of a cancelled task stays done.
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            if not ended.wait(min(NOTICE_SECONDS, CLEAN_UP_SECONDS)):
                typer.echo("Interrupted: cleaning up. Once more ends it at once.", err=True)
                if not ended.wait(max(0.0, CLEAN_UP_SECONDS - NOTICE_SECONDS)):
                    typer.echo(
                        "The server does not answer: hidden files may be left, which "
                        "`sftp-async clean` removes.",
                        err=True,
                    )
            raise
    return tasks[0].result()


@asynccontextmanager
async def pool_of(options: SFTPOptions) -> AsyncIterator[ConnectionPool]:
    """Provide a pool with an open connection, and close it at the end.

    The pool does not retry a failed connect: the user of a command wants the error at once.

    Raises:
        OptionsError: a key or a reference cannot be used.
        ConnectError: the connection failed.

    """
    pool = new_pool(options.resolve().model_copy(update={"max_retries": 0}))
    try:
        async with pool.lease():
            pass
        yield pool
    finally:
        await pool.close()
