"""Displays running writes: a line in a terminal, an output in a notebook, lines in the log."""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from sftp_async.humanize import clock, in_units
from sftp_async.progress.messages import JobEnded
from sftp_async.progress.state import AFTER_TASKS, View
from sftp_async.progress.summary import WriteSummary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

log = logging.getLogger("sftp_async.progress")

#: Seconds between two log lines of a write.
LOG_EVERY = 10.0
#: Characters of a target in a terminal.
TARGET_WIDTH = 24


class Display(Protocol):
    """Shows writes; used by one thread."""

    def show(self, views: Sequence[View], ended: Sequence[JobEnded]) -> None:
        """Show these writes and no others, and the ends of writes that were shown before."""

    def close(self) -> None:
        """Show nothing more, and restore the terminal."""


def choose_display() -> Display:
    """Return the display for this process: of its notebook, its terminal, or its log."""
    if _in_notebook():
        return NotebookDisplay()
    if sys.stderr is not None and sys.stderr.isatty():
        return TerminalDisplay()
    return LogDisplay()


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this process."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class TerminalDisplay:
    """A line for each write while it runs, and one that stays when it has ended.

    Args:
        console: by default, on standard error.

    """

    def __init__(self, console: Console | None = None) -> None:
        # Made when something is drawn: a short write does not load rich.
        self._own_console = console
        self._progress: Progress | None = None
        self._lines: dict[str, TaskID] = {}
        #: Writes that had a line, and have not ended.
        self._begun: set[str] = set()

    @property
    def _console(self) -> Console:
        if self._own_console is None:
            from rich.console import Console

            self._own_console = Console(stderr=True)
        return self._own_console

    def show(self, views: Sequence[View], ended: Sequence[JobEnded]) -> None:
        """Draw all writes at once."""
        stays = [end.summary for end in ended if end.summary and end.job in self._begun]
        self._begun -= {end.job for end in ended}
        self._begun |= {view.job for view in views}
        if not views:
            self.close()
        else:
            self._draw(views)
        for summary in stays:
            self._console.print(str(summary), markup=False, highlight=False, soft_wrap=True)

    def _draw(self, views: Sequence[View]) -> None:
        if self._progress is None:
            self._progress = _progress(self._console)
            self._progress.start()
        for job in self._lines.keys() - {view.job for view in views}:
            self._progress.remove_task(self._lines.pop(job))
        for view in views:
            fields: dict[str, Any] = _fields(view)
            if view.job not in self._lines:
                self._lines[view.job] = self._progress.add_task("", total=None, **fields)
            self._progress.update(self._lines[view.job], **fields)
        self._progress.refresh()

    def close(self) -> None:
        """Remove the lines."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
        self._lines.clear()


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = [
        TextColumn("{task.fields[target]}", markup=False),
        BarColumn(bar_width=12),
        TextColumn("{task.fields[numbers]}", markup=False),
    ]
    # The output of the user's program stays as it is, and only the listener's thread draws.
    return Progress(
        *columns,
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _fields(view: View) -> dict[str, str]:
    target = view.target
    if len(target) > TARGET_WIDTH:  # the end of a path is more specific than its beginning
        target = f"…{target[1 - TARGET_WIDTH :]}"
    return {"target": target, "numbers": "  ".join(numbers(view))}


def numbers(view: View) -> list[str]:
    """Return a write's numbers, the most important first: narrow terminals cut off the end."""
    speed = view.phase if view.phase in AFTER_TASKS else f"{in_units(view.speed)}/s"
    tasks = f"{view.done:,} of {_count(view.tasks, 'task')}" if view.tasks else ""
    return [
        in_units(view.bytes),
        speed,
        clock(max(0.0, view.seconds - view.startup)),
        *([] if view.left is None else [f"about {clock(view.left)} left"]),
        tasks or f"{_count(view.done, 'task')} done",
        _count(view.rows, "row"),
        _count(view.files, "file"),
        *([view.waiting] if view.waiting else []),
        f"start-up {view.startup:.1f} s",
    ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


class _Output:
    """What a notebook shows of a write, as HTML and as text."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


class NotebookDisplay:
    """An output below the cell that writes, updated in its place; at its end, the summary.

    A write that ends before it is shown has the summary alone.

    IPython puts the output of a thread without a cell of its own below the cell that runs.
    """

    def __init__(self) -> None:
        self._handles: dict[str, Any] = {}
        self._drawn: dict[str, View] = {}

    def show(self, views: Sequence[View], ended: Sequence[JobEnded]) -> None:
        """Update the outputs."""
        for end in ended:
            self._drawn.pop(end.job, None)
            if (handle := self._handles.pop(end.job, None)) is not None:
                handle.update(end.summary or _Output("<p>The write failed.</p>", "It failed."))
            elif end.shown and isinstance(end.summary, WriteSummary):
                self._display(end.summary)
        shown = {view.job: view for view in views}
        for job in self._drawn.keys() - shown.keys():
            # The write may go on: Spark may retry a task.
            self._handles[job].update(_output(self._drawn.pop(job), alive=False))
        for job, view in shown.items():
            if job in self._handles:
                self._handles[job].update(_output(view))
            else:
                self._handles[job] = self._display(_output(view))
        self._drawn = shown

    def close(self) -> None:
        """Leave the outputs as they are."""
        self._handles.clear()
        self._drawn.clear()

    def _display(self, output: _Output | WriteSummary) -> Any:
        return importlib.import_module("IPython.display").display(output, display_id=True)


def _output(view: View, *, alive: bool = True) -> _Output:
    parts = numbers(view) + ([] if alive else ["stopped"])
    moving = "<progress></progress> " if alive else ""
    html = f"<div><code>{escape(view.target)}</code> {moving}{' &middot; '.join(parts)}</div>"
    return _Output(html, f"{view.target}  {'  '.join(parts)}")


class LogDisplay:
    """A log line every ten seconds, and one at the end of a write that was shown.

    Args:
        clock: seconds.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[str, float] = {}

    def show(self, views: Sequence[View], ended: Sequence[JobEnded]) -> None:
        """Log what is due."""
        for end in ended:
            if self._logged_at.pop(end.job, None) is not None and end.summary is not None:
                log.info("%s", end.summary)
        now = self._clock()
        for view in views:
            if now - self._logged_at.setdefault(view.job, now) >= LOG_EVERY:
                self._logged_at[view.job] = now
                log.info("%s: %s", view.target, ", ".join(numbers(view)))

    def close(self) -> None:
        """Forget the writes that were shown."""
        self._logged_at.clear()
