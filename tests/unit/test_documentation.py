"""The documents keep their word: code compiles and runs, links resolve, names exist."""

from __future__ import annotations

import builtins
import configparser
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import sftp_async
from sftp_async import errors
from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import ALIASES, CONVERTED, WITHOUT_EFFECT, aliases_of, normalise
from tests.support.documents import DOCUMENTS, REPOSITORY, Example, examples

#: In the text, or at the foot of a page.
_LINK = re.compile(r"(?:\[[^\]]*\]\(|^\[[^\]]+\]: )(?!https?://)([^)\s]*)\)?", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")


def by_name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.fixture(params=DOCUMENTS, ids=by_name)
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def without_code(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to headings."""
    titles = re.findall(r"^#+ +(.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("example", examples(), ids=str)
def test_every_example_compiles(example: Example) -> None:
    example.compile()


@pytest.mark.parametrize("example", [e for e in examples() if not e.needs_server], ids=str)
def test_examples_that_need_no_server_run(example: Example) -> None:
    exec(example.compile(), {})  # type: ignore[call-overload]


def test_there_are_examples_to_run() -> None:
    assert {"README.md", "docs/coming-from.md", "docs/options.md"} <= {
        example.document for example in examples() if example.needs_spark
    }


def test_links_between_documents_resolve(page: Path) -> None:
    broken = []
    for link in _LINK.findall(without_code(page)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_test_that_a_document_names_is_there(page: Path) -> None:
    named = {code for code in _CODE.findall(without_code(page)) if re.fullmatch(r"test_\w+", code)}
    files = (REPOSITORY / "tests").rglob("test_*.py")
    defined = re.compile(r"^def (\w+)", re.MULTILINE)
    there = {name for file in files for name in defined.findall(file.read_text())}
    assert named <= there, named - there


def test_every_document_is_on_the_map() -> None:
    index = REPOSITORY / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(without_code(index))}
    assert {page for page in DOCUMENTS if page not in linked} == {index}


def test_the_readme_fits_on_a_screen() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 80


def test_every_error_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`([A-Z]\w*(?:Error|Warning|Timeout|Closed))", without_code(page)))
    assert {n for n in named if not hasattr(errors, n) and not hasattr(builtins, n)} == set()


def test_every_option_that_is_set_in_the_text_exists(page: Path) -> None:
    known = {*SFTPOptions.model_fields, *CONVERTED, *(a for each in ALIASES.values() for a in each)}
    names = {normalise(name) for name in known}
    found = _CODE.findall(without_code(page))
    settings = [code for code in found if re.match(r"[a-z_]+=(?!\")", code)]  # no XML
    assert [s for s in settings if normalise(s.partition("=")[0]) not in names] == []


def rows(page: str, heading: str) -> Iterator[list[str]]:
    """The table under a heading, without its first two lines."""
    text = (REPOSITORY / page).read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    lines = [line for line in text.split("\n## ")[0].splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_other_tools_names_stand_for_the_options_that_the_migration_page_says() -> None:
    table = list(rows("docs/coming-from.md", "Option names of other tools"))
    assert table
    for _, there, here in table:
        name, option = _CODE.findall(there)[0], _CODE.findall(here)[0]
        assert normalise(name) in map(normalise, aliases_of(option)), name


def test_the_migration_page_lists_all_names_without_effect() -> None:
    text = without_code(REPOSITORY / "docs" / "coming-from.md")
    assert [name for name in WITHOUT_EFFECT if f"`{name}`" not in text] == []


def test_every_command_is_one_that_works() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini")
    environments = {
        *tox["tox"]["env_list"].split(),
        *(name.removeprefix("testenv:") for name in tox),
    }
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page in DOCUMENTS:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"tox -e ([\w.-]+)", text)) <= environments, page
        for extras in re.findall(r"(?:sftp-async|\.)\[([\w,]+)\]", text):
            assert set(extras.split(",")) <= set(project["optional-dependencies"]), page


def test_the_changelog_tells_of_this_version() -> None:
    assert f"## [{sftp_async.__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
