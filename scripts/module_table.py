"""Writes the tables of modules in docs/explanation/architecture.md from the modules' first lines.

`python scripts/module_table.py --write` updates the page; without the flag the tables are printed.
A test fails when the page is stale.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "sftp_async"
#: Spark finds it by its name, so it is not inside the package.
AUTOLOADED = REPOSITORY / "pyspark_sftp_async.py"
PAGE = REPOSITORY / "docs" / "explanation" / "architecture.md"
BEGIN, END = "<!-- modules: python scripts/module_table.py --write -->", "<!-- end of modules -->"
#: From the highest layer to the lowest; a folder that is not listed comes last.
FOLDERS = ("spark", "tools", "write", "read", "progress", "formats", "layout", "remote", "options")


class MissingDocstringError(Exception):
    """A module has no first line; names it."""


def tables(package: Path = PACKAGE) -> str:
    """Return a section for each folder of the package, and one for the modules outside of them.

    Args:
        package: directory of the package.

    Raises:
        MissingDocstringError: a module has none.

    """
    found = [path.name for path in package.iterdir() if (path / "__init__.py").is_file()]
    folders = sorted(found, key=lambda name: (_rank(name), name))
    sections = [_section(f"`{name}/`", package / name) for name in folders]
    rows = [(path.name, first_line(path)) for path in sorted(package.glob("*.py"))]
    if package == PACKAGE:
        rows.append((AUTOLOADED.name, first_line(AUTOLOADED)))
    return "\n\n".join([*sections, f"### Next to the folders\n\n{_table(rows)}"])


def _rank(name: str) -> int:
    return FOLDERS.index(name) if name in FOLDERS else len(FOLDERS)


def _section(title: str, folder: Path) -> str:
    rows = list(_rows(folder, ""))
    parts = [f"### {title}", first_line(folder / "__init__.py"), *([_table(rows)] if rows else [])]
    return "\n\n".join(parts)


def _rows(folder: Path, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the modules of a folder, then those of the folders in it."""
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            yield f"{prefix}{path.name}", first_line(path)
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").is_file():
            yield f"{prefix}{path.name}/", first_line(path / "__init__.py")
            yield from _rows(path, f"{prefix}{path.name}/")


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| `{name}` | {line.replace('|', chr(92) + '|')} |" for name, line in rows]
    return "\n".join(["| module | its job |", "| --- | --- |", *lines])


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring.

    Raises:
        MissingDocstringError: it has none.

    """
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not docstring:
        raise MissingDocstringError(f"{path} has no docstring: its first line names its job")
    return docstring.splitlines()[0]


def updated(page: str, block: str) -> str:
    """Return a page with the block between the markers replaced.

    Raises:
        ValueError: the page has no such block.

    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{block}\n\n{END}{after}"


def main(arguments: Sequence[str]) -> int:
    """Print the tables, or write them into the page."""
    if list(arguments) == ["--write"]:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(updated(page, tables()), encoding="utf-8")
        return 0
    if arguments:
        print("usage: python scripts/module_table.py [--write]", file=sys.stderr)
        return 2
    print(tables())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
