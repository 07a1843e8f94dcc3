"""The table of modules has every module with its first line; nothing else of a page changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.module_table import BEGIN, END, MissingDocstringError, main, tables, updated


def write(package: Path, name: str, text: str) -> None:
    path = package / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    write(tmp_path, "errors.py", '"""Errors of `x | y`.\n\nMore of it.\n"""\n')
    write(tmp_path, "options/__init__.py", '"""What users set."""\n')
    write(tmp_path, "options/base.py", '"""The base."""\n')
    write(tmp_path, "remote/__init__.py", '"""The remote side."""\n')
    write(tmp_path, "remote/ssh/__init__.py", '"""SSH."""\n')
    write(tmp_path, "remote/ssh/login.py", '"""One login."""\n')
    write(tmp_path, "remote/pool.py", '"""The pool."""\n')
    return tmp_path


def test_every_module_has_a_row_with_its_first_line(package: Path) -> None:
    assert tables(package) == (
        "### `remote/`\n\nThe remote side.\n\n"
        "| module | its job |\n| --- | --- |\n"
        "| `pool.py` | The pool. |\n| `ssh/` | SSH. |\n| `ssh/login.py` | One login. |\n\n"
        "### `options/`\n\nWhat users set.\n\n"
        "| module | its job |\n| --- | --- |\n| `base.py` | The base. |\n\n"
        "### Next to the folders\n\n"
        "| module | its job |\n| --- | --- |\n| `errors.py` | Errors of `x \\| y`. |"
    )


def test_a_folder_that_no_order_names_comes_last(package: Path) -> None:
    write(package, "annexe/__init__.py", '"""New."""\n')

    headings = [line for line in tables(package).splitlines() if line.startswith("###")]

    assert headings == [
        "### `remote/`",
        "### `options/`",
        "### `annexe/`",
        "### Next to the folders",
    ]


def test_a_module_without_a_first_line_is_an_error_that_names_it(package: Path) -> None:
    write(package, "options/silent.py", "x = 1\n")

    with pytest.raises(MissingDocstringError, match=r"silent\.py"):
        tables(package)


def test_only_the_block_of_a_page_changes() -> None:
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"

    assert updated(page, "new") == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"


def test_a_page_without_a_block_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        updated("nothing", "new")


def test_an_unknown_argument_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--wirte"]) == 2
    assert "usage" in capsys.readouterr().err
