"""Asks a language server over standard input and output, as an editor does."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

#: Seconds that an answer may take.
PATIENCE = 120


class LanguageServer:
    """A language server, from `with` on; every wait for an answer is bounded.

    Args:
        command: starts it.
        root: the directory of the project.

    """

    def __init__(self, command: list[str], root: Path) -> None:
        self._command = command
        self._root = root
        self._numbers = itertools.count(1)
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._root
        )
        assert self._process.stdout is not None
        threading.Thread(target=self._receive, args=[self._process.stdout], daemon=True).start()
        folder = {"uri": self._root.as_uri(), "name": "project"}
        about = {"processId": None, "rootUri": self._root.as_uri(), "workspaceFolders": [folder]}
        item = {"documentationFormat": ["plaintext"], "resolveSupport": {"properties": []}}
        abilities = {"textDocument": {"completion": {"completionItem": item}}}
        self.ask("initialize", **about, capabilities=abilities)
        self._send({"method": "initialized", "params": {}})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.ask("shutdown")
                self._send({"method": "exit"})
                self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.communicate()

    def open(self, name: str, text: str) -> dict[str, str]:
        """Open a document that is on no disk, and return how requests name it."""
        document = {"uri": (self._root / name).as_uri()}
        opened = {**document, "languageId": "python", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": opened}})
        return document

    def ask(self, method: str, **params: Any) -> Any:
        """Send a request, and return the result."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._messages.get(timeout=PATIENCE)
            assert message is not None, "the language server has ended"
            if (
                "method" in message and "id" in message
            ):  # it asks for settings, and for nothing else
                wanted = message.get("params", {}).get("items", [])
                self._send({"id": message["id"], "result": [None for _ in wanted]})
            elif message.get("id") == number:
                assert "error" not in message, message["error"]
                return message["result"]

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self, stream: IO[bytes]) -> None:
        while header := stream.readline():
            size = 0
            while header.strip():
                name, _, value = header.decode("ascii").partition(":")
                if name.lower() == "content-length":
                    size = int(value)
                header = stream.readline()
            self._messages.put(json.loads(stream.read(size)))
        self._messages.put(None)
