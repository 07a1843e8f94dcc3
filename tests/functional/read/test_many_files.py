"""The driver plans a read of 100,000 files in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer

pytestmark = pytest.mark.once

DAYS = 1000
FILES = 100

#: Prints the files, their splits, and the largest memory of the process in MiB.
PLAN = """
import json, re, sys
import pyarrow as pa
from sftp_async.options import SFTPOptions
from sftp_async.read.scan import list_scan, scan_of

options, listing = list_scan(SFTPOptions(**json.loads(sys.argv[1]), format="text"))
columns = pa.schema([("value", pa.string()), ("day", pa.int32())])
_, tasks = scan_of(options, listing, columns)
splits = sum(len(task.splits) for task in tasks)
# Not ru_maxrss, which includes the process that began this one.
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024
print(len(listing.files), splits, peak)
"""


class ManyFiles(FolderServer):
    """Lists 1,000 directories with 100 files each in `/in`; none of them is on a disk."""

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        inside = path.rstrip(b"/") != b"/in"
        mode = 0o100644 if inside else 0o040755
        for number in range(FILES if inside else DAYS):
            name = b"part-%05d-0123456789abcdef-c000.txt" if inside else b"day=%d"
            attrs = asyncssh.SFTPAttrs(
                size=1, permissions=mode, uid=1, gid=1, atime=1_764_000_000, mtime=1_764_000_000
            )
            yield asyncssh.SFTPName(name % number, b"", attrs)

    def stat(self, path: bytes) -> Any:
        return asyncssh.SFTPAttrs(size=4096, permissions=0o040755)

    def lstat(self, path: bytes) -> Any:
        return self.stat(path)


def test_a_hundred_thousand_files_in_a_thousand_directories_are_planned_in_300_mib(
    tmp_path: Path,
) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=ManyFiles) as server:
        options = json.dumps(server.options() | {"path": "/in"})
        printed = subprocess.run(
            [sys.executable, "-c", PLAN, options], check=True, capture_output=True, text=True
        ).stdout
    files, splits, peak = map(int, printed.split())
    assert (files, splits) == (DAYS * FILES, DAYS * FILES)
    assert peak < 300
