"""What a Python process of Spark's shows of the log."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOG = """
import logging
{configure}
from sftp_async.spark.worker import show_info
show_info("sftp_async.read.stream")
show_info("sftp_async.read.stream")
logging.getLogger("sftp_async.read.stream").info("what waits")
logging.getLogger("sftp_async.read").info("not this")
"""


@pytest.mark.one_python
@pytest.mark.parametrize(
    ("configure", "shown"),
    [("", "what waits\n"), ("logging.basicConfig(format='own %(message)s')", "own what waits\n")],
    ids=["not configured", "configured"],
)
def test_a_logger_s_lines_are_shown_once(configure: str, shown: str) -> None:
    program = LOG.format(configure=configure)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == shown
