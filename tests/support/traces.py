"""What a job may leave behind: tasks, threads, connections; and the processes that serve it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sftp_async.remote.runtime import Runtime
from tests.support.sshd import SSHD, descendants

#: States in /proc/net/tcp of a connection that its owner has not closed: established, being opened,
#: closed by the other side only.
HELD = {"01", "02", "08"}


def soon(condition: Callable[[], object], seconds: float = 10) -> bool:
    """Whether a state of the machine, which no event tells, comes about within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


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


class Traces:
    """What there is now: to compare with what a failed job leaves.

    Args:
        runtime: whose tasks.
        port: connections to which are counted.

    """

    def __init__(self, runtime: Runtime, port: int) -> None:
        self._runtime = runtime
        self._port = port
        self._tasks = tasks_of(runtime)
        self._connections = connections_to(port)
        self._threads = set(threading.enumerate())

    def assert_no_more(self) -> None:
        """Fail if there is more than there was, once what is ending has ended."""
        assert soon(lambda: not self._more_tasks()), f"still running: {self._more_tasks()}"
        assert soon(lambda: connections_to(self._port) <= self._connections), "still connected"
        threads = set(threading.enumerate()) - self._threads
        assert not threads, f"still running: {threads}"

    def _more_tasks(self) -> set[asyncio.Task[object]]:
        return tasks_of(self._runtime) - self._tasks


class Told(logging.Handler):
    """Waits for the log: `with Told("sftp_async.remote.pool", "retry 2") as told: …`.

    `then` is called, by the thread that speaks, each time it is said.
    """

    def __init__(self, logger: str, words: str, then: Callable[[], object] = lambda: None) -> None:
        super().__init__(logging.DEBUG)
        self._logger = logging.getLogger(logger)
        self._words = words
        self._then = then
        self._event = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self._event.set()
            self._then()

    def wait(self, seconds: float = 30) -> None:
        assert self._event.wait(seconds), f"{self._logger.name} did not say {self._words!r}"

    def __enter__(self) -> Told:
        self._level = self._logger.level
        self._logger.setLevel(logging.DEBUG)
        self._logger.addHandler(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level)


def sftp_servers(server: SSHD) -> list[int]:
    """The processes that serve the files of an sshd's sessions, behind those that keep the line."""
    assert server._process is not None
    return [pid for pid in descendants(server._process.pid) if not descendants(pid)]


@contextlib.contextmanager
def stopped() -> Iterator[Callable[[list[int]], None]]:
    """Stop processes (SIGSTOP) by what it gives; at the end they go on, and come to their end."""
    pids: list[int] = []

    def stop(them: list[int]) -> None:
        assert them, "there is no process to stop"
        for pid in them:
            os.kill(pid, signal.SIGSTOP)
            pids.append(pid)

    try:
        yield stop
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def is_running(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
