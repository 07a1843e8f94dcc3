"""Remembers which version of each file a stream has read, in a few bytes a file."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from array import array
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: How long a file that is gone from the listing is remembered, in seconds: 7 days. One that comes
#: back within that time, as after a failed mount, is not read a second time.
GRACE = 7 * 24 * 3600

VersionState = Literal["new", "known", "changed"]

#: What a slot of the table holds.
EMPTY, LISTED, GONE, FORGOTTEN = range(4)
SMALLEST = 64

#: A file that is still listed: digest of the path, size, time of last change.
LISTED_FILE = struct.Struct("<QQI")
#: One that is gone: the same, and when it was first missed.
GONE_FILE = struct.Struct("<QQII")


class KnownFiles:
    """The versions that a stream has read: (path, size, time of last change in whole seconds).

    A path is known by a digest of 8 bytes, so that a million files take 50 MB: a dict of integers
    takes three times as much. It is a hash table with linear probing, in arrays.
    """

    def __init__(self) -> None:
        self._count = 0
        self._gone = 0
        #: (digest, time) of each file whose being gone changed since `forget_changes`.
        self._changes: dict[int, int] = {}
        self._make_slots(SMALLEST)

    def __len__(self) -> int:
        return self._count

    def copy(self) -> KnownFiles:
        """Return a copy, which changes independently."""
        other = KnownFiles()
        other._count, other._gone = self._count, self._gone
        other._changes = dict(self._changes)
        other._taken, other._states = self._taken, self._states[:]
        other._digests, other._sizes = self._digests[:], self._sizes[:]
        other._mtimes, other._missed = self._mtimes[:], self._missed[:]
        return other

    # Versions

    def add(self, path: str, size: int, mtime: float) -> None:
        """Note that this version is read; it replaces an earlier one of the path."""
        self.add_digest(path_digest(path), size, whole_seconds(mtime))

    def version_state(self, path: str, size: int, mtime: float) -> VersionState:
        """Return whether the path is new, this version is known, or another one of it is."""
        version = self.version(path)
        if version is None:
            return "new"
        return "known" if version == (size, whole_seconds(mtime)) else "changed"

    def version(self, path: str) -> tuple[int, int] | None:
        """Return size and time of the version that is known of a path; None if it is new."""
        slot = self._find(path_digest(path))
        if self._states[slot] in (EMPTY, FORGOTTEN):
            return None
        return self._sizes[slot], self._mtimes[slot]

    # Files that are gone from the listing

    def missed(self, listed: Iterable[str], now: float) -> None:
        """Note which known files a look did not find; those that it found are no longer missed.

        Args:
            listed: the paths of all files that were found, whether they are read or not.
            now: in seconds since 1970.

        """
        unseen = self._states[:]
        for path in listed:
            slot = self._find(path_digest(path))
            unseen[slot] = EMPTY
            if self._states[slot] == GONE:
                self._set_missed(slot, 0)
        slot = unseen.find(LISTED)
        while slot >= 0:
            self._set_missed(slot, max(1, whole_seconds(now)))
            slot = unseen.find(LISTED, slot + 1)

    def forgotten(self, now: float, grace: float = GRACE) -> list[int]:
        """Return the digests of the files that are gone for longer than the grace period.

        They are to be forgotten with the next batch: see `forget`.
        """
        if not self._gone:
            return []
        latest = now - grace
        return sorted(
            self._digests[slot]
            for slot in self._slots()
            if self._states[slot] == GONE and self._missed[slot] <= latest
        )

    def forget(self, digests: Iterable[int]) -> None:
        """Forget files; a file with such a path is new then."""
        for digest in digests:
            slot = self._find(digest)
            if self._states[slot] in (LISTED, GONE):
                self._gone -= self._states[slot] == GONE
                self._states[slot] = FORGOTTEN
                self._count -= 1
            self._changes.pop(digest, None)

    @property
    def changes(self) -> dict[int, int]:
        """When files were first missed, by digest, as it changed; 0: found again."""
        return self._changes

    def forget_changes(self) -> None:
        """Begin again to collect `changes`: what they say is durable."""
        self._changes = {}

    # Records: what an offset or a log keeps

    def add_digest(self, digest: int, size: int, mtime: int, missed: int = 0) -> None:
        """Note a version by the digest of its path."""
        slot = self._find(digest)
        state = self._states[slot]
        if state == EMPTY:
            if (self._taken + 1) * 3 > len(self._states) * 2:
                self._grow()
                slot = self._find(digest)
            self._taken += 1
        if state in (EMPTY, FORGOTTEN):
            self._count += 1
        self._gone += bool(missed) - (state == GONE)
        self._states[slot] = GONE if missed else LISTED
        self._digests[slot], self._sizes[slot] = digest, size
        self._mtimes[slot], self._missed[slot] = mtime, missed

    def knows(self, digest: int, size: int, mtime: int) -> bool:
        """Return whether this is the version that is known of the path with this digest."""
        slot = self._find(digest)
        return (
            self._states[slot] in (LISTED, GONE)
            and self._sizes[slot] == size
            and self._mtimes[slot] == mtime
        )

    def missed_since(self, digest: int) -> int | None:
        """Return when a known file was first missed; 0: it is listed; None: it is not known."""
        slot = self._find(digest)
        return self._missed[slot] if self._states[slot] in (LISTED, GONE) else None

    def set_missed(self, digest: int, missed: int) -> None:
        """Note when a known file was first missed; 0: it is listed."""
        slot = self._find(digest)
        if self._states[slot] in (LISTED, GONE):
            self._set_missed(slot, missed)

    def to_text(self) -> str:
        """Return all of it as text: the same files give the same text."""
        listed, gone = [], []
        for slot in self._slots():
            version = (self._digests[slot], self._sizes[slot], self._mtimes[slot])
            if self._states[slot] == LISTED:
                listed.append(LISTED_FILE.pack(*version))
            elif self._states[slot] == GONE:
                gone.append(GONE_FILE.pack(*version, self._missed[slot]))
        parts = (b"".join(sorted(records)) for records in (listed, gone))
        return ".".join(base64.b64encode(part).decode() for part in parts)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return what `to_text` wrote.

        Raises:
            ValueError: it is no such text.

        """
        known = cls()
        try:
            listed, gone = (base64.b64decode(part, validate=True) for part in text.split("."))
            for record in LISTED_FILE.iter_unpack(listed):
                known.add_digest(*record)
            for record in GONE_FILE.iter_unpack(gone):
                known.add_digest(*record)
        except (ValueError, binascii.Error, struct.error) as error:
            raise ValueError("the record of the files that were read is damaged") from error
        return known

    # The table

    def _make_slots(self, size: int) -> None:
        self._taken = 0
        self._states = bytearray(size)
        self._digests, self._sizes = array("Q", bytes(8 * size)), array("Q", bytes(8 * size))
        self._mtimes, self._missed = array("I", bytes(4 * size)), array("I", bytes(4 * size))

    def _find(self, digest: int) -> int:
        """Return the slot of a digest, or the empty one where it is to be."""
        states, digests = self._states, self._digests
        mask = len(states) - 1
        slot = digest & mask
        while states[slot] and digests[slot] != digest:
            slot = (slot + 1) & mask
        return slot

    def _slots(self) -> Iterator[int]:
        return (slot for slot, state in enumerate(self._states) if state in (LISTED, GONE))

    def _set_missed(self, slot: int, missed: int) -> None:
        self._gone += bool(missed) - (self._states[slot] == GONE)
        self._states[slot] = GONE if missed else LISTED
        self._missed[slot] = missed
        self._changes[self._digests[slot]] = missed

    def _grow(self) -> None:
        """Make room for twice the files, without the forgotten ones."""
        old = (self._states, self._digests, self._sizes, self._mtimes, self._missed)
        size = SMALLEST
        while size < self._count * 3:
            size *= 2
        self._make_slots(size)
        self._count = self._gone = 0
        for state, digest, length, mtime, missed in zip(*old, strict=True):
            if state in (LISTED, GONE):
                self.add_digest(digest, length, mtime, missed)


def path_digest(path: str) -> int:
    """Return the 8 bytes by which a path is known."""
    text = path.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def whole_seconds(time: float) -> int:
    """Return a time in seconds as SFTP sends it: whole, 32 bits, without a sign."""
    return int(time) & 0xFFFFFFFF
