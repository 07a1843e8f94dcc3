"""The process that encrypts and decrypts: what it says when it cannot, and that it ends."""

from __future__ import annotations

import gc
import os

import pytest

from sftp_async.errors import EncodeError
from sftp_async.formats import open_format
from sftp_async.formats.pgp import process
from sftp_async.formats.pgp.process import PGPFailure, PGPProcess
from sftp_async.options import SFTPOptions
from tests.support.gnupg import GnuPG
from tests.support.jobs import LINES

pytestmark = pytest.mark.one_python


def source(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(process, "_source", lambda: text)


def through(chunks: list[bytes]) -> bytes:
    return b"".join(PGPProcess({}).through(chunks))


#: Copies its input, behind the task, to its output.
COPY = """
import os, sys
data = sys.stdin.buffer
data.read(int.from_bytes(data.read(4), "big"))
while piece := data.read1(65536):
    os.write(1, piece)
"""


def test_any_number_of_bytes_passes_though_both_pipes_fill_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source(monkeypatch, COPY)
    chunks = [bytes([number]) * 3_000_000 for number in range(10)]
    assert through(chunks) == b"".join(chunks)
    assert through([]) == b""


@pytest.mark.parametrize("chunks", [[], [b"x"], [b"x" * 10_000_000]])
def test_a_process_that_fails_says_why(
    monkeypatch: pytest.MonkeyPatch, chunks: list[bytes]
) -> None:
    source(monkeypatch, "import sys; sys.exit('no such key')")
    with pytest.raises(PGPFailure, match="no such key"):
        through(chunks)
    source(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(PGPFailure, match="ended by signal 9"):
        through(chunks)
    source(monkeypatch, "import os; os._exit(3)")
    with pytest.raises(PGPFailure, match="ended with 3"):
        through(chunks)


def test_what_came_before_a_failure_is_yielded_and_then_the_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source(monkeypatch, "import os, sys; os.write(1, b'some'); sys.exit('damaged')")
    pieces = PGPProcess({}).through([b"x"])
    assert next(pieces) == b"some"
    with pytest.raises(PGPFailure, match="damaged"):
        next(pieces)


def test_a_worker_without_the_package_names_the_extra(
    gnupg: GnuPG, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SFTPOptions(
        host="h",
        username="u",
        password="p",
        format="text",
        pgp_public_key=gnupg.public("ecc").decode(),
    )
    file_format = open_format(options, LINES)
    source(monkeypatch, "raise ModuleNotFoundError(\"No module named 'pysequoia'\")")
    part = file_format.open()
    with pytest.raises(EncodeError, match=r"this worker lacks .*'sftp-async\[pgp\]'"):
        part.finish()


def test_a_process_ends_with_its_object(monkeypatch: pytest.MonkeyPatch) -> None:
    source(monkeypatch, COPY)
    abandoned = PGPProcess({})
    assert b"".join(abandoned.send(b"x")) in (b"", b"x")
    pid = abandoned._process.pid
    os.kill(pid, 0)
    del abandoned
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
