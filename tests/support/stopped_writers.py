"""Plays two jobs against a real server, in processes that are stopped between two requests.

Run as a program, it reads rounds from its input, a JSON document a line, and writes the outcome of
each. It is a process of its own because it forks: a job's process begins in a few milliseconds, and
no thread of a test is in it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import pyarrow as pa

from sftp_async.errors import SFTPAsyncError
from sftp_async.remote.ssh.connection import Connection
from sftp_async.write.commit import claim
from tests.support.jobs import LINES, real_job, upload

#: Everything that a commit asks a server for.
REQUESTS = (
    *("stat", "lstat", "exists", "kind", "listdir", "mkdir", "rmdir", "remove"),
    *("rename", "replace", "link", "open_new", "open_truncated", "open_read"),
)


class Writer:
    """One job in a process of its own, which makes the requests that it is allowed, and stops.

    Args:
        begin: what the process does before it stops for the first time; returns what it does then.

    """

    def __init__(self, begin: Callable[[], Callable[[], str]]) -> None:
        quota, self._quota = os.pipe()
        self._outcome, outcome = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(quota)
            os.close(outcome)
            self.running = True
            self._wait()
            return
        os.close(self._quota)
        try:
            commit = begin()
            _stop_between_requests(quota)
            os.write(outcome, commit().encode())
        except BaseException as error:  # noqa: BLE001 - the child must not go on as its parent
            os.write(outcome, f"broken: {error!r}".encode())
        os._exit(0)

    def let(self, requests: int) -> None:
        """Let it make so many requests; -1: all that it has left."""
        if self.running:
            os.write(self._quota, b"%d\n" % requests)
            os.kill(self.pid, signal.SIGCONT)
            self._wait()

    def outcome(self) -> str:
        """What its commit returned, once it is over."""
        with os.fdopen(self._outcome) as pipe:
            outcome = pipe.read()
        os.close(self._quota)
        return outcome

    def _wait(self) -> None:
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        self.running = os.WIFSTOPPED(status)


def _stop_between_requests(quota: int) -> None:
    """Stop this process now, and then whenever it has made the requests that it may make."""
    lines = os.fdopen(quota)
    left = 0

    def stop() -> None:
        nonlocal left
        os.kill(os.getpid(), signal.SIGSTOP)
        left = int(lines.readline())

    def gated(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        async def request(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            if not left:
                stop()
            left -= 1
            return await method(*arguments, **named)

        return request

    for name in REQUESTS:
        setattr(Connection, name, gated(getattr(Connection, name)))
    stop()


def play(round_: dict[str, Any]) -> list[str]:
    """Play one round; return the outcome of each job, and of a last one that finds no other."""

    def begin(number: int) -> Callable[[], Callable[[], str]]:
        kind = round_["kinds"][number]

        def prepare() -> Callable[[], str]:
            job = real_job(
                round_["server"], kind["path"], overwrite=kind["overwrite"], **kind["options"]
            ).prepare()
            parts = upload(job, *([f"{number}:{index}"] for index in range(kind["parts"])))

            def commit() -> str:
                try:
                    job.commit(parts)
                except SFTPAsyncError as error:
                    job.abort()
                    return f"failed: {error}"
                return "succeeded"

            return commit

        return prepare

    def last() -> Callable[[], str]:
        def recover() -> str:
            job = real_job(round_["server"], round_["directory"], retry_delay=0.0)
            job.prepare().abort()
            return "succeeded"

        return recover

    writers = [Writer(begin(number)) for number in range(2)]
    for number, requests in [*round_["turns"], (0, -1), (1, -1)]:
        writers[number].let(requests)
    outcomes = [writer.outcome() for writer in writers]
    recovery = Writer(last)
    recovery.let(-1)
    return [*outcomes, recovery.outcome()]


def main() -> None:
    """Play the rounds of the input."""
    # PyArrow imports pandas with the first array: once here, instead of in every process of a job.
    pa.record_batch([pa.array(["a"], pa.string())], schema=LINES)
    # No job waits long until another one that is stopped may go on.
    claim.PATIENCE, claim.BETWEEN_LOOKS = 1, 0.01
    for line in sys.stdin:
        print(json.dumps(play(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
