"""Type checkers and editors know the options: mistakes show, and names complete."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from sftp_async.options import SFTPOptions
from sftp_async.options.aliases import ALIASES
from tests.support.language_server import LanguageServer
from tests.support.requirements import skip_without

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[3]
SCRIPTS = REPOSITORY / "tests" / "typed_scripts"
#: `(file, line)` of each mistake in the scripts.
MISTAKES = {
    (script.name, number)
    for script in SCRIPTS.rglob("*.py")
    for number, line in enumerate(script.read_text(encoding="utf-8").splitlines(), start=1)
    if line.endswith("# wrong")
}


@pytest.fixture(scope="module", autouse=True)
def type_checkers() -> None:
    for name in ("mypy", "basedpyright"):
        if find_spec(name) is None:
            skip_without(f"{name} (the dependency group `typing`)")


def run(*command: object) -> str:
    """Run a module of this Python in the repository, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1, done.stdout + done.stderr  # it has found mistakes
    return done.stdout


def test_the_scripts_are_twelve_right_ones_and_one_with_mistakes() -> None:
    assert len(list((SCRIPTS / "right").glob("*.py"))) == 12
    assert {name for name, _ in MISTAKES} == {"wrong.py"}
    assert len(MISTAKES) == 10


def test_mypy_finds_the_mistakes_and_no_others() -> None:
    printed = run(
        *("mypy", "--config-file", SCRIPTS / "mypy.ini", "--cache-dir", "/dev/null", SCRIPTS)
    )
    found = re.findall(r"([^/\n]+\.py):(\d+): error: ", printed)
    assert {(name, int(line)) for name, line in found} == MISTAKES, printed


def test_pyright_finds_the_mistakes_and_no_others() -> None:
    printed = run("basedpyright", "--outputjson", "--project", SCRIPTS)
    errors = [e for e in json.loads(printed)["generalDiagnostics"] if e["severity"] == "error"]
    found = {(Path(e["file"]).name, e["range"]["start"]["line"] + 1) for e in errors}
    assert found == MISTAKES, printed


def test_an_editor_completes_every_option_and_its_choices_and_shows_what_it_does() -> None:
    start = "from basedpyright.langserver import main; main()"
    command = [sys.executable, "-c", start, "--stdio"]
    first = "from sftp_async import SFTPOptions\n"
    with LanguageServer(command, SCRIPTS) as server:
        call = server.open("call.py", f"{first}SFTPOptions(\n")
        choice = server.open("choice.py", f'{first}SFTPOptions(commit_mode="")\n')
        hover = server.open("hover.py", f"{first}SFTPOptions(max_retries=1)\n")

        names = labels(
            server.ask(
                "textDocument/completion", textDocument=call, position={"line": 1, "character": 12}
            )
        )
        choices = labels(
            server.ask(
                "textDocument/completion",
                textDocument=choice,
                position={"line": 1, "character": 25},
            )
        )
        shown = server.ask(
            "textDocument/hover", textDocument=hover, position={"line": 1, "character": 15}
        )
    wanted = {*SFTPOptions.model_fields, *(a for names in ALIASES.values() for a in names)} - {
        "pass"
    }
    assert {f"{name}=" for name in wanted} <= names
    assert {"rename", "direct"} <= {choice.strip("\"'") for choice in choices}
    assert "Number of retries after a failure" in json.dumps(shown)


def labels(answer: dict[str, list[dict[str, str]]]) -> set[str]:
    return {item["label"] for item in answer["items"]}
