"""Prints the output of a command: text for people, or one JSON document for programs."""

from __future__ import annotations

import errno
import json
import sys
from typing import TYPE_CHECKING, Any

from sftp_async.errors import HostKeyError, SFTPAsyncError
from sftp_async.humanize import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Output:
    """The output of a command.

    Args:
        as_json: print one JSON document to standard output; `line` and `show` print nothing.

    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._console: dict[bool, Console] = {}

    def console(self, *, stderr: bool = False) -> Console:
        """Return the console of standard output or standard error; only a terminal wraps lines."""
        from rich.console import Console

        class Pipe(Console):
            def on_broken_pipe(self) -> None:
                # Rich would raise SystemExit, which ends the event loop if it shows a step there.
                raise BrokenPipeError(errno.EPIPE, "The reader has ended")

        if stderr not in self._console:
            self._console[stderr] = Pipe(
                stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True
            )
        return self._console[stderr]

    @property
    def interactive(self) -> bool:
        """Whether the user can be asked a question."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def shows_progress(self) -> bool:
        """Whether to show progress: standard error is a terminal, and the output is text."""
        return not self.as_json and self.console(stderr=True).is_terminal

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print a line."""
        if not self.as_json:
            self.console().print(printable(text, keep="\n"), style=style)

    def show(self, what: RenderableType) -> None:
        """Print a table or styled text."""
        if not self.as_json:
            self.console().print(what)

    def document(self, content: Any, *, compact: bool = False) -> None:
        """Print the JSON document, if one is requested."""
        if self.as_json:
            sys.stdout.write(json.dumps(content, indent=None if compact else 2) + "\n")
            sys.stdout.flush()

    def note(self, text: str, style: str | None = "yellow") -> None:
        """Print a line to standard error."""
        self.console(stderr=True).print(printable(text, keep="\n"), style=style)

    def error(self, error: SFTPAsyncError) -> None:
        """Print an error: what happened, where, and what to do next."""
        problems = getattr(error, "problems", None)
        hint = error.hint
        if isinstance(error, HostKeyError) and error.fingerprint:
            of_bastion = "proxy_jump_host_key_fingerprint"
            option = host_key_option(error.fingerprint)
            if of_bastion in (hint or ""):
                option = f"-o {of_bastion}={error.fingerprint}"
            hint = f"{hint}. For this command: {option}"
        document = {
            "kind": type(error).__name__,
            "message": error.message,
            "host": error.host,
            "path": error.path,
            "hint": hint,
        }
        self.document({"error": document | ({"problems": problems} if problems else {})})
        if not self.as_json:
            where = (("host", error.host), ("path", error.path))
            places = ", ".join(f"{name} {value}" for name, value in where if value)
            text = f"Error: {error.message}" + (f" ({places})" if places else "")
            self.note(text, "red")
            if hint:
                self.note(f"  -> {hint}", None)


def host_key_option(fingerprint: str) -> str:
    """Return the command line option that trusts a host key."""
    return f"--host-key-fingerprint {fingerprint}"
