"""The documents a reader opens first, and the Python in them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = (*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md")))

_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What a reader has at hand in a notebook.
_FROM_SPARK = {"spark", "df"}
#: What talks to a server without Spark.
_TALKS = {"SFTPConnectionTester", "EmbeddedServer"}


@dataclass(frozen=True)
class Example:
    """A Python block of a document."""

    document: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    def compile(self, code: str | None = None) -> object:
        """Compile it, or what was made of it, so that tracebacks show the document."""
        return compile("\n" * self.line + (code or self.code), str(self), "exec")

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
        try:
            tree = ast.parse(self.code)
        except SyntaxError:  # told by the test that compiles every block
            return set()
        return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def examples() -> list[Example]:
    """Return every Python block of every document."""
    return [
        Example(str(page.relative_to(REPOSITORY)), text.count("\n", 0, match.start()) + 1, match[1])
        for page in DOCUMENTS
        for text in [page.read_text(encoding="utf-8")]
        for match in _FENCE.finditer(text)
    ]
