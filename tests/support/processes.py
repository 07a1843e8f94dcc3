"""Finds, stops and observes the processes that serve an SFTP session."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.sshd import SSHD, descendants


def sftp_servers(server: SSHD) -> list[int]:
    """The processes that serve files in an sshd's sessions, not those of the connections."""
    assert server._process is not None
    return [pid for pid in descendants(server._process.pid) if not descendants(pid)]


@contextlib.contextmanager
def stopped() -> Iterator[Callable[[list[int]], None]]:
    """Give a function that stops processes (SIGSTOP); at the end they continue, and exit."""
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
