"""Shows the progress of writes in the process that started them: a listener and its displays."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import TYPE_CHECKING

from sftp_async.progress.displays import choose_display
from sftp_async.progress.listener import Listener
from sftp_async.progress.state import WriteState

if TYPE_CHECKING:
    from sftp_async.progress.messages import Address
    from sftp_async.progress.summary import WriteSummary

__all__ = ["last_write", "listen"]

log = logging.getLogger("sftp_async.progress")

_lock = threading.Lock()
_state = WriteState()
_listener: Listener | None = None


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
            _listener = Listener(host, _state, choose_display)
        except OSError as error:
            log.info("writes will not be shown: cannot listen on %s: %s", host, error)
            return None
        return _listener.address


def last_write() -> WriteSummary | None:
    """Return the summary of the write of this process that was completed last.

    Returns:
        Its files, rows, bytes, seconds, connections and retries; None if no write was completed. Of
        a streaming query it is the last micro-batch. This needs `register(spark)` in this process,
        and a driver that can reach the process. With Spark Connect it cannot: the log of the driver
        (INFO) and, with `manifest=true`, `_manifest.json` hold the summary.

    """
    listener = _listener
    if listener is not None and listener.pid == os.getpid():
        return listener.last_write()
    return _state.last


@atexit.register
def _end() -> None:
    # A terminal gets its cursor back, whatever is being shown.
    if _listener is not None and _listener.pid == os.getpid():
        _listener.close()
