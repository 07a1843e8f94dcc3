"""Implements `sftp-async doctor`, which checks a server before a job runs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from sftp_async.errors import SFTPAsyncError
from sftp_async.humanize import counted, printable
from sftp_async.tools.cli.output import Output, host_key_option
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sftp_async.tools.doctor import CheckReport, CheckStep

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
_MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}
_ASCII = {"ok": "+", "warning": "!", "failed": "x", "skipped": "-"}


def doctor(
    server: Server,
    output: Output,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Do not count sessions and connections, and do not estimate the throughput.",
        ),
    ] = False,
    read: Annotated[
        bool,
        typer.Option("--read", help="Check what a read needs; write nothing to the server."),
    ] = False,
) -> None:
    """Check a server step by step: name, port, host key, login, capabilities, and writing.

    The verdict comes first, then each step, a fault with its cause and its remedy. The command
    writes small hidden files to the target directory, and removes them. It estimates the
    throughput with up to 8 MiB.

    With --read, it checks that TARGET (a file, a directory or a glob) can be listed and read, and
    writes nothing.
    """
    from sftp_async.tools.cli.run import run
    from sftp_async.tools.doctor import run_checks

    path = server.path or "."
    with _status(output, f"Checking {server.options.address}") as show:
        report = run(
            run_checks(
                server.options,
                path,
                thorough=not quick,
                read=read,
                on_step=lambda step: show(step.name),
            )
        )
    output.document(report.to_dict())
    if not output.as_json:
        _show_verdict(report, output)
        _show_steps(report.steps, output)
        if report.ok and server.path and not (read or quick):
            _show_leftovers(server, output)
        _show_recommended(report, output)
    if not report.ok:
        raise typer.Exit(1)


@contextmanager
def _status(output: Output, what: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal which step was done last, for as long as the checks run."""
    if not output.shows_progress:
        yield lambda _: None
        return
    from rich.text import Text

    with output.console(stderr=True).status(Text(printable(what))) as status:
        yield lambda step: status.update(Text(printable(f"{what}: {step}")))


def _show_verdict(report: CheckReport, output: Output) -> None:
    verb = "read" if report.reads else "write"
    where = printable(f"{report.address}, path {report.path}")
    failed = next((step for step in report.steps if step.status == "failed"), None)
    if failed is None:
        warnings = sum(step.status == "warning" for step in report.steps)
        more = f" Warnings: {warnings}, see below." if warnings else ""
        output.line(f"A job can {verb} there: {where}.{more}", "green")
        return
    output.line(f"A job cannot {verb} there: {where}. See {failed.name} below.", "bold red")
    if failed.name == "Host key" and report.host_key_fingerprint:
        fingerprint = host_key_option(report.host_key_fingerprint)
        output.line(f"If the server's operator confirms the key, add: {fingerprint}")


def _show_steps(steps: Sequence[CheckStep], output: Output) -> None:
    """Show the steps; those that were not run in one line, unless the user wants more."""
    skipped = [step for step in steps if step.status == "skipped"]
    for step in steps:
        if output.verbose or step.status != "skipped":
            _show(step, output)
    if skipped and not output.verbose:
        _show(replace(skipped[0], name=", ".join(step.name for step in skipped)), output)


def _show_leftovers(server: Server, output: Output) -> None:
    from sftp_async.tools.cli.stray_files import leftovers

    try:
        found = leftovers(server.options.model_copy(update={"max_retries": 0}))
    except SFTPAsyncError:
        return  # a job finds out, and says more
    if found.old:
        count = counted((len(found.old), "leftover"))
        output.line(f"{count} of crashed jobs or killed commands: see sftp-async clean.", "yellow")
    for line in found.young_lines():
        output.line(printable(line))


def _show(step: CheckStep, output: Output) -> None:
    from rich.text import Text

    unicode = output.console().encoding.lower().startswith("utf")
    mark = (_MARKS if unicode else _ASCII)[step.status]
    style = _STYLES[step.status]
    output.show(
        Text.assemble(
            (f"{mark} {step.word:8}", style),
            (f"{step.name:12}", "dim" if step.status == "skipped" else "bold"),
            step.detail,
        )
    )
    if step.advice:
        output.show(Text.assemble(" " * 10, ("-> ", style), step.advice))


def _show_recommended(report: CheckReport, output: Output) -> None:
    from rich.text import Text

    if not report.recommended:
        return
    output.line()
    output.line("Recommended options:", "bold")
    for each in report.recommended:
        output.show(Text.assemble("  ", (f"{each.option}={each.value}", "cyan"), f"  {each.why}"))
