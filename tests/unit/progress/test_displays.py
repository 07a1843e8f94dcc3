"""Displays of a write: one line in a terminal, one output in a notebook, few log lines."""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from sftp_async.progress import displays
from sftp_async.progress.displays import LOG_EVERY, LogDisplay, NotebookDisplay, TerminalDisplay
from sftp_async.progress.messages import JobEnded
from sftp_async.progress.state import View
from sftp_async.progress.summary import WriteSummary

SUMMARY = WriteSummary("/out/[b]<i>", "a", 2, 30, 300, 1.5, 3, 0, 0)


def view(job: str = "a", **changes: Any) -> View:
    fields: dict[str, Any] = {
        "job": job,
        "target": "/out/[b]<i>",
        "phase": "writing",
        "files": 1,
        "rows": 1_234_567,
        "bytes": 98_700_000,
        "running": 2,
        "done": 3,
        "speed": 45_600_000.0,
        "seconds": 72.9,
    }
    return View(**fields | changes)


class Terminal:
    """A terminal of 100 columns that keeps what is drawn."""

    def __init__(self) -> None:
        self._drawn = io.StringIO()
        console = Console(file=self._drawn, force_terminal=True, width=100, color_system=None)
        self.display = TerminalDisplay(console)

    def show(self, *views: View, ended: tuple[JobEnded, ...] = ()) -> str:
        self.display.show(views, ended)
        return self.drawn()

    def drawn(self) -> str:
        drawn = self._drawn.getvalue()
        self._drawn.seek(0)
        self._drawn.truncate()
        return drawn


def test_a_terminal_shows_a_write_in_one_line_and_leaves_its_summary() -> None:
    terminal = Terminal()
    drawn = terminal.show(view())
    line = "98.7 MB  45.6 MB/s  1:12  3 tasks done  1,234,567 rows  1 file"
    assert "/out/[b]<i>" in drawn
    assert line in drawn
    assert "committing" in terminal.show(view(phase="committing"))
    drawn = terminal.show(ended=(JobEnded("end", "a", SUMMARY),))
    # The line is erased, the cursor is back, and what comes then stays.
    assert drawn.endswith(f"\x1b[2K{SUMMARY}\n")
    assert "\x1b[?25h" in drawn


def test_start_up_and_transfer_are_apart_and_what_is_known_of_the_rest_is_shown() -> None:
    numbers = displays.numbers(view(startup=8.4, tasks=8, left=65.0))
    assert numbers == [
        *("98.7 MB", "45.6 MB/s", "1:04", "about 1:05 left", "3 of 8 tasks", "1,234,567 rows"),
        *("1 file", "start-up 8.4 s"),
    ]


def test_a_terminal_gets_its_cursor_back_while_writes_are_shown() -> None:
    terminal = Terminal()
    assert "\x1b[?25l" in terminal.show(view("a"), view("b"))
    terminal.display.close()
    assert "\x1b[?25h" in terminal.drawn()
    terminal.display.close()
    assert terminal.drawn() == ""


def test_a_terminal_shows_nothing_of_a_write_that_was_not_shown_before_its_end() -> None:
    terminal = Terminal()
    assert terminal.show(ended=(JobEnded("end", "a", SUMMARY),)) == ""


def test_a_write_that_has_stopped_leaves_no_line() -> None:
    terminal = Terminal()
    assert terminal.show(view("a"), view("b", target="/b")).count("rows") >= 2
    drawn = terminal.show(view("b", target="/b"))
    assert "/b" in drawn
    assert "/out" not in drawn.rsplit("\x1b[2K", 1)[-1]
    assert "\x1b[?25h" in terminal.show()


def test_the_summary_stays_of_a_write_whose_line_had_disappeared_before() -> None:
    terminal = Terminal()
    terminal.show(view())
    terminal.show()
    assert str(SUMMARY) in terminal.show(ended=(JobEnded("end", "a", SUMMARY),))


class Handle:
    """Stands in for IPython's handle of an output."""

    def __init__(self, output: Any) -> None:
        self.seen = [output]

    def update(self, output: Any) -> None:
        self.seen.append(output)


class Notebook(NotebookDisplay):
    """The display, without a notebook around it."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs: list[Handle] = []

    def _display(self, output: Any) -> Handle:
        self.outputs.append(Handle(output))
        return self.outputs[-1]


def test_a_notebook_updates_one_output_and_ends_with_the_summary() -> None:
    notebook = Notebook()
    notebook.show([view()], [])
    notebook.show([view(rows=2_000_000)], [])
    notebook.show([], [JobEnded("end", "a", SUMMARY)])
    (output,) = notebook.outputs
    first, second, last = output.seen
    assert "<code>/out/[b]&lt;i&gt;</code>" in first._repr_html_()
    assert "2,000,000 rows" in second._repr_html_()
    assert "2,000,000 rows" in repr(second)
    assert "<td>300</td>" in last._repr_html_()
    assert "<i>" not in last._repr_html_()


def test_a_notebook_has_the_summary_of_a_write_that_was_too_short_to_be_shown() -> None:
    notebook = Notebook()
    failed = replace(SUMMARY, failed=True)
    quiet = JobEnded("end", "of a stream", SUMMARY, shown=False)
    notebook.show([], [JobEnded("end", "a", SUMMARY), quiet, JobEnded("end", "b", failed)])
    assert [output.seen for output in notebook.outputs] == [[SUMMARY], [failed]]


def test_a_notebook_shows_that_a_write_has_failed_or_stopped_or_goes_on() -> None:
    notebook = Notebook()
    notebook.show([view("a"), view("b")], [])
    notebook.show([view("b")], [JobEnded("end", "a", None)])
    notebook.show([], [])
    notebook.show([], [])
    notebook.show([view("b")], [])
    failed, stopped = notebook.outputs
    assert "failed" in failed.seen[-1]._repr_html_()
    assert ["stopped" in repr(output) for output in stopped.seen] == [False, False, True, False]


def test_the_log_has_a_line_every_ten_seconds_and_one_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    now = 0.0
    display = LogDisplay(lambda: now)
    for half_seconds in range(int(LOG_EVERY * 2) * 3 + 2):
        now = half_seconds / 2
        display.show([view()], [])
    assert len(caplog.messages) == 3
    assert caplog.messages[0].startswith("/out/[b]<i>: 98.7 MB, 45.6 MB/s, 1:12, 3 tasks done")
    display.show([], [JobEnded("end", "a", SUMMARY), JobEnded("end", "never shown", SUMMARY)])
    assert caplog.messages[3:] == [str(SUMMARY)]
