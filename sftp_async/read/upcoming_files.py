"""`UpcomingFiles`: the files of a task's splits; the next ones are opened, or fetched, ahead."""

from __future__ import annotations

from collections import deque
from concurrent.futures import wait
from typing import TYPE_CHECKING, NamedTuple, Self

from sftp_async.read.readable_file import RemoteReadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from sftp_async.read.scan import Scan
    from sftp_async.read.splits import Split

#: Files that are in flight at once at most. A small file takes four round trips (open, stat,
#: read, stat): with 32 side by side, an eighth of one each.
FILES_AHEAD = 32
#: A file up to this many bytes is fetched whole ahead of its turn. One request carries 255 KiB.
SMALL_FILE = 1024 * 1024
#: The same for formats of which a read takes ranges, such as Parquet: beyond it, columns that are
#: not wanted would cost more than the round trips of those that are.
SMALL_FILE_OF_RANGES = 64 * 1024
#: Share of `max_buffer_bytes` that files which wait for their turn may take.
_SHARE = 0.25


class _Upcoming(NamedTuple):
    split: Split
    file: RemoteReadable
    small: bool
    begun: Future[bool]


class UpcomingFiles:
    """Iterates over a task's splits with their files; a context manager.

    Small files that are read whole are fetched several at a time, since at any distance their
    round trips are their time. Of larger ones the next is opened while one is decoded. Where a
    server refuses that (some allow one open file), the rest is read one file after the other.

    Args:
        scan: what all tasks have in common.
        splits: of the task.
        on_bytes: called with the number of bytes that a decoder takes; from any thread.

    """

    def __init__(
        self, scan: Scan, splits: tuple[Split, ...], on_bytes: Callable[[int], None]
    ) -> None:
        self._options = scan.options
        self._format = scan.file_format
        self._on_bytes = on_bytes
        self._left = deque(splits)
        self._coming: deque[_Upcoming] = deque()
        self._closing: list[Future[None]] = []
        self._one_at_a_time = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing += [upcoming.file.close_soon() for upcoming in self._coming]
        wait(self._closing)

    def __iter__(self) -> Iterator[tuple[Split, RemoteReadable]]:
        """Yield each split with its file, which is closed when the next one is asked for."""
        while self._left or self._coming:
            if self._one_at_a_time:
                wait(self._closing)
            self._begin()
            current = self._coming[0]
            if not current.begun.result():
                # Nothing else is open when its read tries again.
                self._one_at_a_time = True
                wait([upcoming.begun for upcoming in self._coming])
                wait(self._closing)
            yield current.split, current.file
            self._coming.popleft()
            self._closing = [closed for closed in self._closing if not closed.done()]
            self._closing.append(current.file.close_soon())

    def _begin(self) -> None:
        """Start what may be in flight, the file whose turn it is first."""
        while self._left and len(self._coming) < (1 if self._one_at_a_time else FILES_AHEAD):
            split = self._left[0]
            small = self._is_small(split)
            held = sum(upcoming.split.size for upcoming in self._coming if upcoming.small)
            fits = small and held + split.size <= self._options.max_buffer_bytes * _SHARE
            # The next file never waits for memory.
            if len(self._coming) > 1 and not fits:
                return
            # It stays open, and would make a server that allows one refuse those before it.
            if not small and not all(upcoming.begun.result() for upcoming in self._coming):
                self._one_at_a_time = True
                return
            file = RemoteReadable.of(self._options, self._left.popleft().file, self._on_bytes)
            begun = file.fetch_ahead() if small else file.open_ahead()
            self._coming.append(_Upcoming(split, file, small, begun))

    def _is_small(self, split: Split) -> bool:
        """Whether to fetch a file whole: not where a server may serve it once, or in order."""
        by_ranges = self._format.reads_ranges(split.file.path)
        return (
            0 < split.size == split.file.size <= (SMALL_FILE_OF_RANGES if by_ranges else SMALL_FILE)
            and self._options.access in ("auto", "random")
            and self._options.verify != "checksum"
            and self._options.verify_control is not True
        )
