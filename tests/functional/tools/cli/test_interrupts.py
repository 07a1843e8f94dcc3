"""A signal at any moment ends a command in bounded time, with nothing left on the server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sftp_async.tools.testing.embedded_server import EmbeddedServer, FolderServer
from tests.support.cli import AtServer

pytestmark = pytest.mark.one_python

#: The command, with a signal that another thread of the process gets: the main thread's wait is not
#: ended by it, just as by one that arrives right before the wait.
IN_ANOTHER_THREAD = """
import signal, sys, threading
from sftp_async.tools.cli import main

def interrupt():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
main(sys.argv[1:])
"""
IMPATIENT = """
import sys
from sftp_async.tools.cli import main, run
run.CLEAN_UP_SECONDS = 0.2
main(sys.argv[1:])
"""


class SilentServer(FolderServer):
    """Never answers a write."""

    writing = threading.Event()

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:  # type: ignore[override]
        self.writing.set()
        await asyncio.Event().wait()
        return 0


class AskedServer(FolderServer):
    """Notes that the command has looked for the name of the upload."""

    asked = threading.Event()

    async def stat(self, path: bytes) -> object:  # type: ignore[override]
        self.asked.set()
        return await super().stat(path)  # type: ignore[misc]


class SpeechlessServer(SilentServer):
    """Never answers a write, and removes nothing."""

    async def remove(self, path: bytes) -> None:  # type: ignore[override]
        await asyncio.Event().wait()


@contextmanager
def signals_as_on_a_terminal() -> Iterator[None]:
    """Start processes that heed SIGINT: what a shell runs in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def putting(
    tmp_path: Path, command: list[str], local: str, factory: type[SilentServer] = SilentServer
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run `put`, up to the moment at which the server has a hidden file, and no answer for it."""
    factory.writing.clear()
    with EmbeddedServer(tmp_path / "silent", sftp_factory=factory) as server:
        at = AtServer(server, tmp_path)
        arguments = ["put", "-r", local, f"{at.address}:/up.bin", *at.login]
        with (
            signals_as_on_a_terminal(),
            subprocess.Popen(
                [sys.executable, *command, *arguments],
                env={**os.environ, **at.env},
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            assert process.stdin is not None
            try:
                if local == "-":
                    process.stdin.write(bytes(100_000))
                    process.stdin.flush()
                assert factory.writing.wait(60)
                assert len(list(server.root.iterdir())) == 1
                yield process, server.root
            finally:
                process.kill()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(bytes(3_000_000))
    return path


def test_an_interrupted_put_leaves_nothing(tmp_path: Path, source: Path) -> None:
    with putting(tmp_path, ["-m", "sftp_async"], str(source)) as (process, root):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert list(root.iterdir()) == []


def test_an_interrupted_put_of_many_files_leaves_none_unfinished(tmp_path: Path) -> None:
    (local := tmp_path / "local").mkdir()
    for number in range(8):
        (local / f"{number}.bin").write_bytes(bytes(300_000))
    with putting(tmp_path, ["-m", "sftp_async"], str(local)) as (process, root):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert list((root / "up.bin").iterdir()) == []


def test_a_signal_that_does_not_wake_the_main_thread_ends_the_command(
    tmp_path: Path, source: Path
) -> None:
    with putting(tmp_path, ["-c", IN_ANOTHER_THREAD], str(source)) as (process, root):
        assert process.stdin is not None
        process.stdin.write(b"now\n")
        process.stdin.flush()
        assert process.wait(60) == 130
        assert list(root.iterdir()) == []


def test_a_put_that_waits_for_standard_input_is_ended_by_sigterm(tmp_path: Path) -> None:
    with putting(tmp_path, ["-m", "sftp_async"], "-") as (process, root):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
        assert list(root.iterdir()) == []


@pytest.mark.parametrize("has_writer", [False, True])
def test_a_put_from_a_pipe_without_content_is_ended_by_sigterm(
    tmp_path: Path, has_writer: bool
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    AskedServer.asked.clear()
    with EmbeddedServer(tmp_path / "served", sftp_factory=AskedServer) as server:
        at = AtServer(server, tmp_path)
        arguments = ["put", str(pipe), f"{at.address}:/up.bin", *at.login]
        command = [sys.executable, "-m", "sftp_async", *arguments]
        with subprocess.Popen(command, env={**os.environ, **at.env}) as process:
            try:
                assert AskedServer.asked.wait(60)
                # To open it waits for the command to open the other end.
                writer = os.open(pipe, os.O_WRONLY) if has_writer else None
                process.terminate()
                assert process.wait(60) == 128 + signal.SIGTERM
            finally:
                process.kill()
        if writer is not None:
            os.close(writer)
        assert list(server.root.iterdir()) == []


def test_a_server_that_answers_nothing_does_not_hold_the_command_up(
    tmp_path: Path, source: Path
) -> None:
    command = ["-c", IMPATIENT]
    with putting(tmp_path, command, str(source), SpeechlessServer) as (process, root):
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert b"which `sftp-async clean` removes" in errors
        assert len(list(root.iterdir())) == 1
