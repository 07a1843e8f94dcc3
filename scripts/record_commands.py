"""Runs the commands shown in the documentation, and writes what they print below them.

`python scripts/record_commands.py --write` updates the pages (`--all`: also where only numbers
have changed). A block of text behind a line `<!-- recorded -->` holds commands, which begin with
`$ `, and their output. Those of a page run in its order, against an embedded server with the files
of `FILES`, what a killed job left in `/shipments`, and a directory with the same files and the
state of a stream. `…` at the end of a command stands for the login. A line `…` in the output ends
what is shown of it.

A test fails when the output has become another one, apart from numbers. Sizes, speeds and times of
a block behind `<!-- recorded here -->` depend on the machine, so their units do not count either.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from typer.testing import CliRunner

from sftp_async.errors import CommitError
from sftp_async.options import SFTPOptions
from sftp_async.read.ingest_log.log import IngestLog, LoggedBatch
from sftp_async.read.listing import FoundFile
from sftp_async.tools.cli.app import app
from sftp_async.tools.testing.embedded_server import EmbeddedServer
from sftp_async.write.plan import plan_job

HOW_TO = Path(__file__).resolve().parents[1] / "docs" / "how-to"
PAGES = tuple(HOW_TO / f"{name}.md" for name in ("command-line", "connections", "plan-a-job"))
BLOCK = re.compile(
    r"(<!-- recorded(?P<here> here)? -->\n```text\n)(?P<text>.*?)(?=\n```)", re.DOTALL
)
#: As the pages show them; the server of each run has others.
AT, FINGERPRINT = "127.0.0.1:38591", "SHA256:JfMV/nLTYGeWmytjqWECgq3Uqxpw+FlG9yzQlnGpIRM"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGlJXEnZlERl/s9PhFELeUh1shFC8JsraxofBtAwntYn"
PASSWORD, HOME = "14rd4jKksxRHfZv_pYOpFWhj", "/home/me"
FILES = {
    "in/orders.csv": b"id,amount\n" + b"".join(b"%d,%d\n" % (n, n % 97) for n in range(1, 400_001)),
    "in/returns.csv": b"id,amount\n1,12\n2,\n",
    "in/2025/orders.csv": b"id,amount\n7,1\n",
    "in/done.txt": b"complete\n",
    "orders/part-00000-0123456789abcdef-c000.csv": b"1,a\n",
    "orders/theirs.csv": b"1",
    "in/.sftp_async-put-0b5d2c9e41f84b6e9a35d20c6d1b7e90": b"id,amount\n",
}
#: As `~/.ssh/config` may be.
SSH_CONFIG = """\
Host bank
  HostName sftp.bank.example
  User us
  IdentityFile ~/.ssh/id_ed25519
  ProxyJump me@bastion.example.com
Host old
  ProxyCommand nc %h %p
"""
#: 2026-11-23 20:01 UTC
MODIFIED = 1_795_464_060


@dataclass(frozen=True)
class Block:
    """A block of the page: its place, its text, and whether its output depends on the machine."""

    start: int
    end: int
    text: str
    here: bool


def blocks(page: str) -> list[Block]:
    """Return the recorded blocks of a page, in order."""
    return [
        Block(m.start("text"), m.end("text"), m["text"], bool(m["here"]))
        for m in BLOCK.finditer(page)
    ]


@contextlib.contextmanager
def recorder() -> Iterator[Callable[[str], str]]:
    """Provide a function that runs a command of a page, and returns what it prints."""
    # asyncio would log an error for each client that drops its connection to the server.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory).resolve()
        (home / "served").mkdir()
        for top in (home / "served", home / "here"):
            for name, content in FILES.items():
                path = top / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                if "sftp_async" not in name:
                    os.utime(path, (MODIFIED, MODIFIED))
            for path in (top / "in/2025", top / "in"):
                os.utime(path, (MODIFIED, MODIFIED))
        with (
            EmbeddedServer(home / "served", username="demo") as server,
            contextlib.chdir(home / "here/in"),
        ):
            Path("config").write_text(SSH_CONFIG)
            leave_an_interrupted_job(server)
            begin_a_stream(server)
            at = f"{server.host}:{server.port}"
            login = ["--password-env", "P", "--host-key-fingerprint", server.fingerprint]
            env = {
                "P": str(server.password),
                "WRONG": "wrong",
                "COLUMNS": "200",
                "SFTP_ASYNC_CONNECTIONS": str(home / "here/in/connections.toml"),
            }

            def run(command: str) -> str:
                words = shlex.split(command.replace(AT, at))
                assert words.pop(0) == "sftp-async", command
                if words[-1] == "…":
                    words[-1:] = []
                    place = 2 if words[0] == "connections" else 1
                    words[place:place] = login  # what the page says comes behind it
                if words[0] == "serve":
                    printed = served_until_it_is_ready(words)
                else:
                    printed = CliRunner().invoke(app, words, env=env).output
                printed = printed.replace(str(server.port), "38591").replace(str(Path.cwd()), HOME)
                printed = re.sub(r"SHA256:[\w+/]{43}", FINGERPRINT, printed)
                printed = re.sub(r"AAAAC3\S+", KEY, printed)
                return "\n".join(line.rstrip() for line in printed.splitlines())

            yield run


def served_until_it_is_ready(words: list[str]) -> str:
    """Run `serve` up to its last line about how to use it, and return what it prints."""
    command = [sys.executable, "-m", "sftp_async", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("  sftp-async "):
                process.send_signal(signal.SIGTERM)
    printed = "".join(lines)
    for old, new in (
        (r"(port +|port='|:)\d{4,5}\b", rf"\g<1>{AT.partition(':')[2]}"),
        (r"(password +|assword='|PASSWORD=')[\w-]{20,}", rf"\g<1>{PASSWORD}"),
    ):
        printed = re.sub(old, new, printed)
    return printed


def leave_an_interrupted_job(server: EmbeddedServer) -> None:
    """Leave a job of two files as it is when its driver is killed in the middle of its commit."""
    rows = pa.record_batch({"id": pa.array(range(45_000))})
    options = SFTPOptions(**server.options(), path="/shipments", format="csv", retry_delay=0.0)
    job = plan_job(options, rows.schema, overwrite=True).prepare()
    parts = [part for task in range(2) for part in job.write(task, [rows])[0]]
    in_the_way = server.root / "shipments" / parts[1].final
    in_the_way.mkdir()
    with contextlib.suppress(CommitError):
        job.commit(parts)
    in_the_way.rmdir()


def begin_a_stream(server: EmbeddedServer) -> None:
    """Leave the state of a stream that has read one of the files of `/in`."""
    log = IngestLog.open("state", f"{server.username}@{server.host}:{server.port}: /in")
    size = len(FILES["in/returns.csv"])
    log.append(LoggedBatch(1, (FoundFile("/in/returns.csv", size, MODIFIED),)))


def recorded(block: Block, run: Callable[[str], str]) -> str:
    """Return the text of a block, with what its commands print now."""
    parts = []
    for shown in re.split(r"^(?=\$ )", block.text, flags=re.MULTILINE)[1:]:
        command, *lines = shown.splitlines()
        printed = run(command[2:]).splitlines()
        if "…" in lines:
            printed[lines.index("…") :] = ["…"]
        parts += [command, *printed]
    return "\n".join(parts)


def comparable(text: str, *, here: bool = False) -> str:
    """Return a text without its numbers, and with single spaces; `here`: also without units."""
    text = re.sub(r"[0-9a-f]{16,32}|\d+(?:[.,:-]\d+)*", "#", text)
    if here:
        text = re.sub(r"# (?:bytes|[kMGT]?B|m?s|(?:second|minute|hour)s?)\b", "#", text)
    return re.sub(r"\s+", " ", text)


def main() -> None:
    """Print the blocks, or write them into the pages."""
    for place in PAGES:
        page = place.read_text(encoding="utf-8")
        found = blocks(page)
        with recorder() as run:
            new = [recorded(block, run) for block in found]
        for block, text in reversed(list(zip(found, new, strict=True))):
            same = comparable(block.text, here=block.here) == comparable(text, here=block.here)
            if not same or "--all" in sys.argv:
                page = page[: block.start] + text + page[block.end :]
        if "--write" in sys.argv:
            place.write_text(page, encoding="utf-8")
        else:
            print(f"{place.name}:", *new, sep="\n\n")


if __name__ == "__main__":
    main()
