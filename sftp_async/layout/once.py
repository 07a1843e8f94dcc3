"""Idempotency keys: one commit among all attempts of a job or micro-batch."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import quote

from pydantic import ConfigDict

#: Directory in the target of the markers of committed jobs and micro-batches.
MARKERS = "_sftp_async"
JOB_KEYS = "job_keys"
#: Characters of a key that its marker's name shows.
LONGEST_KEY = 150


@dataclass(frozen=True)
class IdempotencyKey:
    """Identifies a job across its attempts, of which one is committed; names the commit's marker.

    `scope` is a directory in `_sftp_async`, `name` a file in it without its ending.
    """

    #: Intents are documents on the server, and are read back with this rule.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    scope: str
    name: str

    @classmethod
    def of_batch(cls, query_id: str, batch_id: int) -> Self:
        """Return the key of a streaming query's micro-batch."""
        return cls(query_id, str(batch_id))

    @classmethod
    def of_key(cls, key: str, file_name: str | None) -> Self:
        """Return the key of the batch job of a `job_key`, which is valid for one target.

        Args:
            key: as the user gave it.
            file_name: of an exact file, or the template of its names; None: part files.

        """
        return cls("-".join([JOB_KEYS, *([_named(file_name)] if file_name else [])]), _named(key))

    @property
    def replayed(self) -> bool:
        """Whether an attempt that fails is followed by another: that of a streaming query."""
        return not self.scope.startswith(JOB_KEYS)

    @property
    def marker(self) -> str:
        """The marker's path in the target directory."""
        return posixpath.join(MARKERS, self.scope, f"{self.name}.committed")

    def earlier(self, by: int) -> IdempotencyKey | None:
        """Return the key of the micro-batch `by` batches before; None for a `job_key`."""
        if not self.replayed or int(self.name) < by:
            return None
        return IdempotencyKey(self.scope, str(int(self.name) - by))


def hex_digits(text: str, count: int) -> str:
    """Return the first digits of a text's SHA-256, in lower-case hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:count]


def _named(key: str) -> str:
    """Return a file name for any text: readable, of bounded length, unique for each text."""
    name = quote(key, safe=" ", errors="surrogatepass")
    if name in (".", ".."):
        name = name.replace(".", "%2E")
    return name if len(name) <= LONGEST_KEY else f"{name[:LONGEST_KEY]}-{hex_digits(key, 32)}"
