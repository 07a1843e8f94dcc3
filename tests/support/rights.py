"""What becomes of jobs where OpenSSH refuses a type of request: the table of the reliability page.

`python -m tests.support.rights --write` runs every job and updates the page; without the flag the
table is printed. `tests/integration/test_rights_table.py` runs the same jobs.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from sftp_async.errors import CommitError, ConnectError
from sftp_async.layout.part_names import is_data
from sftp_async.options import SFTPOptions
from sftp_async.write.plan import plan_job
from tests.support.jobs import write_part
from tests.support.keys import KeySet
from tests.support.sshd import SSHD

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "reliability.md"
BEGIN = "<!-- rights: python -m tests.support.rights --write -->"
END = "<!-- end of rights -->"
#: What `sftp-server -Q requests` of OpenSSH 9.2 prints: the types that `-P` refuses.
REQUESTS = (
    *("open", "close", "read", "write", "lstat", "fstat", "setstat", "fsetstat", "opendir"),
    *("readdir", "remove", "mkdir", "rmdir", "realpath", "stat", "rename", "readlink", "symlink"),
    *("posix-rename", "statvfs", "fstatvfs", "hardlink", "fsync", "lsetstat", "limits"),
    *("expand-path", "copy-data", "home-directory", "users-groups-by-id"),
)
JOBS_IN_A_ROW = 3
LINES = pa.schema([("line", pa.string()), ("day", pa.string())])
_NAMED = re.compile(r"the server refuses ([A-Z]+(?: and [A-Z]+)*), which the job needs to ")


@dataclass(frozen=True)
class Kind:
    """A kind of write: its column of the table, its target, and its options."""

    title: str
    path: str = "out"
    overwrite: bool = False
    options: dict[str, Any] = field(default_factory=dict)


KINDS = (
    Kind("append"),
    Kind("overwrite", overwrite=True),
    Kind("exact file", "out/all.txt", overwrite=True),
    Kind("template", options={"file_name_template": "{job}-{seq}.txt"}),
    Kind("`partition_by`", options={"partition_by": "day"}),
    Kind("`direct`", options={"commit_mode": "direct"}),
)


class BrokenPromiseError(AssertionError):
    """A job did what no job may do: a false report, a refusal after the upload, a blocked job."""


def outcome(server: dict[str, str], directory: Path, kind: Kind) -> str:
    """Run jobs of one kind in a row; return the cell of the table.

    Args:
        server: options to reach it.
        directory: served under its own local path; empty.
        kind: of the jobs.

    Raises:
        BrokenPromiseError: names the job and what it did.

    """
    cells = []
    expected: list[str] = []
    for number in range(JOBS_IN_A_ROW):
        lines = [f"{number}-{row}" for row in range(4)]
        cell = _run(server, directory, kind, lines)
        if not cell.startswith("refused"):
            expected = lines if kind.overwrite else expected + lines
        found = _lines_in(directory)
        if found != sorted(expected):
            raise BrokenPromiseError(f"job {number} ({cell}) left {found}, not {expected}")
        cells.append(cell)
    if len({cell.partition(",")[0] for cell in cells}) > 1:
        raise BrokenPromiseError(f"jobs of one kind ended differently: {cells}")
    return cells[-1]


def row(server: dict[str, str], directory: Path, request: str) -> str:
    """Return the table's row of one refused type."""
    cells = []
    for number, kind in enumerate(KINDS):
        place = directory / str(number)
        (place / "out").mkdir(parents=True)
        try:
            cells.append(outcome(server, place, kind))
        except BrokenPromiseError as error:
            raise BrokenPromiseError(f"-P {request}, {kind.title}: {error}") from error
    return f"| `{request}` | {' | '.join(cells)} |"


def page_rows() -> dict[str, str]:
    """Return the rows of the page, by the refused type."""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return {line.split("`")[1]: line for line in rows if line.split("`")[1] in REQUESTS}


def table(rows: Sequence[str]) -> str:
    """Return the table."""
    titles = " | ".join(kind.title for kind in KINDS)
    return "\n".join([f"| refused | {titles} |", "| --- " * (len(KINDS) + 1) + "|", *rows])


def _run(server: dict[str, str], directory: Path, kind: Kind, lines: list[str]) -> str:
    options = {
        "path": str(directory / kind.path),
        "format": "text",
        "max_retries": 0,
        **server,
        **kind.options,
    }
    columns = ["line"] if not kind.options.get("partition_by") else ["line", "day"]
    schema = pa.schema([LINES.field(name) for name in columns])
    job = plan_job(SFTPOptions(**options), schema, overwrite=kind.overwrite)
    try:
        job = job.prepare()
    except ConnectError:
        return "refused: no session"
    except CommitError as error:
        named = _NAMED.search(str(error))
        if named is None:
            raise BrokenPromiseError(f"refused without a right: {error}") from error
        return f"refused: {named[1]}"
    data = {"line": lines, "day": ["mon", "mon", "tue", "tue"]}
    batch = pa.table({name: data[name] for name in columns}, schema=schema).to_batches()[0]
    try:
        parts = [
            *write_part(job, 0, [batch.slice(0, 2)]),
            *write_part(job, 1, [batch.slice(2)]),
        ]
        job.commit(parts)
    except Exception as error:
        raise BrokenPromiseError(f"failed after its preparation: {error}") from error
    left = list(directory.glob("**/_temporary/**"))
    return "works, leaves files" if left else "works"


def _lines_in(directory: Path) -> list[str]:
    files = [
        path
        for path in directory.rglob("*")
        if path.is_file() and is_data(path.name) and "_temporary" not in path.parts
    ]
    return sorted(line for path in files for line in path.read_text().splitlines())


def main(arguments: Sequence[str]) -> None:
    """Run every job against an sshd for each type, and print or write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        keys = [KeySet(_made(Path(name) / kind)) for kind in ("host", "user")]
        for request in REQUESTS:
            place = _made(Path(name) / request)
            server = SSHD(place, *keys, ForceCommand=f"internal-sftp -P {request}").start()
            try:
                rows.append(row(server.options(), _made(place / "served"), request))
            finally:
                server.stop()
    if "--write" not in arguments:
        print(table(rows))
        return
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    PAGE.write_text(f"{before}{begin}\n{table(rows)}\n{end}{after}")


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True)
    return directory


if __name__ == "__main__":
    main(sys.argv[1:])
