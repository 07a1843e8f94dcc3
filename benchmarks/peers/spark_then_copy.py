"""Spark's own writer to a local disk, then a copy by OpenSSH's `sftp` or by `rclone`.

The local files lie on the same disk as the server's. Removing them is not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import Contender, Outcome
from benchmarks.peers.commands import RCLONE_NOTE, missing, no_rclone, quoted, rclone, sftp

if TYPE_CHECKING:
    from benchmarks.context import Context
    from benchmarks.servers import Server

#: Spark's data files: not `_SUCCESS`, not the hidden checksums.
PARTS = "part-*"


def spark_disk(
    context: Context, write: Callable[[str], None], outcome: Callable[[str], Outcome]
) -> Contender:
    """Spark's own writer to the local disk, and nothing after: the minimum that Spark sets.

    Args:
        context: the suite's.
        write: has Spark write to a local directory.
        outcome: looks at what lies at a target.

    """
    return Contender(
        "spark_disk",
        "Spark to a local disk, no upload",
        write,
        outcome,
        target=context.new_local,
    )


def spark_disk_sftp(
    context: Context,
    server: Server,
    write: Callable[[str], None],
    outcome: Callable[[str], Outcome],
) -> Contender:
    """Spark to the local disk, then all files over one connection with `sftp -b`."""

    def upload(local: Path, target: str) -> None:
        # `put` takes the pattern, so this is what one types.
        batch = [f"mkdir {quoted(target)}", f"cd {quoted(target)}", f"lcd {quoted(local)}"]
        sftp(server, [*batch, f"put {PARTS}"])

    return _by_hand(
        context,
        "spark_disk_sftp",
        "Spark to a local disk, then OpenSSH sftp",
        write,
        upload,
        outcome,
        missing("sftp"),
    )


def spark_disk_rclone(
    context: Context,
    server: Server,
    write: Callable[[str], None],
    outcome: Callable[[str], Outcome],
) -> Contender:
    """Spark to the local disk, then `rclone copy`, which sends four files at a time."""

    def upload(local: Path, target: str) -> None:
        rclone(server, "copy", local, target, "--include", PARTS)

    return _by_hand(
        context,
        "spark_disk_rclone",
        "Spark to a local disk, then rclone",
        write,
        upload,
        outcome,
        no_rclone(server),
        RCLONE_NOTE,
    )


def _by_hand(
    context: Context,
    name: str,
    title: str,
    write: Callable[[str], None],
    upload: Callable[[Path, str], None],
    outcome: Callable[[str], Outcome],
    unavailable: str | None,
    note: str | None = None,
) -> Contender:
    staged: list[str] = []

    def run(target: str) -> None:
        local = context.new_local()
        staged.append(local)
        write(local)
        upload(Path(local), target)

    def tidy(target: str) -> None:
        while staged:
            context.remove(staged.pop())

    return Contender(
        name,
        title,
        run,
        outcome,
        unavailable=unavailable,
        tidy=tidy,
        labels={} if note is None else {"note": note},
    )
