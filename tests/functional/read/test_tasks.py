"""A plan divides what was listed among as many tasks as can run at once."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sftp_async.options import SFTPOptions
from sftp_async.read.scan import plan_scan
from sftp_async.tools.testing.embedded_server import EmbeddedServer

pytestmark = pytest.mark.one_python

TEXT = pa.schema([("value", pa.string())])


@pytest.mark.parametrize(("parallelism", "tasks"), [(1, 1), (2, 2), (4, 4)])
def test_small_data_makes_a_task_for_each_core(
    embedded_server: EmbeddedServer, parallelism: int, tasks: int
) -> None:
    folder = embedded_server.root / "in"
    folder.mkdir()
    # Of 8 files, and 7 gaps, with 4 MiB for opening each: whole files for each core.
    for number in range(8):
        (folder / f"{number}.txt").write_bytes(b"x\n")
    options = SFTPOptions(**embedded_server.options(), path="/in", format="text")
    _, planned, _ = plan_scan(options, TEXT, parallelism=parallelism)
    assert len(planned) == tasks
    assert sum(len(task.splits) for task in planned) == 8
