"""Holds files back until two looks, `stable_for` apart, have seen the same version of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sftp_async.read.ingest_log.known_files import whole_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sftp_async.read.listing import FoundFile
    from sftp_async.read.stream.server_looks import Look


@dataclass(frozen=True, slots=True)
class _Sight:
    version: tuple[int, int]
    #: When the first look that saw this version ended.
    since: float


class Readiness:
    """Which of the files that a stream has not read are stable.

    A version is stable if a look that began `stable_for` or longer after the end of the first look
    that saw it sees it still. It remembers the files that are not stable yet, and no others.

    Args:
        stable_for: seconds; 0: every look is enough.

    """

    def __init__(self, stable_for: float) -> None:
        self._stable_for = stable_for
        self._seen: dict[str, _Sight] = {}

    def divide(
        self, files: Iterable[FoundFile], look: Look
    ) -> tuple[list[FoundFile], list[FoundFile]]:
        """Return the files that are stable, and those that are not yet.

        Args:
            files: all files of the look that the stream has not read.
            look: it is later than the one before.

        """
        if not self._stable_for:
            return list(files), []
        ready: list[FoundFile] = []
        unstable: list[FoundFile] = []
        seen: dict[str, _Sight] = {}
        for file in files:
            version = (file.size, whole_seconds(file.mtime))
            sight = self._seen.get(file.path)
            if sight is None or sight.version != version:
                sight = _Sight(version, look.ended)
            seen[file.path] = sight
            stable = look.began >= sight.since + self._stable_for
            (ready if stable else unstable).append(file)
        self._seen = seen
        return ready, unstable

    def stable_at(self, files: Iterable[FoundFile]) -> float:
        """Return when all files are stable if none changes, on the clock of the looks."""
        return max(self._seen[file.path].since for file in files) + self._stable_for
