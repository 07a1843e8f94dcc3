"""What a command says: text for people, or one JSON document for programs."""

from __future__ import annotations

import errno
import json
import sys
from typing import TYPE_CHECKING, Any

from sftp_async.errors import HostKeyError, SFTPAsyncError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Output:
    """Where a command's words go.

    Args:
        as_json: standard output is for one document; `line` and `show` are silent.

    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._console: dict[bool, Console] = {}

    def console(self, *, stderr: bool = False) -> Console:
        """Return the terminal, or what stands for it; wide where nobody looks."""
        from rich.console import Console

        class Pipe(Console):
            def on_broken_pipe(self) -> None:
                # Rich would raise SystemExit, and thereby end the event loop that shows a step.
                raise BrokenPipeError(errno.EPIPE, "nobody reads any more")

        if stderr not in self._console:
            self._console[stderr] = Pipe(
                stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True
            )
        return self._console[stderr]

    @property
    def interactive(self) -> bool:
        """Whether somebody sits there who could answer a question."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def shows_progress(self) -> bool:
        """Whether standard error is a terminal that somebody looks at."""
        return not self.as_json and self.console(stderr=True).is_terminal

    def line(self, text: str = "", style: str | None = None) -> None:
        """Say a line."""
        if not self.as_json:
            self.console().print(disarmed(text), style=style)

    def show(self, what: RenderableType) -> None:
        """Show a table or styled text."""
        if not self.as_json:
            self.console().print(what)

    def document(self, content: Any, *, compact: bool = False) -> None:
        """Write the document, if one is wanted."""
        if self.as_json:
            sys.stdout.write(json.dumps(content, indent=None if compact else 2) + "\n")
            sys.stdout.flush()

    def note(self, text: str, style: str | None = "yellow") -> None:
        """Say a line beside the answer, on standard error."""
        self.console(stderr=True).print(disarmed(text), style=style)

    def error(self, error: SFTPAsyncError) -> None:
        """Say what happened, where, and what to do next."""
        problems = getattr(error, "problems", None)
        hint = error.hint
        if isinstance(error, HostKeyError) and error.fingerprint:
            of_bastion = "proxy_jump_host_key_fingerprint"
            paste = paste_host_key(error.fingerprint)
            if of_bastion in (hint or ""):
                paste = f"-o {of_bastion}={error.fingerprint}"
            hint = f"{hint}. Here: {paste}"
        told = {
            "kind": type(error).__name__,
            "message": error.message,
            "host": error.host,
            "path": error.path,
            "hint": hint,
        }
        self.document({"error": told | ({"problems": problems} if problems else {})})
        if not self.as_json:
            where = [f"host {error.host}" if error.host else "", f"path {error.path}"]
            places = ", ".join(w for w in where[: 1 + bool(error.path)] if w)
            text = f"Error: {error.message}" + (f" ({places})" if places else "")
            self.note(text, "red")
            if hint:
                self.note(f"  -> {hint}", None)


def paste_host_key(fingerprint: str) -> str:
    """Return the option of this command that trusts a host key."""
    return f"--host-key-fingerprint {fingerprint}"


def disarmed(text: str) -> str:
    """Replace control characters, which a server may have chosen; line breaks stay."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def sized(count: float) -> str:
    """Return a number of bytes in units of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
