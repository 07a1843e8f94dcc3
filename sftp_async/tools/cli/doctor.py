"""Implements `sftp-async doctor`, which checks a server before a job runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sftp_async.tools.cli.output import Output, host_key_option
from sftp_async.tools.cli.target import Server

if TYPE_CHECKING:
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

    Each fault is shown with its cause and its remedy. The command writes small hidden files to the
    target directory, and removes them. It estimates the throughput with up to 8 MiB.

    With --read, it checks that TARGET (a file, a directory or a glob) can be listed and read, and
    writes nothing.
    """
    from sftp_async.tools.cli.run import run
    from sftp_async.tools.doctor import run_checks

    path = server.path or "."
    output.line(f"SFTP check of {server.options.address}, path {path}")
    report = run(
        run_checks(
            server.options,
            path,
            thorough=not quick,
            read=read,
            on_step=lambda step: _show(step, output),
        )
    )
    output.document(report.to_dict())
    _show_result(report, output)
    if not report.ok:
        raise typer.Exit(1)


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


def _show_result(report: CheckReport, output: Output) -> None:
    from rich.text import Text

    if report.recommended:
        output.line()
        output.line("Recommended options:", "bold")
        for each in report.recommended:
            output.show(
                Text.assemble("  ", (f"{each.option}={each.value}", "cyan"), f"  {each.why}")
            )
    verb = "read" if report.reads else "write"
    failed = next((step for step in report.steps if step.status == "failed"), None)
    output.line()
    if failed is None:
        warnings = sum(step.status == "warning" for step in report.steps)
        output.line(
            f"A job can {verb} there." + (f" Warnings: {warnings}, see above." if warnings else ""),
            "green",
        )
        return
    output.line(f"A job cannot {verb} there: see {failed.name} above.", "bold red")
    if failed.name == "Host key" and report.host_key_fingerprint:
        fingerprint = host_key_option(report.host_key_fingerprint)
        output.line(f"If the server's operator confirms the key, add: {fingerprint}")
