"""Shows the progress bar of a transfer on a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from sftp_async.tools.cli.transfer import TransferProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[TransferProgress]:
    """Show a progress bar that follows the transfer; without a total, it shows that it goes on."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield TransferProgress(
            lambda done, total: progress.update(task, completed=done, total=total)
        )
