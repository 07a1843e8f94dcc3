"""The reader of a document: runs its Python as it stands, with a server of their own."""

from __future__ import annotations

import contextlib
import io
import json
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sftp_async.tools.testing.embedded_server import EmbeddedServer
from tests.support.documents import REPOSITORY, Block, Page
from tests.support.keys import KeySet

# What stands for the reader's own server in the documents: a host, given by keyword, as an option
# of Spark's, or in a mapping.
_HOST = re.compile(
    r"""(?P<keyword>\bhost=)"[^"]*"
    |(?P<option>\.option\("host",[ ])"[^"]*"\)
    |(?P<mapping>"host":[ ])"[^"]*" """,
    re.VERBOSE,
)
_UNNAMED = re.compile(r'(?<=\bSFTPConnectionTester\()(\s*)("[^"]*",\s*)("[^"]*")')
_PORT = re.compile(r"""\bport=\d+,?|\.option\("port", "?\d+"?\)|"port": "?\d+"?,?""")
_USER = re.compile(r"""(?:\busername=|"username"[,:] )"([^"]+)\"""")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}(?![A-Za-z0-9+/])")
_PASSWORD = re.compile(r"""(?<=\bpassword=")env:\w+|(?<="password", ")env:\w+""")
_KEY_FILE = re.compile(r"~/\.ssh/id_\w+")
_KEY = re.compile(r"""(?<=private_key_content=")env:\w+|(?<="private_key_content", ")env:\w+""")
_KNOWN_HOSTS = re.compile(r"""(?<=\bknown_hosts=)"[^"]*\"""")
_CHECKPOINTS = "/checkpoints"
_TARGET = re.compile(r'\.(?:save|start)\("(/[^"]+)"|\.option\("path", "(/[^"]+)"')


class Reader:
    """Runs pages with a server in the place of the one that they name.

    Args:
        page: what is read.
        directory: for the files of the reader and of the server.
        keys: one of which the server knows.

    """

    def __init__(self, page: Page, directory: Path, keys: KeySet) -> None:
        self.page = page
        code = "\n".join(with_names(step.block.code) for step in page.steps)
        users = set(_USER.findall(code)) or {"partner"}
        assert len(users) == 1, f"{page} logs in as {users}: the reader has one name"
        self.server = EmbeddedServer(
            directory / "served",
            username=users.pop(),
            password="documented",
            authorized_keys=[keys.public("ed25519")],
        )
        self._password = directory / "password"
        self._password.write_text("documented")
        self._key = keys.path("ed25519")
        self._checkpoints = directory

    def run(self, names: dict[str, Any]) -> None:
        """Run all blocks, in order and with the same names; check what they print.

        Raises:
            AssertionError: names the page, the line, and what happened there.

        """
        for step in self.page.steps:
            printed = self._run(step.block, names)
            if step.output is not None:
                where = f"{step.block} prints something else than it says"
                assert matches(step.output, printed), f"{where}:\n{printed}"

    def _run(self, block: Block, names: dict[str, Any]) -> str:
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(block.compile(self.for_server(block.code)), names)  # type: ignore[call-overload]
        except Exception as error:
            file = str(REPOSITORY / block.document)
            frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
            line = frames[-1].lineno if frames else block.line
            what = f"{type(error).__name__}: {error}"
            raise AssertionError(f"{block.document}:{line}: {what}") from error
        return printed.getvalue()

    def for_server(self, code: str) -> str:
        """Put the server into a block.

        The port is named, and the key that a reader's own known_hosts file would vouch for.
        References to the environment become references to a file: Spark's driver started long
        before this test.
        """
        code = with_names(code)
        if _HOST.search(code):
            code = _PORT.sub("", code)
        named = _KNOWN_HOSTS.search(code) is not None
        code = _HOST.sub(lambda match: self._address(match, known=not named), code)
        code = _KNOWN_HOSTS.sub(repr(self.server.host_key), code)
        assert "example.com" not in code, "a server is named in a way that is not known here"
        code = _FINGERPRINT.sub(self.server.fingerprint, code)
        code = _PASSWORD.sub(f"file:{self._password}", code)
        code = _KEY.sub(f"file:{self._key}", _KEY_FILE.sub(str(self._key), code))
        return code.replace(_CHECKPOINTS, str(self._checkpoints))

    def profile(self, name: str) -> str:
        """Return a table of `connections.toml` for the server."""
        options = {
            "host": self.server.host,
            "port": str(self.server.port),
            "username": self.server.username,
            "private_key_path": str(self._key),
            "known_hosts": self.server.host_key,
        }
        lines = [f"{option} = {json.dumps(value)}" for option, value in options.items()]
        return "\n".join([f"[{name}]", *lines, ""])

    def _address(self, match: re.Match[str], *, known: bool) -> str:
        options = {"host": self.server.host, "port": self.server.port}
        if known:
            options["known_hosts"] = self.server.host_key
        if match["keyword"]:
            return ", ".join(f"{name}={value!r}" for name, value in options.items())
        if match["mapping"]:
            return ", ".join(f'"{name}": "{value}"' for name, value in options.items())
        return "".join(f'.option("{name}", {value!r})' for name, value in options.items())

    def written(self) -> Iterator[tuple[str, list[Path]]]:
        """Yield each target that the page names, and the files that are in it."""
        for step in self.page.steps:
            for found in _TARGET.findall(step.block.code):
                target = next(filter(None, found))
                path = self.server.root / target.strip("/")
                yield target, [path] if path.is_file() else [*_visible(path)]


def with_names(code: str) -> str:
    """Return the code with names before the tester's host and user."""
    return _UNNAMED.sub(r"\1host=\2username=\3", code)


def _visible(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        if path.is_file() and not any(
            part.startswith(("_", ".")) for part in path.relative_to(directory).parts
        ):
            yield path


def matches(shown: str, printed: str) -> bool:
    """Whether an output is the one that a document shows; `…` stands for anything within a line.

    Blanks at the ends of lines do not count.
    """
    lines = [line.rstrip() for line in shown.rstrip("\n").split("\n")]
    pattern = "\n".join(".*?".join(re.escape(part) for part in line.split("…")) for line in lines)
    got = "\n".join(line.rstrip() for line in printed.rstrip("\n").split("\n"))
    return re.fullmatch(pattern, got) is not None
