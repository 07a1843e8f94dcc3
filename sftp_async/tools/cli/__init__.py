"""Provides the command `sftp-async`, which checks servers, transfers files and recovers jobs.

The modules here parse arguments and show results; the work is done by the other layers. A command
imports heavy modules only when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, or those of the process, and exit with its status."""
    import io
    import os
    import sys

    from sftp_async.tools.cli.interrupts import flush_streams, interrupts

    for stream in (sys.stdout, sys.stderr):
        # File names and messages may contain characters that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with interrupts.handled():
        try:
            _run(arguments)
        except (SystemExit, KeyboardInterrupt):
            if interrupts.exit_status is None:
                raise
            flush_streams()
            # An orderly exit would wait for threads that may wait themselves: for standard input,
            # or for the resolver of host names.
            os._exit(interrupts.exit_status)


def _run(arguments: Sequence[str] | None) -> None:
    """Run a command, or answer a shell that completes one."""
    import os
    from contextlib import redirect_stderr
    from functools import partial

    from sftp_async.tools.cli.app import app
    from sftp_async.tools.cli.completion import VARIABLE

    shell = os.environ.get(VARIABLE, "")
    if not shell.startswith("complete_"):
        app(args=arguments, prog_name="sftp-async")
        return
    from sftp_async.tools.cli.bash_words import answer_bash

    # Anything on standard error would end up in the middle of the command line.
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123 - a device
        if shell == "complete_bash":
            answer_bash(partial(app, prog_name="sftp-async"))
        else:
            app(prog_name="sftp-async")
