"""Each type of request refused, six kinds of writes, three jobs in a row: as the page says.

`tests/support/rights.py` runs the jobs, and writes the table.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import rights
from tests.support.sshd import SSHD

pytestmark = [pytest.mark.usefixtures("home", "runtime"), pytest.mark.one_python]


@pytest.mark.parametrize("request_type", rights.REQUESTS)
def test_a_refused_request_ends_as_the_reliability_page_says(
    start_sshd: Callable[..., SSHD], remote_dir: Path, request_type: str
) -> None:
    server = start_sshd(ForceCommand=f"internal-sftp -P {request_type}")
    row = rights.row(server.options(), remote_dir, request_type)
    assert rights.page_rows()[request_type] == row


def test_the_page_has_a_row_for_each_request_type() -> None:
    assert tuple(rights.page_rows()) == rights.REQUESTS


def test_no_request_type_of_openssh_is_missing() -> None:
    server = Path("/usr/lib/openssh/sftp-server")
    if not server.exists():
        pytest.skip("OpenSSH's sftp-server is elsewhere")
    done = subprocess.run([server, "-Q", "requests"], check=True, capture_output=True, text=True)
    known = set(rights.REQUESTS)
    # Later versions of OpenSSH may have more.
    assert known <= set(done.stdout.split())
