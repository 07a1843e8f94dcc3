"""A check's report, as a notebook shows it."""

from __future__ import annotations

import re

from IPython.lib.pretty import pretty

from sftp_async.tools.doctor.report_html import steps_table
from sftp_async.tools.doctor.tester import CheckReport


def test_every_status_has_a_sign_of_its_own() -> None:
    words = ("ok", "warning", "FAILED", "not run")
    table = steps_table("title", ((word, "Step", "", "") for word in words))
    shown = dict(re.findall(r">(\S+) (ok|warning|FAILED|not run)</td>", table))
    assert sorted(shown.values()) == sorted(words)


def test_what_to_do_stands_below_what_was_found_and_only_where_there_is_something() -> None:
    (fine, wrong) = steps_table(
        "title", [("ok", "Connection", "fine", ""), ("FAILED", "Login", "refused", "ask <them>")]
    ).split("</tr>")[:2]
    assert fine.endswith("fine</td>")
    assert wrong.endswith("refused<div><b>&#8594;</b> ask &lt;them&gt;</div></td>")


def test_no_cell_follows_the_notebooks_alignment() -> None:
    table = steps_table("title", [("ok", "Connection", "fine", "")])
    assert len(re.findall(r"<td", table)) == len(re.findall(r"<td style=\"text-align:left", table))


def test_where_there_is_no_html_the_report_is_the_one_of_a_terminal() -> None:
    report = CheckReport("me@h:22", "/out", ())
    assert pretty(report) == str(report)
