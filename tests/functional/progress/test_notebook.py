"""A write is shown below its cell: in a real kernel, with the outputs that a browser would show."""

from __future__ import annotations

import os
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.spark import REPOSITORY

REGISTER = """
import time
from sftp_async import progress
from sftp_async.progress.messages import JobEnded, TaskProgress
from sftp_async.progress.reporter import Sender
from sftp_async.progress.summary import WriteSummary

sender = Sender(progress.listen("127.0.0.1"))  # as register(spark) does

def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
"""
RUNNING = """
job = "{job}"

def report():
    counters = 1, 2_000_000, 98_700_000
    sender.send(lambda: TaskProgress("task", job, "/out/<b>", 0.0, 0, "running", *counters))
    display = progress._listener._display
    return display is not None and job in display._handles

until(report)
"""
ENDED = """
handle, shown = progress._listener._display._handles[job], []
update = handle.update
handle.update = lambda output: (update(output), shown.append(type(output)))
sender.send(lambda: JobEnded("end", job, WriteSummary("/out/<b>", job, 1, 3, 70, 0.5, 1, 0, 0)))
until(lambda: WriteSummary in shown)
"""
SHORT = """
display, shown = progress._listener._display, []
own = display._display
display._display = lambda output: (own(output), shown.append(output))[0]
sender.send(lambda: JobEnded("end", "ef" * 16, WriteSummary("/short", "ef", 1, 3, 7, 0.1, 1, 0, 0)))
until(lambda: shown)
"""


def outputs(cell: Any) -> list[tuple[str, str]]:
    return [(output["data"]["text/html"], output["data"]["text/plain"]) for output in cell.outputs]


@pytest.mark.one_python
def test_the_cell_that_writes_has_one_output_with_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.fspath(REPOSITORY))
    write, another = (RUNNING.format(job=job * 16) for job in ("ab", "cd"))
    sources = (REGISTER, write + ENDED, "quiet = 1", SHORT, another)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()

    registered, ended, quiet, short, running = notebook.cells
    assert (registered.outputs, quiet.outputs) == ([], [])
    ((html, text),) = outputs(ended)
    assert "/out/&lt;b&gt;" in html
    assert "<td>70</td>" in html
    assert "rows=3" in text
    ((html, _),) = outputs(short)
    assert "Written to <code>/short</code>" in html
    ((html, text),) = outputs(running)
    assert "<code>/out/&lt;b&gt;</code> <progress></progress> 98.7 MB" in html
    assert text.startswith("/out/<b>  98.7 MB")
