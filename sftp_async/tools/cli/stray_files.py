"""Finds what crashed jobs and killed commands left in a target, and removes hidden files of it."""

from __future__ import annotations

import posixpath
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sftp_async.errors import RemoteNotFoundError
from sftp_async.layout.hidden_names import is_hidden_name
from sftp_async.layout.target import split_target
from sftp_async.tools.cli.run import pool_of, run
from sftp_async.write.recovery import Sweep, survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sftp_async.options import SFTPOptions


@dataclass
class Leftovers:
    """What is left in a target, by age.

    Attributes:
        ttl: seconds for which everything is left alone: a job may still use it.
        old: what is older.
        young: what is not.

    """

    ttl: float
    old: list[Sweep] = field(default_factory=list)
    young: list[Sweep] = field(default_factory=list)

    def add(self, found: Iterable[Sweep]) -> None:
        """Sort leftovers in by their age."""
        for each in found:
            (self.old if each.age > self.ttl else self.young).append(each)

    def young_lines(self) -> list[str]:
        """Return lines about those that are too young: how young, and until when."""
        return [
            f"{each.path}, {age_text(each.age)} old: left alone until "
            f"{datetime.fromtimestamp(time.time() - each.age + self.ttl, UTC):%Y-%m-%d %H:%M} UTC, "
            "because a job or a command may still use it"
            for each in self.young
        ]

    def young_facts(self) -> list[dict[str, object]]:
        """Return the same for programs."""
        now = time.time()
        return [
            {"path": each.path, "age": each.age, "until": now - each.age + self.ttl}
            for each in self.young
        ]


def leftovers(options: SFTPOptions, *, staging: bool = True, hidden: bool = True) -> Leftovers:
    """Return staging that no commit names, and hidden files, of any age; change nothing.

    Raises:
        SFTPAsyncError: the server cannot be reached, or refuses.

    """
    found = Leftovers(options.staging_ttl)
    if staging:
        of_any_age = options.model_copy(update={"staging_ttl": 0.001})
        found.add(each for each in survey(of_any_age, sweep_only=True) if isinstance(each, Sweep))
    if hidden:
        found.add(run(find(options)))
    return found


async def find(options: SFTPOptions) -> list[Sweep]:
    """List the hidden files in the target, of any age."""
    directory, _ = split_target(options)
    now = time.time()
    async with pool_of(options) as pool, pool.lease() as connection:
        try:
            listing = await connection.listdir(directory)
        except RemoteNotFoundError:
            return []
    return [
        Sweep(posixpath.join(directory, entry.name), now - entry.mtime)
        for entry in sorted(listing, key=lambda entry: entry.name)
        if is_hidden_name(entry.name) and not entry.is_dir and entry.mtime
    ]


async def remove(options: SFTPOptions, found: Sequence[Sweep]) -> int:
    """Remove the files that are still there; return how many."""
    removed = 0
    async with pool_of(options) as pool, pool.lease() as connection:
        for each in found:
            with suppress(RemoteNotFoundError):
                await connection.remove(each.path)
                removed += 1
    return removed


def age_text(seconds: float) -> str:
    """Return an age for people."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, seconds):.0f} seconds"
