"""What a server holds, compared with what was sent: sizes tell little, contents all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sftp_async.errors import CommitError, VerificationError
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.jobs import lines_in, real_job, upload

LINES = [f"line {n} " + "x" * 90 for n in range(20_000)]


class FlippingServer(FolderServer):
    """Keeps every size, and one wrong byte in each part file: a disk gone bad."""

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        name = Path(os.fsdecode(file_obj.name)).name
        if name.startswith("part-") and offset <= 1_000_000 < offset + len(data):
            at = 1_000_000 - offset
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        return super().write(file_obj, offset, data)


Serve = Callable[..., EmbeddedServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    started: list[EmbeddedServer] = []

    def start(factory: type[FolderServer] = FolderServer) -> EmbeddedServer:
        server = EmbeddedServer(tmp_path / "served", sftp_factory=factory)
        started.append(server)
        return server.__enter__()

    yield start
    for server in started:
        server.__exit__(None, None, None)


@pytest.mark.parametrize("path", ["out", "all.txt"])
def test_readback_finds_what_was_sent_and_leaves_it(serve: Serve, path: str) -> None:
    server = serve()
    job = real_job(server.options(), path, verify="readback").prepare()
    job.commit(upload(job, LINES, LINES[:10]))
    found = Path(server.root, path)
    text = found.read_text().splitlines() if found.is_file() else lines_in(found)
    assert sorted(text) == sorted(LINES + LINES[:10])


def test_readback_notices_a_wrong_byte_that_the_size_does_not_show(serve: Serve) -> None:
    server = serve(FlippingServer)
    job = real_job(server.options(), "trusting").prepare()
    job.commit(upload(job, LINES))
    assert lines_in(Path(server.root, "trusting")) != sorted(LINES)

    job = real_job(server.options(), "out", verify="readback").prepare()
    with pytest.raises(VerificationError, match="does not hold what was sent") as caught:
        upload(job, LINES)
    assert caught.value.retryable
    job.abort()
    assert list(Path(server.root, "out").iterdir()) == []


def test_readback_notices_a_wrong_byte_in_the_joined_file(serve: Serve) -> None:
    server = serve()
    job = real_job(server.options(), "all.txt", verify="readback").prepare()
    parts = upload(job, LINES, LINES[:10])
    staged = Path(server.root, job.layout.staging)
    second = staged / parts[1].staged
    text = bytearray(second.read_bytes())
    text[-2] ^= 1
    second.write_bytes(text)
    with pytest.raises(VerificationError):
        job.commit(parts)
    job.abort()
    assert not Path(server.root, "all.txt").exists()


def test_a_server_that_computes_no_checksums_is_reported_before_any_task(serve: Serve) -> None:
    server = serve()
    with pytest.raises(CommitError, match=r"no checksums \(check-file\).*Set verify=readback"):
        real_job(server.options(), "out", verify="server").prepare()
    assert list(Path(server.root, "out").iterdir()) == []
