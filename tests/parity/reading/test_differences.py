"""Every known difference from Spark's readers is as the page lists it."""

from __future__ import annotations

import re

import pytest

from tests.parity.reading import csv_cases
from tests.parity.reading.comparing import Files, Readers
from tests.parity.reading.differences import TEXT, Difference
from tests.parity.reading.test_csv import FILES
from tests.parity.reading.test_json import GENERATED as JSON
from tests.parity.reading.test_xml import GENERATED as XML
from tests.support.documents import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "reading-differences.md"
SECTIONS = {"Text, and compressed files of any format": TEXT}

pytestmark = pytest.mark.one_python


@pytest.mark.parametrize(
    "case", [case for cases in SECTIONS.values() for case in cases], ids=lambda case: case.name
)
def test_a_difference_is_as_listed(both: Readers, case: Difference) -> None:
    extension = "." + case.file.partition(".")[2]
    files = Files(case.form, [case.data], case.schema, case.options, extension)
    directory = both.put(files)
    [sparks], [ours] = both.sparks(directory, files), both.ours(directory, files)
    assert ours == case.ours
    assert ours != sparks
    if case.sparks is not None:
        assert sparks == case.sparks


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_lists_them_all(section: str) -> None:
    text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| \*\*(.+?)\*\* \|", text, re.MULTILINE)
    assert listed == [case.name for case in SECTIONS[section]]


def test_there_are_as_many_generated_files_as_the_page_says() -> None:
    csv = sum(
        sum(len(data) > 7 for data in csv_cases.generated(200 + number, options, FILES).files)
        for number, options in enumerate(csv_cases.MULTI_LINE)
    )
    csv += FILES * len(csv_cases.OPTIONS) + 12 * len(csv_cases.FAILING)
    json = sum(number for _, number, _ in JSON)
    xml = sum(number for number, _ in XML)
    page = PAGE.read_text(encoding="utf-8")
    for count in (csv // 50 * 50, json, xml):
        assert f"{count:,} generated" in page
    assert csv + json + xml >= 3_000
    # Ten times as many are made on request.
    assert 10 * (FILES * len(csv_cases.OPTIONS) + json + xml) >= 30_000
