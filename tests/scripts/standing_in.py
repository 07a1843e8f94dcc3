"""Commands on PATH that hand their calls to a function of the test's own process.

A command of a few lines of bash starts in a tenth of the time that a Python takes.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from typing import Any

#: Sends name, profile, standard input and arguments; gets status, standard error and output.
COMMAND = """#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/{port}
given=
if [[ "$1 $2" == "secrets put-secret" ]]; then given=$(cat && printf x) && given=${{given%x}}; fi
printf '%s\\0' "${{0##*/}}" "$DATABRICKS_CONFIG_PROFILE" "$given" $# "$@" >&3
for field in status err out; do IFS= read -r -d '' "${{field?}}" <&3; done
printf '%s' "$err" >&2
printf '%s' "$out"
exit "$status"
"""

Answer = Callable[[dict[str, Any]], str]


class Refused(Exception):  # noqa: N818 - what a command says before it ends
    """A command fails, with a sentence on standard error and a status."""

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(f"ERROR: {sentence}\n")
        self.status = status


class StandingIn(socketserver.TCPServer):
    """Answers the commands, one after the other; every call is in `calls`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.answer = answer
        self.calls: list[dict[str, Any]] = []
        self.command = COMMAND.format(port=self.server_address[1])
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> StandingIn:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Call(socketserver.StreamRequestHandler):
    server: StandingIn

    def handle(self) -> None:
        name, profile, given, count = (self._field() for _ in range(4))
        call = {"name": name, "argv": [self._field() for _ in range(int(count))]}
        call |= {"given": given, "profile": profile}
        self.server.calls.append(call)
        try:
            status, err, out = 0, "", self.server.answer(call)
        except Refused as refused:
            status, err, out = refused.status, str(refused), ""
        except Exception as error:  # noqa: BLE001 - reported where the test looks
            status, err, out = 70, f"the stand-in failed: {error!r}\n", ""
        self.wfile.write(f"{status}\0{err}\0{out}\0".encode())

    def _field(self) -> str:
        field = b""
        while (byte := self.rfile.read(1)) not in (b"\0", b""):
            field += byte
        return field.decode()
