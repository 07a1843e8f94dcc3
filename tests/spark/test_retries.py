"""A server that loses what it acknowledged costs a task attempt, and Spark runs the task again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.proxy import FaultProxy
from tests.support.spark import REPOSITORY, require_java

ROWS = 20_000


class ForgetfulServer(FolderServer):
    """Drops unfinished files with their connection, as object stores behind SFTP do."""

    def exit(self) -> None:
        for path in Path(self._chroot.decode()).rglob("part-*"):
            if "_temporary" in path.parts:
                path.unlink()


@pytest.mark.spark
@pytest.mark.one_python
def test_a_task_whose_acknowledged_bytes_were_lost_is_run_again_and_each_row_is_there_once(
    tmp_path: Path, proxy: Callable[..., FaultProxy]
) -> None:
    require_java()
    with EmbeddedServer(tmp_path / "served", sftp_factory=ForgetfulServer) as server:
        line = proxy(server)
        options = server.options() | {"host": line.host, "port": str(line.port)}
        # What is sent beyond the buffer is acknowledged: there is something to lose at the cut.
        options |= {"chunk_size": "64k", "max_buffer_bytes": "256k", "retry_delay": "0.01"}
        line.cut_after(1_000_000)
        done = subprocess.run(
            [sys.executable, "-m", "tests.spark.retry_probe"],
            input=json.dumps({"options": options, "target": "out", "rows": ROWS}),
            cwd=REPOSITORY,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        assert line.cuts == 1
        # Spark logs the attempt that failed; that there was a second one shows in the file.
        assert "AcknowledgedDataLostError" in done.stderr
        (file,) = (server.root / "out").iterdir()
    ids = [int(row.split(",")[0]) for row in file.read_text().splitlines()]
    assert ids == list(range(ROWS))
