"""A stand-in for a server that tests of the suite's own logic write to: a folder."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from benchmarks.comparison import Contender, Outcome
from benchmarks.context import Context


class Folder:
    """What a comparison needs of a server; a path on it is a local one."""

    kind = "embedded"
    description = "a folder"
    passed_over = ("container: needs a Docker daemon",)
    visible = True

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.negotiated: list[str] = []

    def new_target(self) -> str:
        return str(self.directory / uuid.uuid4().hex)

    def local(self, path: str) -> Path:
        return Path(path)

    def remove(self, path: str) -> None:
        shutil.rmtree(path, ignore_errors=True)

    def pids(self) -> list[int]:
        return []

    def ciphers(self) -> list[str]:
        new, self.negotiated = self.negotiated, []
        return new


def folder_context(directory: Path, lines: list[str] | None = None) -> Context:
    served = directory / "served"
    served.mkdir()
    shown = [] if lines is None else lines
    context = Context(Folder(served), directory, directory / "data", say=shown.append)  # type: ignore[arg-type]
    context.workload = "unit"
    return context


def look(target: str) -> Outcome:
    """What a writer left: a row for each line."""
    text = "".join(file.read_text() for file in sorted(Path(target).iterdir()))
    return Outcome(text.count("\n"), len(text), digest=str(sorted(text.splitlines())))


def writer(
    name: str, text: str | Callable[[], str] = "a\nb\n", log: list[str] | None = None
) -> Contender:
    """A contender that writes `text`."""

    def run(target: str) -> None:
        if log is not None:
            log.append(name)
        Path(target).mkdir()
        Path(target, "part-0").write_text(text if isinstance(text, str) else text())

    return Contender(name, name.title(), run, look)
