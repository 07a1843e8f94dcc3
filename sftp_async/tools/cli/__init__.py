"""The command `sftp-async`: to set up, to check, to look after what jobs write, and to try out.

It renders; what it shows is found out in the rooms of the house. Nothing heavy is imported before a
command needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, with these arguments or the process's own, and exit with its status."""
    import io
    import sys

    from sftp_async.tools.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # A name, or our own words, may hold what this terminal's encoding does not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app(args=arguments, prog_name="sftp-async")
