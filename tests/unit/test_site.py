"""The documentation's site: its front page, its guides, its notebooks, and what a search finds."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.documents import REPOSITORY

DOCS = REPOSITORY / "docs"
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
#: Bytes of a notebook with its outputs: they are in the repository.
LARGEST = 100_000
#: What the search puts first for a word.
ANSWERS = dict(
    re.findall(
        r'^  "([^"]+)": "([^"]+)",$',
        (DOCS / "search_scorer.js").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)


def picture(page: str) -> Path:
    """The chart of a page that compares this source with others."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    [link] = re.findall(r"!\[[^\]]*\]\(([^)]*overview\.svg)\)", text)
    return (REPOSITORY / page).parent.joinpath(link).resolve()


def test_the_front_page_shows_the_chart_of_the_readme() -> None:
    assert picture("docs/index.md") == picture("README.md")


def test_the_front_page_has_code_that_installs_writes_reads_and_streams() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    above, _, _ = text.partition("## What is where")
    for word in ("pip install", "df.write", "spark.read.", "spark.readStream", ".writeStream"):
        assert word in above, word


@pytest.mark.parametrize("word", ANSWERS)
def test_a_page_that_a_search_puts_first_has_the_word(word: str) -> None:
    page = DOCS / f"{ANSWERS[word]}.md"
    text = " ".join(page.read_text(encoding="utf-8").lower().split())
    assert re.search(rf"\b{word}\b", text), f"{page} lacks {word!r}: no search finds it there"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_rendered_notebook_has_the_cells_of_the_notebook_and_their_outputs(
    notebook: Path,
) -> None:
    remedy = f"run: python scripts/render_notebooks.py {notebook.stem}"
    shown = DOCS / "notebooks" / notebook.name
    assert shown.is_file(), remedy
    cells = [json.loads(path.read_text("utf-8"))["cells"] for path in (notebook, shown)]
    assert [(c["id"], "".join(c["source"])) for c in cells[1]] == [
        (c["id"], "".join(c["source"])) for c in cells[0]
    ], remedy
    assert any(cell.get("outputs") for cell in cells[1]), remedy


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_rendered_notebook_is_small_and_shows_nothing_of_the_machine_that_ran_it(
    notebook: Path,
) -> None:
    text = (DOCS / "notebooks" / notebook.name).read_text(encoding="utf-8")
    assert len(text) < LARGEST
    assert re.findall(r"/(?:home|root|work|Users)/[^\"\s\\]*|Traceback|\.venv", text) == []
