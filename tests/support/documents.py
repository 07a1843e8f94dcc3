"""The documents a reader opens, and the blocks of code in them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = (
    *sorted(REPOSITORY.glob("*.md")),
    *sorted(p for p in (REPOSITORY / "docs").rglob("*.md") if "_build" not in p.parts),
)

_FENCE = re.compile(
    r"^(?P<fence>```+)(?P<language>[^\n`]*)\n(?P<code>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL
)
#: What a reader has at hand in a notebook.
_FROM_SPARK = {"spark", "df"}
#: What talks to a server without Spark.
_TALKS = {"SFTPConnectionTester", "EmbeddedServer"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    document: str
    line: int  # of the fence, from 1
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    def compile(self, code: str | None = None) -> object:
        """Compile Python, or what was made of it, so that tracebacks show the document's line."""
        file = str(REPOSITORY / self.document)
        return compile("\n" * self.line + (code or self.code), file, "exec")


@dataclass(frozen=True)
class Step:
    """A Python block, and the output that the document says it has."""

    block: Block
    output: str | None


@dataclass(frozen=True)
class Page:
    """A document's Python, which runs from top to bottom as in a notebook."""

    document: str
    steps: list[Step] = field(default_factory=list)

    def __str__(self) -> str:
        return self.document

    @property
    def needs_spark(self) -> bool:
        """Whether it uses the reader's session or DataFrame."""
        return bool(self._names & _FROM_SPARK)

    @property
    def needs_server(self) -> bool:
        """Whether running it opens a connection."""
        return self.needs_spark or bool(self._names & _TALKS)

    @property
    def _names(self) -> set[str]:
        found: set[str] = set()
        for step in self.steps:
            try:
                tree = ast.parse(step.block.code)
            except SyntaxError:  # reported by the test that compiles every block
                continue
            found |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        return found


def blocks(*languages: str) -> list[Block]:
    """Return every fenced block of every document, or those in some languages."""
    found = []
    for page in DOCUMENTS:
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            name = str(page.relative_to(REPOSITORY))
            found.append(Block(name, line, match["language"].strip(), match["code"]))
    return [block for block in found if not languages or block.language in languages]


def pages() -> list[Page]:
    """Return every document that has Python."""
    made: dict[str, Page] = {}
    every = blocks()
    for block, following in zip(every, [*every[1:], None], strict=True):
        if block.language != "python":
            continue
        says = None
        if following and following.document == block.document and following.language == "output":
            says = following.code
        page = made.setdefault(block.document, Page(block.document))
        page.steps.append(Step(block, says))
    return list(made.values())
