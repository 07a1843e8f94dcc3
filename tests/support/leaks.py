"""Detects what a failed job leaks: tasks, threads and connections that outlive it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from sftp_async.remote.runtime import Runtime
from tests.support.waiting import soon

#: States in /proc/net/tcp of a connection that its owner has not closed: established, being opened,
#: closed by the other side only.
HELD = {"01", "02", "08"}


def connections_to(port: int) -> int:
    """How many TCP connections to a port of this machine their owner holds."""
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[2].rpartition(":")[2], 16) == port and row[3] in HELD for row in rows)


def tasks_of(runtime: Runtime) -> set[asyncio.Task[object]]:
    """The tasks on the runtime's loop."""

    async def look() -> set[asyncio.Task[object]]:
        me = asyncio.current_task()
        return {task for task in asyncio.all_tasks() if task is not me}

    return runtime.run(look())


class LeakCheck:
    """Records what exists now, to compare with what exists after a failed job.

    Args:
        runtime: its tasks are compared.
        port: connections to this port are compared.

    """

    def __init__(self, runtime: Runtime, port: int) -> None:
        self._runtime = runtime
        self._port = port
        self._tasks = tasks_of(runtime)
        self._connections = connections_to(port)
        self._threads = set(threading.enumerate())

    def assert_no_more(self) -> None:
        """Fail if there is more than was recorded, after a wait for what is about to end."""
        assert soon(lambda: not self._more_tasks()), f"still running: {self._more_tasks()}"
        assert soon(lambda: connections_to(self._port) <= self._connections), "still connected"
        threads = set(threading.enumerate()) - self._threads
        assert not threads, f"still running: {threads}"

    def _more_tasks(self) -> set[asyncio.Task[object]]:
        return tasks_of(self._runtime) - self._tasks
