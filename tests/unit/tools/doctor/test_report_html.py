"""The HTML table of a check for notebooks."""

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


def test_the_advice_follows_the_detail_and_is_left_out_if_empty() -> None:
    (fine, wrong) = steps_table(
        "title", [("ok", "Connection", "fine", ""), ("FAILED", "Login", "refused", "ask <them>")]
    ).split("</tr>")[:2]
    assert fine.endswith("fine</td>")
    assert wrong.endswith("refused<div><b>&#8594;</b> ask &lt;them&gt;</div></td>")


def test_every_cell_sets_its_own_alignment() -> None:
    table = steps_table("title", [("ok", "Connection", "fine", "")])
    assert len(re.findall(r"<td", table)) == len(re.findall(r"<td style=\"text-align:left", table))


def test_without_html_the_report_is_plain_text() -> None:
    report = CheckReport("me@h:22", "/out", ())
    assert pretty(report) == str(report)
