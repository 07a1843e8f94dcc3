"""Prints the output of a command: text for people, or one JSON document for programs."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any

from sftp_async.errors import HostKeyError, SFTPAsyncError
from sftp_async.humanize import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType


#: Variables of the environment by which Rich takes a stream for a terminal that is none.
_FORCED = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"})


#: What `recover` and `clean` list before they do it.
_SHOWN_ANYHOW = "sftp_async.write.commit.recover"


class StandardOutputError(SFTPAsyncError):
    """Standard output cannot be written, for example because its disk is full."""


@contextmanager
def writing_out() -> Iterator[None]:
    """Turn an error of standard output into one that is reported on standard error.

    Raises:
        StandardOutputError: standard output is closed, or cannot be written.
        BrokenPipeError: its reader has ended.

    """
    if sys.stdout is None:
        raise StandardOutputError("Standard output is closed")
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        # What it still holds would fail once more at the end of the process, with a traceback.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - a device, used to the end
        raise StandardOutputError(
            f"Standard output cannot be written: {error.strerror or error}"
        ) from None


@contextmanager
def _noting() -> Iterator[None]:
    """Let a standard error that is closed, or cannot be written, stop nothing."""
    if sys.stderr is None:
        # `print` would take standard output for it.
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123 - a device
            yield
        return
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError:
        pass


class Output:
    """The output of a command.

    Args:
        as_json: print one JSON document to standard output; `line` and `show` print nothing.
        verbose: 1 shows more, and what the library logs from level INFO on; 2 all of it.
        quiet: no progress, no warnings, no report of what was done.

    """

    def __init__(self, as_json: bool, verbose: int = 0, quiet: bool = False) -> None:
        self.as_json = as_json
        self.verbose = verbose
        self.quiet = quiet
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

    def is_terminal(self, *, stderr: bool = False) -> bool:
        """Whether standard output, or standard error, is a terminal, or is to be taken for one."""
        stream = sys.stderr if stderr else sys.stdout
        if stream is None:
            return False  # the process was started without it
        if not stream.isatty() and _FORCED.isdisjoint(os.environ):
            return False  # without loading Rich, which takes its time
        return self.console(stderr=stderr).is_terminal

    @property
    def interactive(self) -> bool:
        """Whether the user can be asked a question."""
        streams = (sys.stdin, sys.stderr)
        return not self.as_json and all(each is not None and each.isatty() for each in streams)

    @property
    def shows_progress(self) -> bool:
        """Whether to show progress: standard error is a terminal, and the output is text."""
        return not self.as_json and not self.quiet and self.is_terminal(stderr=True)

    def line(self, text: str = "", style: str | None = None) -> None:
        """Print a line."""
        if not self.as_json:
            self._print(text, style)

    def report(self, text: str, style: str | None = None) -> None:
        """Print a line about what was done, unless the user wants none."""
        if not self.quiet:
            self.line(text, style)

    def show(self, what: RenderableType) -> None:
        """Print a table or styled text."""
        if not self.as_json:
            with writing_out():
                self.console().print(what)

    def document(self, content: Any, *, compact: bool = False) -> None:
        """Print the JSON document, if one is requested."""
        if self.as_json:
            with writing_out():
                sys.stdout.write(json.dumps(content, indent=None if compact else 2) + "\n")
                sys.stdout.flush()

    def note(self, text: str, style: str | None = "yellow") -> None:
        """Print a line to standard error."""
        self._print(text, style, stderr=True)

    def _print(self, text: str, style: str | None, *, stderr: bool = False) -> None:
        text = printable(text, keep="\n")
        with _noting() if stderr else writing_out():
            if self.is_terminal(stderr=stderr):
                self.console(stderr=stderr).print(text, style=style)
            else:
                # A reader at the other end of a pipe sees a line when it is printed.
                print(text, file=sys.stderr if stderr else sys.stdout, flush=True)

    def warn(self, text: str) -> None:
        """Print a warning to standard error, unless the user wants none."""
        if not self.quiet:
            self.note(text)

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Show what the library logs on standard error, as much as the user wants of it."""
        level, form = logging.ERROR if self.quiet else logging.WARNING, "%(message)s"
        names = {"sftp_async": level, _SHOWN_ANYHOW: logging.ERROR}
        if self.verbose:
            level, form = logging.INFO, "%(asctime)s %(levelname)s %(message)s"
            names = {"sftp_async": level}
        if self.verbose > 1:
            names = dict.fromkeys(("sftp_async", "asyncssh"), logging.DEBUG)
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_PrintableFormatter(form))
        loggers = [(logging.getLogger(name), level) for name, level in names.items()]
        before = [logger.level for logger, _ in loggers]
        for logger, level in loggers:
            logger.setLevel(level)
            if logger.name != _SHOWN_ANYHOW:
                logger.addHandler(handler)
        try:
            yield
        finally:
            for (logger, _), level in zip(loggers, before, strict=True):
                logger.setLevel(level)
                logger.removeHandler(handler)

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
        as_text = not self.as_json or isinstance(error, StandardOutputError)
        if not as_text:
            try:
                self.document({"error": document | ({"problems": problems} if problems else {})})
            except StandardOutputError:
                as_text = True
        if as_text:
            where = (("host", error.host), ("path", error.path))
            places = ", ".join(f"{name} {printable(value)}" for name, value in where if value)
            text = f"Error: {error.message}" + (f" ({places})" if places else "")
            self.note(text, "red")
            if hint:
                self.note(f"  -> {hint}", None)


class _PrintableFormatter(logging.Formatter):
    """Formats records that may hold names of a server, safely for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n")


def host_key_option(fingerprint: str) -> str:
    """Return the command line option that trusts a host key."""
    return f"--host-key-fingerprint {fingerprint}"
