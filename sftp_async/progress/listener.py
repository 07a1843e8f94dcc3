"""Receives the datagrams of this process's jobs, and keeps a display up to date: `Listener`."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from sftp_async.progress.history import History
from sftp_async.progress.messages import (
    INTERVAL,
    KEY_BYTES,
    SEAL,
    Address,
    JobEnded,
    JobLabels,
    Message,
    ModeAnswer,
    ModeQuestion,
    seal,
    unseal,
)
from sftp_async.progress.permit_server import PermitServer, bound_sockets
from sftp_async.progress.state import MOST_JOBS
from sftp_async.progress.telemetry.follower import JobFollower

if TYPE_CHECKING:
    from sftp_async.progress.displays import Display
    from sftp_async.progress.read_summary import ReadSummary
    from sftp_async.progress.state import WriteState
    from sftp_async.progress.summary import WriteSummary

log = logging.getLogger("sftp_async.progress.listener")

#: Bytes of a datagram at most; the longest message has some 2,600, an error's text included.
LONGEST = 4096
#: Datagrams that are received at once: those of a flood wait, or are dropped by the kernel.
DATAGRAMS_AT_ONCE = 1000
#: Bytes of the socket's receive buffer; the kernel may allow less.
RECEIVE_BUFFER = 2**20
#: Seconds that the thread pauses after more than one datagram has come. The datagrams of a thousand
#: tasks are then handled together, and the end of a write, which comes alone, is shown at once.
PAUSE = 0.05
#: Seconds that `last_write` waits for the end of a running write: the write may have returned to
#: its caller before its datagram arrived.
GRACE = 0.3


class Listener:
    """Listens on a port of its own until it is closed.

    Args:
        host: name or address to bind to; no other interface is listened on.
        state: gets the messages.
        choose_display: called on the listener's thread when there is something to show.
        mode_of: returns how a session of this process overwrites partitions, given its number;
            None: it is not known.
        tasks_of: returns the number of tasks of a stage of Spark's; None: it is not known.

    Raises:
        OSError: the name is unknown, or is not this machine's.

    """

    def __init__(
        self,
        host: str,
        state: WriteState,
        choose_display: Callable[[], Display],
        mode_of: Callable[[int], Literal["static", "dynamic"] | None] = lambda _: None,
        tasks_of: Callable[[int], int | None] = lambda _: None,
    ) -> None:
        self.host = host
        self.pid = os.getpid()
        self._socket, permits = bound_sockets(host)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.setblocking(False)
        ip, port = self._socket.getsockname()[:2]
        self.address = Address(ip, port, secrets.token_bytes(KEY_BYTES))
        # On a thread of its own: a terminal that is stopped must not stop the job.
        self._permits = PermitServer(permits, self.address.key)
        self._state = state
        self._choose_display = choose_display
        self._mode_of = mode_of
        self._tasks_of = tasks_of
        #: Messages that the follower has not got yet: it works without the lock.
        self._to_follow: deque[tuple[Message, float]] = deque()
        self._follower = JobFollower()
        self._following = threading.Lock()
        self._ends_traces = False
        self._display: Display | None = None
        self._drawing = False
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._wakeup, self._waker = socket.socketpair()
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="sftp_async-progress", daemon=True)
        self._thread.start()

    def last_write(self) -> WriteSummary | None:
        """Return the summary of the last completed write, even if it has only just returned."""
        with self._changed:
            self._receive()
            self._wake()
            self._changed.wait_for(self._is_idle, GRACE)
            return self._state.last

    def last_read(self) -> ReadSummary | None:
        """Return the summary of the last read, even if it has only just returned."""
        with self._changed:
            self._receive()
            self._wake()
            self._changed.wait_for(self._is_idle, GRACE)
            return self._state.last_read

    def history(self) -> History:
        """Return the summaries of the last writes and reads."""
        with self._changed:
            self._receive()
            self._wake()
            self._changed.wait_for(self._is_idle, GRACE)
            return History(self._state.history.values())

    def close(self) -> None:
        """Stop listening, and clear the display."""
        self._closing.set()
        self._wake()
        self._permits.close()
        self._thread.join(5)  # the terminal may have been stopped
        self._end_traces()
        atexit.unregister(self._end_traces)
        for one in (self._socket, self._wakeup, self._waker):
            one.close()

    def _wake(self) -> None:
        """Wake the thread."""
        with contextlib.suppress(OSError):  # woken often enough, or closed
            self._waker.send(b"!")

    def _is_idle(self) -> bool:
        return (
            not self._drawing and not self._to_follow and not self._state.is_busy(time.monotonic())
        )

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._wakeup, selectors.EVENT_READ)
            self._listen(selector)
        with contextlib.suppress(Exception):
            if self._display is not None:
                self._display.close()

    def _listen(self, selector: selectors.BaseSelector) -> None:
        shown_at = 0.0
        busy = False
        while not self._closing.is_set():
            # While no write runs, the thread sleeps until a datagram comes.
            selector.select(INTERVAL if busy or self._follower.is_busy else None)
            now = time.monotonic()
            with self._changed:
                with contextlib.suppress(OSError):
                    self._wakeup.recv(LONGEST)
                received = self._receive()
                self._changed.notify_all()
                was_busy, busy = busy, self._state.is_busy(now)
                changed = self._state.has_ended or was_busy != busy
            if changed or (busy and now - shown_at >= INTERVAL):
                shown_at = now
                self._show(now)
            self._follow(now)
            if received > 1:
                self._closing.wait(PAUSE)

    def _receive(self) -> int:
        """Receive what has come, drop what is not authentic; returns the number of datagrams."""
        for received in range(DATAGRAMS_AT_ONCE):
            try:
                datagram, sender = self._socket.recvfrom(LONGEST)
            except OSError:  # no more datagrams
                return received
            content = unseal(self.address.key, datagram) if len(datagram) > SEAL else None
            if content is None:
                continue
            try:
                message = _messages().validate_json(content)
            except ValidationError as error:
                log.debug("not a message of this version: %s", error)
            else:
                if isinstance(message, ModeQuestion):
                    self._answer(message, sender)
                else:
                    now = time.monotonic()
                    message = replace(message, labels=_shared(message.labels))
                    self._to_follow.append((message, now))
                    if isinstance(message, JobEnded) or message.shown:
                        self._state.update(message, now)
        return DATAGRAMS_AT_ONCE

    def _follow(self, now: float) -> None:
        """Let the follower have what has come; not under the lock, as an exporter may wait."""
        with self._following:
            followed = bool(self._to_follow)
            while self._to_follow:
                self._try(self._follower.update, *self._to_follow[0])
                self._to_follow.popleft()
            self._try(self._follower.end_quiet, now)
            if self._follower.exports and not self._ends_traces:
                # After the SDK's own function, which then runs after this one.
                self._ends_traces = True
                atexit.register(self._end_traces)
        if followed:
            with self._changed:
                self._changed.notify_all()

    def _try(self, step: Callable[..., None], *arguments: Any) -> None:
        try:
            step(*arguments)
        except Exception as error:  # noqa: BLE001 - no write depends on its traces
            log.warning("a trace is not complete: %s: %s", type(error).__name__, error)

    def _end_traces(self) -> None:
        """End the spans of all jobs: the process ends, or this listener does."""
        if self.pid != os.getpid():
            return  # a fork's
        with self._changed:
            self._receive()
        self._follow(time.monotonic())
        with self._following:
            self._try(self._follower.close)

    def _answer(self, question: ModeQuestion, sender: Any) -> None:
        try:
            mode = self._mode_of(question.session)
            if mode is not None:
                answer = ModeAnswer("answer", question.nonce, mode)
                self._socket.sendto(seal(self.address.key, answer), sender)
        except Exception as error:  # noqa: BLE001 - a stopped Spark; the question goes unanswered
            log.debug("a session's mode of overwriting is not known: %s", error)

    def _ask_for_tasks(self) -> None:
        """Ask Spark for the number of tasks of the writes; not under the lock, as it may wait."""
        with self._changed:
            unknown = self._state.unknown_stages()
        for job, stage in unknown.items():
            try:
                tasks = self._tasks_of(stage)
            except Exception as error:  # noqa: BLE001 - a stopped Spark; no write depends on it
                log.debug("the number of tasks is not known: %s", error)
                continue
            if tasks:
                with self._changed:
                    self._state.know_tasks(job, tasks)

    def _show(self, now: float) -> None:
        self._ask_for_tasks()
        with self._changed:
            views, ended = self._state.views(now), self._state.pop_ended()
        if waiting := self._permits.waiting:
            views = [replace(view, waiting=waiting) for view in views]
        try:
            if self._display is None and (views or ended):
                self._display = self._choose_display()
            if self._display is not None:
                self._display.show(views, ended)
        except Exception as error:  # noqa: BLE001 - no write depends on its display
            log.debug("the display failed: %s", error)
        with self._changed:
            self._drawing = bool(views)
            self._changed.notify_all()


@lru_cache(maxsize=MOST_JOBS)
def _shared(labels: JobLabels) -> JobLabels:
    """Return one object for all messages of a job, since those of many tasks are kept."""
    return labels


@cache
def _messages() -> TypeAdapter[Message | ModeQuestion]:
    return TypeAdapter(Annotated[Message | ModeQuestion, Field(discriminator="kind")])
