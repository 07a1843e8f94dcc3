"""The checks of a read: of a real sshd, of accounts that may only read, and of odd servers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sftp_async.tools.doctor import READ_STEPS
from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.functional.read.test_odd_servers import NoTimes
from tests.support.cli import AtServer, Ended
from tests.support.sshd import SSHD
from tests.support.tree import snapshot

pytestmark = pytest.mark.one_python

#: What an account that may only read has: `sftp-server -R` refuses the others.
READ_ONLY = "internal-sftp -R"


def steps_of(ended: Ended) -> dict[str, dict[str, str]]:
    return {step["name"]: step for step in ended.document["steps"]}


@pytest.fixture
def inbox(remote_dir: Path) -> Path:
    (remote_dir / "orders.csv").write_bytes(b"id,name\n" + b"1,one\n" * 400_000)
    (remote_dir / "more.csv").write_text("id,name\n2,two\n")
    (remote_dir / "late.csv.part").write_text("id")
    return remote_dir


def test_an_account_that_may_only_read_passes_and_nothing_is_written(
    start_sshd: Callable[..., SSHD], inbox: Path, tmp_path: Path
) -> None:
    at = AtServer(start_sshd(ForceCommand=READ_ONLY), tmp_path)
    before = snapshot(inbox)
    ended = at("doctor", inbox, "--read", "--json")
    assert snapshot(inbox) == before
    steps = steps_of(ended)
    assert (ended.code, list(steps)) == (0, list(READ_STEPS))
    assert {step["status"] for step in steps.values()} == {"ok"}
    assert steps["List"]["detail"].startswith("2 files, 2.4 MB; 1 left out (1: ")
    assert steps["Throughput"]["detail"].endswith("MB/s over one connection (2.4 MB read)")
    assert ended.document["megabytes_per_second"] > 0
    assert ended.document["reads"] is True
    assert at("doctor", inbox, "--json", "--quick").code == 1  # it cannot be written to
    assert snapshot(inbox) == before


def test_the_verdict_is_about_the_read(at_sshd: AtServer, inbox: Path) -> None:
    ended = at_sshd("doctor", inbox / "*.csv", "--read", "--quick")
    assert ended.out.startswith("A job can read there: ")
    missing = at_sshd("doctor", inbox / "*.json", "--read", "--quick")
    assert missing.out.startswith("A job cannot read there: ")
    assert missing.out.splitlines()[0].endswith("*.json. See List below.")
    assert (ended.code, missing.code) == (0, 1)


@pytest.mark.parametrize(
    ("refused", "step"), [("opendir", "List"), ("open", "Open"), ("read", "Read")]
)
def test_a_request_that_openssh_refuses_fails_its_step(
    start_sshd: Callable[..., SSHD], inbox: Path, tmp_path: Path, refused: str, step: str
) -> None:
    at = AtServer(start_sshd(ForceCommand=f"internal-sftp -P {refused}"), tmp_path)
    ended = at("doctor", inbox, "--read", "--quick", "--json")
    [failed] = [step for step in ended.document["steps"] if step["status"] == "failed"]
    assert (ended.code, failed["name"]) == (1, step)
    assert failed["advice"]


def test_a_server_that_reads_from_the_start_only_is_to_be_read_sequentially(
    tmp_path: Path,
) -> None:
    class NoSeeking(FolderServer):
        def read(self, file_obj: Any, offset: int, size: int) -> bytes:
            if offset:
                raise asyncssh.SFTPOpUnsupported("no seeking")
            return super().read(file_obj, offset, size)

    with EmbeddedServer(tmp_path / "served", sftp_factory=NoSeeking) as server:
        (server.root / "a.csv").write_text("id\n" * 10)
        at = AtServer(server, tmp_path)
        ended = at("doctor", "/", "--read", "--json")
        settled = at("doctor", "/", "--read", "--json", "-o", "access=sequential")
    step = steps_of(ended)["Ranges"]
    assert (ended.code, step["status"]) == (0, "warning")
    assert step["detail"].startswith("the server refuses to read from the middle: ")
    [recommended] = ended.document["recommended"]
    assert (recommended["option"], recommended["value"]) == ("access", "sequential")
    assert {step["status"] for step in settled.document["steps"]} == {"ok"}
    assert settled.document["recommended"] == []


def test_a_server_that_ignores_offsets_is_found_out(tmp_path: Path) -> None:
    class Deaf(FolderServer):
        def read(self, file_obj: Any, offset: int, size: int) -> bytes:
            return super().read(file_obj, 0, size)

    with EmbeddedServer(tmp_path / "served", sftp_factory=Deaf) as server:
        (server.root / "a.csv").write_text("".join(f"{n}\n" for n in range(100)))
        step = steps_of(AtServer(server, tmp_path)("doctor", "/", "--read", "--json"))["Ranges"]
    assert step["detail"] == "the server sends other bytes from the middle than are there"


def test_a_server_without_times_is_a_warning(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served", sftp_factory=NoTimes) as server:
        (server.root / "a.csv").write_text("id\n1\n")
        ended = AtServer(server, tmp_path)("doctor", "/", "--read", "--quick", "--json")
    step = steps_of(ended)["Times"]
    assert (ended.code, step["status"]) == (0, "warning")
    assert step["detail"] == "the server sends no time for 1 file"
    assert "modified_after" in step["advice"]


def test_a_mailbox_keeps_its_files(tmp_path: Path) -> None:
    opened: list[bytes] = []

    class Mailbox(FolderServer):
        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
            opened.append(path)
            Path(os.fsdecode(self.map_path(path))).unlink()
            raise asyncssh.SFTPNoSuchFile("given away")

    with EmbeddedServer(tmp_path / "served", sftp_factory=Mailbox) as server:
        (server.root / "a.csv").write_text("id\n1\n")
        ended = AtServer(server, tmp_path)("doctor", "/", "--read", "--json", "-o", "access=once")
    assert (ended.code, opened) == (0, [])
    assert steps_of(ended)["Open"]["detail"].startswith("not tried with access=once")


def test_an_empty_directory_is_a_warning(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "served") as server:
        ended = AtServer(server, tmp_path)("doctor", "/", "--read", "--json")
    steps = steps_of(ended)
    assert (ended.code, steps["List"]["status"]) == (0, "warning")
    assert steps["Read"]["detail"] == "not tried, since there is no file to read"


def test_a_file_that_grows_is_a_warning(tmp_path: Path) -> None:
    class Growing(FolderServer):
        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
            with Path(os.fsdecode(self.map_path(path))).open("ab") as file:
                file.write(b"2\n")
            return super().open(path, pflags, attrs)

    with EmbeddedServer(tmp_path / "served", sftp_factory=Growing) as server:
        (server.root / "a.csv").write_text("id\n1\n")
        ended = AtServer(server, tmp_path)("doctor", "/", "--read", "--quick", "--json")
    step = steps_of(ended)["Open"]
    assert (ended.code, step["status"]) == (0, "warning")
    assert step["detail"] == "/a.csv had 5 bytes when it was listed, and now has 7"
    assert "stable_for" in step["advice"]


@pytest.fixture
def at_sshd(sshd: SSHD, tmp_path: Path) -> AtServer:
    return AtServer(sshd, tmp_path)
