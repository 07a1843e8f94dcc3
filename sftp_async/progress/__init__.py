"""Shows writes and reads in the process that started them: a listener and its displays."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import TYPE_CHECKING, Literal

from sftp_async.progress.displays import choose_display
from sftp_async.progress.history import History
from sftp_async.progress.listener import Listener
from sftp_async.progress.state import WriteState

if TYPE_CHECKING:
    from collections.abc import Callable

    from sftp_async.progress.messages import Address
    from sftp_async.progress.read_summary import ReadSummary
    from sftp_async.progress.summary import WriteSummary

__all__ = ["answer_mode", "answer_tasks", "history", "last_read", "last_write", "listen"]

log = logging.getLogger("sftp_async.progress")

_lock = threading.Lock()
_state = WriteState()
_listener: Listener | None = None
_tasks_of: Callable[[int], int | None] | None = None
_sessions: list[Callable[[], Literal["static", "dynamic"]]] = []


def listen(host: str) -> Address | None:
    """Listen for messages about the writes of this process, once for all its sessions.

    Args:
        host: name or address of this machine's interface that the tasks can reach.

    Returns:
        Where the tasks send their messages; None if this process cannot listen there.

    """
    global _listener
    with _lock:
        if _listener is not None and _listener.host == host and _listener.pid == os.getpid():
            return _listener.address
        if _listener is not None:
            _listener.close()
            _listener = None
        try:
            _listener = Listener(host, _state, choose_display, _mode_of, _tasks_of_stage)
        except OSError as error:
            log.info("writes will not be shown: cannot listen on %s: %s", host, error)
            return None
        return _listener.address


def answer_mode(mode: Callable[[], Literal["static", "dynamic"]]) -> int:
    """Let the listener answer how a session overwrites partitions; see `session_mode.ask_mode`.

    Args:
        mode: returns the session's mode now; called on the listener's thread.

    Returns:
        The session's number.

    """
    with _lock:
        _sessions.append(mode)
        return len(_sessions) - 1


def _mode_of(session: int) -> Literal["static", "dynamic"] | None:
    return _sessions[session]() if 0 <= session < len(_sessions) else None


def answer_tasks(tasks_of: Callable[[int], int | None]) -> None:
    """Let the listener know how many tasks a stage has; a later call takes the place of this one.

    Args:
        tasks_of: returns the number of tasks of Spark's stage, None: unknown; called on the
            listener's thread.

    """
    global _tasks_of
    _tasks_of = tasks_of


def _tasks_of_stage(stage: int) -> int | None:
    return _tasks_of(stage) if _tasks_of is not None else None


def history() -> History:
    """Return the summaries of the last writes and reads of this process, the oldest first.

    A write that failed is among them, with what it had sent and why it failed, and so are the
    micro-batches of streaming queries. Of all it is the last hundred; nothing is stored. Needs what
    `last_write` needs. `history().writes` and `history().reads` are one kind alone.
    """
    listener = _listener
    if listener is not None and listener.pid == os.getpid():
        return listener.history()
    return History(_state.history.values())


def last_write() -> WriteSummary | None:
    """Return the summary of the write of this process that was completed last.

    Returns:
        Its files, rows, bytes, seconds (start-up and transfer), connections, retries, and the files
        that it replaced or removed; or None if none was completed. Of a streaming query it is the
        last micro-batch. A write that failed is in `history()` alone.
        Needs `register(spark)` in this process, and a driver that reaches it: with Spark Connect
        there is none, and the log of the driver has the summary (INFO), as has `_manifest.json`
        with `manifest=true`.

    """
    listener = _listener
    if listener is not None and listener.pid == os.getpid():
        return listener.last_write()
    return _state.last


def last_read() -> ReadSummary | None:
    """Return the summary of the read of this process of which a task ended last.

    Returns:
        Its files, rows, bytes, seconds, tasks, connections, retries, and the files that were left
        out; or None if no task has ended. Needs `register(spark)` in this process, and a driver
        that reaches it; see `last_write`. Spark does not tell a source when a read is over: if
        `tasks_done` is less than `tasks`, Spark wanted no more rows, or the read goes on.

    """
    listener = _listener
    if listener is not None and listener.pid == os.getpid():
        return listener.last_read()
    return _state.last_read


@atexit.register
def _end() -> None:
    # A terminal gets its cursor back, whatever is being shown.
    if _listener is not None and _listener.pid == os.getpid():
        _listener.close()
