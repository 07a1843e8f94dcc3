"""A directory that a stream reads, in memory, with a clock that only tests and waits move."""

from __future__ import annotations

from collections.abc import Callable

from sftp_async.errors import RemoteChangedError
from sftp_async.read.left_out import LeftOut
from sftp_async.read.listing import FoundFile, Listing
from sftp_async.read.stream.server_looks import Look


class Clock:
    """Stands still until something sleeps: that moves it, and what is due meanwhile happens."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        #: By the time when it is due, and a number.
        self._due: dict[tuple[float, int], Callable[[], None]] = {}
        self._calls = 0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        until = self.now + seconds
        while self._due and min(self._due)[0] <= until:
            due = min(self._due)
            self.now = max(self.now, due[0])
            self._due.pop(due)()
        self.now = max(self.now, until)

    def call(self, delay: float, action: Callable[[], None]) -> None:
        """Do something when the time has come; at once if that is now."""
        if delay:
            self._calls += 1
            self._due[self.now + delay, self._calls] = action
        else:
            action()

    def forget(self) -> None:
        """Drop what is not due yet."""
        self._due.clear()


class IngestServer:
    """Files by path: size and time of last change.

    Attributes:
        files: what is there.
        left_out: what is there, and not in listings.
        reason: why that is.
        promised: what a manifest names.
        clock: of looks.
        looks: how many there were.
        error: what the next look raises.
        before_look: called before each look.

    """

    def __init__(self) -> None:
        self.files: dict[str, tuple[int, int]] = {}
        self.left_out: set[str] = set()
        self.reason = "it is not done"
        self.promised: set[str] = set()
        self.clock = Clock()
        self.looks = 0
        self.error: Exception | None = None
        self.before_look: Callable[[], None] = lambda: None

    def put(self, path: str, size: int = 1, mtime: int = 1) -> None:
        self.files[path] = (size, mtime)

    def begin(self, delay: float) -> PendingLook:
        """Begin a look; see `ServerLooks`."""
        return PendingLook(self, delay)

    def listing(self) -> Listing:
        files = [
            FoundFile(path, size, mtime)
            for path, (size, mtime) in sorted(self.files.items())
            if path not in self.left_out
        ]
        left_out = [LeftOut(path, self.reason) for path in sorted(self.left_out)]
        return Listing(
            files,
            left_out=left_out,
            left_out_count=len(left_out),
            left_out_by_reason={self.reason: len(left_out)} if left_out else {},
            missing=[
                RemoteChangedError("The manifest names a file that is not there", path=path)
                for path in sorted(self.promised - self.files.keys())
            ],
        )


class PendingLook:
    """A look at what is there when it is due; it takes no time."""

    def __init__(self, server: IngestServer, delay: float) -> None:
        self._server = server
        self._due = server.clock.now + delay
        self._look: Look | None = None
        self._error: Exception | None = None
        server.clock.call(delay, self._do)

    def result(self) -> Look:
        clock = self._server.clock
        if self._look is None and self._error is None:
            clock.sleep(self._due - clock.now)
        if self._error is not None:
            raise self._error
        assert self._look is not None
        return self._look

    def _do(self) -> None:
        server = self._server
        server.before_look()
        now = server.clock.now
        server.looks += 1
        self._error, server.error = server.error, None
        if self._error is None:
            self._look = Look(server.listing(), now, now, sorted(server.left_out))
