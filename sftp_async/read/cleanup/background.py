"""Archives or deletes what a stream has read while Spark runs the next batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sftp_async.read.listing import FoundFile
    from sftp_async.read.stream.server_looks import Clock, Look


class Cleaning(Protocol):
    """What a planner knows of cleaning."""

    def begin(self, stream: str, look: Look, read: Sequence[FoundFile]) -> None:
        """Begin a round, unless one is in flight, or the look shows what the last one found.

        Args:
            stream: the stream's id.
            look: shows what is there.
            read: of that, the files whose version was read in batches that are done.

        """

    def finish(self) -> None:
        """Wait until nothing is in flight."""


class BackgroundCleaning:
    """Cleans in a thread, one round at a time; see `Cleaning`.

    What a round does not come to, since the process ends, is left to the next start of the query.

    Args:
        clean: cleans files of a stream, the ones that are set aside included; raises nothing.
        clock: of the looks.
        waits: whether a round ends before `begin` returns.

    """

    def __init__(
        self,
        clean: Callable[[str, Sequence[FoundFile], Sequence[str]], object],
        clock: Clock,
        *,
        waits: bool = False,
    ) -> None:
        self._clean = clean
        self._waits = waits
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._ended = float("-inf")

    def begin(self, stream: str, look: Look, read: Sequence[FoundFile]) -> None:
        """Begin a round; see `Cleaning.begin`."""
        set_aside = look.listing.set_aside
        in_flight = self._thread is not None and self._thread.is_alive()
        if in_flight or look.began <= self._ended or not (read or set_aside):
            return

        def work() -> None:
            try:
                self._clean(stream, read, set_aside)
            finally:
                self._ended = self._clock.monotonic()

        # No task of the process waits for it at the end: it may take long.
        self._thread = threading.Thread(target=work, name="sftp_async-cleaning", daemon=True)
        self._thread.start()
        if self._waits:
            self.finish()

    def finish(self) -> None:
        """Wait until nothing is in flight."""
        if self._thread is not None:
            self._thread.join()
