"""The documents are right: code compiles and runs, links resolve, names exist."""

from __future__ import annotations

import builtins
import configparser
import contextlib
import inspect
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import sftp_async
from scripts.module_table import PAGE, tables, updated
from sftp_async import errors
from sftp_async.errors import OptionsError, SFTPAsyncWarning
from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import ALIASES, CONVERTED, WITHOUT_EFFECT, normalise
from tests.support.documents import DOCUMENTS, REPOSITORY, Block, Page, blocks, pages
from tests.support.reader import matches

pytestmark = pytest.mark.once

#: In the text, or at the foot of a page.
_LINK = re.compile(r"(?:\[[^\]]*\]\(|^\[[^\]]+\]: )([^)\s]*)\)?", re.MULTILINE)
_FENCED = re.compile(r"^(```+).*?^\1$", re.MULTILINE | re.DOTALL)
_LOGGER = re.compile(r'getLogger\("([\w.]+)"\)')
_CODE = re.compile(r"`([^`\n]+)`")
#: What a block may be, for readers and for what colours it; MyST's own are in braces.
LANGUAGES = {
    *("python", "bash", "sql", "toml", "yaml", "json", "ini", "diff", "text", "output"),
    *("{toctree}", "{include} ../CHANGELOG.md", "{include} ../CONTRIBUTING.md", "{eval-rst}"),
}
MIGRATION = REPOSITORY / "docs" / "migration"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


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


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_every_python_block_compiles(block: Block) -> None:
    block.compile()


@pytest.mark.parametrize("page", [p for p in pages() if not p.needs_server], ids=str)
def test_a_page_that_needs_no_server_runs_from_top_to_bottom(page: Page) -> None:
    names: dict[str, object] = {}
    for step in page.steps:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(step.block.compile(), names)  # type: ignore[call-overload]
        assert step.output is None or matches(step.output, printed.getvalue()), step.block
    for name, value in names.items():
        if name.startswith("test_") and not inspect.signature(value).parameters:  # type: ignore[arg-type]
            value()  # type: ignore[operator]


def test_all_kinds_of_pages_have_examples() -> None:
    having = {page.document for page in pages() if page.needs_spark}
    assert {"README.md", "docs/options.md"} <= having
    for directory in ("tutorial", "how-to", "migration"):
        assert any(document.startswith(f"docs/{directory}/") for document in having), directory


def test_every_block_says_what_it_is() -> None:
    unknown = [block for block in blocks() if block.language not in LANGUAGES]
    assert [str(block) for block in unknown if not included(block)] == []


def included(block: Block) -> bool:
    """Whether a block is that of a file which is there."""
    directive, _, name = block.language.partition(" ")
    path = (REPOSITORY / block.document).parent / name
    return directive == "{literalinclude}" and path.is_file()


@pytest.mark.parametrize("block", blocks("bash"), ids=str)
def test_every_shell_block_is_good_bash(block: Block) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=block.code, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def our_commands() -> Iterator[tuple[Block, list[str]]]:
    """Yield the lines that call `sftp-async`, without what follows in a pipe."""
    for block in blocks("bash"):
        for line in block.code.replace("\\\n", " ").splitlines():
            if re.match(r"\s*(sftp-async|python3? -m sftp_async)\b(?!\.)", line):
                words = shlex.split(line, comments=True)
                end = next((i for i, word in enumerate(words) if word in {"|", "&&", ">"}), None)
                yield block, words[:end]


def test_every_command_of_ours_takes_the_options_that_a_document_gives_it() -> None:
    asked: dict[str, list[tuple[Block, list[str]]]] = {}
    for block, words in our_commands():
        rest = words[1:] if words[0] == "sftp-async" else words[3:]
        assert "sftp-async" in PROJECT.get("scripts", {}), f"{block}: there is no command"
        name = rest[0] if rest and not rest[0].startswith("-") else ""
        name = " ".join(rest[:2]) if name == "connections" else name  # a group of commands
        asked.setdefault(name, []).append((block, rest))
    for name, uses in asked.items():
        done = subprocess.run(
            [sys.executable, "-m", "sftp_async", *name.split(), "--help"],
            env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY)},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{uses[0][0]}: {done.stderr}"
        for block, words in uses:
            options = [word.partition("=")[0] for word in words if word.startswith("--")]
            assert [o for o in options if o not in done.stdout] == [], f"{block}: {name}"


def test_links_between_documents_resolve(page: Path) -> None:
    broken = []
    for link in _LINK.findall(without_code(page)):
        if urlsplit(link).scheme:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_links_to_the_web_are_well_formed_and_encrypted(page: Path) -> None:
    outside = [urlsplit(link) for link in _LINK.findall(without_code(page)) if ":" in link]
    assert [url.geturl() for url in outside if url.scheme != "https" or "." not in url.netloc] == []


def test_every_test_that_a_document_names_is_there(page: Path) -> None:
    named = {code for code in _CODE.findall(without_code(page)) if re.fullmatch(r"test_\w+", code)}
    files = (REPOSITORY / "tests").rglob("test_*.py")
    defined = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
    there = {name for file in files for name in defined.findall(file.read_text())}
    assert named <= there, named - there


def test_every_page_that_a_document_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:docs|examples|tests)/[\w./-]+\.\w+)`", without_code(page))
    assert [name for name in named if not (REPOSITORY / name).is_file()] == []


def test_every_logger_that_a_document_names_is_there(page: Path) -> None:
    named = set(re.findall(r"logger\s+`([\w.]+)`", without_code(page)))
    modules = (REPOSITORY / "sftp_async").rglob("*.py")
    there = {name for path in modules for name in _LOGGER.findall(path.read_text("utf-8"))}
    assert named <= there, named - there


def test_every_document_of_the_repository_is_in_the_readme() -> None:
    readme = REPOSITORY / "README.md"
    linked = {(REPOSITORY / link).resolve() for link in _LINK.findall(without_code(readme))}
    assert set(REPOSITORY.glob("*.md")) - linked == {readme}


def test_the_readme_fits_on_a_screen() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_the_readme_has_two_commands_one_example_and_one_chart() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    [shell] = [block for block in blocks("bash") if block.document == "README.md"]
    commands = [line.partition("#")[0].strip() for line in shell.code.splitlines()]
    assert commands == ["pip install tox && tox -e demo", "tox"]
    assert text.count("```python\n") == 1
    assert text.count("![") == 1


def test_supported_versions_are_those_of_the_package() -> None:
    pythons = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c]
    assert PROJECT["requires-python"] == f">={pythons[0]}"
    [spark] = PROJECT["optional-dependencies"]["spark"]
    first, below = re.fullmatch(r"pyspark>=(\d+\.\d+)[\d.]*,<4\.(\d+)", spark).groups()  # type: ignore[union-attr]
    for document in ("README.md", "docs/index.md"):
        text = (REPOSITORY / document).read_text(encoding="utf-8")
        assert f"Python {pythons[0]} to {pythons[-1]}" in text
        assert f"PySpark {first} to 4.{int(below) - 1}" in text


def test_every_error_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`([A-Z]\w*(?:Error|Warning|Timeout|Closed))", without_code(page)))
    assert {n for n in named if not hasattr(errors, n) and not hasattr(builtins, n)} == set()


def test_the_page_of_errors_has_all_of_them_and_says_what_is_tried_again() -> None:
    table = list(rows("docs/reference/errors.md", "Errors", level=1))
    known = {
        name: error
        for name, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.SFTPAsyncError)
    }
    assert {_CODE.findall(row[0])[0] for row in table} == set(known)
    for name, kinds, _, again in table:
        error = known[_CODE.findall(name)[0]]
        assert _CODE.findall(kinds) == [base.__name__ for base in error.__bases__]
        assert again.startswith("yes" if error.retryable else "no"), name


def test_every_option_that_is_set_in_the_text_exists(page: Path) -> None:
    known = {*SFTPOptions.model_fields, *CONVERTED, *(a for each in ALIASES.values() for a in each)}
    names = {normalise(name) for name in known}
    found = _CODE.findall(without_code(page))
    settings = [code for code in found if re.match(r"[a-z_]+=(?!\")", code)]  # no XML
    settings = [code for code in settings if not re.search(r"/\w+=", code)]  # no directories
    assert [s for s in settings if normalise(s.partition("=")[0]) not in names] == []


def test_the_tables_of_modules_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page, tables()) == page, "run python scripts/module_table.py --write"


def test_the_picture_of_the_architecture_has_every_folder_and_nothing_else() -> None:
    picture = (REPOSITORY / "docs/explanation/architecture.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r'class="mono"[^>]*>([^<]+)<', picture))
    package = REPOSITORY / "sftp_async"
    assert [name for name in drawn if not (package / name).exists()] == []
    assert {f"{path.parent.name}/" for path in package.glob("*/__init__.py")} <= drawn


def test_every_module_that_the_architecture_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:spark|write|formats|remote)/[\w/]+", text))
    package = REPOSITORY / "sftp_async"
    places = [package / name for name in named]
    assert [p for p in places if not p.is_dir() and not p.with_suffix(".py").is_file()] == []


def rows(page: str, heading: str, level: int = 2) -> Iterator[list[str]]:
    """The first table under a heading, without its first two lines."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    _, found, rest = f"\n{text}".partition(f"\n{'#' * level} {heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    table = re.search(r"^\|.*\n(?:^\|.*\n?)+", rest, re.MULTILINE)
    assert table, f"{page} has no table under {heading!r}"
    for line in table[0].splitlines()[2:]:
        yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


MIGRATED = [
    *(("Options", page.name) for page in MIGRATION.glob("[!i]*.md")),
    ("Databricks connections", "index.md"),
]
NEEDED = {"host": "h", "username": "u", "password": "p"}


@pytest.mark.parametrize(("heading", "page"), MIGRATED, ids=[page for _, page in MIGRATED])
def test_other_tools_options_do_what_their_migration_page_says(heading: str, page: str) -> None:
    for there, here, _ in rows(f"docs/migration/{page}", heading):
        [name] = _CODE.findall(there)
        if here == "not an option":
            with pytest.raises(OptionsError, match="is not an option"):
                SFTPOptions.from_spark({**NEEDED, name: "x"})
        elif here == "no effect":
            with pytest.warns(SFTPAsyncWarning, match=name):
                SFTPOptions.from_spark({**NEEDED, name: "x"})
        else:
            [option] = _CODE.findall(here)
            assert taken_for(name, option), f"{name} is not {option}"


def taken_for(name: str, option: str) -> bool:
    """Whether a name does what that option does, with a value of the option's own."""
    value = str(SFTPOptions.model_fields[option].examples[0])  # type: ignore[index]
    others = {key: text for key, text in NEEDED.items() if key != option}
    made = [SFTPOptions.from_spark({**others, each: value}).to_spark() for each in (name, option)]
    return option in made[0] and made[0] == made[1]


def test_a_page_of_migration_has_every_name_without_effect() -> None:
    text = "".join(without_code(page) for page in MIGRATION.glob("*.md"))
    assert [name for name in WITHOUT_EFFECT if f"`{name}`" not in text] == []


def test_every_command_is_one_that_works() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini")
    environments = {
        *tox["tox"]["env_list"].split(),
        *(name.removeprefix("testenv:") for name in tox),
    }
    for page in DOCUMENTS:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"tox -e ([\w.-]+)", text)) <= environments, page
        for extras in re.findall(r"(?:sftp-async|\.)\[([\w,]+)\]", text):
            assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"]), page


def test_the_changelog_has_this_version() -> None:
    assert f"## [{sftp_async.__version__}]" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
