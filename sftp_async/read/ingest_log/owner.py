"""Gives a stream's state to one process: the last one that opened it.

Each owner has a rank, higher than those before it. All that it writes has the rank in its name, and
of two files of the same content the one of the higher rank counts. An owner that was replaced while
it was writing therefore changes nothing, and learns of it at its next check.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from sftp_async.errors import StateError
from sftp_async.read.ingest_log.stores import TEMPORARY

if TYPE_CHECKING:
    from sftp_async.read.ingest_log.stores import StateStore

OWNER = re.compile(r"owner\.(\d{10}-[0-9a-f]{8})\.json")
#: The rank and the counter in the names of all that an owner writes.
WRITTEN = re.compile(r".*\.(\d{10}-[0-9a-f]{8})(-\d{10})?\.jsonl?(\.gz)?")
#: Processes that open the state at the same moment try again; each has opened it by then.
ATTEMPTS = 100


class StateOwner:
    """This process as the owner of a state."""

    def __init__(self, store: StateStore, rank: str) -> None:
        self._store = store
        self.rank = rank
        self._written = 0

    @classmethod
    def take(cls, store: StateStore) -> Self:
        """Become the owner; the one before fails at its next check.

        Raises:
            StateError: the store does not answer, or others open the state again and again.

        """
        for _ in range(ATTEMPTS):
            last = max(ranks(store), default="0")
            rank = f"{int(last.partition('-')[0]) + 1:010}-{secrets.token_hex(4)}"
            store.write(_name(rank), _card())
            if max(ranks(store), default="") == rank:
                return cls(store, rank)
            store.remove(_name(rank))
        raise StateError(
            f"The stream's state at {store.location} is opened by several processes at once",
            hint="Give each query a state_location of its own",
        )

    def check(self) -> None:
        """Ensure that no other process has become the owner.

        Raises:
            StateError: one has, or the state is gone.

        """
        last = max(ranks(self._store), default=None)
        if last == self.rank:
            return
        if last is None:
            raise StateError(
                f"The stream's state at {self._store.location} was removed while a query uses it",
                hint="Restore it, or start the query with a new checkpoint and state_location",
            )
        raise StateError(
            f"Another process has opened the stream's state at {self._store.location}"
            f"{_described(self._store, last)}, so this query stops; it has lost nothing",
            hint="Give each query a state_location of its own. If the other one is this query, "
            "started again, nothing is to be done",
        )

    def version(self) -> str:
        """Return the part of a file's name that makes it this owner's, and higher than before."""
        self._written += 1
        return f"{self.rank}-{self._written:010}"

    def tidy(self) -> None:
        """Remove what earlier owners left: their names, and files that they did not complete."""
        for rank in ranks(self._store):
            if rank < self.rank:
                self._store.remove(_name(rank))
        for name in self._store.names(TEMPORARY):
            written = WRITTEN.fullmatch(name)
            if written is None or written[1] < self.rank:
                self._store.remove(f"{TEMPORARY}/{name}")


def ranks(store: StateStore) -> list[str]:
    """Return the ranks of the owners that are there, the highest last."""
    return sorted(match[1] for name in store.names() if (match := OWNER.fullmatch(name)))


def _name(rank: str) -> str:
    return f"owner.{rank}.json"


def _card() -> bytes:
    """Return who this process is, for people."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    card = {"host": socket.gethostname(), "process": os.getpid(), "since": since}
    return json.dumps(card).encode()


def _described(store: StateStore, rank: str) -> str:
    try:
        with store.open(_name(rank)) as file:
            card = json.loads(file.read())
        return f" (process {card['process']} on {card['host']}, at {card['since']})"
    except (OSError, StateError, ValueError, LookupError, TypeError):
        return ""
