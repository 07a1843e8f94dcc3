"""Names that a template gives to part files: made for all of a job at once, and none taken."""

from __future__ import annotations

import posixpath
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sftp_async.commit.steps import each
from sftp_async.errors import CommitError, RemoteNotFoundError
from sftp_async.layout import LONGEST_NAME, free_name, partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sftp_async.layout import Layout, PartFile
    from sftp_async.options import WriteOptions
    from sftp_async.transport import Connection


async def name_parts(
    connection: Connection,
    layout: Layout,
    options: WriteOptions,
    parts: Sequence[PartFile],
    *,
    overwrite: bool,
) -> tuple[PartFile, ...]:
    """Return the parts under the names that `file_name_template` gives them.

    Args:
        connection: to the server.
        layout: of the job; has `names`.
        options: `if_exists` says what to do about names that are taken.
        parts: as the tasks made them, in partition order.
        overwrite: names that are taken are the job's to take.

    Raises:
        CommitError: two would have one name, one is too long, or one is taken.

    """
    named = _rendered(layout, parts)
    twice = [name for name, count in Counter(part.final for part in named).items() if count > 1]
    long = [p.name for p in named if len(p.name.encode("utf-8", "replace")) > LONGEST_NAME]
    for names, what in ((twice, "several files"), (long, f"more than {LONGEST_NAME} bytes")):
        if names:
            raise CommitError(
                f"file_name_template makes a name for {what}: {names[0]!r}",
                host=connection.address,
                path=layout.directory,
                hint="Add {seq} to it" if names is twice else "Make it shorter",
            )
    if overwrite or options.if_exists == "replace":
        return tuple(named)
    taken: dict[str, set[str]] = {part.directory: set() for part in named}

    async def look(directory: str) -> None:
        with suppress(RemoteNotFoundError):
            listing = await connection.listdir(posixpath.join(layout.directory, directory))
            taken[directory] = {entry.name for entry in listing}

    await each(list(taken), look)
    for index, part in enumerate(named):
        if part.name not in taken[part.directory]:
            continue
        if options.if_exists != "rename":
            raise CommitError(
                "A file of a name that file_name_template makes exists already",
                host=connection.address,
                path=posixpath.join(layout.directory, part.final),
                hint="Add {now} or {job} to it, or set if_exists=replace or if_exists=rename",
            )
        others = {other.name for other in named if other.directory == part.directory}
        name = free_name(part.name, taken[part.directory] | others)
        named[index] = replace(part, final=posixpath.join(part.directory, name))
    return tuple(named)


def _rendered(layout: Layout, parts: Sequence[PartFile]) -> list[PartFile]:
    assert layout.names is not None
    batch = layout.once.name if layout.once is not None and layout.once.replayed else ""
    numbers: Counter[str] = Counter()
    named = []
    for part in parts:
        numbers[part.directory] += 1
        name = layout.names.render(
            partition_of(part.name), numbers[part.directory], part.directory, batch
        )
        named.append(replace(part, final=posixpath.join(part.directory, name)))
    return named
