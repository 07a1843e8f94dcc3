"""`Listener`: takes the datagrams of this process's writes, and keeps a display up to date."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from sftp_async.progress.messages import (
    INTERVAL,
    KEY_BYTES,
    SEAL,
    Address,
    Message,
    ModeAnswer,
    ModeQuestion,
    seal,
    unseal,
)

if TYPE_CHECKING:
    from sftp_async.progress.displays import Display
    from sftp_async.progress.state import WriteState
    from sftp_async.progress.summary import WriteSummary

log = logging.getLogger("sftp_async.progress.listener")

#: Bytes; the longest message of ours has some 1,300.
LONGEST = 2048
#: Datagrams that are taken at a stretch: those of a flood wait, or are dropped by the kernel.
AT_A_STRETCH = 1000
#: Bytes of datagrams that wait; the kernel may allow less.
WAITING = 2**20
#: Seconds that the thread rests when more than one datagram had come: those of a thousand tasks
#: share a look, and the end of a write, which comes alone, is shown before its caller goes on.
PAUSE = 0.05
#: Seconds that `last_write` waits for the end of a write that is under way: it may have come
#: back to the caller before its datagram did.
GRACE = 0.3


class Listener:
    """Listens on a port of its own until it is closed.

    Args:
        host: name or address to bind to, and nothing else.
        board: what is heard goes here.
        choose_display: called on the listener's thread when there is something to show.
        mode_of: returns how a session of this process overwrites partitions, given its number;
            None: it is not known.

    Raises:
        OSError: the name is unknown, or none of this machine's.

    """

    def __init__(
        self,
        host: str,
        board: WriteState,
        choose_display: Callable[[], Display],
        mode_of: Callable[[int], Literal["static", "dynamic"] | None] = lambda _: None,
    ) -> None:
        self.host = host
        self.pid = os.getpid()
        found = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_DGRAM)
        family, kind, _, _, place = found[0]
        self._socket = socket.socket(family, kind)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING)
            self._socket.setblocking(False)
            self._socket.bind(place)
        except OSError:
            self._socket.close()
            raise
        ip, port = self._socket.getsockname()[:2]
        self.address = Address(ip, port, secrets.token_bytes(KEY_BYTES))
        self._board = board
        self._choose_display = choose_display
        self._mode_of = mode_of
        self._display: Display | None = None
        self._drawing = False
        self._heard = threading.Condition()
        self._closing = threading.Event()
        self._bell, self._button = socket.socketpair()
        self._bell.setblocking(False)
        self._button.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="sftp_async-progress", daemon=True)
        self._thread.start()

    def last_write(self) -> WriteSummary | None:
        """Return the summary of the last completed write; that which has just come back, too."""
        with self._heard:
            self._take()
            self._ring()
            self._heard.wait_for(self._is_at_rest, GRACE)
            return self._board.last

    def close(self) -> None:
        """Stop listening, and clear the display."""
        self._closing.set()
        self._ring()
        self._thread.join(5)  # a terminal may have been halted
        for one in (self._socket, self._bell, self._button):
            one.close()

    def _ring(self) -> None:
        """Wake the thread."""
        with contextlib.suppress(OSError):  # full of rings, or closed
            self._button.send(b"!")

    def _is_at_rest(self) -> bool:
        return not self._drawing and not self._board.is_busy(time.monotonic())

    def _run(self) -> None:
        with selectors.DefaultSelector() as ears:
            ears.register(self._socket, selectors.EVENT_READ)
            ears.register(self._bell, selectors.EVENT_READ)
            self._listen(ears)
        with contextlib.suppress(Exception):
            if self._display is not None:
                self._display.close()

    def _listen(self, ears: selectors.BaseSelector) -> None:
        shown_at = 0.0
        busy = False
        while not self._closing.is_set():
            # Nothing under way, nothing to do: the thread sleeps until something comes.
            ears.select(INTERVAL if busy else None)
            now = time.monotonic()
            with self._heard:
                with contextlib.suppress(OSError):
                    self._bell.recv(LONGEST)
                taken = self._take()
                self._heard.notify_all()
                was_busy, busy = busy, self._board.is_busy(now)
                news = self._board.has_ended or was_busy != busy
            if news or (busy and now - shown_at >= INTERVAL):
                shown_at = now
                self._show(now)
            if taken > 1:
                self._closing.wait(PAUSE)

    def _take(self) -> int:
        """Take what has come, drop whatever is not ours; returns how much it was."""
        for taken in range(AT_A_STRETCH):
            try:
                datagram, sender = self._socket.recvfrom(LONGEST)
            except OSError:  # nothing more
                return taken
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
                    self._board.take(message, time.monotonic())
        return AT_A_STRETCH

    def _answer(self, question: ModeQuestion, sender: Any) -> None:
        try:
            mode = self._mode_of(question.session)
            if mode is not None:
                answer = ModeAnswer("answer", question.nonce, mode)
                self._socket.sendto(seal(self.address.key, answer), sender)
        except Exception as error:  # noqa: BLE001 - a stopped Spark; the question goes unanswered
            log.debug("a session's mode of overwriting is not known: %s", error)

    def _show(self, now: float) -> None:
        with self._heard:
            views, ended = self._board.views(now), self._board.take_ended()
        try:
            if self._display is None and views:
                self._display = self._choose_display()
            if self._display is not None:
                self._display.show(views, ended)
        except Exception as error:  # noqa: BLE001 - nobody's work depends on what is shown
            log.debug("nothing is shown: %s", error)
        with self._heard:
            self._drawing = bool(views)
            self._heard.notify_all()


@cache
def _messages() -> TypeAdapter[Message | ModeQuestion]:
    return TypeAdapter(Annotated[Message | ModeQuestion, Field(discriminator="kind")])
