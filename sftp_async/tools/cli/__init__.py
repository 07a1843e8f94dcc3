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
    import sys

    from sftp_async.tools.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # File names and messages may contain characters that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app(args=arguments, prog_name="sftp-async")
