"""`PGPProcess`: sends bytes through a process that encrypts or decrypts, in bounded memory."""

from __future__ import annotations

import fcntl
import json
import os
import pkgutil
import select
import subprocess
import sys
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

#: Bytes of one read of what comes back, and of the pipes where the system grants it (pipe(7)).
_PIECE = 1024 * 1024

#: How the reason begins where the extra is not installed.
LACKS_PACKAGE: Final = "this worker lacks the package pysequoia"


class PGPFailure(Exception):  # noqa: N818 - becomes an EncodeError or a DecodeError
    """The process has failed. The text is its reason, and holds no key and no content."""


class PGPProcess:
    """One message on its way through a process, which ends with the object.

    The two pipes are served by turns on the calling thread, so neither can fill up while the other
    is waited for. Used up by `end`.

    Args:
        task: what to do, and the keys; see `child`.

    """

    def __init__(self, task: dict[str, Any]) -> None:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _source()],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            # An interrupt from the keyboard is for the worker, which ends the process.
            start_new_session=True,
        )
        self._process = process
        weakref.finalize(self, _stop, process)
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        for pipe in (self._in, self._out):
            os.set_blocking(pipe.fileno(), False)
            _widen(pipe.fileno())
        self._poll = select.poll()
        self._poll.register(self._out.fileno(), select.POLLIN)
        self._poll.register(self._in.fileno(), select.POLLOUT)
        header = json.dumps(task).encode()
        self._ahead = len(header).to_bytes(4, "big") + header
        self._ended = False

    def through(self, chunks: Iterable[Buffer]) -> Iterator[bytes]:
        """Send all chunks, and yield what comes back, up to its end; see `send` and `end`."""
        for chunk in chunks:
            yield from self.send(chunk)
        yield from self.end()

    def send(self, data: Buffer) -> Iterator[bytes]:
        """Send some bytes, and yield what comes back meanwhile: to be iterated to the end.

        Raises:
            PGPFailure: the process has failed.

        """
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            yield from self.send(ahead)
        left = memoryview(data).cast("B")
        while len(left) and not self._ended:
            ready = dict(self._poll.poll())
            if self._out.fileno() in ready:
                yield from self._received()
            elif self._in.fileno() in ready:
                try:
                    left = left[os.write(self._in.fileno(), left) :]
                except BrokenPipeError:  # why is known when all has come that was on its way
                    self._poll.unregister(self._in.fileno())
                    yield from self._rest()

    def end(self) -> Iterator[bytes]:
        """Send the end of the message, and yield what comes back up to its end.

        Raises:
            PGPFailure: the process has failed, so what has come before is not to be relied on.

        """
        if self._ahead:
            yield from self.send(b"")
        if not self._ended:
            self._poll.unregister(self._in.fileno())
            self._in.close()
            yield from self._rest()

    def stop(self) -> None:
        """End the process, whatever it has done."""
        self._ended = True
        _stop(self._process)

    def _rest(self) -> Iterator[bytes]:
        while not self._ended:
            self._poll.poll()
            yield from self._received()

    def _received(self) -> Iterator[bytes]:
        piece = os.read(self._out.fileno(), _PIECE)
        if piece:
            yield piece
            return
        assert self._process.stderr is not None
        reason = self._process.stderr.read().decode("utf-8", "replace").strip()
        code = self._process.wait()
        self.stop()
        if code:
            raise PGPFailure(_explained(code, reason))


def _explained(code: int, reason: str) -> str:
    if code < 0:
        return f"its process was ended by signal {-code}"
    if "No module named 'pysequoia'" in reason:
        return f"{LACKS_PACKAGE}: pip install 'sftp-async[pgp]'"
    # What Python itself prints ends with the error.
    return reason.splitlines()[-1] if reason else f"its process ended with {code}"


@cache
def _source() -> str:
    data = pkgutil.get_data(__package__, "child.py")
    assert data is not None
    return data.decode()


def _widen(pipe: int) -> None:
    """Make a pipe larger, where the system has that and grants it: fewer, larger reads."""
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIECE)
    except (AttributeError, OSError):
        return


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()
