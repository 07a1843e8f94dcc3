"""Implements `sftp-async ls`, `get` and `put`, which transfer single files atomically."""

from __future__ import annotations

import stat
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftp_async.errors import OptionsError, SFTPAsyncError
from sftp_async.humanize import in_units, printable
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sftp_async.remote.filesystem import RemoteEntry

_FORCE = typer.Option("--force", "-f", help="Replace an existing file.")


def ls(server: Server, output: Output) -> None:
    """List a remote directory with its hidden files, or show one file."""
    from sftp_async.tools.cli.run import run
    from sftp_async.tools.cli.transfer import listing

    path = server.path or "."
    entries = sorted(run(listing(server.options, path)), key=lambda entry: entry.name)
    output.document({"path": path, "entries": [_to_dict(entry) for entry in entries]})
    width = max((len(f"{entry.size:,}") for entry in entries), default=0)
    for entry in entries:
        size = "-" if entry.is_dir else f"{entry.size:,}"
        when = f"{_moment(entry):%Y-%m-%d %H:%M}" if entry.mtime else "-"
        mode = stat.filemode(entry.mode) if entry.mode is not None else "?" * 10
        name = entry.name.replace("\n", "?") + "/" * entry.is_dir
        output.line(f"{mode}  {size:>{width}}  {when:16}  {name}")


def _to_dict(entry: RemoteEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "type": "directory" if entry.is_dir else _kind(entry.mode),
        "bytes": entry.size,
        "modified": _moment(entry).isoformat() if entry.mtime else None,
        "mode": None if entry.mode is None else f"{stat.S_IMODE(entry.mode):o}",
    }


def _kind(mode: int | None) -> str:
    return "link" if mode is not None and stat.S_ISLNK(mode) else "file"


def _moment(entry: RemoteEntry) -> datetime:
    return datetime.fromtimestamp(entry.mtime, UTC)


def get(
    server: Server,
    output: Output,
    local: Annotated[
        Path,
        typer.Argument(
            metavar="LOCAL", help="Local file or directory.", show_default="the current directory"
        ),
    ] = Path(),
    force: Annotated[bool, _FORCE] = False,
) -> None:
    """Download one file. It appears under its name only when it is complete."""
    from sftp_async.tools.cli.run import run
    from sftp_async.tools.cli.transfer import TransferProgress, download

    if not server.path or server.path.endswith("/"):
        raise OptionsError("TARGET does not name a file: write host:/path/of/the/file.")
    name = server.path.rpartition("/")[2]
    if local.is_dir():
        local = local / name
    if local.is_dir():
        raise SFTPAsyncError(
            f"{local} is a directory", hint="Give the name of a file, or another directory"
        )
    if local.exists() and not force:
        raise SFTPAsyncError(f"{local} already exists", hint="Replace it with --force")
    with _progress(output, f"get {name}") as on_bytes:
        progress = TransferProgress(on_bytes)
        size = run(download(server.options, server.path, local, progress, replace=force))
    _report(output, f"{server.path} to {local}", size, progress.seconds, path=str(local))


def put(
    output: Output,
    local: Annotated[Path, typer.Argument(metavar="LOCAL", help="Local file to upload.")],
    server: Server,
    force: Annotated[bool, _FORCE] = False,
) -> None:
    """Upload one file. It appears under its name only when it is complete."""
    from sftp_async.tools.cli.run import run
    from sftp_async.tools.cli.transfer import TransferProgress, upload

    with _progress(output, f"put {local.name}") as on_bytes:
        progress = TransferProgress(on_bytes)
        path, size = run(upload(server.options, local, server.path or ".", progress, replace=force))
    _report(output, f"{local} to {path}", size, progress.seconds, path=path)


def _report(output: Output, what: str, size: int, seconds: float, path: str) -> None:
    speed = size / seconds / 1e6 if seconds else 0.0
    output.document(
        {"path": path, "bytes": size, "seconds": seconds, "megabytes_per_second": speed}
    )
    output.line(f"{what}: {in_units(size)} in {seconds:.2f} s, {speed:,.1f} MB/s")


def _progress(
    output: Output, what: str
) -> AbstractContextManager[Callable[[int, int], None] | None]:
    """Show a progress bar on a terminal; call the value with bytes done and in total."""
    if not output.shows_progress:
        return nullcontext()
    from sftp_async.tools.cli.progress_bar import progress_bar

    return progress_bar(output.console(stderr=True), printable(what))
