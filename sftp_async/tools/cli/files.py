"""Implements `sftp-async get`, `put` and `cat`, which transfer files, each atomically."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftp_async.errors import OptionsError
from sftp_async.humanize import counted, in_units, printable, speed_of
from sftp_async.tools.cli.completion import complete_local_or_target, complete_targets
from sftp_async.tools.cli.output import Output
from sftp_async.tools.cli.sources import Login

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from sftp_async.tools.cli.copy_plan import Copy
    from sftp_async.tools.cli.copy_run import Copied
    from sftp_async.tools.cli.transfer import TransferProgress

_FORCE = typer.Option("--force", "-f", help="Replace existing files.")
_RECURSIVE = typer.Option("--recursive", "-r", help="Copy directories with all that is in them.")
_CREATE_DIRS = typer.Option("--create-dirs", help="Create the directories that are missing.")
_STANDARD = "-"


def get(
    login: Login,
    output: Output,
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET… [LOCAL]",
            help="What to download, and the local file or directory (else the current directory). "
            "Further TARGETs of the same server may be written as `:/path`. `-` is standard "
            "output.",
            show_default=False,
            autocompletion=complete_targets,
        ),
    ],
    recursive: Annotated[bool, _RECURSIVE] = False,
    force: Annotated[bool, _FORCE] = False,
    create_dirs: Annotated[bool, _CREATE_DIRS] = False,
) -> None:
    """Download files. Each appears under its name only when it is complete.

    Patterns in TARGET are matched on the server; quote them for the shell.
    """
    from sftp_async.tools.cli import copy_run
    from sftp_async.tools.cli.run import run

    *targets, local = arguments if len(arguments) > 1 else [*arguments, "."]
    if local == _STANDARD:
        if recursive:
            raise OptionsError("-r cannot be combined with -: standard output takes files.")
        _write_out(login, output, targets)
        return
    remotes = login.remotes(targets)
    if not recursive and any(path.endswith("/") for path in remotes.paths):
        raise OptionsError("TARGET names a directory: write the path of a file, or add -r.")
    copied = copy_run.Copied()
    with _progress(output, "get") as progress:
        _transfer(
            output,
            copied,
            lambda: run(
                copy_run.get(
                    remotes.options,
                    remotes.paths,
                    Path(local),
                    progress,
                    copied,
                    recursive=recursive,
                    force=force,
                    create_dirs=create_dirs,
                )
            ),
        )
    _report(output, copied, progress, lambda copy: (copy.remote, str(copy.local)), local)


def put(
    login: Login,
    output: Output,
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="LOCAL… TARGET",
            help="What to upload, and where to. `-` is standard input.",
            show_default=False,
            autocompletion=complete_local_or_target,
        ),
    ],
    recursive: Annotated[bool, _RECURSIVE] = False,
    force: Annotated[bool, _FORCE] = False,
    create_dirs: Annotated[bool, _CREATE_DIRS] = False,
) -> None:
    """Upload files. Each appears under its name only when it is complete.

    What comes from standard input appears at its end. A program that fails in the middle of a pipe
    looks like one that has ended: where that matters, upload a file.
    """
    from sftp_async.tools.cli import copy_run
    from sftp_async.tools.cli.copy_plan import local_sources
    from sftp_async.tools.cli.run import run

    *names, target = arguments
    if not names:
        raise OptionsError("LOCAL or TARGET is missing: sftp-async put LOCAL… TARGET.")
    if _STANDARD in names and len(names) > 1:
        raise OptionsError("- (standard input) cannot be uploaded together with files.")
    server = login.at(target)
    sources = local_sources(names, recursive=recursive)
    copied = copy_run.Copied()
    with _progress(output, "put") as progress:
        _transfer(
            output,
            copied,
            lambda: run(
                copy_run.put(
                    server.options,
                    sources,
                    server.path or ".",
                    progress,
                    copied,
                    force=force,
                    create_dirs=create_dirs,
                )
            ),
        )
    _report(
        output,
        copied,
        progress,
        lambda copy: (str(copy.local or "standard input"), copy.remote),
        server.path or ".",
    )


def cat(
    login: Login,
    output: Output,
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET",
            help="The files; further ones as `:/path`.",
            show_default=False,
            autocompletion=complete_targets,
        ),
    ],
) -> None:
    """Write files to standard output, one behind the other, as they are on the server.

    A compressed file stays compressed: `sftp-async cat host:/a.csv.gz | zcat`.
    """
    _write_out(login, output, targets)


def _write_out(login: Login, output: Output, targets: Sequence[str]) -> None:
    from sftp_async.tools.cli import copy_run
    from sftp_async.tools.cli.run import run

    if output.as_json:
        raise OptionsError("--json cannot be combined with the content of files.")
    remotes = login.remotes(targets)
    with _progress(output, "get") as progress:
        run(copy_run.write_out(remotes.options, remotes.paths, progress))


def _transfer(output: Output, copied: Copied, transfer: Callable[[], None]) -> None:
    """Run a transfer; if it fails, say how many files were complete."""
    try:
        transfer()
    except BaseException:
        if copied.files:
            output.note(f"{len(copied.files):,} of {counted((copied.total, 'file'))} are complete.")
        raise


def _report(
    output: Output,
    copied: Copied,
    progress: TransferProgress,
    ends: Callable[[Copy], tuple[str, str]],
    where: str,
) -> None:
    size = sum(size for _, size in copied.files)
    seconds = progress.seconds
    names = [(*ends(copy), size) for copy, size in copied.files]
    document: dict[str, Any] = {
        "files": [{"from": start, "to": end, "bytes": size} for start, end, size in sorted(names)],
        "bytes": size,
        "seconds": seconds,
        "megabytes_per_second": size / seconds / 1e6 if seconds else 0.0,
        "left_out": [{"path": path, "reason": reason} for path, reason in copied.left_out],
    }
    if len(names) == 1:
        document["path"] = names[0][1]
    output.document(document)
    for path, reason in copied.left_out:
        output.note(f"Left out: {printable(path)}, {reason}")
    what = f"{counted((len(names), 'file'))} to {printable(where)}"
    if len(names) == 1:
        what = f"{printable(names[0][0])} to {printable(names[0][1])}"
    speed = speed_of(size, seconds)
    output.report(f"{what}: {in_units(size)} in {seconds:.2f} s{speed and f', {speed}'}")


def _progress(output: Output, what: str) -> AbstractContextManager[TransferProgress]:
    """Return what counts the bytes of a transfer, and shows a progress bar on a terminal."""
    from sftp_async.tools.cli.transfer import TransferProgress

    if not output.shows_progress:
        return nullcontext(TransferProgress(None))
    from sftp_async.tools.cli.progress_bar import progress_bar

    return progress_bar(output.console(stderr=True), what)
