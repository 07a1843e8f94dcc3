"""Every known difference from Spark's readers of JSON and XML is as the page lists it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.parity.reading.comparing import Files, Readers
from tests.parity.reading.json_xml_differences import SECTIONS, Case

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "reading-differences.md"
CASES = [(form, case) for form, cases in SECTIONS.items() for case in cases]

pytestmark = pytest.mark.one_python


@pytest.mark.parametrize(("form", "case"), CASES, ids=lambda part: getattr(part, "name", part))
def test_a_difference_is_as_listed(both: Readers, form: str, case: Case) -> None:
    files = Files(form.lower(), [case.content], case.schema, case.options)
    directory = both.put(files)
    assert both.ours(directory, files) == [case.ours]
    assert both.sparks(directory, files) == [case.sparks]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_lists_them_all(section: str) -> None:
    text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| \*\*(.+?)\*\* \|", text, re.MULTILINE)
    assert listed == [case.name for case in SECTIONS[section]]
